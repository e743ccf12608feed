"""Two worlds by other doors than the façade: queries of HL7 v2 and `$validate` tell nothing of what is kept (attack catalogue, A47 and A52)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.demo.run import Stage
from gateway.demo.sender import over_mllp
from gateway.model.agreement import Site
from gateway.model.wire import write_json
from tests.flows.worlds import A, B, Twins, twins

QUERIES = {
    "QBP^Q22^QBP_Q21": "QPD|Q22^Find Candidates|Q1|@PID.3.1^{number}",
    "QRY^A19": "QRD|20261102|R|I|Q1|||1^RD|{number}|DEM",
}


@pytest.fixture(scope="module")
def worlds(stage: Stage, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    with twins(stage, site, tmp_path_factory.mktemp("doors")) as made:
        yield made


def query(kind: str, number: str) -> bytes:
    header = f"MSH|^~\\&|HANBIT-HIS|HANBIT|IEUM|IEUM-DEMO|20261102000100+0000||{kind}|Q-1|P|2.5.1||||||UNICODE UTF-8"
    return f"{header}\r{QUERIES[kind].format(number=number)}\rRCP|I\r".encode()


@pytest.mark.parametrize("kind", QUERIES)
def test_a_query_of_hl7_v2_is_answered_by_nobody(worlds: Twins, kind: str) -> None:
    """A47: the same refusal for somebody known, somebody who never consented and nobody, in both worlds, by either door."""
    said = set()
    for world in (worlds.full, worlds.bare):
        for number in (A.number, B.number, "F9999999"):
            message = query(kind, number)
            for answer in (over_mllp(world.served.mllp, message), world.served.posts(message).content):
                said.add(answer.partition(b"\rMSA")[2])
    assert len(said) == 1
    (answer,) = said
    assert answer.startswith((b"|AR|Q-1", b"|AE|Q-1"))
    assert b"PID|" not in answer
    assert b"Kim" not in answer


def test_validation_does_not_tell_what_is_kept(worlds: Twins) -> None:
    """A52: a reference to what is hidden, to what is shown, to what does not exist: the same findings."""
    ids = worlds.ids()
    told = set()
    for target in (ids["psy"], ids["c1"], "11111111-1111-4111-8111-111111111111"):
        observation = {
            "resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
            "subject": {"reference": "Patient/{A}"}, "focus": [{"reference": f"Condition/{target}"}],
        }  # fmt: skip
        for path in ("/fhir/Observation/$validate", "/fhir/$validate"):
            answer = worlds.alike(
                "POST",
                path,
                content=write_json(observation).decode(),
                headers={"Content-Type": "application/fhir+json"},
            )
            assert answer.status_code == 200
            told.add((path, answer.text.replace(target, "target")))
    assert len(told) == 2
