"""A corrected result updates what it corrects; the same number of another laboratory is another result (ARCHITECTURE.md, "At rest").

Results are told apart by who sent them, the filler's number with its assigner (OBR-3), the code (OBX-3) and the sub-id (OBX-4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.demo.messages import Moment, cases, laboratory
from gateway.demo.people import Person
from gateway.model.agreement import Participant
from gateway.model.wire import read_json
from tests.flows.conftest import HOSPITAL, RECORD, REPORT, Flow, Sent, somebody

CASE = cases()["results"]["reported"]
OTHER = "other-laboratory"
TB = "38379-4"


def result(person: Person, moment: Moment, order: str, *, corrected: bool = False, **other: bytes) -> bytes:
    """The result of an order; `filler`, `placer`: OBR-3 and OBR-2 written otherwise."""
    message = laboratory(person, moment, CASE, order, corrected)
    own = f"{order}^HANBIT-LAB".encode()
    message = message.replace(b"|" + b"|" + own, b"|" + other.get("placer", b"") + b"|" + own)
    return message.replace(own, other.get("filler", own))


def kept(flow: Flow, person: Person) -> list[tuple[str, str, Mapping[str, Any]]]:
    """(id, version and status, resource) of every tuberculosis result on file about a person."""
    (key,) = flow.persons(person)
    rows = [
        (row, read_json(flow.node.keyring.open(row.content))) for row in flow.node.store.resources(key, "Observation")
    ]
    return [
        (row.id, f"{row.version} {body['status']}", body)
        for row, body in rows
        if any(coding["code"] == TB for coding in body["code"]["coding"])
    ]


def reported(sent: Sent) -> list[tuple[str, str]]:
    """(id, status) of each result in a delivery."""
    entries = [entry["resource"] for entry in read_json(sent.body)["entry"]]
    return [(r["id"], r["status"]) for r in entries if r["resourceType"] == "Observation"]


def with_another_laboratory(flow: Flow) -> Flow:
    """A site in which a second laboratory has agreements like those of the hospital."""
    site = flow.node.site
    hospital = site.participants[HOSPITAL]
    other: Participant = replace(hospital, id=OTHER, references=(f"Organization/{OTHER}",), mllp=None, keys=())
    both = {id: replace(site.agreements[id], id=f"{id}-other", sender=OTHER) for id in (RECORD, REPORT)}
    made = replace(site, participants={**site.participants, OTHER: other})
    return flow.on(replace(made, agreements={**made.agreements, **{one.id: one for one in both.values()}}))


async def test_a_corrected_result_is_a_new_version_of_the_same(flow: Flow) -> None:
    person = somebody(800)
    for corrected in (False, True):
        assert (await flow.sends(result(person, flow.moment(), "L800", corrected=corrected))).error is None
        await flow.drains()
    ((_, version, body),) = kept(flow, person)
    assert version == "2 corrected"
    assert body["valueCodeableConcept"]["coding"][0]["code"] == "10828004"
    first, second = flow.post.sent
    assert [status for _, status in reported(first) + reported(second)] == ["final", "corrected"]
    assert len({id for id, _ in reported(first) + reported(second)}) == 1
    shelf = flow.post.shelf("kdca-fhir").of("Observation", "")
    assert [(one["status"], one["meta"]["versionId"]) for one in shelf] == [("corrected", "2")]
    flow.verified()


async def test_a_correction_sent_twice_counts_once(flow: Flow) -> None:
    person = somebody(801)
    await flow.sends(result(person, flow.moment(), "L801"))
    correction = result(person, flow.moment(), "L801", corrected=True)
    for _ in range(2):
        await flow.sends(correction)
        await flow.drains()
    assert [version for _, version, _ in kept(flow, person)] == ["2 corrected"]
    assert len(flow.post.sent) == 2


async def test_a_placer_number_that_comes_later_makes_no_second_result(flow: Flow) -> None:
    person = somebody(802)
    await flow.sends(result(person, flow.moment(), "L802"))
    await flow.sends(result(person, flow.moment(), "L802", placer=b"P802^HANBIT"))
    await flow.drains()
    assert len(kept(flow, person)) == 1


async def test_the_same_filler_number_of_another_assigner_is_another_result(flow: Flow) -> None:
    person = somebody(803)
    await flow.sends(result(person, flow.moment(), "L803"))
    await flow.sends(result(person, flow.moment(), "L803", filler=b"L803^OTHER-LAB"))
    await flow.drains()
    assert [version for _, version, _ in kept(flow, person)] == ["1 final", "1 final"]


async def test_a_copy_from_another_laboratory_neither_doubles_its_own_nor_overwrites_ours(flow: Flow) -> None:
    """Who sent it is part of every id: two laboratories may count alike. Each sender's copies and corrections meet only its own."""
    both, person = with_another_laboratory(flow), somebody(804)
    message = result(person, both.moment(), "L804")
    for who in (HOSPITAL, OTHER, OTHER):
        assert (await both.sends(message, who)).error is None
        await both.drains()
    assert len(flow.persons(person)) == 1
    before = {id: (version, body) for id, version, body in kept(both, person)}
    assert [version for version, _ in before.values()] == ["1 final", "1 final"]
    assert {source_of(both, id) for id in before} == {HOSPITAL, OTHER}

    await both.sends(result(person, both.moment(), "L804", corrected=True), OTHER)
    await both.drains()
    after = {id: (version, body) for id, version, body in kept(both, person)}
    assert {source_of(both, id): version for id, (version, _) in after.items()} == {
        HOSPITAL: "1 final",
        OTHER: "2 corrected",
    }
    ours = next(id for id in after if source_of(both, id) == HOSPITAL)
    assert after[ours] == before[ours]


async def test_the_agency_hears_each_laboratory_once_and_a_correction_from_who_reported(flow: Flow) -> None:
    both, person = with_another_laboratory(flow), somebody(805)
    message, other = result(person, both.moment(), "L805"), result(person, both.moment(), "L805", corrected=True)
    for body, who in ((message, HOSPITAL), (message, OTHER), (message, HOSPITAL), (other, OTHER)):
        await both.sends(body, who)
        await both.drains()
    shelf = both.post.shelf("kdca-fhir").of("Observation", "")
    assert sorted(one["status"] for one in shelf) == ["corrected", "final"]
    assert len(both.post.sent) == 3


def source_of(flow: Flow, id: str) -> str:
    row = flow.node.store.resource("Observation", id)
    assert row is not None
    return row.source


async def test_a_number_without_an_assigner_never_overwrites_somebody_elses_result(flow: Flow) -> None:
    """A filler number without an assigner, used for two people: each has a result of its own, here and at the agency."""
    one, other = somebody(806), somebody(807)
    for person in (one, other):
        await flow.sends(result(person, flow.moment(), "L1", filler=b"L1"))
        await flow.drains()
    assert [[version for _, version, _ in kept(flow, person)] for person in (one, other)] == [["1 final"]] * 2
    assert [one["meta"]["versionId"] for one in flow.post.shelf("kdca-fhir").of("Observation", "")] == ["1", "1"]
    await flow.sends(result(other, flow.moment(), "L1", filler=b"L1", corrected=True))
    await flow.drains()
    assert [[version for _, version, _ in kept(flow, person)] for person in (one, other)] == [
        ["1 final"],
        ["2 corrected"],
    ]
