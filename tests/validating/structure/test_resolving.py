"""What a reference names inside a document (R4, references.html 2.3.0; bundle.html 2.36.4.2): refusals first."""

import pytest

from gateway.validating.structure.resolving import (
    absolute,
    bundle_of,
    entries,
    full_url_of,
    matches,
    resolve,
    type_named,
)
from gateway.validating.structure.scope import Scope
from tests.effort import bounded

UUID = "urn:uuid:00000000-0000-4000-8000-000000000001"
HOST = "http://host.example/fhir"


def patient(id, **more):
    return {"resourceType": "Patient", "id": id, **more}


def bundle(*entries):
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}


def entry(url, resource):
    return {"fullUrl": url, "resource": resource}


ASKING = {"resourceType": "Observation", "id": "o"}


def asked(scoped, reference, *rows, url=f"{HOST}/Observation/o"):
    """The id of what an Observation in a Bundle names, None when it is not there."""
    outer = scoped(bundle(entry(url, ASKING), *rows))
    target = resolve(reference, outer.inside(ASKING, full_url=url))
    return target.resource.get("id") if target else None


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("", f"{HOST}/Patient/1"),
        ("1", f"{HOST}/Patient/1"),
        ("Patient/2", f"{HOST}/Patient/1"),
        ("Patient/1", "http://other.example/fhir/Patient/1"),  # relative to the fullUrl of the one who asks
        ("Patient/1/_history/2", f"{HOST}/Patient/1"),
        ("patient/1", f"{HOST}/Patient/1"),
        ("http://other.example/fhir/Patient/1", f"{HOST}/Patient/1"),
        ("https://host.example/fhir/Patient/1", f"{HOST}/Patient/1"),
        ("urn:uuid:00000000-0000-4000-8000-000000000002", UUID),
        (UUID.upper(), UUID),
        ("urn:uuid:1", 3),
        ("Patient/1", None),
    ],
)
def test_what_is_not_in_the_bundle(reference, url, scoped):
    row = entry(url, patient("1", meta={"versionId": "1"}))
    if url is None:
        row = {"fullUrl": "http://other.example/fhir/Patient/1", "resource": patient("1")}
    assert asked(scoped, reference, row) is None


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("Patient/1", f"{HOST}/Patient/1"),
        ("Patient/1/_history/7", f"{HOST}/Patient/1"),
        ("Patient/1#part", f"{HOST}/Patient/1"),
        (f"{HOST}/Patient/1", f"{HOST}/Patient/1"),
        (f"{HOST}/Patient/1/_history/7", f"{HOST}/Patient/1"),
        (UUID, UUID),
        ("Patient/1", UUID),  # an entry without an address of a server is known by its type and id
        ("Patient/1", "urn:oid:1.2.3"),
    ],
)
def test_what_is_in_the_bundle(reference, url, scoped):
    assert asked(scoped, reference, entry(url, patient("1", meta={"versionId": "7"}))) == "1"


def test_a_version_that_an_entry_does_not_say_is_taken_as_the_one_asked(scoped):
    assert asked(scoped, "Patient/1/_history/7", entry(f"{HOST}/Patient/1", patient("1"))) == "1"


def test_an_entry_without_an_address_is_found_by_its_name(scoped):
    assert asked(scoped, "Patient/1", {"resource": patient("1")}) == "1"


def test_one_who_asks_from_a_urn_finds_no_entry_of_a_server(scoped):
    row = entry(f"{HOST}/Patient/1", patient("1"))
    assert asked(scoped, "Patient/1", row, url=UUID) is None
    assert asked(scoped, f"{HOST}/Patient/1", row, url=UUID) == "1"


def test_two_versions_are_told_apart(scoped):
    rows = [entry(f"{HOST}/Patient/1", patient("1", meta={"versionId": v})) for v in ("1", "2")]
    outer = scoped(bundle(entry(f"{HOST}/Observation/o", ASKING), *rows))
    inner = outer.inside(ASKING, full_url=f"{HOST}/Observation/o")
    assert matches("Patient/1/_history/2", inner) == [2]
    assert matches("Patient/1", inner) == [1, 2]
    assert matches("Patient/1/_history/3", inner) == []


@pytest.mark.parametrize(
    "rows",
    [
        "x",
        {"fullUrl": UUID},
        [None, 3, "x", [], {}],
        [{"fullUrl": UUID}],
        [{"fullUrl": UUID, "resource": []}],
        [{"fullUrl": UUID, "resource": "x"}],
        [{"fullUrl": {}, "resource": {"resourceType": [], "id": {}}}],
    ],
)
def test_damaged_entries_hold_nothing(rows, scoped):
    inner = scoped({"resourceType": "Bundle", "entry": rows}).inside(ASKING)
    assert resolve(UUID, inner) is None
    assert type_named(UUID, inner) == ""
    assert resolve("Patient/1", inner) is None


ORGANIZATION = {"resourceType": "Organization", "id": "a"}


