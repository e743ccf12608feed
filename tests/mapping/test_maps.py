"""The maps that are shipped: sound against their schema, compiled, and the tests beside their rows."""

import base64
from pathlib import Path

import pytest

from gateway.data import data_path
from gateway.mapping import compiler
from gateway.mapping.check import cases, problems, tried
from gateway.mapping.readings import readings
from gateway.model.wire import read_json
from gateway.pipeline import convert
from gateway.standards.hl7v2.source import MAPPABLE
from gateway.standards.hl7v2.structure import fields_of

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


TEXTS = frozenset(["DT", "DTM", "FT", "ID", "IS", "NM", "SI", "ST", "TM", "TS", "TX"])


def test_no_text_shows_the_separators_of_its_parts() -> None:
    """`as: whole` is for texts: OBR-13 was one until v2.9, OBX-4 numbers groups, OBX-5 is what OBX-2 says."""
    read = {reading.position for reading in readings(HL7V2.library) if reading.kind == "whole"}
    fields = {f"{name}-{row['field']}": row["type"] for name in {one[:3] for one in read} for row in fields_of(name)}
    assert {one for one in read & fields.keys() if fields[one] not in TEXTS} <= {"OBR-13", "OBX-4", "OBX-5"}


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


def test_second_order_without_orc_is_no_part_of_the_first() -> None:
    first, second = golden("oru_r01_two_orders", "ServiceRequest")
    assert (first["status"], second["status"]) == ("completed", "unknown")
    assert [one["value"] for one in first["identifier"]] == ["PO-81", "FO-81"]
    assert [one["value"] for one in second["identifier"]] == ["FO-82"]
    reports = golden("oru_r01_two_orders", "DiagnosticReport")
    assert [[one["value"] for one in report["identifier"]] for report in reports] == [["PO-81", "FO-81"], ["FO-82"]]


def test_linked_records_see_each_other_and_unlinked_ones_do_not() -> None:
    first, second = golden("adt_a24_link", "Patient")
    assert first["link"] == [{"other": {"reference": f"urn:uuid:{second['id']}"}, "type": "seealso"}]
    assert second["link"] == [{"other": {"reference": f"urn:uuid:{first['id']}"}, "type": "seealso"}]
    assert [patient.get("link") for patient in golden("adt_a37_unlink", "Patient")] == [None, None]


@pytest.mark.parametrize("name", ["adt_a24_link", "adt_a37_unlink", "kr_adt_a31_person"])
def test_no_visit_where_none_is_said(name: str) -> None:
    assert golden(name, "Encounter") == []


def vaccinated(*observed: str) -> list[dict]:
    header = "MSH|^~\\&|HIS|HANBIT|||20260311090000+0900||VXU^V04^VXU_V04|V|P|2.5.1"
    given = ("PID|1||1^^^H^MR", "ORC|RE||F1", "RXA|0|1|20260311||150^Influenza^CVX|0.5")
    made = convert("\r".join([header, *given, *observed]).encode(), source="hl7v2")
    return [entry["resource"] for entry in made.content["entry"]]


def test_what_is_said_of_a_vaccination_is_in_it_once() -> None:
    (vaccination,) = [
        one
        for one in vaccinated(
            "OBX|1|CWE|69764-9^Document type^LN|1|253088698300012711120420^MMR VIS^cdcgs1vis||||||F",
            "OBX|2|CWE|69764-9^Document type^LN|2|253088698300026411121116^Flu VIS^cdcgs1vis||||||F",
            "OBX|3|TS|29768-9^Published^LN|2|20150807||||||F",
            "OBX|4|TS|29769-7^Presented^LN|1|20260311||||||F",
            "OBX|5|NM|30973-2^Dose number^LN|3|2||||||F",
            "OBX|6|CWE|30963-3^Funding^LN|4|VXC2^State funds^CDCPHINVS||||||F",
        )
        if one["resourceType"] in ("Immunization", "Observation")
    ]
    assert [(one["documentType"], one.get("publicationDate")) for one in vaccination["education"]] == [
        ("MMR VIS", None),
        ("Flu VIS", "2015-08-07"),
    ]
    assert vaccination["education"][0]["presentationDate"] == "2026-03-11"
    assert vaccination["protocolApplied"][0]["doseNumberPositiveInt"] == 2
    assert vaccination["fundingSource"]["coding"][0]["code"] == "VXC2"


@pytest.mark.parametrize(
    "observed", ["OBX|1|NM|30973-2^Dose number^99LAB||2||||||F", "OBX|1|NM|8302-2^Height^LN||170||||||F"]
)
def test_what_is_no_part_of_a_vaccination_is_observed(observed: str) -> None:
    kinds = [one["resourceType"] for one in vaccinated(observed)]
    assert kinds.count("Observation") == 1


def test_dates_of_what_was_handed_over_without_its_name_have_a_declared_one() -> None:
    made = vaccinated("OBX|1|TS|29769-7^Presented^LN|1|20260311||||||F")
    (vaccination,) = [one for one in made if one["resourceType"] == "Immunization"]
    assert vaccination["education"][0]["documentType"] == "unknown"
