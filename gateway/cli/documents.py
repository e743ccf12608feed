"""The documents named on a command line: files, folders, standard input, and files with one document on each line (NDJSON)."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gateway.model.wire import MAX_BYTES

STDIN = "-"
LINES = (".ndjson", ".jsonl")
_ENDINGS = (".json", ".xml", ".hl7", ".er7", *LINES)


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes and how they are called for people. `line` is how many lines of the file stand before them, `number` which file it is."""

    name: str
    body: bytes
    line: int = 0
    number: int = 1


def found(files: Iterable[Path]) -> Iterator[Path]:
    """The files named, and those of a known ending below the folders named. Raises OSError for what is not there, or an empty folder."""
    for path in files:
        if str(path) == STDIN:
            yield path
        elif path.is_dir():
            inside = sorted(_inside(path))
            if not inside:
                raise OSError(errno.ENOENT, "There are no documents in this folder", str(path))
            yield from inside
        elif path.exists() and os.access(path, os.R_OK):
            yield path
        else:
            raise OSError(errno.ENOENT, "There is no such file, or it cannot be read", str(path))


def _inside(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in _ENDINGS and not hidden and path.is_file():
            yield path


def documents(paths: Iterable[Path]) -> Iterator[Document]:
    """Each document, read when it is its turn; never more of one than is read anyway."""
    for number, path in enumerate(paths, 1):
        if str(path) == STDIN:
            yield Document("(stdin)", sys.stdin.buffer.read(MAX_BYTES + 1), 0, number)
            continue
        with path.open("rb") as handle:
            if path.name.lower().endswith(LINES):
                yield from _lines(handle, str(path), number)
            else:
                yield Document(str(path), handle.read(MAX_BYTES + 1), 0, number)


def _lines(handle: IO[bytes], name: str, number: int) -> Iterator[Document]:
    """One document per line; empty lines are none (a line ends at a line feed and nowhere else)."""
    line = 0
    while body := handle.readline(MAX_BYTES + 1):
        rest = body
        while rest and not rest.endswith(b"\n"):
            rest = handle.readline(MAX_BYTES)
        if body.strip():
            yield Document(f"{name}:{line + 1}", body, line, number)
        line += 1
