"""What a differential does to its base, rule by rule, and what it cannot do to the machine."""

import pytest

from gateway.definitions import snapshot, tree
from gateway.definitions.library import core, library

HERE = "http://example.org/StructureDefinition/"


def profile(name, elements, base="Patient", **more):
    kind = base.rpartition("/")[2]
    address = base if ":" in base else f"http://hl7.org/fhir/StructureDefinition/{base}"
    head = {"resourceType": "StructureDefinition", "url": HERE + name, "name": name, "kind": "resource", "type": kind}
    said = {"derivation": "constraint", "baseDefinition": address, "differential": {"element": elements}}
    return {**head, **said, **more}


def made(elements, base="Patient", others=()):
    found = library([profile("p", elements, base), *others]).structure(HERE + "p")
    assert found is not None
    return found


def row(path, **said):
    name = {"sliceName": said["sliceName"]} if "sliceName" in said else {}
    return {"path": path, **name, **said}


@pytest.mark.parametrize("elements", [[{"path": "Patient"}], []])
def test_without_a_word_the_base_stays_as_it_is(elements):
    ours, base = made(elements), core().structure("Patient")
    assert ours.snapshot
    assert [(e.id, e.min, e.max) for e in ours.elements] == [(e.id, e.min, e.max) for e in base.elements]


def test_ids_may_be_left_out():
    slices = [
        row("Patient.identifier", slicing={"discriminator": [{"type": "value", "path": "system"}], "rules": "open"}),
        row("Patient.identifier", sliceName="a", min=1), row("Patient.identifier.system", min=1),
        row("Patient.identifier", sliceName="b"), row("Patient.identifier.system", fixedUri="urn:b"),
    ]  # fmt: skip
    ours = made(slices)
    assert ours.element("Patient.identifier:a").min == 1
    assert ours.element("Patient.identifier:a.system").min == 1
    assert ours.element("Patient.identifier:b.system").min == 0
    assert ours.element("Patient.identifier:b.system").fixed.value == "urn:b"
    names = [e.slice_name for e in ours.children("Patient") if e.name == "identifier"]
    assert names == ["", "a", "b"]


def test_slices_of_slices_stand_behind_the_slice_they_divide():
    slicing = {"discriminator": [{"type": "value", "path": "code"}], "rules": "open"}
    rows = [("a", {}), ("b", {}), ("a/x", {"max": "1"}), ("a/y", {})]
    elements = [row("Observation.component", slicing=slicing)]
    elements += [row("Observation.component", sliceName=n, id=f"Observation.component:{n}", **s) for n, s in rows]
    ours = made(elements, "Observation")
    names = [e.slice_name for e in ours.children("Observation") if e.name == "component"]
    assert names == ["", "a", "a/x", "a/y", "b"]
    assert ours.element("Observation.component:a/x.code").min == 1


def test_a_differential_may_go_into_datatypes_and_what_is_referred_to():
    rows = [row("Questionnaire.item.item.code.system", min=1)]
    ours = made(rows, "Questionnaire")
    assert ours.element("Questionnaire.item.item").content_reference == ""
    assert ours.element("Questionnaire.item.item.linkId").min == 1
    assert ours.element("Questionnaire.item.item.code.system").min == 1
    assert ours.element("Questionnaire.item.item.code.system").base_path == "Coding.system"


def test_a_value_set_may_be_replaced_alone():
    ours = made([row("Patient.gender", binding={"strength": "required", "valueSet": "http://example.org/vs"})])
    assert (ours.element("Patient.gender").binding.strength, ours.element("Patient.gender").binding.value_set) == (
        "required", "http://example.org/vs",
    )  # fmt: skip
    extensible = made([row("Patient.maritalStatus", binding={"strength": "required"})]).element("Patient.maritalStatus")
    assert extensible.binding.value_set == "http://hl7.org/fhir/ValueSet/marital-status"


def test_constraints_add_up_and_say_where_they_come_from():
    rule = {"key": "own-1", "severity": "error", "expression": "family.exists()"}
    name = made([row("Patient.name", constraint=[rule])]).element("Patient.name")
    assert [(i.key, i.source) for i in name.invariants][-1] == ("own-1", HERE + "p")
    assert [i.key for i in name.invariants][:1] == ["ele-1"]


