"""Slices: which values of an element are which, how many of each, in which order, and what is said of each (FHIR R4, profiling.html 5.1.0.13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.fhirpath import Node
from gateway.model.report import Finding
from gateway.validating.structure.constraint import Constraint
from gateway.validating.structure.finding import ENOUGH, MOST, NONE, Findings, below, error, more
from gateway.validating.structure.occurrences import Occurrence
from gateway.validating.structure.scope import Scope

Match = Callable[[Node, Scope], bool]
DEFAULT = "@default"


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice: `match` None when nothing tells its values apart, so that they cannot be counted."""

    name: str
    match: Match | None
    constraint: Constraint

    def of_values(self, values: list[Occurrence]) -> Findings:
        """The findings of the values of the slice: how many, each of them, and slices within."""
        if not values and not self.constraint.least:
            return NONE
        found = self.constraint.counted(len(values), self.name)
        for step, node, scope in values:
            if here := self.constraint.of_node(node, scope):
                found = more(found, below(here, step))
            if len(found) > ENOUGH:
                break
        for cut in self.constraint.cuts:
            found = more(found, cut.of_all(values))
        return found


@dataclass(frozen=True, slots=True)
class Slicing:
    """The slices of one element. `rules` open | closed | openAtEnd."""

    slices: tuple[Slice, ...]
    rules: str = "open"
    ordered: bool = False
    unjudged: tuple[str, ...] = ()  # the names of slices that nothing tells apart

    def of_all(self, found: list[Occurrence]) -> Findings:
        """0..* findings of all values of the element, from their holder's view."""
        groups: dict[int, list[Occurrence]] = {}
        numbers, findings = [], NONE
        for occurrence in found:
            number, doubt = self._number(occurrence)
            numbers.append(number)
            groups.setdefault(number, []).append(occurrence)
            findings = more(findings, doubt) if doubt else findings
        if self.ordered or self.rules != "open":
            findings += self._order(found, numbers) + self._rest(found, numbers)
        if found and self.unjudged:
            findings += self._unjudged()
        for number, each in enumerate(self.slices):
            if each.match is not None or each.name == DEFAULT or not found:
                findings = more(findings, each.of_values(groups.get(number, [])))
            if len(findings) > ENOUGH:
                break
        return findings

    def _unjudged(self) -> Findings:
        text = "Nothing in the profile tells the values of a slice apart; it was not checked."
        return (Finding("information", "informational", "", text, "slice-unjudged", "", ", ".join(self.unjudged)),)

    def _number(self, occurrence: Occurrence) -> tuple[int, Findings]:
        """Which slice a value is in: its number, the default slice's, or -1."""
        step, node, scope = occurrence
        mine = [n for n, each in enumerate(self.slices) if each.match is not None and each.match(node, scope)]
        if not mine:
            return next((n for n, each in enumerate(self.slices) if each.name == DEFAULT), -1), NONE
        if len(mine) == 1:
            return mine[0], NONE
        text = "The value fits more than one slice of the profile."
        names = ", ".join(self.slices[n].name for n in mine)
        return mine[0], error("structure", "slice-ambiguous", text, found=names, at=step)

    def _order(self, found: list[Occurrence], numbers: list[int]) -> Findings:
        """Slices one after the other where they are ordered; what is in no slice only at the end where the profile says so."""
        last, ended = -1, False
        for (step, _, _), number in zip(found, numbers, strict=True):
            if number < 0:
                ended = True
                continue
            if self.rules == "openAtEnd" and ended:
                text = "A value of no slice stands before the end of the list."
                return error("structure", "slice-end", text, expected=self.slices[number].name, at=step)
            if self.ordered and number < last:
                text = "The slices of the profile are not in its order."
                return error("structure", "slice-order", text, expected=self.slices[number].name, at=step)
            last = number
        return NONE

    def _rest(self, found: list[Occurrence], numbers: list[int]) -> Findings:
        if self.rules != "closed" or self.unjudged:
            return NONE
        text = "The value fits no slice, and the profile allows no others."
        names = ", ".join(each.name for each in self.slices)
        findings = NONE
        for (step, _, _), number in zip(found, numbers, strict=True):
            if number < 0 and len(findings) < MOST:
                findings += error("structure", "slice-closed", text, expected=names, at=step)
        return findings
