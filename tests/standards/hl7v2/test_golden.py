"""Golden pairs: messages named by event, and the Bundles and losses they must give (mappings/hl7v2)."""

import json
from pathlib import Path

import pytest

from gateway.mapping import MapContext
from gateway.model.report import Conversion
from gateway.model.wire import read_json, write_json
from gateway.stages.map import conversion, map_document
from gateway.standards.hl7v2 import parse

GOLDEN = Path(__file__).parent / "golden"
MESSAGES = sorted(GOLDEN.glob("*.hl7"))
SITE = MapContext(
    sender="hanbit-hospital",
    zone="Asia/Seoul",
    identifier_systems={"HANBIT": "https://hanbit.example/mrn"},
    code_systems={"99LAB": "https://hanbit.example/lab"},
    national_systems=("https://ieum.example/rrn",),
)


def converted(path: Path, context: MapContext = SITE) -> Conversion:
    return conversion(map_document(parse(path.read_bytes()), context=context))


@pytest.mark.parametrize("path", MESSAGES, ids=lambda p: p.stem)
def test_message_gives_its_bundle(path: Path) -> None:
    made = converted(path)
    expected = read_json(path.with_suffix(".json").read_bytes())
    assert write_json(made.content, canonical=True) == write_json(expected["content"], canonical=True)
    assert [f"{loss.source}: {loss.reason}" for loss in made.losses] == expected["losses"]


@pytest.mark.parametrize("path", MESSAGES, ids=lambda p: p.stem)
def test_bundle_is_r4(path: Path) -> None:
    from fhir.resources.R4B import get_fhir_model_class

    for entry in converted(path).content["entry"]:
        resource = json.loads(json.dumps(entry["resource"]))
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@pytest.mark.parametrize("path", MESSAGES, ids=lambda p: p.stem)
def test_every_element_has_an_origin(path: Path) -> None:
    made = converted(path)
    for path_, _ in leaves(made.content["entry"], "Bundle.entry"):
        if ".resource." in path_ and not path_.endswith((".resource.id", ".resourceType")):
            assert any(path_ == known or path_.startswith((f"{known}.", f"{known}[")) for known in made.origins), path_


@pytest.mark.parametrize("path", MESSAGES, ids=lambda p: p.stem)
def test_references_resolve_inside(path: Path) -> None:
    content = converted(path).content
    inside = {entry["fullUrl"] for entry in content["entry"]}
    references = [value for where, value in leaves(content, "") if where.endswith(".reference")]
    assert set(references) <= inside


def test_nothing_bleeds_from_one_message_into_the_next() -> None:
    first, other = MESSAGES[0], MESSAGES[-2]
    before = write_json(converted(first).content)
    converted(other)
    assert write_json(converted(first).content) == before


def test_a_corrected_result_is_the_same_observation() -> None:
    first, corrected = converted(GOLDEN / "oru_r01_lab.hl7"), converted(GOLDEN / "oru_r01_lab_corrected.hl7")
    assert observed(first)["id"] == observed(corrected)["id"]
    assert observed(corrected)["status"] == "corrected"
    assert write_json(observed(first)["valueQuantity"]["value"]) == b"5.10"


def observed(made: Conversion) -> dict:
    resources = [entry["resource"] for entry in made.content["entry"]]
    return next(
        r for r in resources if r["resourceType"] == "Observation" and r["code"]["coding"][0]["code"] == "2823-3"
    )


def test_another_sender_or_key_gives_other_ids() -> None:
    path = GOLDEN / "adt_a08_update.hl7"
    ids = [
        {e["fullUrl"] for e in converted(path, context).content["entry"]}
        for context in (SITE, MapContext(), MapContext(id_key=b"x"))
    ]
    assert not ids[0] & ids[1]
    assert not ids[1] & ids[2]


def test_merge_links_both_records() -> None:
    patients = [
        e["resource"]
        for e in converted(GOLDEN / "adt_a40_merge.hl7").content["entry"]
        if e["resource"]["resourceType"] == "Patient"
    ]
    surviving, merged = patients
    assert surviving["link"] == [{"other": {"reference": f"urn:uuid:{merged['id']}"}, "type": "replaces"}]
    assert merged["active"] is False
    assert merged["link"] == [{"other": {"reference": f"urn:uuid:{surviving['id']}"}, "type": "replaced-by"}]


def test_a_bad_field_is_a_finding_and_never_fails_the_message() -> None:
    made = converted(GOLDEN / "adt_a04_registration.hl7")
    patient = next(e["resource"] for e in made.content["entry"] if e["resource"]["resourceType"] == "Patient")
    assert "birthDate" not in patient
    assert patient["_birthDate"]["extension"][0]["valueString"] == "19991301"
    assert any(
        issue["expression"] == ["PID[1]-7[1].1"] and issue["severity"] == "warning" for issue in made.report["issue"]
    )


def leaves(tree: object, path: str):
    if isinstance(tree, dict):
        for key, child in tree.items():
            yield from leaves(child, f"{path}.{key}")
    elif isinstance(tree, list):
        for number, child in enumerate(tree):
            yield from leaves(child, f"{path}[{number}]")
    else:
        yield path, tree
