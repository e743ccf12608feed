"""Profiles, extensions and what is wrong with them, by section of profiling.html (FHIR R4)."""

import pytest

URL = "http://example.org/fhir/StructureDefinition/mine"
CORE = "http://hl7.org/fhir/StructureDefinition/"
SUPPORTED = CORE + "elementdefinition-type-must-support"
SLICED = {"slicing": {"discriminator": [{"type": "value", "path": "system"}], "rules": "open"}}


def e(id, path=None, **rest):
    """An element; the path is the id without slice names."""
    plain = ".".join(part.partition(":")[0] for part in id.split("."))
    return {"id": id, "path": path or plain, **rest}


def profile(*elements, type="Patient", view="differential", **rest):
    head = {"resourceType": "StructureDefinition", "url": URL, "name": "Mine", "status": "draft", "abstract": False}
    base = {"kind": "resource", "type": type, "baseDefinition": CORE + type, "derivation": "constraint"}
    return {**head, **base, view: {"element": list(elements)}, **rest}


def at(place, rest="", view="differential"):
    return f"{view}.element[{place}]{rest}"


def discriminator(path, kind="value"):
    return {"slicing": {"discriminator": [{"type": kind, "path": path}], "rules": "open"}}


UNPLACED = ("error", "differential", "")
REFUSED = {
    "another type": (profile(e("Group.active")), [("error", "element-path", at(0))]),
    "the type again": (profile(e("Patient.active"), e("Patient")), [("error", "element-path", at(1))]),
    "not a name": (
        profile(e("Patient.multiple birth")),
        [("error", "element-path", at(0)), ("error", "differential-path", at(0)), UNPLACED],
    ),
    "no such element": (profile(e("Patient.nickname")), [("error", "differential-path", at(0)), UNPLACED]),
    "no such element inside a type": (profile(e("Patient.name.first")), [("error", "differential-path", at(0)), UNPLACED]),
    "not a type of the choice": (profile(e("Patient.deceasedInteger")), [("error", "differential-path", at(0)), UNPLACED]),
    "out of order": (profile(e("Patient.gender"), e("Patient.name")), [("error", "differential-path", at(0)), UNPLACED]),
    "out of order inside": (
        profile(e("Patient.contact.name"), e("Patient.contact.relationship")),
        [("error", "differential-path", at(0)), UNPLACED],
    ),
    "sliced root": (
        profile(e("Patient", **SLICED)),
        [("error", "slicing-root", at(0)), ("error", "discriminator", at(0, ".slicing.discriminator[0]"))],
    ),
    "slices of what is not sliced": (
        profile(e("Patient.identifier:a", sliceName="a"), e("Patient.identifier:b", sliceName="b")),
        [("warning", "slice-without-slicing", at(0)), ("error", "slice-without-slicing", at(1))],
    ),
    "fewer": (profile(e("Patient.link.type", min=0)), [("error", "cardinality", at(0))]),
    "more": (profile(e("Patient.gender", max="*")), [("error", "cardinality", at(0))]),
    "more than there can be": (profile(e("Patient.gender", min=2)), [("error", "cardinality", at(0))]),
    "another type of element": (profile(e("Patient.birthDate", type=[{"code": "dateTime"}])), [("error", "type", at(0, ".type[0]"))]),
    "another target": (
        profile(e("Patient.managingOrganization", type=[{"code": "Reference", "targetProfile": [CORE + "Patient"]}])),
        [("error", "target", at(0, ".type[0].targetProfile[0]"))],
    ),
    "target of a datatype": (
        profile(e("Patient.name", type=[{"code": "HumanName", "targetProfile": [CORE + "Patient"]}])),
        [("error", "target-type", at(0, ".type[0]"))],
    ),
    "profile of another type": (
        profile(e("Patient.name", type=[{"code": "HumanName", "profile": [CORE + "Address"]}])),
        [("error", "type-profile", at(0, ".type[0].profile[0]"))],
    ),
    "weaker binding": (profile(e("Patient.gender", binding={"strength": "preferred"})), [("error", "binding-strength", at(0))]),
    "binding of a date": (
        profile(e("Patient.birthDate", binding={"strength": "required", "valueSet": "http://example.org/vs"})),
        [("error", "binding-type", at(0))],
    ),
    "binding to a code system": (
        profile(e("Patient.gender", binding={"strength": "required", "valueSet": "http://terminology.hl7.org/CodeSystem/v3-ActCode"})),
        [("error", "binding-value-set", at(0, ".binding.valueSet"))],
    ),
    "length of a boolean": (profile(e("Patient.active", maxLength=3)), [("error", "limit-type", at(0))]),
    "least of a string": (profile(e("Patient.name.family", minValueInteger=3)), [("error", "limit-type", at(0))]),
    "pattern of another type": (
        profile(e("Patient.maritalStatus", patternCoding={"code": "M"})),
        [("error", "value-type", at(0, ".pattern.ofType(Coding)"))],
    ),
    "fixed value of another type": (profile(e("Patient.active", fixedCode="true")), [("error", "value-type", at(0, ".fixed.ofType(code)"))]),
    "invariant that can not be read": (
        profile(e("Patient.name", constraint=[{"key": "x-1", "severity": "error", "human": "x", "expression": "given.where("}])),
        [("error", "fhirpath", at(0, ".constraint[0]"))],
    ),
    "two invariants of one key": (
        profile(
            e("Patient.name", constraint=[{"key": "x-1", "expression": "given.exists()"}]),
            e("Patient.contact.name", constraint=[{"key": "x-1", "expression": "family.exists()"}]),
        ),
        [("error", "invariant-key", at(1, ".constraint[0]"))],
    ),
    "discriminator that leads nowhere": (
        profile(e("Patient.identifier", **discriminator("authority"))),
        [("error", "discriminator", at(0, ".slicing.discriminator[0]"))],
    ),
    "discriminator that computes": (
        profile(e("Patient.identifier", **discriminator("system.lower()"))),
        [("error", "discriminator", at(0, ".slicing.discriminator[0]"))],
    ),
    "type of the base": (profile(type="Patient", baseDefinition=CORE + "Group"), [("error", "type", "")]),
    "kind of the base": (profile(kind="complex-type"), [("error", "kind", "")]),
    "no derivation": (profile(derivation=None), [("error", "derivation", "")]),
    "a type to support in an element that is not": (
        profile(
            e("Patient"),
            e("Patient.name", type=[{"code": "HumanName", "extension": [{"url": SUPPORTED, "valueBoolean": True}]}]),
            view="snapshot",
        ),
        [("error", "must-support-type", at(1, ".type[0]", view="snapshot"))],
    ),
    "snapshot without types": (
        profile(e("Patient"), e("Patient.mother"), view="snapshot"),
        [("error", "snapshot-type", at(1, view="snapshot"))],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("resource", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(judge, resource, expected):
    assert judge({k: v for k, v in resource.items() if v is not None}) == expected


def extension(*elements, **rest):
    return profile(*elements, type="Extension", **{"kind": "complex-type", **rest})


FIXED = e("Extension.url", fixedUri=URL)
EXTENSIONS = {
    "no url": (extension(e("Extension", max="1")), [("error", "extension-url", "")]),
    "another url": (extension(e("Extension.url", fixedUri=URL + "/")), [("error", "extension-url", at(0))]),
    "fhirpath context": (
        extension(FIXED, context=[{"type": "fhirpath", "expression": "Patient.("}]),
        [("error", "fhirpath", "context[0].expression")],
    ),
    "context invariant": (extension(FIXED, contextInvariant=["a.b("]), [("error", "fhirpath", "contextInvariant[0]")]),
    "unknown context": (
        extension(FIXED, context=[{"type": "element", "expression": "Patient.mother"}]),
        [("warning", "extension-context", "context[0]")],
    ),
    "well": (
        extension(
            e("Extension.extension:a", sliceName="a"),
            e("Extension.extension:a.url", fixedUri="a"),
            e("Extension.extension:a.value[x]", type=[{"code": "string"}]),
            e("Extension.extension:b", sliceName="b"),
            FIXED,
            e("Extension.value[x]", max="0"),
            context=[
                {"type": "element", "expression": "Patient.contact"},
                {"type": "fhirpath", "expression": "Patient.name"},
            ],
        ),
        [],
    ),
    "abstract": (extension(e("Extension", max="1"), abstract=True), []),
}


@pytest.mark.parametrize(("resource", "expected"), EXTENSIONS.values(), ids=EXTENSIONS.keys())
def test_extensions(judge, resource, expected):
    assert judge(resource) == expected


ACCEPTED = {
    "narrowed": profile(
        e("Patient", short="x"),
        e("Patient.identifier", min=1, **SLICED),
        e("Patient.identifier:a", sliceName="a", min=0, max="1"),
        e("Patient.identifier:a.system", fixedUri="http://example.org/a", min=1),
        e("Patient.identifier:b", sliceName="b", min=0),
        e("Patient.name.family", maxLength=40),
        e(
            "Patient.gender",
            binding={"strength": "required", "valueSet": "http://hl7.org/fhir/ValueSet/administrative-gender"},
        ),
        e("Patient.deceasedBoolean", min=0, fixedBoolean=True),
        e("Patient.link.other", type=[{"code": "Reference", "targetProfile": [CORE + "Patient"]}]),
    ),
    "choices": profile(
        e("Observation.category", **discriminator("coding.code")),
        e("Observation.subject", **discriminator("resolve().birthDate")),
        e("Observation.value[x]", **discriminator("$this", "type")),
        e("Observation.value[x]:valueQuantity", sliceName="valueQuantity", type=[{"code": "Quantity"}]),
        e("Observation.value[x]:valueQuantity.code", patternCode="kg"),
        e("Observation.component.referenceRange.low.value", minValueDecimal=1.5),
        type="Observation",
    ),
    "through an entry": profile(
        e("Bundle.entry", **discriminator("resource", "type")),
        e("Bundle.entry:a", sliceName="a"),
        e("Bundle.entry:a.resource", type=[{"code": "Patient"}]),
        e("Bundle.entry:a.resource.name", min=1),
        type="Bundle",
    ),
    "extension in the discriminator": profile(
        e("Patient.contact", **discriminator(f"extension('{URL}').value.ofType(code)"))
    ),
    "a logical model": profile(
        {"id": "Visit", "path": "Visit"},
        {"id": "Visit.when", "path": "Visit.when", "type": [{"code": "dateTime"}]},
        type="http://example.org/fhir/StructureDefinition/Visit",
        kind="logical",
        derivation="specialization",
        baseDefinition=CORE + "Element",
    ),
    "damaged": profile(
        None, 3, {"id": 4, "path": {}, "type": [5], "slicing": {"discriminator": [6, {}]}, "constraint": {}}
    ),
}


@pytest.mark.parametrize("resource", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(judge, resource):
    assert [f for f in judge(resource) if f[0] == "error"] == []


def test_unknown_base_is_said(judge):
    resource = profile(e("Patient.nickname"), baseDefinition="http://example.org/fhir/StructureDefinition/elsewhere")
    assert judge(resource) == [("warning", "base", "baseDefinition")]


def test_constraint_on_a_profile_at_hand(judge):
    base = profile(e("Patient.name", min=1, mustSupport=True), url=URL + "-base")
    mine = profile(e("Patient.name", min=0, mustSupport=False), baseDefinition=URL + "-base")
    assert judge(mine, base) == [("error", "cardinality", at(0)), ("error", "must-support", at(0))]


def test_many_elements_in_linear_time(judge):
    slices = [e(f"Patient.identifier:s{n}", sliceName=f"s{n}") for n in range(4000)]
    assert judge(profile(e("Patient.identifier", **SLICED), *slices)) == []


def test_endless_paths_are_given_up(judge):
    path = "Patient" + ".contact" * 5000
    assert [f for f in judge(profile({"id": path, "path": path})) if f[0] == "error"] == []
