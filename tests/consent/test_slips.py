"""What a slip of the pen in a site's policies is answered with, to the letter."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gateway.consent.policy import checked, checked_report_rules
from gateway.errors import Misconfigured
from tests.consent.conftest import ICD, LOINC, REGISTER

HANDLING = {"id": "h", "source": "test", "purposes": ["TREAT"], "type": "Patient", "path": "birthDate", "how": "year"}
CODING = {"system": ICD, "code": "A15"}
REPORT = {
    "id": "r",
    "source": "test",
    "statute": "REPORT",
    "type": "Condition",
    "class": 1,
    "deadline": "PT0S",
    "code": [CODING],
}


def register(**over: Any) -> dict[str, Any]:
    return {**copy.deepcopy(REGISTER), **over}


def places(value: Any, *name: str) -> tuple[str, ...]:
    with pytest.raises(Misconfigured) as refused:
        checked(value, *name)
    told: tuple[str, ...] = refused.value.positions
    assert refused.value.text == f"{name[0] if name else 'policies'}: " + "; ".join(told)
    return told


TWICE = {
    "securityLabelling": {"id": "x", "system": ICD, "codePrefix": ["B"], "add": ["R"], "source": "test"},
    "statutes": {**REGISTER["statutes"][0], "id": "x"},
    "prohibitions": {"id": "x", "purposes": ["HMARKT"], "source": "test"},
    "codeMaps": {"id": "x", "system": "urn:x", "code": "1", "to": {"system": LOINC, "code": "1"}, "source": "test"},
    "reportRules": {**REPORT, "id": "x", "statute": "X"},
    "handling": {**HANDLING, "id": "x"},
}


@pytest.mark.parametrize("part", TWICE)
def test_an_id_that_is_there_twice(part):
    rows = [TWICE[part], {**TWICE[part], "id": "y"}, TWICE[part]]
    more = {"statutes": [{**REGISTER["statutes"][0], "id": "X", "reportRules": True}]} if part == "reportRules" else {}
    assert places(register(**more, **{part: rows})) == (f"{part}[2].id: this id is there twice",)
    assert checked(register(**more, **{part: rows[:2]}))


def test_a_purpose_that_nobody_can_ask_for():
    wrong = ["TREAT", "UNHEARD"]
    said = ".purposes[1]: not a purpose of use that is known here"
    for part in ("statutes", "prohibitions", "handling"):
        row = {**TWICE[part], "purposes": wrong}
        assert places(register(**{part: [TWICE[part] | {"id": "y"}, row]})) == (f"{part}[1]{said}",)


def test_a_statute_that_is_not_there():
    said = "reportRules[0].statute: no statute of this register takes report rules under that id"
    assert places(register(reportRules=[REPORT])) == (said,)
    both = [HANDLING, {**HANDLING, "id": "i", "statutes": ["REPORT", "ORDRE"]}]
    assert places(register(handling=both)) == ("handling[1].statutes[1]: no statute of this register has that id",)
    assert places(register(handling=both, reportRules=[REPORT])) == (
        said,
        "handling[1].statutes[1]: no statute of this register has that id",
    )
    del both[1]["purposes"]
    both[1]["statutes"] = ["REPORT"]
    assert checked(register(handling=both))


def test_a_register_of_another_form():
    (said,) = places([])
    assert said.startswith("the file: [] is not of type")
    (said,) = places(register(ages={"ownConsentFrom": 14, "majority": "x" * 400}), "rules.yaml")
    assert said == "ages.majority: '" + "x" * 159
    first, second = places(register(ages={"ownConsentFrom": 14, "majority": "x"}, home=7))
    assert (first.partition(": ")[0], second.partition(": ")[0]) == ("ages.majority", "home")


def test_report_rules_of_another_form():
    with pytest.raises(Misconfigured) as refused:
        checked_report_rules([REPORT, REPORT])
    assert refused.value.text == "report-rules: reportRules[1].id: this id is there twice"
    with pytest.raises(Misconfigured) as refused:
        checked_report_rules({}, "r.yaml")  # type: ignore[arg-type]
    assert refused.value.text.startswith("r.yaml: the file: {} is not of type")
