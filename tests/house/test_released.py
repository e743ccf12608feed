"""Released, the only thing with other people's data that may leave, cannot be made, changed, stored or dressed up anywhere else."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from gateway.model.released import Echo, Notice, Released, take_maker
from gateway.stages import release as release_stage

_DECISION: Any = None


def made() -> Released:
    return release_stage._make(({"resourceType": "Patient", "id": "x"},), _DECISION, "somebody")


@pytest.mark.parametrize("seal", [None, object(), True, "seal", _DECISION])
def test_without_the_seal_there_is_none(seal: object) -> None:
    with pytest.raises(TypeError):
        Released(seal, (), _DECISION, "somebody")


def test_the_maker_is_taken_once_by_the_stage() -> None:
    with pytest.raises(TypeError):
        take_maker()


def test_it_has_no_subclasses() -> None:
    with pytest.raises(TypeError):
        type("Mine", (Released,), {})


@pytest.mark.parametrize(
    "act",
    [copy.copy, copy.deepcopy, pickle.dumps, lambda one: pickle.dumps(one, 0), lambda one: pickle.dumps({"a": [one]})],
)
def test_it_is_never_copied_or_stored(act: Any) -> None:
    with pytest.raises(TypeError):
        act(made())


@pytest.mark.parametrize("name", ["resources", "decision", "recipient", "more"])
def test_it_is_not_changed(name: str) -> None:
    with pytest.raises(TypeError):
        setattr(made(), name, ())


def test_an_instance_made_around_the_constructor_carries_nothing() -> None:
    bare = Released.__new__(Released)
    with pytest.raises(AttributeError):
        _ = bare.resources


@pytest.mark.parametrize("kind", [Notice, Echo])
def test_the_harmless_kinds_are_no_released(kind: type) -> None:
    assert not issubclass(kind, Released)
