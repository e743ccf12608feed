"""The documents named on a command line: files, folders, standard input, and files with one document on each line (NDJSON)."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import IO

from gateway.cli.speaking import unusable
from gateway.model.report import Report
from gateway.model.wire import MAX_BYTES
from gateway.standards.judge import told

STDIN = "-"
LINES = (".ndjson", ".jsonl")
_BATCHED = "hl7v2"  # the standard whose documents come in batches
_START = 4_096  # bytes that tell the standard
ENDINGS = (".json", ".xml", ".hl7", ".er7", *LINES)


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes and how they are called for people. `line` is how many lines of the file stand before them, `number` which file it is.

    `part` counts the documents of a file from 1, 0 where it is the only one. With a `report` it is no document but a batch of them, and
    this is what was found about it.
    """

    name: str
    body: bytes
    line: int = 0
    number: int = 1
    part: int = 0
    report: Report | None = None


def found(files: Iterable[Path], endings: Container[str] = ENDINGS) -> Iterator[Path]:
    """The files named, and those of a known ending below the folders named. Raises OSError for what is not there, or an empty folder."""
    for path in files:
        if str(path) == STDIN:
            yield path
        elif path.is_dir():
            inside = sorted(_inside(path, endings))
            if not inside:
                raise OSError(errno.ENOENT, "There are no documents in this folder", str(path))
            yield from inside
        elif path.exists() and os.access(path, os.R_OK):
            yield path
        else:
            raise OSError(errno.ENOENT, "There is no such file, or it cannot be read", str(path))


def named(files: Iterable[Path], endings: Container[str] = ENDINGS) -> list[Path]:
    """The same all at once; exit code 2 for what is not there."""
    try:
        return list(found(files, endings))
    except OSError as error:
        raise unusable(f"{error.strerror}: {error.filename}") from error


def _inside(folder: Path, endings: Container[str]) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in endings and not hidden and path.is_file():
            yield path


def documents(paths: Iterable[Path], standard: str = "") -> Iterator[Document]:
    """Each document, read when it is its turn; never more of one than is read anyway. `standard` is named, or told by content."""
    for number, path in enumerate(paths, 1):
        if str(path) == STDIN:
            yield from _inside_of(sys.stdin.buffer, "(stdin)", number, standard)
            continue
        with path.open("rb") as handle:
            if path.name.lower().endswith(LINES):
                yield from _lines(handle, str(path), number)
            else:
                yield from _inside_of(handle, str(path), number, standard)


def _inside_of(handle: IO[bytes], name: str, number: int, standard: str) -> Iterator[Document]:
    """The document of a file, or the messages of the batch that it holds; a batch in a file may be of any size."""
    handle = handle if handle.seekable() else BytesIO(handle.read(MAX_BYTES + 1))
    start = handle.read(_START)
    handle.seek(0)
    if (standard or told(start)) == _BATCHED:
        yield from _messages(handle, name, number)
    else:
        yield Document(name, handle.read(MAX_BYTES + 1), 0, number)


def _messages(handle: IO[bytes], name: str, number: int) -> Iterator[Document]:
    """One document per message, called by its line when there are several; and one for what was found about the batch."""
    from gateway.standards.hl7v2.batch import messages_in

    entries = messages_in(handle)
    early = list(islice(entries, 2))
    alone = len(early) < 2 and all(entry.number for entry in early)
    for entry in chain(early, entries):
        if entry.number:
            called, part = (name, 0) if alone else (f"{name}:{entry.line + 1}", entry.number)
            yield Document(called, entry.body, entry.line, number, part)
        else:
            yield Document(name, b"", entry.line, number, report=entry.report)


def _lines(handle: IO[bytes], name: str, number: int) -> Iterator[Document]:
    """One document per line; empty lines are none (a line ends at a line feed and nowhere else)."""
    line = part = 0
    while body := handle.readline(MAX_BYTES + 1):
        rest = body
        while rest and not rest.endswith(b"\n"):
            rest = handle.readline(MAX_BYTES)
        if body.strip():
            part += 1
            yield Document(f"{name}:{line + 1}", body, line, number, part)
        line += 1
