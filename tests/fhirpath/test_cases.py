"""Every chapter of FHIRPath as data (cases/): what is true, false or empty, what it gives, what fails, what is not taken."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from gateway.definitions.library import core
from gateway.fhirpath import Compiler, Environment, Node, NotCompiled, NotEvaluated, Quantity
from gateway.fhirpath.times import Moment
from gateway.fhirpath.values import system
from gateway.model.wire import read_json

CASES = Path(__file__).parent / "cases"
SUBJECTS = read_json((CASES / "subjects.json").read_bytes())
COMPILER = Compiler(core())
ANSWERS = {"holds": [True], "denied": [False], "nothing": []}


class Masses:
    """UCUM enough for the cases."""

    known = {
        "mg": (Decimal(1), "g"),
        "g": (Decimal(1000), "g"),
        "kg": (Decimal(1_000_000), "g"),
        "s": (Decimal(1), "s"),
    }

    def canonical(self, value, code):
        factor = self.known.get(code)
        return None if factor is None else (value * factor[0], factor[1])


def environment(node):
    contained = {f"#{one['id']}": one for one in node.value.get("contained", ())}

    def resolved(reference):
        found = contained.get(reference)
        return None if found is None else Node(found, found["resourceType"])

    def told(_node, url):
        return {"in": True, "out": False}.get(url.rsplit("/", 1)[-1])

    return Environment(
        resource=node,
        variables={"given": 7, "several": [1, 2], "listed": []},
        resolve=resolved,
        member_of=told,
        conforms_to=told,
        subsumes=lambda one, other: one.value == other.value,
        html=lambda div: div.startswith("<div"),
        units=Masses(),
        now=datetime.fromisoformat("2024-05-06T07:08:09.123+09:00"),
    )


def rows():
    for path in sorted(CASES.glob("*.yaml")):
        for block in yaml.safe_load_all(path.read_text("utf-8")):
            for word, answer in ANSWERS.items():
                yield from ((path.stem, block["subject"], text, answer) for text in block.get(word, ()))
            yield from ((path.stem, block["subject"], text, answer) for text, answer in block.get("gives", {}).items())
            yield from ((path.stem, block["subject"], text, NotEvaluated) for text in block.get("fails", ()))
            yield from ((path.stem, block["subject"], text, NotCompiled) for text in block.get("refused", ()))


def shown(item):
    value = system(item)
    if isinstance(value, Node):
        return value.value
    if isinstance(value, Moment):
        return item.value if isinstance(item, Node) else f"@{'T' if type(value).__name__ == 'Time' else ''}{value}"
    if isinstance(value, Quantity):
        return f"q: {value}"
    return value


def agrees(found, wanted):
    if isinstance(wanted, str) and wanted.startswith("d: "):
        return isinstance(found, Decimal) and str(found) == wanted.removeprefix("d: ")
    if isinstance(found, Decimal):
        return isinstance(wanted, float) and found == Decimal(str(wanted))
    return type(found) is type(wanted) and found == wanted


@pytest.mark.parametrize("typed", [True, False], ids=["typed", "untyped"])
@pytest.mark.parametrize(("chapter", "subject", "text", "answer"), list(rows()))
def test_case(chapter, subject, text, answer, typed):
    value = SUBJECTS[subject]
    node = Node(value, value["resourceType"])
    if isinstance(answer, list):
        found = COMPILER.compile(text, node.type if typed else "").evaluate(node, environment(node))
        found = [shown(item) for item in found]
        assert len(found) == len(answer), found
        assert all(agrees(one, other) for one, other in zip(found, answer, strict=True)), found
    else:
        with pytest.raises(answer):
            COMPILER.compile(text, node.type if typed else "").evaluate(node, environment(node))


def _lenient(text):
    """Where an invariant is judged less strictly than a value is given: tests of no text, primitives of FHIR by their System name, one
    type of a choice by its JSON key."""
    words = ("With(", "contains(", "matches(", " is Boolean", "valueQuantity", "multipleBirthInteger")
    return any(word in text for word in words)


@pytest.mark.parametrize(("chapter", "subject", "text", "answer"), [row for row in rows() if isinstance(row[3], list)])
def test_an_invariant_holds_as_its_value_says(chapter, subject, text, answer):
    value = SUBJECTS[subject]
    node = Node(value, value["resourceType"])
    expression = COMPILER.compile(text, node.type)
    if answer in ANSWERS.values() and not _lenient(text):
        assert expression.holds(node, environment(node)) is (answer == [True])


@pytest.mark.parametrize(("chapter", "subject", "text", "answer"), [row for row in rows() if isinstance(row[3], list)])
def test_inside_a_loop_it_is_the_same(chapter, subject, text, answer):
    value = SUBJECTS[subject]
    node = Node(value, value["resourceType"])
    if any(word in text for word in ("$", "//", "%context")):
        return
    found = COMPILER.compile(f"(0 | 1).where($this = 1).select(%resource.select({text}))", node.type)
    assert len(found.evaluate(node, environment(node))) == len(answer)


def test_an_invariant_may_name_one_type_of_a_choice_by_its_json_key():
    node = Node({"resourceType": "Observation", "valueString": "a"}, "Observation")
    assert COMPILER.compile("valueString.exists() and valueInteger.empty()", "Observation").holds(
        node, environment(node)
    )
    assert COMPILER.compile("valueString", "Observation").evaluate(node, environment(node)) == []
