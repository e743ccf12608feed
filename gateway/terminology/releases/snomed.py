"""A SNOMED CT release (RF2 snapshot) to one file: concepts, is-a, names in every language, simple reference sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from gateway.data import data_path
from gateway.errors import Malformed
from gateway.model.wire import read_json, write_json
from gateway.terminology.releases.source import File, opened
from gateway.terminology.releases.writing import Writer, written

_MOST_DIGITS = 18
_STAGED = """
    CREATE TEMP TABLE described (
        id INTEGER PRIMARY KEY, concept INTEGER NOT NULL, language TEXT NOT NULL, use TEXT NOT NULL, text TEXT NOT NULL
    );
    CREATE TEMP TABLE preferred (description INTEGER PRIMARY KEY, first INTEGER NOT NULL);
"""
_NAMED = """
    INSERT INTO name
    SELECT described.concept,
        CASE WHEN described.use = :full THEN 2 WHEN preferred.first IS NULL THEN 3 WHEN preferred.first THEN 0 ELSE 1 END,
        described.language, described.use, described.text
    FROM described LEFT JOIN preferred ON preferred.description = described.id
    WHERE described.concept IN (SELECT id FROM concept) ORDER BY described.id
"""


def load_snomed(source: Path, into: Path, edition: str = "") -> int:
    """A release (zip or folder) to a file that `open_release` opens; gives the number of concepts.

    `edition` is the id of the edition's module; without it the international one. Several sources of one edition (the international
    release and an extension) stand in one folder. Raises Malformed, Unsupported, TooLarge, Misconfigured.
    """
    form = _form()
    with opened(source) as files, written(into) as writer:
        files = tuple(file for file in files if form["snapshot"] in file.name and file.name.endswith(".txt"))
        found = {kind: _files(files, starts) for kind, starts in form["files"].items()}
        if not found["concept"] or not found["relationship"]:
            raise Malformed("There is no snapshot of SNOMED CT in the release.")
        newest = _concepts(writer, found["concept"], form)
        _relationships(writer, found["relationship"], form)
        _names(writer, found["description"], found["language"], form)
        _refsets(writer, found["simple"], form)
        version = f"{form['system']}/{edition or form['international module']}/version/{newest}"
        return writer.finish(
            {"kind": form["id"], "url": form["system"], "version": version, "namespaces": _namespaces(writer)}
        )


def _files(files: Sequence[File], starts: Sequence[str]) -> list[File]:
    return [file for file in files if file.name.startswith(tuple(starts))]


def _rows(files: Sequence[File], *columns: str) -> Iterator[tuple[str, ...]]:
    """The columns of tab separated files. Raises Malformed when a column or an identifier is not what it should be."""
    for file in files:
        lines = file.lines()
        heads = next(lines, "").split("\t")
        if not set(columns) <= set(heads):
            raise Malformed("A file of the release has not the columns it should.")
        places = [heads.index(column) for column in columns]
        for line in lines:
            values = line.split("\t")
            if len(values) != len(heads):
                raise Malformed("A file of the release has a row that is cut.")
            yield tuple(values[place] for place in places)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise Malformed("A file of the release has an identifier that is none.")
    return int(text)


def _concepts(writer: Writer, files: Sequence[File], form: Mapping[str, Any]) -> str:
    """The id of a row is the code as a number. Gives the newest time of the release."""
    rows = partial(_rows, files, "id", "active", "effectiveTime", "moduleId", "definitionStatusId")
    newest = ""

    def listed() -> Iterator[tuple[int, str, bool]]:
        nonlocal newest
        for code, active, time, *_ in rows():
            newest = max(newest, time)
            yield _number(code), code, active == "1"

    writer.many("INSERT OR IGNORE INTO concept VALUES (?, ?, ?)", listed())
    writer.properties(
        row
        for code, _, time, module, defined in rows()
        for row in (
            (code, "effectiveTime", time),
            (code, "moduleId", module),
            (code, "sufficientlyDefined", str(defined == form["defined"]).lower()),
        )
    )
    return newest


def _relationships(writer: Writer, files: Sequence[File], form: Mapping[str, Any]) -> None:
    rows = _rows(files, "sourceId", "destinationId", "typeId", "active")
    writer.many(
        "INSERT OR IGNORE INTO parent VALUES (?, ?)",
        (
            (_number(child), _number(parent))
            for child, parent, kind, active in rows
            if kind == form["is-a"] and active == "1"
        ),
    )


def _names(writer: Writer, files: Sequence[File], refsets: Sequence[File], form: Mapping[str, Any]) -> None:
    """Staged in the file, because which name is preferred stands in other files than the names."""
    writer.database.executescript(_STAGED)
    described = _rows(files, "id", "conceptId", "languageCode", "typeId", "term", "active")
    writer.many(
        "INSERT OR IGNORE INTO described VALUES (?, ?, ?, ?, ?)",
        (
            (_number(id), _number(c), language, kind, text)
            for id, c, language, kind, text, active in described
            if active == "1"
        ),
    )
    accepted = _rows(refsets, "referencedComponentId", "refsetId", "acceptabilityId", "active")
    writer.many(
        "INSERT INTO preferred VALUES (?, ?) ON CONFLICT (description) DO UPDATE SET first = max(first, excluded.first)",
        (
            (_number(id), refset == form["first refset"])
            for id, refset, how, active in accepted
            if how == form["preferred"] and active == "1"
        ),
    )
    writer.database.execute(_NAMED, {"full": form["fully specified name"]})
    writer.database.executescript("DROP TABLE described; DROP TABLE preferred;")


def _refsets(writer: Writer, files: Sequence[File], form: Mapping[str, Any]) -> None:
    rows = _rows(files, "referencedComponentId", "refsetId", "active")
    writer.properties((code, form["refset property"], refset) for code, refset, active in rows if active == "1")


def _namespaces(writer: Writer) -> str:
    """The namespaces of extensions that the release holds: digits 8 to 14 of a long identifier (JSON array)."""
    found = writer.database.execute(
        "SELECT DISTINCT substr(code, -10, 7) FROM concept WHERE length(code) > 10 AND substr(code, -3, 2) = '10'"
    )
    return write_json(sorted(row[0] for row in found)).decode()


@cache
def _form() -> Mapping[str, Any]:
    form: Mapping[str, Any] = read_json(data_path("profiles", "releases", "snomed.json").read_bytes())
    return form
