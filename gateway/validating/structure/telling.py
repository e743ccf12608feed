"""What a slice says that can tell its values from others: fixed and pattern values, required codes, and the same below (FHIR R4,
profiling.html 5.1.0.13.1, discriminator type `value`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.terminology.membership import Terminology
from gateway.validating.structure.claims import Fixed, OnValue, Pattern
from gateway.validating.structure.coded import Binding, coded
from gateway.validating.structure.constraint import Constraint, NodeRule
from gateway.validating.structure.finding import NONE, Findings, Silent, error, unsound
from gateway.validating.structure.occurrences import Occurrence
from gateway.validating.structure.places import Place

if TYPE_CHECKING:
    from gateway.validating.structure.profiled import Profiles

_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Among:
    """Some value of an element is as a slice of it that has to be there."""

    constraint: Constraint

    def of_all(self, found: list[Occurrence]) -> Findings:
        """0..1 finding."""
        if any(not unsound(self.constraint.of_node(node, scope)) for _, node, scope in found):
            return NONE
        return error("value", "slice-telling", "No value is as the slice requires.")


class Telling:
    """Constraints of places reduced to what tells values apart; each made once."""

    def __init__(self, profiles: Profiles, terminology: Terminology) -> None:
        self._profiles = profiles
        self._terminology = terminology
        self._made: dict[int, tuple[Place, Constraint | None]] = {}

    def of(self, place: Place, depth: int = 0) -> Constraint | None:
        """The reduced constraint of a place; None when it says nothing of the kind."""
        known = self._made.get(id(place))
        if known is None:
            known = self._made[id(place)] = (place, self._reduced(place, depth) if depth < _DEEPEST else None)
        return known[1]

    def _reduced(self, place: Place, depth: int) -> Constraint | None:
        element = place.element
        if element.max == 0:
            return None
        rules = self._values(place) or (self._coded(place) if depth == 0 else ())
        children = tuple(c for child in place.children.values() if (c := self.of(child, depth + 1)) is not None)
        cuts = tuple(
            Among(c) for cut in place.slices.values() if cut.element.min and (c := self.of(cut, depth + 1)) is not None
        )
        if not rules and not children and not cuts:
            return self._of_profile(place, depth)
        return Constraint(element.name, least=1, rules=rules, children=children, cuts=cuts)

    def _values(self, place: Place) -> tuple[NodeRule, ...]:
        element = place.element
        if element.fixed:
            return (Fixed(element.fixed.value),)
        if element.pattern:
            return (Pattern(element.pattern.value),)
        return ()

    def _coded(self, place: Place) -> tuple[NodeRule, ...]:
        """A required binding tells at the path itself; further below it is only what the type has anyway."""
        element, binding = place.element, place.element.binding
        if binding is None or binding.strength != "required" or not binding.value_set:
            return ()
        bound = Binding(binding.value_set, "required", self._terminology)
        return tuple(OnValue(coded(Silent(), kind.code, bound)) for kind in element.types[:1])

    def _of_profile(self, place: Place, depth: int) -> Constraint | None:
        """What the only profile of the element's only type says."""
        kinds = place.element.types
        if len(kinds) != 1 or len(kinds[0].profiles) != 1:
            return None
        root = self._profiles.place(kinds[0].profiles[0])
        return self.of(root, depth + 1) if root is not None else None
