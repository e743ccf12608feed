"""A resource with its rules of content, with what else is at hand."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.definitions.library import library
from gateway.fhirpath import Compiler, Environment
from gateway.terminology.membership import Terminology
from gateway.validating.structure.content import CONTENT
from gateway.validating.structure.scope import Scope, Tools

Judge = Callable[..., list[tuple[str, str, str]]]


def _environment(scope: Scope) -> Environment:
    return Environment(resource=scope.node, root=scope.node)


def _clock() -> Any:
    raise AssertionError("no rule of content asks for the time")


@pytest.fixture(scope="session")
def judge() -> Judge:
    """(severity, rule, expression) of every finding about a resource, when `others` are loaded beside it."""

    def judged(resource: dict[str, Any], *others: dict[str, Any]) -> list[tuple[str, str, str]]:
        at_hand = library(others)
        tools = Tools(at_hand, Terminology(at_hand), Compiler(at_hand), None, _environment, _clock)  # type: ignore[arg-type]
        scope = Scope(resource, tools)
        found = [f for check in CONTENT[resource["resourceType"]] for f in check(resource, scope)]
        return [(f.severity, f.rule, f.expression) for f in found]

    return judged
