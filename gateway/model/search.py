"""A search as values, tokenised once: what is decided is what is run (FHIR R4, search.html)."""

from __future__ import annotations

from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Token:
    """`code`, `system|code`, `|code` (system "") or `system|` (no code). None: not asked for."""

    system: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Text:
    """A string or uri as the caller wrote it, without escapes."""

    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """`[low, high)` with a prefix (eq ne gt ge lt le sa eb ap): seconds since 1970 of a date, else the numbers the precision stands for.

    `system` and `code` are those of a quantity; None: not asked for.
    """

    prefix: str
    low: float
    high: float
    system: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference is to lead to: a type ("" for any) and an id, or an absolute address in `url`."""

    type: str
    id: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Flag:
    """The value of `:missing`."""

    yes: bool


Value = Token | Text | Span | Target | Flag


@dataclass(frozen=True, slots=True)
class Filter:
    """One parameter of a search; several are all to be met, of its `values` one is enough.

    `then` is asked of the resource on the other side of a reference: of a chain `code` leads from here to a resource of type `on`; where
    `reverse` (`_has`) a resource of type `on` leads here by its parameter `code`.
    """

    code: str
    kind: str  # the type of the search parameter; empty for a chain or `_has`
    modifier: str = ""
    values: tuple[Value, ...] = ()
    on: str = ""
    then: Filter | None = None
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    code: str
    kind: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Include:
    """`_include` (what resources of type `source` name by `code`, `*` for every reference) or `_revinclude` (what names them)."""

    source: str
    code: str
    target: str = ""
    reverse: bool = False
    iterate: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """A search of one type, or of all of `types` about one person (`$everything`, `type` is empty then).

    `named` is the filter that names the person (naming.py): it is settled before anything is read. `total`: how many match is to be told.
    `pairs` is the question as it was asked, for links.
    """

    type: str
    types: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    named: Filter | None = None
    sorts: tuple[Sort, ...] = ()
    includes: tuple[Include, ...] = ()
    elements: tuple[str, ...] = ()
    summary: str = ""
    total: bool = False
    count: int = 50
    pairs: Pairs = ()

    @property
    def touched(self) -> frozenset[str]:
        """Every resource type that the question is about, also those of chains, `_has` and includes that are named."""
        said = {self.type, *self.types} | {name for one in self.includes for name in (one.source, one.target)}
        filters = (*self.filters, *((self.named,) if self.named else ()))
        return frozenset(said | {on for one in filters for on in _sides(one)}) - {""}

    @property
    def wide(self) -> bool:
        """Whether it looks at more than the resources of its type."""
        return bool(self.includes or not self.type or any(one.then for one in self.filters))


def _sides(asked: Filter) -> list[str]:
    return [asked.on, *(_sides(asked.then) if asked.then else ())]


@dataclass(frozen=True, slots=True)
class Picked:
    """Which of what was released answers a search: places of the matches of this page and of what they bring along, in order.

    `total` is how many match in all, `more` whether a page follows.
    """

    matches: tuple[int, ...]
    included: tuple[int, ...] = ()
    total: int = 0
    more: bool = False
