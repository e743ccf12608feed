"""What rows say of the way back under `back:`: why a value does not come back as it was sent, by rule and by what the row reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from gateway.mapping.compile import Compiler


@lru_cache(maxsize=16)
def notes(compiler: Compiler) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """(by rule id, by path read such as `PID-18` or `XTN.12`) to why; of all maps of the library."""
    rules: dict[str, str] = {}
    paths: dict[str, str] = {}
    for name in sorted(compiler.library.names()):
        block = compiler.library.block(str(compiler.library.layers(name)[0].get("map") or name))
        for rule, row in _rows(block.get("rows") or (), str(block.get("map"))):
            if why := _why(row):
                rules[rule] = why
                for path in _read(row):
                    paths.setdefault(path, why)
    return rules, paths


def _why(row: Mapping[str, Any]) -> str:
    about = row.get("back")
    return about if isinstance(about, str) else str((about or {}).get("note") or "")


def _rows(rows: Any, parent: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, row in enumerate(rows, 1):
        rule = f"{parent}/{row['id']}" if "id" in row else f"{parent}#{number}"
        yield rule, row
        yield from _rows(row.get("rows") or (), rule)
        yield from _rows(row.get("first") or (), rule)


def _read(row: Mapping[str, Any]) -> Iterator[str]:
    for key in ("from", "each"):
        if key in row:
            yield str(row[key])
    for part in row.get("join") or ():
        yield str(part["from"] if isinstance(part, Mapping) else part)
    if "from" not in row:
        for inner in (*(row.get("rows") or ()), *(row.get("first") or ())):
            yield from _read(inner)
