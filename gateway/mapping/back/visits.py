"""References on the way back: the resource that one means is visited by the map that made it (`make`), or must be there (`link`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.mapping.back.element import Element
from gateway.mapping.back.place import Place
from gateway.mapping.back.rows import BackRules, Carry, Each, Spot, apply
from gateway.mapping.back.scope import Back, Frame
from gateway.mapping.paths import Target
from gateway.mapping.plan import CONSTANT, NOTHING, SOURCED


def made(target: Target, spot: Spot, maps: Sequence[BackRules], *, again: bool) -> Carry:
    """The resource that a reference means, by the map that made it; each visit carries all of it.

    `again`: also one that another row has carried, where something else stands in the segment already.
    """

    def one(element: Element, back: Back) -> int:
        resource = back.run.resolved(element)
        carried = f"{element.path}.reference" in back.frame.carried
        if resource is None or (carried and not _second(element, spot, back)):
            return NOTHING
        fitting, before = [rules for rules in maps if resource.value.get("resourceType") == rules.to], back.run.count
        done = back.run.best([_visit(rules, resource, element, spot, target.many, back) for rules in fitting])
        if carried:
            back.run.repeated(before)
        return done

    return Each(target, one, again=again)


def _second(element: Element, spot: Spot, back: Back) -> bool:
    """Has this row not had it yet, and is there a segment to write it to?"""
    place = spot.place(back, False)
    if place is None or not place.begun or (spot.rule, element.path) in back.frame.once:
        return False
    back.run.once(back.frame, spot.rule, element.path)
    return True


def _visit(
    rules: BackRules, resource: Element, element: Element, spot: Spot, many: bool, back: Back
) -> Callable[[], int]:
    reference, run = resource.path.rstrip("#"), back.run

    def attempt() -> int:
        known, place = run.segments.get((reference, rules.name)), spot.place(back, many and not spot.once)
        if place is None:
            return NOTHING
        if known is not None and known.whole:
            if place.key != known.key:
                return NOTHING  # it stands elsewhere: a second segment would be about nothing
            run.cite([f"{element.path}.reference"], known, back.frame, spot.rule)
            return SOURCED
        frame = run.frames.setdefault(reference, Frame()) if place.whole else Frame()
        top = back.top if rules.own == place.name and not place.whole else place
        if apply(rules, Back(run, top, resource, frame)) < SOURCED or not spot.good(back, place):
            return NOTHING
        run.written(reference, rules.name, place)
        run.cite([f"{element.path}.reference"], place, back.frame, spot.rule)
        return SOURCED

    return attempt


def linked(target: Target, names: Sequence[str], rule: str) -> Carry:
    """A reference to what is in the document, or comes into it later."""

    def one(element: Element, back: Back) -> int:
        resource = back.run.resolved(element)
        if resource is None:
            return NOTHING
        places = [back.run.segments.get((resource.path.rstrip("#"), name)) for name in names]
        known = next((place for place in places if place is not None and together(back.top, place)), None)
        if known is None:
            back.run.wait(element, back, tuple(names), rule)
            return CONSTANT
        back.run.cite([f"{element.path}.reference"], known, back.frame, rule)
        return CONSTANT

    return Each(target, one)


def together(one: Place, other: Place) -> bool:
    """Would the way there find the other from this one: is it the same segment, an owner, a part, or what belongs to nobody?"""
    return any(found.key == other.key for found in one.related(other.name))
