"""The public Validator: bytes and mappings in, an OperationOutcome out, never an exception."""

import copy
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.wire import read_json, write_json
from gateway.validating import Validator
from tests.effort import bounded

PACKAGES = Path(__file__).resolve().parents[3] / "shared" / "packages"

VALIDATOR = Validator()
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Kim</div>'},
    "identifier": [{"system": "http://example.org/id", "value": "1", "use": "official"}],
    "name": [
        {"family": "Kim", "given": ["Ha", "Na"], "_given": [None, {"id": "g"}], "period": {"start": "2020-01-01"}}
    ],
    "gender": "female",
    "birthDate": "1990-02-28",
    "deceasedBoolean": False,
    "maritalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "M"}]},
    "contact": [{"name": {"text": "Lee"}, "telecom": [{"system": "phone", "value": "1", "rank": 1}]}],
    "managingOrganization": {"reference": "Organization/1"},
}
OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2023-01-01T10:00:00+09:00",
    "valueQuantity": {"value": 120, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\xff",
        b"{",
        b"[]",
        b"1",
        b"null",
        b'{"a":1,"a":2}',
        b"<",
        b"<a/>",
        b"MSH|",
        b"{}",
        b'{"resourceType":[]}',
    ],
)
def test_what_is_no_resource_is_said_and_never_raised(body):
    outcome = VALIDATOR.validate(body)
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["severity"] in ("fatal", "error")


def test_a_mapping_nested_too_deeply_is_said():
    deep = {"url": "http://example.org/x"}
    for _ in range(5000):
        deep = {"url": "http://example.org/x", "extension": [deep]}
    assert VALIDATOR.validate({"resourceType": "Patient", "extension": [deep]})["issue"][0]["severity"] == "fatal"


def test_every_issue_has_its_parts():
    issues = VALIDATOR.validate({"resourceType": "Patient", "gender": "man", "x": 1, "name": [{"given": ["a", 1]}]})[
        "issue"
    ]
    assert [(i["expression"], i["code"]) for i in issues] == [
        (["Patient"], "structure"),  # what the names tell comes first
        (["Patient.gender"], "code-invalid"),
        (["Patient.name[0].given[1]"], "structure"),
    ]
    assert all(i["severity"] == "error" and i["details"]["text"] for i in issues)


@pytest.mark.parametrize("document", [PATIENT, OBSERVATION], ids=["patient", "observation"])
def test_all_ok_is_one_information(document):
    get_fhir_model_class(document["resourceType"]).model_validate(copy.deepcopy(document))
    for form in (document, write_json(document)):
        assert [i["severity"] for i in VALIDATOR.validate(form)["issue"]] == ["information"]


def test_a_document_is_never_changed():
    before = copy.deepcopy(PATIENT)
    VALIDATOR.validate(PATIENT)
    assert before == PATIENT


def test_profiles_not_at_hand_are_a_warning():
    claimed = {**PATIENT, "meta": {"profile": ["http://example.org/p"]}}
    for outcome in (VALIDATOR.validate(claimed), VALIDATOR.validate(PATIENT, profiles=["http://example.org/p"])):
        assert [(i["severity"], i["code"]) for i in outcome["issue"]] == [("warning", "not-found")]


def test_many_findings_are_cut_and_quick():
    with bounded(300):
        issues = VALIDATOR.validate({"resourceType": "Patient", **{f"x{i}": 1 for i in range(100_000)}})["issue"]
        assert len(issues) <= 1001
        assert issues[-1]["code"] == "too-costly"


@pytest.mark.parametrize("document", [PATIENT, OBSERVATION], ids=["patient", "observation"])
def test_a_small_resource_takes_about_a_millisecond(document):
    VALIDATOR.report(document)
    with bounded(100):
        for _ in range(100):
            VALIDATOR.report(document)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "reference", "code", "system", "id", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [{"fullUrl": "http://example.org/Patient/p1", "resource": PATIENT}, {"resource": OBSERVATION}],
}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_junk_anywhere_is_a_finding_and_not_a_crash(data):
    document = copy.deepcopy(BUNDLE)
    spots = list(_spots(document))
    holder, key = data.draw(st.sampled_from(spots))
    holder[key] = data.draw(JUNK)
    outcome = VALIDATOR.validate(document)
    assert outcome["issue"]
    write_json(outcome)


XML = (
    '<Bundle xmlns="http://hl7.org/fhir"><type value="collection"/><entry><resource><Patient><id value="p"/><text><status value="generated"/>'
    '<div xmlns="http://www.w3.org/1999/xhtml">a</div></text><contained><Organization><id value="d"/><name value="o"/></Organization></contained>'
    '<name id="n"><given value="a"/>'
    '<given><extension url="http://example.org/x"><valueInteger value="1"/></extension></given></name>'
    '<managingOrganization><reference value="#d"/></managingOrganization></Patient></resource></entry></Bundle>'
)
PIECES = [
    "<",
    ">",
    "/>",
    "</name>",
    '"',
    "&x;",
    "<div>",
    "<resource/>",
    "<contained/>",
    "<entry>",
    " value='1'",
    "<given/>",
    "<x/>",
    "text",
    "\0",
]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(XML)), st.integers(0, 30), st.sampled_from(PIECES))
def test_broken_xml_is_a_finding_and_not_a_crash(start, length, piece):
    outcome = VALIDATOR.validate((XML[:start] + piece + XML[start + length :]).encode())
    assert outcome["issue"]
    write_json(outcome)


