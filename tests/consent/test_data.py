"""The data files keep their own rules: rows say what they are and where they come from, and name only what exists."""

from __future__ import annotations

import pytest

from gateway.consent.codes import codes
from gateway.consent.shapes import shapes
from gateway.data import data_path
from gateway.model.wire import read_json


@pytest.mark.parametrize("name", ["codes.json", "item-elements.json"])
def test_every_row_has_an_id_of_its_own_and_a_source(name):
    for part, rows in read_json(data_path("validators", "policies", name).read_bytes()).items():
        if isinstance(rows, list) and rows and isinstance(rows[0], dict):
            assert all(row.get("id") and row.get("source") for row in rows), part
            assert len({row["id"] for row in rows}) == len(rows), part


def test_codes_refer_to_codes():
    table = codes()
    assert table.purposes["BTG"] == {"BTG", "ETREAT", "TREAT"}
    assert table.purposes["ELIGVER"] == {"ELIGVER", "COVERAGE", "HPAYMT"}
    assert table.within("OPIOIDUD") == {"OPIOIDUD", "ETH"}
    assert table.within("UNHEARD") == {"UNHEARD"}
    named = [purpose for group in table.purpose_classes.values() for purpose in group]
    named += [purpose for policy in table.implicit.values() for purpose in policy.get("purposes", ())]
    assert set(named) <= table.purposes.keys()
    duties = {duty for row in table.duties for duty in row["add"]}
    assert duties <= table.duty_codes.keys()


def test_what_is_structural_is_no_prose():
    for shape in shapes().types.values():
        assert not shape.structural & shape.prose_apart
