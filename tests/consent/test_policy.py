"""A site's register is refused at load time when something in it would silently never match or is missing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gateway.consent.policy import checked
from gateway.errors import Misconfigured

RULE = {
    "id": "r",
    "source": "test",
    "statute": "REPORT",
    "type": "Condition",
    "class": 1,
    "deadline": "PT0S",
    "code": [{"system": "urn:x", "code": "1"}],
}


def _set(path: str, value: Any) -> Callable[[Any], None]:
    def change(register: Any) -> None:
        *way, last = path.split("/")
        for step in way:
            register = register[int(step) if step.isdigit() else step]
        if value is ...:
            del register[last]
        else:
            register[int(last) if last.isdigit() else last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("home", ..., "home"),
        ("permitWithoutLabelCovers", "V", "permitWithoutLabelCovers"),
        ("unclassified", [], "unclassified"),
        ("unclassified", ["N"], "unclassified"),
        ("classifedSystems", [], "classifedSystems"),
        ("ages/majority", "nineteen", "ages.majority"),
        ("statutes/0/source", ..., "statutes[0]"),
        ("statutes/0/purposes", ["PUBLICHEALTH"], "statutes[0].purposes[0]"),
        ("statutes/1/id", "REPORT", "statutes[1].id"),
        ("statutes/0/codeSystem", ..., "statutes[0]"),
        ("securityLabelling/0/add", [], "securityLabelling[0].add"),
        ("prohibitions/1/purposes", [], "prohibitions[1].purposes"),
        ("reportRules", [RULE], "reportRules[0].statute"),
        ("reportRules", [{"id": "r"}], "reportRules[0]"),
    ],
)
def test_refused_with_the_place(world, path, value, place):
    register = copy.deepcopy(world.register)
    _set(path, value)(register)
    with pytest.raises(Misconfigured) as caught:
        checked(register, "policies.yaml")
    assert caught.value.text.startswith("policies.yaml: ")
    assert any(place in position for position in caught.value.positions)


def test_sound(world):
    register = copy.deepcopy(world.register)
    assert checked(register) is register
    register["statutes"][0]["reportRules"] = True
    assert checked(register | {"reportRules": [RULE], "nationalIdentifiers": ["urn:rrn"]})
