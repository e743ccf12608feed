"""What a row has to find before it can do anything, told from its block; and of the rows of a map those that can, by what is there.

Of the forty fields that the map of a segment reads, a message fills ten. A row that finds nothing of what it needs writes nothing,
makes nothing and notices nothing, so it need not run. Which rows are left is worked out once for each set of names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gateway.mapping.paths import parted
from gateway.mapping.scope import Scope

Place = tuple[
    str, str
]  # ("$", "4"): below the current node; ("own", "5"): below that of the map; ("of", "PV2"): of that name
Needs = tuple[frozenset[Place], ...]  # of each of these sets something has to be there; of none: it always runs
Row = Callable[[Scope], int]
_ALWAYS: Needs = ()
_NEVER: Needs = (frozenset(),)
_NAMES: frozenset[str] = frozenset()
_MOST = 512
_ASKS_ONE = frozenset({"exists", "eq", "in", "prefix", "is"})


class Rows:
    """Rows in their order, each with what it needs."""

    __slots__ = ("_needs", "_plans", "_reads", "_rows")

    def __init__(self, rows: Iterable[tuple[Row, Needs]]) -> None:
        pairs = tuple(rows)
        self._rows = tuple(row for row, _ in pairs)
        self._needs = tuple(needs for _, needs in pairs)
        kinds = {kind for needs in self._needs for places in needs for kind, _ in places}
        self._reads = ("own" in kinds, "$" in kinds, "of" in kinds)
        self._plans: dict[tuple[frozenset[str] | None, ...], tuple[Row, ...]] = {}

    def able(self, scope: Scope) -> tuple[Row, ...]:
        """The rows that can do something where the scope stands; all of them where a node does not tell its names."""
        own, current, of = self._reads
        there = (
            getattr(scope.top, "names", None) if own else _NAMES,
            getattr(scope.node, "names", None) if current else _NAMES,
            getattr(scope.run.source, "names", None) if of else _NAMES,
        )
        plan = self._plans.get(there)
        return self._planned(there) if plan is None else plan

    def _planned(self, there: tuple[frozenset[str] | None, ...]) -> tuple[Row, ...]:
        found: set[Place] = set()
        for kind, names in zip(("own", "$", "of"), there, strict=True):
            if names is None:
                return self._rows
            found.update((kind, name) for name in names)
        plan = tuple(
            row for row, needs in zip(self._rows, self._needs, strict=True) if all(places & found for places in needs)
        )
        if len(self._plans) < _MOST:
            self._plans[there] = plan
        return plan


def needs_of(block: Mapping[str, Any], own: str, *, constants: bool = True) -> Needs:
    """What a row of a map from `own` needs; `constants`: does a value that cites nothing count as something done?"""
    asked = _asked(block["when"], own) if "when" in block else _ALWAYS
    if "extension" not in block:
        return asked + _of_action(block, own, constants)
    if "from" in block:
        return asked + path_needs(block["from"], own)
    return asked + _of_action(block, own, True)


def path_needs(path: Any, own: str) -> Needs:
    """What has to be there for a path to lead anywhere."""
    head, steps = parted(str(path), "")
    if head not in ("$", own):
        return (frozenset({("of", steps[0] if head == "others" and steps else head)}),)
    return (frozenset({("$" if head == "$" else "own", steps[0])}),) if steps else _ALWAYS


def _of_action(block: Mapping[str, Any], own: str, constants: bool) -> Needs:
    if "first" in block:
        shared = {key: block[key] for key in ("from", "to", "table", "as", "default") if key in block}
        return _any(needs_of({**shared, **one}, own, constants=constants) for one in block["first"])
    if "each" in block and "make" in block:
        return (frozenset({("of", str(block["each"]))}),)
    if not constants and ("link" in block or "context" in block or ("const" in block and "from" not in block)):
        return _NEVER
    if "from" in block:
        return path_needs(block["from"], own)
    if "rows" in block and "by" not in block:
        kept = constants and "to" not in block
        return _any(needs_of(row, own, constants=kept) for row in block["rows"])
    if "join" in block:
        parts = (part["from"] if isinstance(part, Mapping) else part for part in block["join"])
        return _any(path_needs(path, own) for path in parts)
    return _ALWAYS


def _asked(question: Any, own: str) -> Needs:
    """What has to be there for a predicate to hold; of most it is known."""
    if isinstance(question, str):
        return path_needs(question, own)
    ((kind, about),) = question.items()
    if kind == "all":
        return tuple(places for part in about for places in _asked(part, own))
    if kind == "any":
        return _any(_asked(part, own) for part in about)
    if kind in _ASKS_ONE:
        return path_needs(about if kind == "exists" else about[0], own)
    return _ALWAYS


def _any(alternatives: Iterable[Needs]) -> Needs:
    """What has to be there for one of several to be able: of each the set that is the hardest to meet."""
    every: Sequence[Needs] = list(alternatives)
    if not all(every):
        return _ALWAYS
    return (frozenset().union(*(min(needs, key=len) for needs in every)),)
