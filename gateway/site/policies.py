"""The policies of a site: the files of `policies/` merged into the one register that decisions read (conformance form: policyRegister)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.site.text import Place, Problem, Written

_FROM_SITE = (("home", "home"), ("timeZone", "zone"), ("nationalIdentifiers", "national-systems"))
Places = dict[Place, tuple[str, int]]


def merged(files: Iterable[Written], site: Written) -> tuple[Written, tuple[Problem, ...]]:
    """The register of all files, and what contradicts: lists follow each other, names join, a setting stands in one file only.

    `home`, `timeZone` and `nationalIdentifiers` come from site.yaml and must not say something else here.
    """
    value: dict[str, Any] = {}
    places: Places = {}
    problems: list[Problem] = []
    for written in files:
        if not isinstance(written.value, dict):
            problems.append(written.problem("A policy file holds names and values."))
            continue
        for name in written.value:
            problems += _join(value, places, written, name)
    problems += _settled(value, places, site)
    return Written("policies", value, places), tuple(problems)


def _join(value: dict[str, Any], places: Places, written: Written, name: str) -> list[Problem]:
    new, old = written.value[name], value.get(name)
    below = {place: where for place, where in written.places.items() if place[:1] == (name,)}
    if name not in value:
        value[name] = new
    elif isinstance(old, list) and isinstance(new, list):
        below = dict(_shifted(below, len(old)))
        value[name] = [*old, *new]
    elif isinstance(old, dict) and isinstance(new, dict):
        twice = [
            written.problem(f"{name}.{key} is already set by another file.", name, key) for key in new if key in old
        ]
        value[name] = {**old, **new}
        places.update({place: where for place, where in below.items() if len(place) > 1})
        return twice
    else:
        return [written.problem(f"{name} is already set by another file.", name)]
    places.update(below)
    return []


def _shifted(below: Places, by: int) -> Iterator[tuple[Place, tuple[str, int]]]:
    """The places of a list's rows when they follow `by` others; the list itself stays where it began."""
    for place, where in below.items():
        match place:
            case (name, int(number), *rest):
                yield (name, number + by, *rest), where


def _settled(value: dict[str, Any], places: Places, site: Written) -> list[Problem]:
    problems = []
    for name, setting in _FROM_SITE:
        if setting not in site.value:
            continue
        if name in value and value[name] != site.value[setting]:
            file, line = places[(name,)]
            problems.append(Problem(file, line, f"{name} differs from {setting} in site.yaml."))
        value[name] = site.value[setting]
    return problems


def register_problems(register: Written) -> tuple[Problem, ...]:
    """Rows that share an id, and report rules of a statute that takes none."""
    found: list[Problem] = []
    for part, rows in register.value.items():
        named = [row.get("id") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        found += [
            register.problem(f"{part}[{number}]: the id is already taken by another row.", part, number, "id")
            for number, name in enumerate(named)
            if name is not None and name in named[:number]
        ]
    takes = {row.get("id") for row in register.value.get("statutes", ()) if row.get("reportRules")}
    found += [
        register.problem(
            f"reportRules[{number}].statute: no such statute takes report rules.", "reportRules", number, "statute"
        )
        for number, row in enumerate(register.value.get("reportRules", ()))
        if row.get("statute") not in takes
    ]
    return tuple(found)
