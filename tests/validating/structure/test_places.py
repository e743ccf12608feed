"""The tree of a profile's elements, with ids and without (R4, ElementDefinition.id)."""

import pytest

from gateway.definitions.structure import Element, Structure
from gateway.validating.structure.places import place_of


def structure(*rows):
    """Rows are (path, slice name, id); an id that is not said is the path, as it is read from a definition without ids."""
    elements = tuple(Element(path, id or path, slice_name=cut) for path, cut, id in rows)
    return Structure("http://example.org/p", "Patient", "resource", False, "constraint", "", True, elements)


def tree(place):
    """{name: subtree} with `name:slice` beside the name."""
    made = {}
    for name, child in place.children.items():
        made[name] = tree(child)
        made |= _cuts(name, child)
    return made


def _cuts(name, place):
    made = {}
    for cut, below in place.slices.items():
        made[f"{name}:{cut}"] = tree(below)
        made |= _cuts(name, below)
    return made


ROWS = [
    ("Patient", "", "Patient"),
    ("Patient.name", "", "Patient.name"),
    ("Patient.name.use", "", "Patient.name.use"),
    ("Patient.name", "a", "Patient.name:a"),
    ("Patient.name.use", "", "Patient.name:a.use"),
    ("Patient.name.period", "", "Patient.name:a.period"),
    ("Patient.name.period.start", "", "Patient.name:a.period.start"),
    ("Patient.name", "a/b", "Patient.name:a/b"),
    ("Patient.name.use", "", "Patient.name:a/b.use"),
    ("Patient.name", "c", "Patient.name:c"),
    ("Patient.name.given", "", "Patient.name:c.given"),
    ("Patient.name.given", "d", "Patient.name:c.given:d"),
    ("Patient.name.given.extension", "", "Patient.name:c.given:d.extension"),
    ("Patient.gender", "", "Patient.gender"),
    ("Patient.deceased[x]", "", "Patient.deceased[x]"),
    ("Patient.deceased[x]", "deceasedBoolean", "Patient.deceased[x]:deceasedBoolean"),
]
TREE = {
    "name": {"use": {}},
    "name:a": {"use": {}, "period": {"start": {}}},
    "name:a/b": {"use": {}},
    "name:c": {"given": {}, "given:d": {"extension": {}}},
    "gender": {},
    "deceased[x]": {},
    "deceased[x]:deceasedBoolean": {},
}


@pytest.mark.parametrize("named", [True, False], ids=["with ids", "without"])
def test_a_definition_has_the_same_places_with_and_without_ids(named):
    root = place_of(structure(*((path, cut, id if named else "") for path, cut, id in ROWS)))
    assert root is not None
    assert tree(root) == TREE


def test_slices_of_slices_are_below_them():
    root = place_of(structure(*ROWS))
    assert set(root.children["name"].slices) == {"a", "c"}
    assert set(root.children["name"].slices["a"].slices) == {"a/b"}


def test_a_slice_of_a_slice_that_is_not_there_is_one_of_the_element():
    root = place_of(structure(("Patient", "", ""), ("Patient.name", "", ""), ("Patient.name", "x/y", "")))
    assert set(root.children["name"].slices) == {"x/y"}


def test_elements_know_the_id_that_was_made_for_them():
    root = place_of(structure(*((path, cut, "") for path, cut, _ in ROWS)))
    assert root.children["name"].slices["c"].children["given"].slices["d"].element.id == "Patient.name:c.given:d"


def test_one_element_of_a_profile():
    at = place_of(structure(*ROWS), "Patient.name:a")
    assert (at.element.slice_name, set(at.children), at.url) == ("a", {"use", "period"}, "")
    assert place_of(structure(*ROWS), "Patient.name:z") is None
    assert place_of(structure(*ROWS)).url == "http://example.org/p"


def test_a_choice_is_found_by_its_name():
    root = place_of(structure(*ROWS))
    assert root.child("deceased") is root.children["deceased[x]"]
    assert root.child("name") is root.children["name"]
    assert root.child("nothing") is None


def test_a_structure_without_elements_has_no_place():
    assert place_of(structure()) is None


def test_a_structure_that_does_not_start_with_its_root_says_nothing_of_the_root():
    """R4, sdf-8: the first element is the type; what is said of `Patient.active` is not said of the Patient."""
    root = place_of(structure(("Patient.active", "", "")))
    assert root is None or root.element.path == "Patient"
