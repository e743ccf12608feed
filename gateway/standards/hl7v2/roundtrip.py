"""A message to FHIR and back: which fields come back as they were, and for each that does not, why (issue of every lossless wish).

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

Values = Mapping[tuple[int, int, int, int], str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that did not come back as it was: its position (`PID[1]-13`), and why, "" when nobody says."""

    position: str
    why: str


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """How many fields held something, and which of them differ."""

    fields: int
    differences: tuple[Difference, ...]

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """Differences that nothing explains: defects of the maps."""
        return tuple(one for one in self.differences if not one.why)


def round_trip(sent: Message, there: Conversion, back: Conversion, returned: Message, compiler: Compiler) -> RoundTrip:
    """The message, what it became, what that became, and that read again."""
    explain = _Reasons(there, back, compiler)
    differences, fields = [], 0
    for segment, twin in _pairs(sent.segments, returned.segments):
        own, other = _values(segment), _values(twin) if twin is not None else {}
        for field in sorted({key[0] for key in own}):
            fields += 1
            unlike = sorted(
                key for key in own.keys() | other.keys() if key[0] == field and own.get(key) != other.get(key)
            )
            if unlike:
                where = f"{segment.name}[{segment.ordinal}]-{field}"
                reasons = [explain.of(segment, key, added=key not in own) for key in unlike]
                differences.append(Difference(where, "" if "" in reasons else "; ".join(dict.fromkeys(reasons))))
    return RoundTrip(fields, tuple(differences))


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

    def of(self, segment: Segment, key: tuple[int, int, int, int], *, added: bool) -> str:
        """The reason for one value, "" when there is none."""
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
        origin = next((self._written[position] for position in positions if position in self._written), None)
        return f"what was meant is written out: {origin.rule}" if added and origin is not None else ""


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