def test_contained_is_what_the_resource_around_holds(scoped):
    other = {"resourceType": "Practitioner", "id": "b"}
    around = scoped(patient("1", contained=[ORGANIZATION, other, 3, {"id": "c"}]))
    for asking in (around, around.inside(other, contained=True)):
        found = resolve("#a", asking)
        assert found is not None
        assert (found.resource, found.contained, found.outer) == (ORGANIZATION, True, around)
        assert resolve("#", asking) is around
        assert resolve("#d", asking) is None
        assert (type_named("#a", asking), type_named("#", asking), type_named("#c", asking)) == (
            "Organization",
            "Patient",
            "",
        )


def test_contained_in_contained_is_no_container_of_its_own(scoped):
    """R4, references.html 2.3.0.4: contained resources do not contain; `#` is what holds them all."""
    deepest = {"resourceType": "Organization", "id": "deep"}
    middle = {"resourceType": "Organization", "id": "middle", "contained": [deepest]}
    around = scoped(patient("1", contained=[middle]))
    inner = around.inside(middle, contained=True).inside(deepest, contained=True)
    assert inner.container is around
    assert resolve("#middle", inner) is around.inside(middle, contained=True)
    assert resolve("#deep", inner) is None
    assert resolve("#", inner) is around


def test_contained_resources_of_entries_do_not_mix(scoped):
    first, second = patient("1", contained=[ORGANIZATION]), patient("2")
    outer = scoped(bundle(entry(UUID, first), {"resource": second}))
    assert resolve("#a", outer.inside(first, full_url=UUID)) is not None
    assert resolve("#a", outer.inside(second)) is None


def test_what_is_contained_asks_from_where_its_container_stands(scoped):
    held = {"resourceType": "Observation", "id": "held"}
    around = {"resourceType": "DiagnosticReport", "id": "r", "contained": [held]}
    outer = scoped(bundle(entry(f"{HOST}/DiagnosticReport/r", around), entry(f"{HOST}/Patient/1", patient("1"))))
    inner = outer.inside(around, full_url=f"{HOST}/DiagnosticReport/r").inside(held, contained=True)
    assert bundle_of(inner) is outer
    assert full_url_of(inner) == f"{HOST}/DiagnosticReport/r"
    assert resolve("Patient/1", inner) is not None


def test_a_bundle_in_a_bundle_is_a_world_of_its_own(scoped):
    seeker = {"resourceType": "Observation"}
    within = bundle({"resource": seeker}, {"resource": patient("inner")})
    outer = scoped(bundle(entry(f"{HOST}/Bundle/b", within), {"resource": patient("outer")}))
    nested = outer.inside(within, full_url=f"{HOST}/Bundle/b")
    inner = nested.inside(seeker)
    assert bundle_of(inner) is nested
    assert full_url_of(inner) == ""
    assert (resolve("Patient/inner", inner) is not None, resolve("Patient/outer", inner)) == (True, None)


def test_parameters_stand_in_no_bundle(scoped):
    alone = scoped({"resourceType": "Parameters"}).inside(ASKING)
    assert (bundle_of(alone), matches("Patient/1", alone), resolve("Patient/1", alone)) == (None, [], None)


@pytest.mark.parametrize(
    ("reference", "full_url", "expected"),
    [
        ("Patient/1", f"{HOST}/Observation/o", f"{HOST}/Patient/1"),
        ("Patient/1", f"{HOST}/Observation/o/_history/3", f"{HOST}/Patient/1"),
        ("Patient/1", UUID, ""),
        ("Patient/1", "", ""),
        ("Patient/1", "http://host", ""),
        (UUID, f"{HOST}/Observation/o", ""),
    ],
)
def test_absolute(reference, full_url, expected):
    assert absolute(reference, full_url) == expected


def test_the_index_of_a_bundle_is_made_once(scoped):
    outer = scoped(bundle(entry(UUID, patient("1"))))
    assert entries(outer) is entries(outer)
    assert entries(outer).by_address == {UUID: [0], "=Patient/1": [0]}


def test_a_scope_is_the_same_each_time(scoped):
    held = patient("1")
    outer = scoped(bundle({"resource": held}))
    assert outer.inside(held) is outer.inside(held, full_url="x", contained=True)
    assert outer.inside(patient("1")) is not outer.inside(held)
    assert outer.inside(patient("2"), full_url=3).full_url == ""
    assert outer.environment() is outer.environment()


def test_root_and_resource_of_expressions(scoped):
    """R4, fhirpath.html: `%rootResource` is the container of a contained resource; an entry of a Bundle is its own."""
    held = patient("2")
    around = patient("1", contained=[held])
    outer = scoped(bundle({"resource": around}))
    entry_, inner = outer.inside(around), outer.inside(around).inside(held, contained=True)
    for one, resource, root in ((entry_, around, around), (inner, held, around)):
        asked_ = one.environment()
        assert (asked_.resource.value, asked_.root.value) == (resource, root)
    assert Scope({}, outer.tools).type == ""


def test_many_contained_resources_are_found_in_linear_time(scoped):
    size = 6_000
    rows = [{"resourceType": "Organization", "id": f"o{n}"} for n in range(size)]
    around = scoped(patient("1", contained=rows))
    with bounded(100):
        assert all(resolve(f"#o{n}", around) for n in range(size))
