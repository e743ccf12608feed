"""Code tables: CSV rows `id,code,target,display,source` with their systems and unmapped policy in `codes/tables.yaml`."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.errors import Misconfigured

POLICIES = ("keep", "drop", "default")
_BACK = (None, "", "yes", "no")


@dataclass(frozen=True, slots=True)
class Code:
    """One row: what a source code becomes. `system` overrides the table's target system; `back` yes: written for
    that target on the way back; no: never."""

    id: str
    target: str
    display: str = ""
    system: str = ""
    back: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A code map. `source` is the system of the codes as sent, `target` that of what they become, both may be empty.

    `unmapped` says what a code without a row becomes: `keep` (itself, in the source system), `drop` (nothing, reported) or
    `default` (`default`, reported).
    """

    name: str
    rows: Mapping[str, Code] = field(default_factory=dict)
    source: str = ""
    target: str = ""
    unmapped: str = "keep"
    default: str = ""

    def find(self, code: str) -> Code | None:
        """The row of a code; letter case as sent first, then upper case (HL7 tables are written in upper case)."""
        return self.rows.get(code) or self.rows.get(code.upper())


def read_table(name: str, about: Mapping[str, Any], paths: Sequence[Path]) -> Table:
    """A table from its entry in tables.yaml and 0..* CSV files, later ones winning row by row. Raises Misconfigured."""
    policy = about.get("unmapped", "keep")
    if policy not in POLICIES or (policy == "default") != bool(about.get("default")):
        raise Misconfigured(
            f"codes/tables.yaml: table {name}: unmapped must be one of {', '.join(POLICIES)} (default needs `default:`)"
        )
    rows: dict[str, Code] = {}
    for path in paths:
        rows.update(_rows(path))
    return Table(name, rows, about.get("from", ""), about.get("to", ""), policy, about.get("default", ""))


def _rows(path: Path) -> dict[str, Code]:
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        missing = {"id", "code", "target", "source"} - set(reader.fieldnames or ())
        if missing:
            raise Misconfigured(f"{path.name}:1: columns missing: {', '.join(sorted(missing))}")
        rows: dict[str, Code] = {}
        for row in reader:
            if None in row or not row["id"] or not row["source"] or row["code"] in rows:
                raise Misconfigured(f"{path.name}:{reader.line_num}: a row needs an id, a source and a code of its own")
            if row.get("back") not in _BACK:
                raise Misconfigured(f"{path.name}:{reader.line_num}: `back` says yes, no or nothing")
            rows[row["code"]] = Code(
                row["id"], row["target"], row.get("display") or "", row.get("system") or "", row.get("back") or ""
            )
    return rows
