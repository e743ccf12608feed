"""A message to FHIR and back: which fields come back as they were, and for each that does not, or was not there, why.

Segments are compared with the one of their name that has most in common, so that their order is no difference. A field is equal when all
its values are; set ids, delimiters and what a field's end leaves empty do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.mapping import Compiler
from gateway.mapping.back.notes import notes
from gateway.model.report import Conversion
from gateway.standards.hl7v2.message import Message, Segment
from gateway.standards.hl7v2.segment import below
from gateway.standards.hl7v2.source import GENERIC

Values = Mapping[tuple[int, int, int, int], str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that did not come back as it was: its position (`PID[1]-13`), and why, "" when nobody says."""

    position: str
    why: str


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """How many fields held something, which of them differ, and which were added (`PV1[1]-2`)."""

    fields: int
    differences: tuple[Difference, ...]
    added: tuple[Difference, ...] = ()

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """What nothing explains: defects of the maps."""
        return tuple(one for one in (*self.differences, *self.added) if not one.why)


def round_trip(sent: Message, there: Conversion, back: Conversion, returned: Message, compiler: Compiler) -> RoundTrip:
    """The message, what it became, what that became, and that read again."""
    explain = _Reasons(there, back, compiler)
    pairs = list(_pairs(sent.segments, returned.segments))
    differences = [one for segment, twin in pairs for one in _compared(segment, twin, explain)]
    fields = sum(len({key[0] for key in _values(segment)}) for segment in sent.segments)
    twins = {id(twin): segment for segment, twin in pairs if twin is not None}
    added = [one for segment in returned.segments for one in _added(segment, twins.get(id(segment)), explain)]
    return RoundTrip(fields, tuple(differences), tuple(added))


def _compared(segment: Segment, twin: Segment | None, explain: _Reasons) -> Iterator[Difference]:
    own, other = _values(segment), _values(twin) if twin is not None else {}
    for field in sorted({key[0] for key in own}):
        unlike = sorted(key for key in own.keys() | other.keys() if key[0] == field and own.get(key) != other.get(key))
        if unlike:
            reasons = [explain.of(segment, key, twin if key not in own else None) for key in unlike]
            why = "" if "" in reasons else "; ".join(dict.fromkeys(reasons))
            yield Difference(f"{segment.name}[{segment.ordinal}]-{field}", why)


def _added(segment: Segment, before: Segment | None, explain: _Reasons) -> Iterator[Difference]:
    """Fields of what came back that its twin did not have."""
    known = {key[0] for key in _values(before)} if before is not None else set()
    for field in sorted({key[0] for key in _values(segment)} - known):
        keys = [key for key in _values(segment) if key[0] == field]
        reasons = [explain.addition(segment, key) for key in keys]
        why = "" if "" in reasons else "; ".join(dict.fromkeys(reasons))
        yield Difference(f"{segment.name}[{segment.ordinal}]-{field}", why)


def _values(segment: Segment) -> Values:
    skipped = (1, 2) if segment.name == "MSH" else ()
    return {
        (field, repetition, component, subcomponent or 1): text.strip()
        for field, repetition, component, subcomponent, text in segment.positions()
        if field not in skipped and text.strip()
    }


def _pairs(sent: Sequence[Segment], returned: Sequence[Segment]) -> Iterator[tuple[Segment, Segment | None]]:
    """Each segment with one of its name, those with most in common first."""
    values = {id(segment): _values(segment).items() for segment in (*sent, *returned)}
    common = [
        (-len(values[id(one)] & values[id(other)]), number, place)
        for number, one in enumerate(sent)
        for place, other in enumerate(returned)
        if one.name == other.name
    ]
    chosen: dict[int, int] = {}
    for _, number, place in sorted(common):
        if number not in chosen and place not in chosen.values():
            chosen[number] = place
    for number, segment in enumerate(sent):
        yield segment, returned[chosen[number]] if number in chosen else None


