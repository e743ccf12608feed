"""Faults as data: a valid document, one change that breaks one rule, and where that must be said (`cases/*.yaml`).

A file holds `bases` (valid documents by name), `resources` (definitions its cases need) and `cases`. A case names its base, the
`profiles` to check against and one change: `set` and `append` map a path (`name[0].given[1]`) to a value, `drop` lists paths,
`document` replaces everything, `text` is sent as it stands. `at` is the place or the places that may be named, `also` what may be
named beside it, `twins` are changes of the same kind that break nothing. `fits: false` says that the base does not keep the profiles
either, `severity: warning` that a warning is enough.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FOLDER = Path(__file__).parent / "cases"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STEP = re.compile(r"([^.\[\]]+)((?:\[\d+\])*)")
Document = dict[str, Any]
Sent = Document | bytes


@dataclass(frozen=True, slots=True)
class Case:
    """One fault: `sheet` is its file, `document` holds the fault, `twins` do not; the rest as in the file."""

    sheet: str
    name: str
    document: Sent
    profiles: Sequence[str]
    at: Sequence[str]
    also: Sequence[str]
    severity: str
    twins: Sequence[Sent]

    @property
    def id(self) -> str:
        """`slicing/closed`: unique among all cases."""
        return f"{self.sheet}/{self.name}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file of cases; `base_profiles` are what each base must keep: its cases' profiles."""

    name: str
    resources: Sequence[Mapping[str, Any]]
    bases: Mapping[str, Document]
    cases: Sequence[Case]
    base_profiles: Mapping[str, frozenset[str]]


@cache
def sheets() -> tuple[Sheet, ...]:
    """Every file, in the order of their names."""
    shared = _read(_FOLDER / "bases.yaml")["bases"]
    return tuple(_sheet(path, shared) for path in sorted(_FOLDER.glob("*.yaml")) if path.stem != "bases")


def cases() -> Iterator[Case]:
    """Every case of every file."""
    return (case for sheet in sheets() for case in sheet.cases)


def _sheet(path: Path, shared: Mapping[str, Document]) -> Sheet:
    read = _read(path)
    bases = {**shared, **read.get("bases", {})}
    made = [_case(path.stem, row, bases) for row in read["cases"]]
    used: dict[str, frozenset[str]] = {}
    for row in read["cases"]:
        if name := row.get("base"):
            used[name] = used.get(name, frozenset()) | frozenset(
                row.get("profiles", ()) if row.get("fits", True) else ()
            )
    return Sheet(path.stem, read.get("resources", []), bases, made, used)


def _case(sheet: str, row: Mapping[str, Any], bases: Mapping[str, Document]) -> Case:
    base = bases[row["base"]] if "base" in row else {}
    return Case(
        sheet=sheet,
        name=row["id"],
        document=changed(base, row),
        profiles=row.get("profiles", ()),
        at=_listed(row["at"]),
        also=_listed(row.get("also", ())),
        severity=row.get("severity", "error"),
        twins=[changed(base, twin) for twin in row.get("twins", ())],
    )


def changed(base: Document, change: Mapping[str, Any]) -> Sent:
    """A copy of the base with a change made in it, or what is to be sent as it is."""
    if "text" in change:
        return str(change["text"]).encode()
    if "document" in change:
        return copy.deepcopy(dict(change["document"]))
    made = copy.deepcopy(base)
    for path, value in change.get("set", {}).items():
        holder, key = _spot(made, path)
        holder[key] = copy.deepcopy(value)
    for path, value in change.get("append", {}).items():
        holder, key = _spot(made, path)
        if isinstance(holder, dict):
            holder.setdefault(key, [])
        holder[key].append(copy.deepcopy(value))
    for path in _listed(change.get("drop", ())):
        holder, key = _spot(made, path)
        del holder[key]
    return made


def _spot(document: Document, path: str) -> tuple[Any, Any]:
    """What holds the end of a path, and the last key or index."""
    steps: list[str | int] = []
    for name, places in _STEP.findall(path):
        steps += [name, *(int(place) for place in re.findall(r"\d+", places))]
    holder: Any = document
    for step in steps[:-1]:
        holder = holder[step]
    return holder, steps[-1]


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _read(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), Loader=_LOADER)
