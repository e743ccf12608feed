"""An expression compiled: closures over a focus and a State, and cheaper ones where only truth or existence is asked.

`many` gives the collection; no collection is ever changed by who receives it. The focus is one item, or the whole collection in a
scope of kind LIST. Closures in `raw` take the JSON of the focus instead of a node, and make no nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.fhirpath.environment import State
from gateway.fhirpath.model import Model, Step
from gateway.fhirpath.syntax import Syntax
from gateway.fhirpath.values import truth as truth_of

Many = Callable[[Any, State], list[Any]]
Truth = Callable[[Any, State], bool | None]
Exists = Callable[[Any, State], bool]
EMPTY: list[Any] = []
TRUE: list[Any] = [True]
FALSE: list[Any] = [False]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Raw:
    """Shortcuts over the JSON of the focus; each is None where there is no such shortcut.

    `values` is for complex elements only (nothing of a primitive's shadow is lost that way); `key` is the JSON key of a primitive that
    is directly below the focus, and `path` tells what it is.
    """

    values: Many | None = None
    exists: Exists | None = None
    truth: Truth | None = None
    key: str = ""


NO_RAW = Raw()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Code:
    """`type` is the type of every item where it is known; `constant`: the same for every focus; `literal` the value that is written."""

    many: Many
    type: str = ""
    truth: Truth | None = None
    exists: Exists | None = None
    constant: bool = False
    literal: Any = None
    raw: Raw = NO_RAW
    step: Step | None = None
    from_focus: bool = False  # one name directly below the focus

    def as_truth(self) -> Truth:
        """Whether it holds: a boolean, or any single value."""
        if self.truth is not None:
            return self.truth
        many = self.many
        return lambda focus, state: truth_of(many(focus, state))

    def as_exists(self) -> Exists:
        """Whether there is anything."""
        if self.exists is not None:
            return self.exists
        many = self.many
        return lambda focus, state: len(many(focus, state)) > 0


def boolean(truth: Truth, constant: bool = False, raw: Truth | None = None) -> Code:
    """Code whose value is true, false or empty."""

    def many(focus: Any, state: State) -> list[Any]:
        found = truth(focus, state)
        return TRUE if found else EMPTY if found is None else FALSE

    return Code(many, BOOLEAN, truth, constant=constant, raw=NO_RAW if raw is None else Raw(truth=raw))


BOOLEAN = "System.Boolean"


def eager(many: Many, *parts: Code, type: str = "") -> Code:
    """Code made of parts that are all evaluated on the focus."""
    return Code(many, type, constant=all(part.constant for part in parts))


ITEM, LIST = "item", "list"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scope:
    """Where an expression stands: its focus is one ITEM of `type` (empty when unknown), or a LIST.

    `inner` is true inside a function's argument that is evaluated per item; `lenient` in an invariant.
    """

    kind: str
    type: str = ""
    inner: bool = False
    lenient: bool = False

    def per_item(self, type: str) -> Scope:
        """The scope of an argument that is evaluated for each item."""
        return replace(self, kind=ITEM, type=type, inner=True)

    def whole(self) -> Scope:
        """The scope of an argument whose `$this` is the collection."""
        return replace(self, kind=LIST, type="")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Site:
    """A function being called: its source, its arguments as written, and how to compile them."""

    name: str
    source: Code
    arguments: tuple[Syntax, ...]
    scope: Scope
    compile: Callable[[Syntax, Scope], Code]
    model: Model

    def argument(self, place: int) -> Code:
        """An argument that is evaluated once, on the focus of the call."""
        return self.compile(self.arguments[place], self.scope)

    def each(self, place: int) -> Code:
        """An argument that is evaluated for each item of the source."""
        return self.compile(self.arguments[place], self.scope.per_item(self.source.type))

    def whole(self, place: int) -> Code:
        """An argument that is evaluated with the source as `$this`."""
        return self.compile(self.arguments[place], self.scope.whole())


Make = Callable[[Site], Code]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Function:
    """How many arguments a function takes, and how a call is compiled."""

    least: int
    most: int
    make: Make


Functions = Mapping[str, Function]


def plain(run: Callable[..., list[Any]], least: int, most: int | None = None, type: str = "") -> Function:
    """A function of collections: `run(state, source, *arguments)`, all evaluated on the focus of the call."""

    def make(site: Site) -> Code:
        source, arguments = site.source, [site.argument(place) for place in range(len(site.arguments))]
        return eager(_calling(run, source.many, [a.many for a in arguments]), source, *arguments, type=type)

    return Function(least, least if most is None else most, make)


def _calling(run: Callable[..., list[Any]], source: Many, arguments: list[Many]) -> Many:
    if not arguments:
        return lambda focus, state: run(state, source(focus, state))
    if len(arguments) == 1:
        first = arguments[0]
        return lambda focus, state: run(state, source(focus, state), first(focus, state))
    return lambda focus, state: run(state, source(focus, state), *[a(focus, state) for a in arguments])
