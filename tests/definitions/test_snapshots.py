"""Snapshots made from differentials are what the official publisher makes of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.definitions.archive import members
from gateway.definitions.build import package_of, pinned
from gateway.definitions.facts import structure_facts
from gateway.definitions.library import library
from gateway.definitions.package import opened
from gateway.definitions.structure import Element, structure_from
from gateway.model.wire import read_json
from tests.definitions.test_build import wheel

PACKAGES = Path(__file__).resolve().parents[3] / "shared" / "packages"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaireresponse"
ABSENT = {"us-core-questionnaireresponse": SDC}  # profiles whose base is in a package that is not at hand


def definitions(name: str) -> list[Mapping[str, Any]]:
    path = PACKAGES / name
    if not path.is_file():
        pytest.skip("the package is not at hand")
    shelf = opened(path).shelf
    return [raw for file, raw in shelf.each() if raw["resourceType"] == "StructureDefinition"]


def compared(element: Element) -> tuple[Any, ...]:
    """What must be the same in an official snapshot."""
    types = sorted((t.code, t.profiles, t.targets, t.aggregation) for t in element.types)
    rules = sorted((i.key, i.severity, i.expression) for i in element.invariants)
    limits = (element.fixed, element.pattern, element.min_value, element.max_value, element.max_length)
    place = (element.path, element.min, element.max, element.base_path, element.base_max, element.slice_name)
    return (
        *place,
        types,
        rules,
        *limits,
        element.binding,
        element.slicing,
        element.content_reference,
        element.must_support,
    )


@pytest.mark.parametrize("package", ["hl7.fhir.us.core-6.1.0.tgz", "hl7.fhir.uv.ips-1.1.0.tgz"])
def test_every_element_of_every_profile(package):
    official = definitions(package)
    stripped = library([{k: v for k, v in raw.items() if k != "snapshot"} for raw in official])
    wrong = []
    for raw in official:
        wanted, made = structure_from(structure_facts(raw)), stripped.structure(raw["url"])
        assert made is not None
        assert made.missing == ((ABSENT[raw["id"]],) if raw["id"] in ABSENT else ())
        if raw["id"] in ABSENT:
            continue
        assert [e.id for e in made.elements] == [e.id for e in wanted.elements]
        pairs = zip(wanted.elements, made.elements, strict=True)
        wrong += [(raw["id"], w.id) for w, m in pairs if compared(w) != compared(m)]
    assert wrong == []


DEFECTIVE = {  # official snapshots of R4 core that leave out elements, or refer to a slice that is not there
    "catalog", "elementdefinition-de", "familymemberhistory-genetic", "provenance-relevant-history",
}  # fmt: skip
CLINICAL_DOCUMENT = "Composition.extension:versionNumber"  # the extension says 0..1, the official snapshot 0..*


def older(element: Element) -> bool:
    """What publishers did otherwise in 2019: ids of resources are strings there, a choice with one typed slice is closed."""
    typed = element.slicing is not None and element.slicing.discriminators == (("type", "$this"),)
    return typed or (element.id.count(".") == 1 and element.name == "id") or element.id == CLINICAL_DOCUMENT


@pytest.mark.long
def test_every_constraint_profile_of_r4_core(tmp_path):
    package = package_of(wheel(tmp_path), pinned())
    raws = [read_json(body) for name, body in members(package) if name.startswith("StructureDefinition-")]
    official = [raw for raw in raws if raw.get("derivation") == "constraint" and "snapshot" in raw]
    stripped = library([{k: v for k, v in raw.items() if k != "snapshot"} for raw in official])
    wrong, compared_elements = [], 0
    for raw in official:
        if raw["id"] in DEFECTIVE:
            continue
        wanted, made = structure_from(structure_facts(raw)), stripped.structure(raw["url"])
        assert [e.id for e in made.elements] == [e.id for e in wanted.elements], raw["id"]
        pairs = [(w, m) for w, m in zip(wanted.elements, made.elements, strict=True) if not older(w)]
        compared_elements += len(pairs)
        wrong += [(raw["id"], w.id) for w, m in pairs if compared(w) != compared(m)]
    assert wrong == []
    assert compared_elements > 4_500
