"""Mounts the doors of every plug-in: `gateway/standards/<name>/doors.py`, where there is one."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from gateway.model.door import Door
from gateway.standards import standards


def plugged_doors() -> tuple[Door, ...]:
    """The doors of all standards, in the order of their names."""
    found: list[Door] = []
    for name in standards():
        module = f"gateway.standards.{name}.doors"
        if find_spec(module) is not None:
            found.extend(import_module(module).DOORS)
    return tuple(found)
