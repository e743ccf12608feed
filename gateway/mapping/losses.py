"""What of the source reached no output: every non-empty leaf is cited, ignored with a reason, or listed here (invariant 8)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from gateway.model.report import Loss

NO_RULE = "no rule"


def losses(positions: Iterable[str], cited: Container[str], because: Mapping[str, str]) -> tuple[Loss, ...]:
    """The leaves that no element cites. `because` gives known reasons, by leaf or by a whole it is part of (`PID[1]-5[1]`)."""
    known = dict(because)  # and of what was asked for on the way
    return tuple([Loss(position, _reason(position, known)) for position in positions if position not in cited])


def _reason(position: str, known: dict[str, str]) -> str:
    """Its own reason, else that of the smallest whole that has one."""
    if (reason := known.get(position)) is None:
        whole = _whole(position)
        reason = known[position] = _reason(whole, known) if whole else NO_RULE
    return reason


def _whole(position: str) -> str:
    """What a position is part of, "" at the end: `PID[1]-5[1].1` of `PID[1]-5[1]`, that of `PID[1]-5`, …; `Patient/p#name[0].family`
    of `Patient/p#name[0]`, …, of `Patient/p#`.
    """
    start = position.rfind("#") + 1
    end = max(position.rfind(".", start), position.rfind("-", start), position.rfind("[", start))
    if end > start:
        return position[:end]
    return position[:start] if start < len(position) else ""
