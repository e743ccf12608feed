"""On which shelf (file) of the index a canonical address stands, and how one line is taken from it without reading the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.model.wire import read_json, write_json


def shelf(url: str) -> str:
    """`v2-01` for table 0123 of HL7 v2, `v3-a` for ActCode of v3, else the first letter of the last part of the address."""
    tail = url.rsplit("/", 1)[-1].lower()
    size = 5 if tail.startswith("v2-") else 4 if tail.startswith("v3-") else 1
    name = tail[:size]
    return name if name.replace("-", "").isalnum() and name.isascii() else "other"


def row(path: Path, key: str) -> Any | None:
    """The value of one member of a file with one line per member (see build.py), or None when file or member is not there."""
    if not path.is_file():
        return None
    body = path.read_bytes()
    start = body.find(b"\n" + write_json(key) + b":")
    if start < 0:
        return None
    line = body[start + 1 : body.index(b"\n", start + 1)]
    return read_json(b"{" + line.removesuffix(b",") + b"}")[key]
