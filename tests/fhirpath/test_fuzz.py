"""Expressions put together at random: they give a collection or a refusal, in little time; typed, untyped and as invariants the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gateway.definitions.library import core
from gateway.fhirpath import Compiler, Environment, Node, NotCompiled, NotEvaluated
from gateway.fhirpath.functions import FUNCTIONS
from gateway.model.wire import read_json
from tests.effort import bounded

COMPILER = Compiler(core())
SUBJECTS = read_json((Path(__file__).parent / "cases" / "subjects.json").read_bytes())
ATOMS = (
    "1", "0", "-3", "2147483647", "1.50", "99999999999999999999999999999999999999999999999999999.9", "'a'", "''", "'2020-01'", "true", "false",
    "{}", "@2020", "@2020-02-29", "@2020-01-01T10:00:00+09:00", "@T10:30", "3 days", "1 year", "4.5 'mg'", "$this", "$index", "$total",
    "%resource", "%context", "%ucum", "name", "name.given", "birthDate", "active", "extension", "extension.value", "value", "component",
    "code.coding", "status", "item", "entry.resource", "parameter.value", "contained", "deceased", "id", "(1 | 2 | 3)", "('a' | 'b')",
)  # fmt: skip
SIGNS = (
    "and", "or", "xor", "implies", "=", "!=", "~", "!~", "<", "<=", ">", ">=", "+", "-", "*", "/", "div", "mod", "&", "|", "in", "contains",
)  # fmt: skip
TYPES = ("Patient", "string", "Integer", "FHIR.Quantity", "System.Date", "Resource", "Coding", "boolean")


def made(chance, depth):
    pick = chance.random()
    if depth == 0 or pick < 0.15:
        return chance.choice(ATOMS)
    if pick < 0.4:
        return f"({made(chance, depth - 1)} {chance.choice(SIGNS)} {made(chance, depth - 1)})"
    if pick < 0.45:
        return f"({made(chance, depth - 1)} {chance.choice(('is', 'as'))} {chance.choice(TYPES)})"
    if pick < 0.5:
        return f"{made(chance, depth - 1)}[{made(chance, depth - 1)}]"
    return called(chance, depth)


def called(chance, depth):
    name = chance.choice(sorted(FUNCTIONS))
    source = made(chance, depth - 1)
    if name in ("is", "as", "ofType"):
        return f"{source}.{name}({chance.choice(TYPES)})"
    function = FUNCTIONS[name]
    count = chance.randint(function.least, min(function.most, 3))
    return f"{source}.{name}({', '.join(made(chance, depth - 1) for _ in range(count))})"


def outcome(text, node, context):
    try:
        return len(COMPILER.compile(text, context).evaluate(node, Environment(node, steps=20_000)))
    except (NotCompiled, NotEvaluated) as error:
        return "too costly" if getattr(error, "too_costly", False) else type(error).__name__


@pytest.mark.parametrize("seed", range(40))
def test_any_expression_gives_a_collection_or_a_refusal(seed):
    chance = random.Random(seed)
    for _ in range(50):
        text = made(chance, 4)
        value = SUBJECTS[chance.choice(sorted(SUBJECTS))]
        node = Node(value, value["resourceType"])
        with bounded(200):
            typed, untyped = outcome(text, node, node.type), outcome(text, node, "")
        assert typed == untyped, text
        try:
            assert COMPILER.compile(text, node.type).holds(node, Environment(node, steps=20_000)) in (True, False)
        except (NotCompiled, NotEvaluated) as error:
            assert error.text


@pytest.mark.parametrize("seed", range(10))
def test_any_text_is_read_or_refused(seed):
    chance = random.Random(seed)
    signs = "abé한 '\"`\\/.()[]{}<>=!~|&+-*%@$0123456789T:Z,\n\t#;^?\x00\U0001f600"
    for _ in range(300):
        text = "".join(chance.choice(signs) for _ in range(chance.randint(0, 40)))
        try:
            COMPILER.compile(text, "Patient")
        except NotCompiled as error:
            assert error.text


@pytest.mark.parametrize("seed", range(10))
def test_without_its_triggers_any_expression_holds(seed):
    chance = random.Random(1000 + seed)
    for _ in range(50):
        text = made(chance, 3)
        value = SUBJECTS[chance.choice(sorted(SUBJECTS))]
        context = value["resourceType"]
        try:
            expression = COMPILER.compile(text, context)
        except NotCompiled:
            continue
        if expression.triggers is not None:
            node = Node({key: one for key, one in value.items() if key not in expression.triggers}, context)
            assert expression.holds(node, Environment(node)), text
