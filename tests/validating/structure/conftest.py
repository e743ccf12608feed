"""Scopes to judge in: a resource with everything a Validator has at hand."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gateway.validating import Validator
from gateway.validating.structure.scope import Scope

Scoped = Callable[..., Scope]


@pytest.fixture(scope="session")
def scoped() -> Scoped:
    """The scope of a resource, when `others` are loaded beside it."""
    plain = Validator()

    def made(resource: Mapping[str, Any], *others: Mapping[str, Any]) -> Scope:
        tools = Validator(resources=others)._tools if others else plain._tools
        return Scope(resource, tools)

    return made


@pytest.fixture(scope="session")
def scope(scoped: Scoped) -> Scope:
    """That of an empty Patient, for rules that do not look at it."""
    return scoped({"resourceType": "Patient"})