def test_an_extension_slice_takes_what_its_definition_says():
    own = profile(
        "e", [row("Extension", max="1", constraint=[{"key": "e-1", "severity": "error", "expression": "true"}], isModifier=True)],
        "Extension",
    )  # fmt: skip
    rows = [row("Patient.extension", sliceName="e", type=[{"code": "Extension", "profile": [HERE + "e"]}])]
    ours = made(rows, others=[own])
    cut = ours.element("Patient.extension:e")
    assert (cut.min, cut.max, cut.is_modifier) == (0, 1, True)
    assert "e-1" in [i.key for i in cut.invariants]
    assert ours.element("Patient.extension").slicing.discriminators == (("value", "url"),)


def test_the_short_name_of_a_choice_is_a_slice_by_type():
    ours = made([row("Observation.valueQuantity", min=1), row("Observation.valueQuantity.code", min=1)], "Observation")
    choice, cut = ours.element("Observation.value[x]"), ours.element("Observation.value[x]:valueQuantity")
    assert (choice.min, [t.code for t in choice.types], choice.slicing.rules) == (1, ["Quantity"], "closed")
    assert (cut.path, cut.min, [t.code for t in cut.types]) == ("Observation.value[x]", 1, ["Quantity"])
    assert ours.element("Observation.value[x]:valueQuantity.code").min == 1


def test_what_the_base_does_not_have_is_said():
    assert made([row("Patient.shoeSize", min=1)]).strays == ("Patient.shoeSize",)


def test_a_base_that_is_not_at_hand_is_said_and_the_type_stands_in():
    ours = made([row("Patient.gender", min=1)], "http://example.org/StructureDefinition/absent/Patient")
    assert ours.missing == ("http://example.org/StructureDefinition/absent/Patient",)
    assert ours.element("Patient.gender").min == 1
    assert ours.element("Patient.name") is not None


def test_nothing_at_all_is_known_of_the_type():
    ours = library([profile("p", [row("Thing.a")], "http://example.org/Thing")]).structure(HERE + "p")
    assert (ours.snapshot, ours.missing) == (False, ("http://example.org/Thing",))


def test_profiles_that_rest_on_each_other_come_to_an_end():
    one = profile("a", [row("Patient.gender", min=1)], HERE + "b", type="Patient")
    two = profile("b", [row("Patient.name", min=1)], HERE + "a", type="Patient")
    ours = library([one, two]).structure(HERE + "a")
    assert ours.element("Patient.gender").min == 1


def test_an_extension_that_holds_itself():
    inner = [row("Extension.extension", sliceName="more", type=[{"code": "Extension", "profile": [HERE + "e"]}])]
    ours = library([profile("e", inner, "Extension")]).structure(HERE + "e")
    assert ours.element("Extension.extension:more") is not None
    assert ours.missing == ()


def test_a_long_chain_of_bases_is_cut():
    chain = [profile(f"c{n}", [{"path": "Patient"}], HERE + f"c{n + 1}", type="Patient") for n in range(200)]
    assert library(chain).structure(HERE + "c0").missing != ()


@pytest.mark.parametrize(
    "elements",
    [
        [{"path": "Patient"}, {"path": "Other.name"}],
        [{"path": "Patient" + ".item" * 50}],
        [{"path": 3}],
        [{"id": "x"}],
        [{"path": "Patient.name", "min": "many", "max": []}],
        "none",
    ],
)
def test_what_is_no_tree_counts_as_unknown(elements):
    assert library([profile("p", elements)]).structure(HERE + "p") is None


def test_a_few_rows_do_not_unfold_into_millions(monkeypatch):
    monkeypatch.setattr(tree, "MAX_ELEMENTS", 1_000)
    monkeypatch.setattr(snapshot, "_MOST_COPIED", 1_000)
    slicing = {"discriminator": [{"type": "value", "path": "code"}], "rules": "open"}
    rows = [row("Observation.component", slicing=slicing)]
    rows += [row("Observation.component", sliceName=f"s{n}", id=f"Observation.component:s{n}") for n in range(200)]
    assert library([profile("p", rows, "Observation")]).structure(HERE + "p") is None


def test_logical_models_add_elements():
    rows = [{"path": "Model"}, row("Model.a", min=1, max="1", type=[{"code": "string"}])]
    model = profile("m", rows, "Element", derivation="specialization", type="http://example.org/Model", kind="logical")
    ours = library([model]).structure(HERE + "m")
    assert [e.id for e in ours.elements] == ["Model", "Model.id", "Model.extension", "Model.a"]
