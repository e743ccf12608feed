"""What a stranger may write: no expression runs for long, grows without bound, or ends in anything but a refusal."""

from __future__ import annotations

import pytest

from gateway.definitions.library import core
from gateway.fhirpath import Compiler, Environment, Node, NotCompiled, NotEvaluated
from gateway.fhirpath.failures import TooCostly
from tests.effort import bounded

COMPILER = Compiler(core())
WIDE = {"resourceType": "Patient", "name": [{"family": str(i), "given": ["a", "b"]} for i in range(3000)]}


def deep(levels):
    item = {"linkId": "0"}
    for level in range(levels):
        item = {"linkId": str(level), "item": [item, {"linkId": "x"}]}
    return {"resourceType": "Questionnaire", "item": [item]}


def run(text, value=WIDE, **more):
    node = Node(value, value["resourceType"])
    return COMPILER.compile(text, node.type).evaluate(node, Environment(node, **more))


@pytest.mark.parametrize(
    "text",
    [
        "(1).repeat($this + 1)",
        "(1).repeat($this + 1 | $this + 2)",
        "('a').repeat($this + 'a')",
        "name.select(%resource.name.select(family & $index.toString()))",
        "name.where(%resource.name.where(family = '1').where(%resource.descendants().count() > $index).exists())",
        "name.select(%context.descendants().where($this = %context).count() + $index)",
        "name.aggregate($total.combine($total).combine(1), 1)",
        "name.aggregate($total + $total, 'aaaaaaaaaaaaaaaa')",
        "name.aggregate($total.replace('a', 'aaaa'), 'a')",
        "name.aggregate($total.replaceMatches('a', 'aaaa'), 'a')",
        "name.aggregate($total.replaceMatches('a+', '$0$0'), 'a')",
        "name.aggregate($total.encode('hex'), 'a')",
        "name.aggregate($total & ',' & $total, 'a')",
        "name.aggregate($total.combine(family).join(), 'aaaaaaaaaaaaaaa').length() + " + "name.family.join(name.family.join(name.family.join()))",
        "descendants().select(descendants().select(%context.descendants()))",
        "name.where(%context.name.exists(given.exists(%context.name.exists(family = 'none'))))",
        "name.all(%context.name.all(%context.name.all(family.exists())))",
        "name.repeat(%context.name | %context.name.given)" + ".select(%context.name)" * 5,
        "name.union(name)" * 1 + ".select($this | %context.name)" * 10,
    ],
)  # fmt: skip
def test_it_stops_when_the_budget_is_used_up(text):
    with bounded(200):
        with pytest.raises(TooCostly) as raised:
            run(text)
        assert raised.value.too_costly


@pytest.mark.parametrize(
    "text",
    [
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('(a+)+$')",
        "'" + "a" * 9000 + "!'.matches('^(a|a)*$')",
        "'" + "a" * 9000 + "'.replaceMatches('(a*)*', 'b').length() > 0",
        "2.power(1000000000)",
        "1.5.power(1000000000)",
        "0.5.power(1000000000.5)",
        "99999999999999999999.9.power(999999)",
        "1000000000.exp()",
        "2147483647 * 2147483647 * 2147483647",
        "1.1 * " + " * ".join(["99999999999999999999.9"] * 200),
        "1.5.round(2147483647)",
        "1.5.highBoundary(2147483647)",
        "'9'.toInteger().power(99).power(99)",
        "@2012 + 99999999999999999999999999 years",
        "'" + "1" * 5000 + "'.toInteger()",
        "'" + "1" * 5000 + "'.toDecimal()",
        "name.family.isDistinct()",
        "descendants().count()",
        " | ".join(f"'{n}'" for n in range(2000)),
        " or ".join(["name.family = 'x'"] * 50),
        " and ".join(["active"] * 900),
        "'a'" + " & 'a'" * 3000,
        "1" + " + 1" * 3000,
    ],
)
def test_it_ends_soon(text):
    with bounded(100):
        try:
            run(text)
        except (NotEvaluated, NotCompiled) as error:
            assert error.text


@pytest.mark.parametrize(
    "text",
    [
        "(" * 400 + "1" + ")" * 400,
        "-" * 400 + "1",
        "name" + ".first()" * 400,
        "name" + "[0]" * 400,
        "name.where(" * 200 + "true" + ")" * 200,
        "not(" * 400 + ")" * 400,
        "iif(true, " * 300 + "1" + ", 2)" * 300,
        "1 is Integer" + " is Boolean" * 400,
        "true implies " * 400 + "true",
        "1 - " * 400 + "1",
        "{" * 400,
        "(" * 19_000,
        "'" * 19_999,
        "/*" * 9000,
        "a" * 20_001,
        "1" * 200,
        "`" + "\\" * 9000,
        "%" * 5000,
        "@" * 5000,
        "'a'.matches('" + "(a" * 2000 + "')",
        "'a'.matches('((((a{1,1000}){1,1000}){1,1000}){1,1000})')",
        "'a'.matches('" + "a" * 5000 + "')",
    ],
)
def test_it_is_not_taken(text):
    with bounded(100), pytest.raises(NotCompiled):
        COMPILER.compile(text, "Patient")


def test_a_budget_is_what_the_environment_says():
    assert run("name.count()", steps=10_000) == [3000]
    with pytest.raises(TooCostly):
        run("name.count()", steps=2000)


def test_deep_documents_are_walked_without_recursion():
    value = deep(60)
    assert run("descendants().linkId.count()", value) == [121]
    assert run("repeat(item).count()", value)[0] > 60


def test_many_expressions_are_not_kept_for_ever():
    compiler = Compiler(core())
    for number in range(10_050):
        compiler.compile(f"{number} = 1")
    assert len(compiler._kept) <= 10_000
    assert len(compiler._syntax) <= 10_000


def test_many_types_are_not_kept_for_ever():
    compiler = Compiler(core())
    for number in range(5100):
        compiler.compile("a", f"Type{number}")
    assert len(compiler.model._types) <= 5000
