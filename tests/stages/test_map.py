"""The stage `map`: refusals, zones and national identifiers from the context, second maps, Bundles."""

from pathlib import Path

import pytest

from gateway.errors import Misconfigured, TooLarge, Unsupported
from gateway.mapping import MapContext
from gateway.model.document import Parsed
from gateway.stages.map import conversion, map_document, to_bundle
from gateway.standards.fhir import parse as parse_fhir
from gateway.standards.hl7v2 import parse

GOLDEN = Path(__file__).parents[1] / "standards" / "hl7v2" / "golden"
SITE = MapContext(
    sender="hanbit",
    zone="Asia/Seoul",
    national_systems=("https://ieum.example/rrn",),
    recipient="Mapo care team",
    recipient_reference="Organization/mapo",
)


def mapped(name: str, second: str = "", context: MapContext = SITE):
    return map_document(parse((GOLDEN / f"{name}.hl7").read_bytes()), context=context, second=second)


def of(made, kind: str) -> list:
    return [item for item in made.items if item.resource["resourceType"] == kind]


def test_a_standard_without_maps_is_unsupported() -> None:
    with pytest.raises(Unsupported):
        map_document(Parsed("nothing", "x", {}), context=MapContext())


def test_more_resources_than_are_taken_are_refused_as_soon_as_there_are_more() -> None:
    parsed = parse((GOLDEN / "adt_a03_korean_discharge.hl7").read_bytes())
    made = map_document(parsed, context=SITE)
    with pytest.raises(TooLarge, match="more resources"):
        map_document(parsed, context=SITE, most=len(made.items) - 1)
    assert map_document(parsed, context=SITE, most=len(made.items)) == made


def test_a_second_map_that_is_not_there_is_misconfigured() -> None:
    with pytest.raises(Misconfigured):
        mapped("adt_a03_korean_discharge", "fhir/no-such-map")


def test_the_declared_zone_is_used_and_flagged() -> None:
    with_zone, without = (
        of(mapped("adt_a03_korean_discharge", context=c), "Encounter")[0].resource for c in (SITE, MapContext())
    )
    assert with_zone["period"]["end"] == "2026-03-02T10:00:00+09:00"
    assert without["period"]["end"] == "2026-03-02"
    assert without["period"]["_end"]["extension"][0]["valueString"] == "202603021000"
    assert any("zone was assumed" in f.text for f in mapped("adt_a03_korean_discharge").report.findings)


def test_a_national_identifier_has_the_declared_system() -> None:
    numbers = of(mapped("adt_a03_korean_discharge"), "Patient")[0].resource["identifier"]
    assert [n["value"] for n in numbers if n.get("system") == "https://ieum.example/rrn"] == ["900101-0000000"]


def test_a_discharge_becomes_a_referral() -> None:
    made = mapped("adt_a03_korean_discharge", "fhir/discharge-to-referral")
    (request,), (task,) = of(made, "ServiceRequest"), of(made, "Task")
    conditions = [item.reference for item in of(made, "Condition")]
    assert [r["reference"] for r in request.resource["reasonReference"]] == conditions
    assert task.resource["focus"]["reference"] == request.reference
    assert task.resource["owner"] == {"reference": "Organization/mapo"}
    assert (task.resource["status"], task.resource["intent"]) == ("requested", "order")
    # referring to a diagnosis is not repeating it: the reference goes when the diagnosis is withheld, the referral need not
    assert not set(conditions) & (set(request.derived_from) | set(task.derived_from))
    assert {one.partition("/")[0] for one in request.derived_from} == {"Patient", "Encounter"}
    assert [name.partition("@")[0] for name in made.map] == ["hl7v2/ADT_A03", "fhir/discharge-to-referral"]


def test_origins_of_a_second_map_reach_back_to_the_message() -> None:
    made = mapped("adt_a03_korean_discharge", "fhir/discharge-to-referral")
    (patient,) = of(made, "Patient")
    origin = made.origins[f"{patient.reference}#name[0].family"]
    assert origin.source == "PID[1]-5[1].1"
    assert origin.rule.startswith("XPN[HumanName]/")
    assert patient.origin == "PID[1]"


