"""A LOINC release to one file: Loinc.csv with names, properties, answer lists, hierarchy and linguistic variants where they are there."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from gateway.data import data_path
from gateway.definitions.canonical import newest
from gateway.errors import Malformed
from gateway.model.wire import read_json
from gateway.terminology.releases.source import File, opened
from gateway.terminology.releases.writing import Writer, written

Row = Mapping[str, str]


def load_loinc(source: Path, into: Path) -> int:
    """A release (zip, folder, or Loinc.csv alone) to a file that `open_release` opens; gives the number of concepts.

    Raises Malformed or Unsupported for what is no release, TooLarge over a limit, Misconfigured when the file cannot be written.
    """
    form = _form()
    with opened(source) as files, written(into) as writer:
        table = _file(files, form["table"]["file"])
        if table is None:
            raise Malformed("There is no table of LOINC in the release.")
        version = _table(writer, table, form["table"])
        hierarchy = [file for name in form["hierarchy"]["files"] if (file := _file(files, name))]
        if hierarchy:
            _hierarchy(writer, hierarchy[0], form["hierarchy"])
        if answers := _file(files, form["answers"]["file"]):
            _answers(writer, answers, form["answers"])
        for each in files:
            if each.name.endswith(form["variants"]["ending"]):
                _variant(writer, each, form["variants"])
        return writer.finish({"kind": form["id"], "url": form["system"], "version": version})


def _file(files: Sequence[File], name: str) -> File | None:
    """The file of a name that is nearest to the top."""
    found = [file for file in files if file.name.lower() == name.lower()]
    return min(found, key=lambda file: (file.path.count("/"), file.path), default=None)


def _rows(file: File, *needed: str) -> Iterator[Row]:
    """The rows of a CSV file by column. Raises Malformed when a column that is needed is not there."""
    try:
        reader = csv.reader((line + "\n" for line in file.lines()), strict=True)
        columns = next(reader, [])
        if not set(needed) <= set(columns):
            raise Malformed("A file of the release has not the columns it should.")
        for values in reader:
            if values and len(values) != len(columns):
                raise Malformed("A file of the release has a row that is cut.")
            if values:
                yield dict(zip(columns, values, strict=True))
    except csv.Error as error:
        raise Malformed("A file of the release is not a table.") from error


def _table(writer: Writer, file: File, form: Mapping[str, Any]) -> str:
    code, status = form["code"], form["status"]
    rows = partial(_rows, file, code)  # read once for each kind of fact, so that none is held
    writer.concepts((row[code], row.get(status, "") not in form["inactive"]) for row in rows() if row[code])
    writer.properties((row[code], name, row[name]) for row in rows() for name in form["properties"] if row.get(name))
    writer.names(
        (row[code], rank, language, "", row[name])
        for row in rows()
        for rank, (name, language) in enumerate(form["names"])
        if row.get(name)
    )
    return newest({row.get(form["version"], "") for row in rows()})


def _hierarchy(writer: Writer, file: File, form: Mapping[str, str]) -> None:
    """Parts and codes below parts. A row without parent is a top."""
    code, parent, name = form["code"], form["parent"], form["name"]
    rows = partial(_rows, file, code, parent)  # read once for each kind of fact, so that none is held
    writer.concepts((row[code], True) for row in rows() if row[code])
    writer.parents((row[code], row[parent]) for row in rows() if row[parent])
    writer.names((row[code], len(form), "en", "", row[name]) for row in rows() if row.get(name))


def _answers(writer: Writer, file: File, form: Mapping[str, str]) -> None:
    """Answers, the lists they stand in, and which stands in which."""
    code, within = form["code"], form["list"]
    rows = partial(_rows, file, code, within)  # read once for each kind of fact, so that none is held
    for key, name in ((code, form["name"]), (within, form["list name"])):
        writer.concepts((row[key], True) for row in rows() if row[key])
        writer.names((row[key], len(form), "en", "", row[name]) for row in _first(rows(), key) if row.get(name))
    writer.properties((row[code], form["property"], row[within]) for row in rows() if row[code])


def _first(rows: Iterator[Row], key: str) -> Iterator[Row]:
    """Each code is named once, as it is first written; the codes of a file are fewer than its rows."""
    seen: set[str] = set()
    for row in rows:
        if row[key] and row[key] not in seen:
            seen.add(row[key])
            yield row


def _variant(writer: Writer, file: File, form: Mapping[str, Any]) -> None:
    """`koKR12LinguisticVariant.csv`: names in the language that the name of the file says."""
    language = file.name[:2] + (f"-{file.name[2:4]}" if file.name[2:4].isupper() else "")
    if not (file.name[:2].isascii() and file.name[:2].islower()):
        return
    code = form["code"]
    writer.names(
        (row[code], len(form["names"]) + rank, language, "", row[name])
        for row in _rows(file, code)
        for rank, name in enumerate(form["names"], 1)
        if row.get(name)
    )


@cache
def _form() -> Mapping[str, Any]:
    form: Mapping[str, Any] = read_json(data_path("profiles", "releases", "loinc.json").read_bytes())
    return form
