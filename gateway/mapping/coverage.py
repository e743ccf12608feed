"""What maps cover: per segment and datatype the positions with a rule, left out with a reason, and without either.

Compared with the official rows of HL7's v2-to-FHIR guide when its folder is given (the CSV files of `mappings/segments` and
`mappings/datatypes`), else with the fields that the grammar of HL7 v2.8.2 knows.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gateway.errors import Misconfigured
from gateway.mapping.load import Library
from gateway.mapping.readings import Reading, fields, is_top, readings, types

State = Literal["rule", "ignored", "none"]
_NAME = re.compile(r"_ ?(?P<name>[A-Z][A-Z0-9]{1,2}(?:\[[^\]]*\])?) ")
_TOP = re.compile(r"[-.]")
_POSITION = re.compile(r"[A-Z][A-Z0-9]{1,2}[-.][0-9]+(?:\.[0-9]+)*")
FAMILY = {
    "CE": "CWE",
    "CF": "CWE",
    "CNE": "CWE",
    "IS": "CWE",
    "ID": "CWE",
    "CNN": "XCN",
}  # the same components (v2.8.2, 2A.2)
PARTS = {
    "XPN.1": "FN",
    "XCN.2": "FN",
    "XAD.1": "SAD",
    "XPN.10": "DR",
    "TQ.2": "RI",
    "NDL.1": "CNN",
}  # components that are datatypes of their own (v2.8.2, 2A.2)
SINGLE: Mapping[str, frozenset[str]] = {
    "DTM": frozenset({"date", "dateTime", "instant"}),
    "TS": frozenset({"date", "dateTime", "instant"}),
    "NM": frozenset({"decimal", "integer", "positiveInt"}),
    "FT": frozenset({"whole", "linesAsBase64"}),
}  # datatypes of one text, and the types of rows that read it
IDENTIFIER, NAME, ATTRIBUTE = 1, 2, 9  # columns of the guide's sheets


@dataclass(frozen=True, slots=True)
class Covered:
    """One position: what stands there, what it becomes by the guide ("" without one), how it fares here, by which rules or why."""

    of: str
    position: str
    name: str
    wanted: str
    state: State
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A position that is to be covered: of a segment, a datatype, or a sheet of the guide."""

    of: str
    position: str
    name: str
    wanted: str = ""


def coverage(library: Library, guide: Path | None = None) -> tuple[Covered, ...]:
    """Every row of the guide that has a target, or every field of the segments that our maps know. Raises Misconfigured."""
    found = readings(library)
    index = _index(found)
    rows = official(guide) if guide is not None else _ours(found)
    return tuple(_covered(row, index) for row in rows)


def summary(covered: Iterable[Covered]) -> Mapping[str, Mapping[State, int]]:
    """Per segment, datatype or sheet: how many positions there are of each kind."""
    made: dict[str, dict[State, int]] = {}
    for one in covered:
        counts = made.setdefault(one.of, {"rule": 0, "ignored": 0, "none": 0})
        counts[one.state] += 1
    return made


def _index(found: Sequence[Reading]) -> Mapping[str, Sequence[Reading]]:
    """By segment or datatype, only what writes or leaves out; what is read of a field counts for its datatype, too."""
    made: dict[str, list[Reading]] = {}
    for one in found:
        if one.role in ("value", "use", "ignored"):
            for position in (one.position, *_typed(one)):
                made.setdefault(_TOP.split(position)[0], []).append(replace(one, position=position))
    return made


def _typed(one: Reading) -> Iterator[str]:
    """`PID-20.2` is `DLN.2` as well, `XPN.1.1` is `FN.1`; a time read as dateTime is a `DTM`."""
    field, _, rest = one.position.partition(".")
    if kind := types(field.partition("-")[0]).get(field, ""):
        yield f"{kind}.{rest}" if rest else kind
    for part, kind in PARTS.items():
        if one.position == part or one.position.startswith(f"{part}."):
            yield kind + one.position.removeprefix(part)
    if one.role == "value":
        yield from (name for name, kinds in SINGLE.items() if one.kind in kinds)


def _covered(row: Row, index: Mapping[str, Sequence[Reading]]) -> Covered:
    of = _TOP.split(row.position)[0]
    own = of if of in index else FAMILY.get(of, of)
    position = own + row.position.removeprefix(of)
    here = [one for one in index.get(own, ()) if one.covers(position)]
    rules = tuple(dict.fromkeys(one.chain[0] if one.chain else one.rule for one in here if one.role != "ignored"))
    whole = [one for one in here if one.role == "ignored" and not one.when and position.startswith(one.position)]
    state: State = "rule" if rules else "ignored" if whole else "none"
    return Covered(row.of, row.position, row.name, row.wanted, state, rules or tuple(one.because for one in whole))


def _ours(found: Sequence[Reading]) -> Iterator[Row]:
    """The fields of every segment that a map reads, as the grammar has them; of datatypes the components that a map reads."""
    tops = sorted({top for one in found if is_top(top := one.position.partition("-")[0])})
    for top in tops:
        yield from (Row(top, position, name) for position, name in fields(top).items())
    parts = {one.position for one in found if "." in one.position and "-" not in one.position and one.role == "value"}
    for part in sorted({".".join(part.split(".")[:2]) for part in parts}, key=_order):
        if part.split(".")[1].isdigit():
            yield Row(part.partition(".")[0], part, "")


def _order(position: str) -> tuple[str, int]:
    name, _, number = position.partition(".")
    return name, int(number) if number.isdigit() else 0


def official(guide: Path) -> Iterator[Row]:
    """The rows of the guide's segment and datatype sheets that have a FHIR target, each position of a sheet once."""
    root = guide / "mappings" if (guide / "mappings").is_dir() else guide
    sheets = [path for folder in ("segments", "datatypes") for path in sorted((root / folder).glob("*.csv"))]
    if not sheets:
        raise Misconfigured(f"{guide.name}: there are no sheets in segments/ and datatypes/ of this folder")
    for path in sheets:
        if found := _NAME.search(path.stem + " "):
            yield from _sheet(path, found["name"])


def _sheet(path: Path, of: str) -> Iterator[Row]:
    wanted: dict[str, tuple[str, list[str]]] = {}
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for cells in csv.reader(lines):
            if len(cells) > ATTRIBUTE and cells[ATTRIBUTE].strip() and _POSITION.fullmatch(cells[IDENTIFIER].strip()):
                wanted.setdefault(cells[IDENTIFIER].strip(), (cells[NAME], []))[1].append(cells[ATTRIBUTE].strip())
    for position, (name, targets) in wanted.items():
        yield Row(of, position, name, ", ".join(dict.fromkeys(targets)))
