"""The maps that are shipped: sound against their schema, compiled, and the tests beside their rows."""

import base64
from pathlib import Path

import pytest

from gateway.data import data_path
from gateway.mapping import compiler
from gateway.mapping.check import cases, problems, tried
from gateway.model.wire import read_json
from gateway.pipeline import convert
from gateway.standards.hl7v2.source import MAPPABLE

ROOTS = (data_path("mappings"),)
HL7V2 = compiler("hl7v2", ROOTS)


@pytest.mark.parametrize("standard", ["hl7v2", "fhir"])
def test_maps_are_sound(standard: str) -> None:
    assert list(problems(compiler(standard, ROOTS))) == []


@pytest.mark.parametrize(("rules", "case"), [pytest.param(r, c, id=c.where) for r, c in cases(HL7V2)])
def test_beside_the_rows(rules, case) -> None:
    assert tried(HL7V2, rules, case, MAPPABLE.trial, "message") == ""


def test_every_declared_table_is_readable() -> None:
    import yaml

    declared = yaml.safe_load(data_path("mappings", "hl7v2", "codes", "tables.yaml").read_bytes())
    files = {path.stem for path in data_path("mappings", "hl7v2", "codes").glob("*.csv")}
    assert files <= declared.keys()
    for name in declared:
        HL7V2.table(name)


GOLDEN = Path(__file__).parents[1] / "standards" / "hl7v2" / "golden"


def golden(name: str, kind: str) -> list[dict]:
    entries = read_json((GOLDEN / f"{name}.json").read_bytes())["content"]["entry"]
    return [entry["resource"] for entry in entries if entry["resource"]["resourceType"] == kind]


@pytest.mark.parametrize(
    ("name", "kind", "key", "values"),
    [
        ("adt_a29_deleted", "Patient", "active", [False]),
        ("adt_a44_account_moved", "Patient", "active", [None, None]),
        ("adt_a45_visit_moved", "Patient", "link", [None, None]),
        ("bar_p02_purged", "Account", "status", ["inactive"]),
        ("mdm_t11_cancelled", "DocumentReference", "status", ["entered-in-error"]),
        ("orm_o01_asked", "DiagnosticReport", "status", []),
        ("ras_o17_given", "Immunization", "status", []),
        ("ras_o17_given", "MedicationAdministration", "status", ["completed"]),
        ("ref_i14_cancelled", "ServiceRequest", "status", ["revoked"]),
        ("siu_s15_cancelled", "Appointment", "comment", ["Road closed"]),
    ],
)
def test_event_says_what_becomes_of_its_resource(name: str, kind: str, key: str, values: list[object]) -> None:
    assert [resource.get(key) for resource in golden(name, kind)] == values


def test_identifier_changed_is_the_old_one_of_the_same_person() -> None:
    (patient,) = golden("adt_a47_identifier", "Patient")
    assert [(one["value"], one.get("use")) for one in patient["identifier"]] == [
        ("00012345", None),
        ("00012344", "old"),
    ]


def test_specimen_before_its_orders_is_theirs() -> None:
    first, second = (f"urn:uuid:{one['id']}" for one in golden("oul_r22_specimens", "Specimen"))
    reports = golden("oul_r22_specimens", "DiagnosticReport")
    assert [report["specimen"] for report in reports] == [[{"reference": first}], [{"reference": second}]]
    requests = golden("oml_o33_specimens", "ServiceRequest")
    assert [len(request["specimen"]) for request in requests] == [1, 1]
    assert [request["note"] for request in requests] == [[{"text": "Urgent 1"}], [{"text": "Urgent 2"}]]


def test_lines_of_a_document_are_one_text() -> None:
    (document,) = golden("mdm_t10_replacement", "DocumentReference")
    (content,) = document["content"]
    lines = base64.b64decode(content["attachment"]["data"]).decode().split("\n")
    assert lines[1:3] == ["Salmonella & Shigella negative", "Follow up in 2 weeks"]
    assert document["relatesTo"][0]["code"] == "replaces"


def test_note_is_about_one_resource_of_the_appointment() -> None:
    notes = golden("siu_s12_resources", "CommunicationRequest")
    assert [note["status"] for note in notes] == ["unknown"] * 5
    assert [len(note["about"]) + len(note.get("recipient", ())) for note in notes] == [2] * 5


@pytest.mark.parametrize(
    ("name", "said"), [("김^길동^^^^^L", "김길동"), ("Doe^Ann^B^Jr^Dr", "Dr Ann B Doe Jr"), ("", None)]
)
def test_insured_is_the_patient_and_called_as_the_insurance_calls_them(name: str, said: str | None) -> None:
    lines = [
        "MSH|^~\\&|HIS|HANUL|GW|IEUM|20261125090000+0900||ADT^A04|M1|P|2.5|||||KOR|UNICODE UTF-8",
        "PID|1||A1^^^HANUL^MR||Kim^Jun||19800101|M",
        f"IN1|1|NHIS|1|NHIS||||||||||||{name}|SEL",
    ]
    made = convert("\r".join(lines).encode()).content["entry"]
    (patient,) = (entry["fullUrl"] for entry in made if entry["resource"]["resourceType"] == "Patient")
    (coverage,) = (entry["resource"] for entry in made if entry["resource"]["resourceType"] == "Coverage")
    assert coverage["subscriber"] == {"reference": patient} | ({"display": said} if said else {})