def test_xml_and_json_of_one_document_have_the_same_findings():
    assert [i["severity"] for i in VALIDATOR.validate(XML.encode())["issue"]] == ["information"]
    wrong = XML.replace('value="collection"', 'value="bag"').replace('<id value="p"/>', '<id value="p p"/>')
    found = [(f.rule, f.expression) for f in VALIDATOR.report(wrong.encode()).findings]
    assert found == [("binding-required", "Bundle.type"), ("format-id", "Bundle.entry[0].resource.id")]


def _spots(node):
    if isinstance(node, dict | list):
        for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
            yield node, key
            yield from _spots(value)


class View(Mapping):
    """A mapping that is no dict, with mappings and lists of it below."""

    def __init__(self, held: dict) -> None:
        self._held = held

    def __getitem__(self, key: str) -> object:
        return _viewed(self._held[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


def _viewed(value):
    if isinstance(value, list):
        return [_viewed(each) for each in value]
    return View(value) if isinstance(value, dict) else value


BIRTHPLACE = {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueString": "Seoul"}
HELD = {"resourceType": "Organization", "id": "o", "name": "x"}


@pytest.mark.parametrize(
    ("document", "profiles"),
    [
        (PATIENT, ()),
        (OBSERVATION, ()),
        (BUNDLE, ()),
        ({**PATIENT, "gender": "man"}, ()),
        ({**PATIENT, "extension": [BIRTHPLACE]}, ()),
        ({**PATIENT, "contained": [HELD], "managingOrganization": {"reference": "#o"}}, ()),
        ({**PATIENT, "meta": {"profile": ["http://example.org/p"]}}, ()),
        ({**PATIENT, "maritalStatus": {"text": ""}}, ()),
        (
            {
                **BUNDLE,
                "entry": [{"resource": {**PATIENT, "contained": [HELD], "managingOrganization": {"reference": "#o"}}}],
            },
            (),
        ),
        (OBSERVATION, ["http://hl7.org/fhir/StructureDefinition/bp"]),
    ],
)
def test_a_mapping_that_is_no_dict_is_judged_alike(document, profiles):
    said = [(f.severity, f.rule, f.expression, f.found) for f in VALIDATOR.report(document, profiles).findings]
    assert [
        (f.severity, f.rule, f.expression, f.found) for f in VALIDATOR.report(View(document), profiles).findings
    ] == said


@pytest.mark.parametrize(
    "part",
    [
        {"maritalStatus": {"coding": [{"code": "M"}], "text": 5}},
        {"maritalStatus": {"coding": [{"code": {}}]}},
        {"extension": [{"url": {}}, {"url": []}]},
        {"meta": {"profile": [{}, []]}},
        {"contained": [{"resourceType": {}, "id": []}]},
    ],
)
def test_what_is_no_text_where_a_text_belongs_is_a_finding(part):
    assert not VALIDATOR.report({"resourceType": "Patient", **part}).ok


DEAD_LINK = (
    "CapabilityStatement-us-core-server.json",
    "xhtml-link",
)  # its narrative links to a heading of a page of the guide


@pytest.mark.parametrize("name", ["hl7.fhir.us.core-6.1.0.tgz", "hl7.fhir.uv.ips-1.1.0.tgz"])
@pytest.mark.long
def test_official_definitions_have_no_errors(name):
    """The definitions of a guide; its examples are in `examples/`."""
    package = PACKAGES / name
    if not package.exists():
        pytest.skip("the official packages are not at hand")
    validator = Validator(packages=[package])
    wrong = [
        (path, f.rule, f.expression, f.found)
        for path, document in _definitions(package)
        for f in validator.report(document).findings
        if f.severity in ("fatal", "error") and (path, f.rule) != DEAD_LINK
    ]
    assert wrong == []


def _definitions(package):
    with tarfile.open(package) as tar:
        for member in tar:
            folder, _, name = member.name.rpartition("/")
            handle = tar.extractfile(member) if folder == "package" and name.endswith(".json") else None
            document = read_json(handle.read()) if handle else None
            if isinstance(document, dict) and "resourceType" in document:
                yield name, document


@pytest.mark.parametrize("wrong", ['{"resourceType":"Patient"}', None, 5, Path("x.json")])
def test_another_kind_of_object_is_no_document(wrong):
    with pytest.raises(TypeError):
        Validator().validate(wrong)


def test_definitions_may_be_files(tmp_path):
    made = {
        "resourceType": "StructureDefinition", "url": "http://example.org/born", "name": "Born", "status": "active", "kind": "resource",
        "abstract": False, "type": "Patient", "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "differential": {"element": [{"id": "Patient.birthDate", "path": "Patient.birthDate", "min": 1}]},
    }  # fmt: skip
    (tmp_path / "born.json").write_bytes(write_json(made))
    report = Validator(resources=[tmp_path / "born.json"]).report(
        {"resourceType": "Patient"}, ["http://example.org/born"]
    )
    assert [f.rule for f in report.findings] == ["profile-min"]
    with pytest.raises(TypeError):
        Validator(resources=[str(tmp_path / "born.json")])
