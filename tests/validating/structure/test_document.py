"""Document Bundles: what the Composition names is there once, and nothing else is (R4, documents.html 3.3.1)."""

import pytest

from gateway.validating.structure.document import document, references_in
from tests.effort import bounded

COMPOSITION = "urn:uuid:00000000-0000-4000-8000-000000000000"
PATIENT = "urn:uuid:00000000-0000-4000-8000-000000000001"
OTHER = "urn:uuid:00000000-0000-4000-8000-000000000002"


def bundle(composition, *more):
    """Entries: the Composition with what is said of it, and rows of (fullUrl, resource)."""
    first = {"fullUrl": COMPOSITION, "resource": {"resourceType": "Composition", **composition}}
    rows = [{"fullUrl": url, "resource": resource} for url, resource in more]
    return {"resourceType": "Bundle", "type": "document", "entry": [first, *rows]}


def found(scoped, resource):
    return [(f.severity, f.rule, f.expression) for f in document(scoped(resource))]


NAMED = {"reference": PATIENT}


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"subject": NAMED}, "subject"),
        ({"encounter": NAMED}, "encounter"),
        ({"custodian": NAMED}, "custodian"),
        ({"author": [{"display": "x"}, NAMED]}, "author[1]"),
        ({"attester": [{"mode": "legal"}, {"party": NAMED}]}, "attester[1].party"),
        ({"event": [{}, {"detail": [{"display": "x"}, NAMED]}]}, "event[1].detail[1]"),
        ({"section": [{"author": [NAMED]}]}, "section[0].author[0]"),
        ({"section": [{}, {"focus": NAMED}]}, "section[1].focus"),
        ({"section": [{"entry": [NAMED]}]}, "section[0].entry[0]"),
        ({"section": [{"section": [{"section": [{"entry": [NAMED]}]}]}]}, "section[0].section[0].section[0].entry[0]"),
    ],
)
def test_what_the_composition_names_has_to_be_there(said, place, scoped):
    assert found(scoped, bundle(said)) == [("error", "document-incomplete", f"entry[0].resource.{place}")]
    assert found(scoped, bundle(said, (PATIENT, {"resourceType": "Patient"}))) == []


@pytest.mark.parametrize(
    "said",
    [
        {"subject": {"reference": "#p"}},  # judged where it stands
        {"subject": {"display": "x"}},
        {
            "subject": "x",
            "author": {"reference": PATIENT},
            "section": {"entry": [NAMED]},
            "attester": [3, {"party": []}],
        },
        {"subject": {"reference": 3}},
        {"relatesTo": [{"targetReference": NAMED}]},  # an earlier document is elsewhere
    ],
)
def test_what_need_not_be_there(said, scoped):
    assert found(scoped, bundle(said)) == []


def test_a_reference_that_could_mean_two_entries(scoped):
    twice = [(PATIENT, {"resourceType": "Patient"})] * 2
    assert found(scoped, bundle({"subject": NAMED}, *twice)) == [
        ("error", "document-ambiguous", "entry[0].resource.subject")
    ]
    versions = [(PATIENT, {"resourceType": "Patient", "meta": {"versionId": v}}) for v in "12"]
    said = {"subject": {"reference": f"{PATIENT}/_history/2"}}
    assert found(scoped, bundle(said, *versions)) == []  # the other version is one of the same resource
    said = {"subject": {"reference": f"{PATIENT}/_history/3"}}
    assert found(scoped, bundle(said, *versions)) == [("error", "document-incomplete", "entry[0].resource.subject")]


def test_an_entry_that_nothing_leads_to(scoped):
    lost = (OTHER, {"resourceType": "Observation"})
    assert found(scoped, bundle({}, lost)) == [("error", "document-orphan", "entry[1]")]
    island = [(OTHER, {"resourceType": "Observation", "subject": NAMED}), (PATIENT, {"resourceType": "Patient"})]
    assert [f[2] for f in found(scoped, bundle({}, *island))] == ["entry[1]", "entry[2]"]


def test_chains_lead_in_both_directions(scoped):
    through = (OTHER, {"resourceType": "Observation", "subject": NAMED})
    patient = (PATIENT, {"resourceType": "Patient"})
    assert found(scoped, bundle({"subject": NAMED}, through, patient)) == []
    deep = {"resourceType": "Observation", "extension": [{"url": "x", "valueReference": {"reference": PATIENT}}]}
    assert found(scoped, bundle({"section": [{"entry": [{"reference": OTHER}]}]}, (OTHER, deep), patient)) == []


@pytest.mark.parametrize("kind", ["Binary", "Provenance"])
def test_what_may_stand_there_unnamed(kind, scoped):
    assert found(scoped, bundle({}, (OTHER, {"resourceType": kind}))) == []


@pytest.mark.parametrize(
    "entries",
    [
        None,
        [],
        {},
        {"0": {}},
        "x",
        3,
        [None],
        [[]],
        ["x"],
        [{}],
        [{"resource": []}],
        [{"resource": {"resourceType": "Patient"}}],
    ],
)
def test_what_does_not_start_with_a_composition_is_left_to_other_rules(entries, scoped):
    assert found(scoped, {"resourceType": "Bundle", "type": "document", "entry": entries}) == []


def test_damaged_entries_are_left_to_other_rules(scoped):
    resource = bundle({})
    resource["entry"] += [None, "x", {"resource": 3}, {"fullUrl": []}]
    assert found(scoped, resource) == []


def test_references_in_is_not_recursive():
    deep = {"reference": "last"}
    for _ in range(5_000):
        deep = {"x": [deep]}
    assert list(references_in({"reference": "first", "y": [deep, 3, None], "reference2": "no"})) == ["first", "last"]
    assert list(references_in({"reference": {"reference": "inner"}})) == ["inner"]


def test_many_entries_of_one_address_take_linear_time(scoped):
    rows = [(PATIENT, {"resourceType": "Observation", "subject": NAMED}) for _ in range(3_000)]
    with bounded(100):
        document(scoped(bundle({"subject": NAMED}, *rows)))
