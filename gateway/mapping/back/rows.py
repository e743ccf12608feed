"""The closures that rows become on the way back. Each carries elements into places and says how much: nothing, a constant, a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.mapping.back.element import Element, agrees
from gateway.mapping.back.place import Place
from gateway.mapping.back.scope import Back, Frame
from gateway.mapping.back.solving import Holds
from gateway.mapping.back.texts import Writer
from gateway.mapping.codes import Table
from gateway.mapping.functions import Emitted, Emitter
from gateway.mapping.paths import Target
from gateway.mapping.plan import CONSTANT, NOTHING, SOURCED
from gateway.mapping.scope import Scope

# What a row adds of its own is not what is said; it adds nothing; it is just what is said.
OTHER, PLAIN, MEANT = SOURCED, SOURCED + 1, SOURCED + 2
MOST = 10_000  # places that one thing may be divided into
_ASSUMED = "The field says more than the element: of what kind it is."
Carry = Callable[[Back], int]
One = Callable[[Element, Back], int]
PlaceOf = Callable[[Back, bool], Place | None]
Mark = Callable[[Element, bool], bool]


class Rows(NamedTuple):
    """The rows of a map or a group: those of the turn `last` wait for the others."""

    early: tuple[Carry, ...] = ()
    late: tuple[Carry, ...] = ()


@dataclass(slots=True, eq=False)
class BackRules:
    """A map the other way. `rows` come when it is compiled whole, because maps may name each other; `marks` must hold of the element."""

    name: str
    own: str
    to: str
    rows: Rows = field(default_factory=Rows)
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """Where a row writes: its place, what must hold there, the rule's id; `once`: into one repetition only.

    `said`: nothing is written, what stands there must mean it already; `own`: the place is where the map is, so there is room for one;
    `assume`: what the place says of its own may be missing in the element; `same`: what stands there already must say all of it.
    """

    place: PlaceOf
    holds: Holds | None
    rule: str
    once: bool = False
    said: bool = False
    own: bool = False
    assume: bool = False
    same: bool = False

    def good(self, back: Back, place: Place) -> bool:
        """Is it a segment that says something, does what `where:` asks hold, and is there still room?"""
        if not back.run.sound(place) or (self.holds is not None and not self.holds(back, place)):
            return False
        return not self.once or back.run.filled(self.rule, place.key)


@dataclass(frozen=True, slots=True, eq=False)
class Each:
    """A row over the elements of a target. `again`: elements that another such row took may be carried a second time."""

    target: Target
    one: One
    again: bool = False
    most: int = 0  # elements in one run, 0: all
    turn: int = 1  # among rows that carry the same, the lower one has it

    def __call__(self, back: Back) -> int:
        """Every element that nobody has carried yet."""
        return shared((self,), back)


def apply(rules: BackRules, back: Back) -> int:
    """All rows of a map, when the element is of its kind."""
    return carried(rules.rows, back) if all(mark(back.element, False) for mark in rules.marks) else NOTHING


def carried(rows: Rows, back: Back) -> int:
    """All rows, twice: what the first round wrote may say what a row waited for. The late ones come when the others have had both."""
    done = NOTHING
    for some in (rows.early, rows.early, rows.late, rows.early if rows.late else ()):
        for row in some:
            done = max(done, row(back))
    return done


def shared(rows: Sequence[Each], back: Back) -> int:
    """Rows of one target: each of its elements goes by the row that carries most of it."""
    done, target, runs = NOTHING, rows[0].target, 0
    first, held = target.parts[0][0], back.element.value
    if not isinstance(held, dict) or (first not in held and f"_{first}" not in held):
        return NOTHING
    for element in back.elements(target, again=any(row.again for row in rows)):
        fitting = _open(rows, element, back)
        attempts = [lambda row=row, element=element: row.one(element, back) for row in fitting]
        if found := back.run.best(attempts, [row.turn for row in fitting]):
            done = max(done, found)
            runs += 1
            if target.parts[-1][1] in ("+", "*"):
                back.run.take(back.frame, element.path)
            if not target.many or runs == rows[0].most:
                break
    return done


def _open(rows: Sequence[Each], element: Element, back: Back) -> list[Each]:
    """The rows that may still have an element: all, or those that carry it again."""
    return [row for row in rows if row.again] if element.path in back.frame.taken else list(rows)


def value(target: Target, spot: Spot, write: Writer, read: Emitter | None) -> Carry:
    """A typed value into the place it would be read from. What stands there already may say the same (`read`)."""

    def one(element: Element, back: Back) -> int:
        if read is not None and back.run.tried(lambda: _stands(element, spot, read, back)):
            return SOURCED
        place_or_none = spot.place(back, target.many and not spot.once)
        if (
            place_or_none is None
            or (spot.said and not place_or_none.text)
            or not write(element, place_or_none, back, spot.rule)
        ):
            return NOTHING
        return SOURCED if spot.good(back, place_or_none) else NOTHING

    return Each(target, one)


def _stands(element: Element, spot: Spot, read: Emitter, back: Back) -> bool:
    place = spot.place(back, False)
    return bool(
        place is not None and place.text and _said(element, place, read, back, spot.rule) and spot.good(back, place)
    )


def _said(element: Element, place: Place, read: Emitter, back: Back, rule: str) -> bool:
    """Does what stands there already mean this element?"""
    before = len(back.run.findings)
    made = read(place, Scope(back.run, place, {}, None, back.params), rule)
    del back.run.findings[before:]
    made = made.value if isinstance(made, Emitted) else made
    if made is None or made != element.value:
        return False
    back.cite(element, place, rule)
    return True


def constant(target: Target, fixed: Any, spot: Spot | None) -> Carry:
    """A fixed value is carried by what the row reads, or by nothing at all."""

    def one(element: Element, back: Back) -> int:
        paths = agrees(element, fixed)
        if paths is None:
            return NOTHING
        if spot is None:
            back.run.cite(paths, None, back.frame, "")
            return CONSTANT
        place = spot.place(back, False)
        if place is None or not spot.good(back, place) or not any(leaf.text for leaf in place.leaves()):
            return NOTHING
        back.run.cite(paths, place, back.frame, spot.rule)
        return SOURCED

    return Each(target, one, most=1)


def objects(
    target: Target, spot: Spot, used: Sequence[BackRules], default: Mapping[str, Any], params: Mapping[str, Any]
) -> Carry:
    """An object per repetition by the datatype map that carries most of it; what the row adds by default must be in it."""

    def one(element: Element, back: Back) -> int:
        assumed = agrees(element, default) or []
        missing = [key for key in default if not element.children(key)]
        second = element.path in back.frame.taken
        if (spot.rule, element.path) in back.frame.once or (missing and not spot.assume):
            return NOTHING
        frame, before = Frame() if second else back.frame, back.run.count
        inner = Back(back.run, back.place, element, frame, {**back.params, **params})
        done = back.run.best([_attempt(rules, spot, target.many, assumed, inner, back) for rules in used])
        said = all(leaf in frame.carried for key in default for one in element.children(key) for leaf in one.leaves())
        if not done or not (said or assumed or missing):
            return NOTHING
        if missing:
            back.run.noticed("information", "informational", element.path, _ASSUMED, spot.rule)
        back.run.cite([path for path in assumed if path not in frame.carried], None, frame, spot.rule)
        back.run.once(back.frame, spot.rule, element.path)
        if second:
            back.run.repeated(before)
        return (PLAIN if not default else MEANT if assumed else OTHER) + _in_table(element, params.get("table"))

    again = any(index == "*" for _, index in target.parts) and bool(default)
    return Each(target, one, again=again, most=1 if spot.own else 0)


def _in_table(element: Element, table: Table | None) -> int:
    """Is one of its codes in the systems of the row's table? Then the row is the likelier one."""
    systems = {one.value for coding in element.children("coding") for one in coding.children("system")}
    return 1 if table is not None and systems & {table.source, table.target} - {""} else 0


def _attempt(
    rules: BackRules, spot: Spot, many: bool, assumed: Sequence[str], inner: Back, back: Back
) -> Callable[[], int]:
    def written(place: Place | None) -> int:
        if place is None or (inner.frame is not back.frame and not place.begun):
            return NOTHING  # a second time only where something stands already
        done = apply(rules, Back(back.run, place, inner.element, inner.frame, inner.params))
        return SOURCED if done >= SOURCED and spot.good(back, place) else NOTHING

    def said() -> int:
        """The same as stands there already, without a word more."""
        before = back.run.draft.written
        done = written(spot.place(back, False))
        complete = all(leaf in inner.frame.carried or leaf in assumed for leaf in inner.element.leaves())
        return done if complete and back.run.draft.written == before else NOTHING

    def attempt() -> int:
        if done := back.run.tried(said):
            return done
        place = spot.place(back, many and not spot.once)
        return NOTHING if spot.same and place is not None and place.leaves() else written(place)

    return attempt