class _Reasons:
    """Why a value did not come back: lost or changed on the way there, not carried or written otherwise on the way back."""

    def __init__(self, there: Conversion, back: Conversion, compiler: Compiler) -> None:
        self._lost = {loss.source: f"on the way there: {loss.reason}" for loss in there.losses}
        self._found = dict(_findings(there))
        self._rules, self._paths = notes(compiler)
        places = _places(there)
        lost = {_in_bundle(loss.source, places): loss.reason for loss in back.losses}
        told = {_in_bundle(place, places): text for place, text in _findings(back)}
        self._written = back.origins
        self._needed = _needed(compiler)
        self._made: dict[str, list[str]] = {}
        self._unmade: dict[str, str] = {}
        self._twice: set[str] = set()
        for path, origin in there.origins.items():
            reason = lost.get(path) or told.get(path)
            positions = origin.source.split()
            self._twice |= {one for one in positions if len({_segment_field(other) for other in positions}) > 1}
            for position in positions:
                self._made.setdefault(position, []).append(origin.rule)
                if reason:
                    self._unmade.setdefault(position, f"on the way back: {reason}")

    def addition(self, segment: Segment, key: tuple[int, int, int, int]) -> str:
        """Why a value is there that was not sent: an element says it, or such messages need it."""
        field, repetition, component, subcomponent = key
        where = f"{segment.name}[{segment.ordinal}]-{field}[{repetition}]"
        for position in (below(where, component, sub) for sub in (subcomponent, 0)):
            if position in self._written:
                return f"what was meant is written out: {self._written[position].rule}"
        return "such messages need it" if field in self._needed.get(segment.name, ()) else ""

    def of(self, segment: Segment, key: tuple[int, int, int, int], twin: Segment | None) -> str:
        """The reason for one value, "" when there is none; `twin` is the segment that came back, for a value that only this has."""
        field, repetition, component, subcomponent = key
        where = f"{segment.name}[{segment.ordinal}]-{field}[{repetition}]"
        positions = [below(where, component, sub) for sub in (subcomponent, 0)]
        for known in (self._lost, self._unmade, self._found):
            for position in positions:
                if position in known:
                    return known[position]
        rules = [part for position in positions for rule in self._made.get(position, ()) for part in _outer(rule)]
        if noted := next((self._rules[rule] for rule in rules if rule in self._rules), ""):
            return noted
        if any(position in self._twice for position in positions):
            return "the message says it in several places, and it comes back in one"
        path = f"{segment.name}-{field}"
        for tail in (f".{component}.{subcomponent}", f".{component}", ""):
            if (why := self._paths.get(path + tail)) is not None:
                return why
        if (why := self._paths.get(segment.name)) is not None:
            return why
        return self.addition(twin, key) if twin is not None else ""


def _needed(compiler: Compiler) -> Mapping[str, frozenset[int]]:
    """Fields that the layout fills by itself: set ids, defaults of required segments, the header, types of what is written."""
    about = compiler.library.block(GENERIC)["back"]
    found: dict[str, set[int]] = {"MSH": {9, 10, 11, 12, 18}, "OBX": {2}}
    for name in (*about["number"], *about["through"]):
        found.setdefault(name, set()).add(1)
    for one in about["require"]:
        found.setdefault(one["segment"], set()).update(map(int, one.get("default") or ()))
    return {name: frozenset(fields) for name, fields in found.items()}


def _segment_field(position: str) -> str:
    """`PID[1]-5[2].1` to `PID[1]-5`."""
    head, _, tail = position.partition("-")
    return f"{head}-{tail.partition('[')[0]}"


def _outer(rule: str) -> Iterator[str]:
    """A rule and the rows around it."""
    rule = rule.split(" ")[0]
    while rule:
        yield rule
        rule = rule[: max(rule.rfind("/"), rule.rfind("#"), 0)]


def _places(there: Conversion) -> Mapping[str, str]:
    """`Patient/1` to `Bundle.entry[0].resource`."""
    return {
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}": f"Bundle.entry[{number}].resource"
        for number, entry in enumerate(there.content.get("entry", ()))
    }


def _in_bundle(path: str, places: Mapping[str, str]) -> str:
    reference, _, element = path.partition("#")
    return f"{places.get(reference, reference)}.{element}"


def _findings(conversion: Conversion) -> Iterator[tuple[str, str]]:
    for issue in conversion.report.get("issue", ()):
        for place in issue.get("expression", ()):
            yield place, issue["details"]["text"]
