"""What of the source reached no output: every non-empty leaf is cited, ignored with a reason, or listed here (invariant 8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.model.report import Loss

NO_RULE = "no rule"


def losses(positions: Iterable[str], cited: Iterable[str], because: Mapping[str, str]) -> tuple[Loss, ...]:
    """The leaves that no element cites. `because` gives known reasons, by leaf or by a whole it is part of (`PID[1]-5[1]`)."""
    covered = set(cited)
    lost = []
    for position in positions:
        if position not in covered:
            known = (because[part] for part in (position, *_wholes(position)) if part in because)
            lost.append(Loss(position, next(known, NO_RULE)))
    return tuple(lost)


def _wholes(position: str) -> Iterable[str]:
    end = len(position)
    while (end := max(position.rfind(".", 0, end), position.rfind("-", 0, end), position.rfind("[", 0, end))) > 0:
        yield position[:end]
