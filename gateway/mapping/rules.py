"""What a map is once compiled, and the keys that maps and rows may have (mappings/README.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.mapping.load import Block
from gateway.mapping.paths import Reader
from gateway.mapping.plan import Rows
from gateway.mapping.predicates import Predicate

ROW_KEYS = frozenset(
    {
        "id",
        "source",
        "from",
        "to",
        "as",
        "use",
        "table",
        "const",
        "when",
        "where",
        "first",
        "rows",
        "make",
        "into",
        "link",
        "each",
    }
    | {"extension", "join", "sep", "default", "copy", "context", "limit", "by", "edition", "back"}
)
MAP_KEYS = frozenset(
    {
        "map",
        "from",
        "to",
        "source",
        "like",
        "identity",
        "same",
        "rows",
        "ignore",
        "tests",
        "about",
        "ids",
        "scopes",
        "derived",
        "agree",
        "back",
    }
)


@dataclass(frozen=True, slots=True)
class Made:
    """The resource that a map made of the related segment of that name."""

    map: str
    own: str


@dataclass(slots=True, eq=False)
class Seed:
    """One way to name a thing: the nodes to look at (None: that of the map), what they must be, the parts to take (`?` after a path:
    may be empty).
    """

    nodes: Reader | None
    where: Predicate | None
    take: tuple[tuple[Reader | Made, bool], ...]


@dataclass(slots=True, eq=False)
class Rules:
    """A compiled map. Its rows begin with those that note what it ignores."""

    name: str
    own: str
    to: str
    identity: tuple[Seed, ...] = ()
    merges: bool = False
    rows: Rows = field(default_factory=lambda: Rows(()))
    tests: tuple[Block, ...] = ()
    ids: str = "keyed"
    derived: tuple[str, ...] = ()
    agree: tuple[str, ...] = ()
    scopes: Mapping[str, Any] = field(default_factory=dict)
