"""The maps that are shipped: sound against their schema, compiled, and the tests beside their rows."""

import pytest

from gateway.data import data_path
from gateway.mapping import compiler
from gateway.mapping.check import cases, problems, tried
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
