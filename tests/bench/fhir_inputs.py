"""Records of invented people in FHIR R4, as a hospital's export would be: the same number, the same record; no two alike.

`record(n)` is a transaction Bundle of 100 entries, about 300 kB; `large(n)` one of several such records; `pressure()` a single blood
pressure. All of them keep every rule of R4 (tests/validating/test_bench_inputs.py). What is in them is in fhir_codes.yaml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import fhir_care as care
from fhir_maker import Maker, Resource, facts
from fhir_money import claim, explanation

_AT_A_VISIT: Mapping[str, Callable[[Maker, str, int], Resource]] = {
    "conditions": care.condition,
    "vitals": care.vital,
    "results": care.result,
    "medications": care.medication,
    "procedures": care.procedure,
    "immunizations": care.immunization,
}


def record(number: int = 1) -> Resource:
    """One person's record: 100 entries."""
    return _bundle(_everything(Maker(number)))


def large(number: int = 12, first: int = 1000) -> Resource:
    """The records of so many people in one Bundle, 100 entries each."""
    return _bundle(entry for each in range(number) for entry in _everything(Maker(first + each)))


def pressure(number: int = 1) -> Resource:
    """One blood pressure that claims its profile."""
    maker, profile = Maker(number), facts()["pressure"]["profile"]
    made = care.pressure(maker, maker.visit())
    return {"resourceType": made.pop("resourceType"), "id": "bench-pressure", "meta": {"profile": [profile]}, **made}


def guided(number: int = 1) -> Resource:
    """A record whose resources claim the profiles of US Core that fit them; that they keep these is not said."""
    made = record(number)
    for each in made["entry"]:
        kind = each["resource"]["resourceType"]
        if url := facts()["guided"].get(kind):
            each["resource"]["meta"] = {"profile": [url]}
    return made


def _bundle(entries: Iterable[Resource]) -> Resource:
    return {"resourceType": "Bundle", "id": "bench", "type": "transaction", "entry": list(entries)}


def _everything(maker: Maker) -> Iterator[Resource]:
    """All entries of a record."""
    counts = facts()["record"]
    yield from _stage(maker)
    visits = [maker.visit() for _ in range(counts["visits"])]
    yield from (maker.entry(care.encounter(maker, visit), visit) for visit in visits)
    made: dict[str, list[Resource]] = {}
    for kind, make in _AT_A_VISIT.items():
        made[kind] = [maker.entry(make(maker, visits[place % len(visits)], place)) for place in range(counts[kind])]
        yield from made[kind]
    results = [each["fullUrl"] for each in made["results"]]
    for place in range(counts["reports"]):
        yield maker.entry(care.report(maker, visits[place % len(visits)], results[place * 4 : place * 4 + 4]))
    for place in range(counts["claims"]):
        billed = maker.entry(claim(maker, visits[place % len(visits)], made["procedures"]))
        yield billed
        yield maker.entry(explanation(maker, visits[place % len(visits)], billed, made["procedures"]))


def _stage(maker: Maker) -> Iterator[Resource]:
    """The person, the hospital, the practitioner, the place."""
    yield maker.entry(care.hospital(maker), maker.hospital["reference"])
    yield maker.entry(care.doctor(maker), maker.doctor["reference"])
    yield maker.entry(care.place(maker), maker.place["reference"])
    yield maker.entry(care.person(maker), maker.person["reference"])