def test_a_laboratory_report_becomes_a_case_report() -> None:
    made = mapped("oru_r01_lab", "fhir/lab-to-case-report")
    kinds = {item.resource["resourceType"] for item in made.items}
    assert kinds == {"Observation", "Patient", "Specimen", "Organization", "Practitioner"}
    (reporter, *_) = of(made, "Organization")
    for item in of(made, "Observation"):
        assert not {"basedOn", "encounter", "note"} & item.resource.keys()
        assert item.resource["performer"] == [{"reference": reporter.reference}]


def test_results_without_the_message_keep_their_ids() -> None:
    plain, second = mapped("oru_r01_lab"), mapped("oru_r01_lab", "fhir/lab-to-case-report")
    assert {i.reference for i in of(second, "Observation")} == {i.reference for i in of(plain, "Observation")}


BUNDLE = b"""{"resourceType": "Bundle", "type": "collection", "entry": [
  {"fullUrl": "urn:uuid:0b5a1d4e-3d6c-4b2e-9a52-0d1f0a3c1111", "resource": {"resourceType": "Patient", "name": [{"family": "Poe"}]}},
  {"fullUrl": "https://h.example/fhir/Observation/7", "resource": {"resourceType": "Observation", "id": "7", "status": "final",
    "code": {"text": "x"}, "valueQuantity": {"value": 5.10},
    "subject": {"reference": "urn:uuid:0b5a1d4e-3d6c-4b2e-9a52-0d1f0a3c1111"}, "performer": [{"reference": "Organization/elsewhere"}]}}]}"""


def test_fhir_keeps_everything_but_ids() -> None:
    made = map_document(parse_fhir(BUNDLE), context=SITE)
    (patient,), (result,) = of(made, "Patient"), of(made, "Observation")
    assert result.resource["subject"] == {"reference": patient.reference}
    assert result.resource["performer"] == [{"reference": "Organization/elsewhere"}]
    assert result.resource["id"] != "7"
    assert repr(result.resource["valueQuantity"]["value"]) == "5.10"
    assert made.origins[f"{patient.reference}#name[0].family"].source.endswith("#name[0].family")


def test_references_in_a_bundle_are_its_full_urls() -> None:
    made = mapped("oru_r01_lab")
    bundle = to_bundle(made)
    assert bundle["entry"][0]["resource"]["resourceType"] == "MessageHeader"
    assert bundle["identifier"] == {"value": "L-1"}
    assert bundle["timestamp"] == "2026-03-10T12:00:00+09:00"
    inside = {entry["fullUrl"] for entry in bundle["entry"]}
    assert bundle["entry"][0]["resource"]["sender"]["reference"] in inside
    assert all(item.resource["id"] in {url[9:] for url in inside} for item in made.items)
    assert all(item.reference.split("/")[1] in str(inside) for item in made.items)


def test_origins_of_a_conversion_are_paths_in_the_bundle() -> None:
    made = conversion(mapped("oru_r01_lab"))
    for path in made.origins:
        number = int(path.split("[")[1].split("]")[0])
        assert path.startswith(f"Bundle.entry[{number}].resource.")
        assert number < len(made.content["entry"])


def test_two_documents_without_ids_are_two_things() -> None:
    def patient(family: str) -> str:
        body = b'{"resourceType": "Patient", "name": [{"family": "%s"}]}' % family.encode()
        return map_document(parse_fhir(body), context=SITE).items[0].reference

    assert patient("Poe") != patient("Roe")
    assert patient("Poe") == patient("Poe")


@pytest.mark.parametrize("second", ["fhir/discharge-to-referral", "fhir/lab-to-case-report", "fhir/as-is"])
@pytest.mark.parametrize("name", ["adt_a03_korean_discharge", "oru_r01_lab", "adt_a40_merge", "unfamiliar_type"])
def test_what_second_maps_make_is_r4(name: str, second: str) -> None:
    import json

    from fhir.resources.R4B import get_fhir_model_class

    for item in mapped(name, second).items:
        resource = json.loads(json.dumps(item.resource))
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
