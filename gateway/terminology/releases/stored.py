"""A release in its file as the content of a code system: membership, selection by filters, names (SQLite, read only)."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gateway.definitions.vocabulary import Filter
from gateway.errors import Malformed, Misconfigured
from gateway.model.patterns import matcher
from gateway.model.wire import read_json
from gateway.terminology.codes import Membership
from gateway.terminology.content import Designation, Named
from gateway.terminology.grammars import judged
from gateway.terminology.releases.selection import Selection, selection
from gateway.terminology.releases.writing import FORMAT

_MOST_KEPT = 20_000
_MOST_NAMES = 200
_MOST_WORDS = 8
_UP = """
    WITH RECURSIVE up(id) AS (VALUES (:below) UNION SELECT parent.parent FROM parent JOIN up ON parent.child = up.id)
    SELECT 1 FROM up WHERE id = :above LIMIT 1
"""
_NAMED = """ AND (concept.code = :word OR EXISTS
    (SELECT 1 FROM name WHERE name.concept = concept.id AND instr(lower(name.text), :word) > 0))"""
Key = tuple[tuple[Filter, ...], str]


def open_release(path: Path) -> Stored:
    """A file that `load_loinc` or `load_snomed` made. Raises Misconfigured when it is none."""
    try:
        database = sqlite3.connect(
            f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        meta = dict(database.execute("SELECT key, value FROM meta"))
    except sqlite3.Error as error:
        raise Misconfigured(f"The file is no release of a code system: {path.name}") from error
    if meta.get("format") != FORMAT or not {"url", "version", "kind"} <= meta.keys():
        raise Misconfigured(f"The release has to be loaded again: {path.name}")
    return Stored(database, meta)


class Stored:
    """Content (content.py) from a file. Answers are kept for a bounded number of codes."""

    def __init__(self, database: sqlite3.Connection, meta: Mapping[str, str]) -> None:
        self._database = database
        self._database.create_function("matching", 2, _matching, deterministic=True)
        self.url = meta["url"]
        self.version = meta["version"]
        self._kind = meta["kind"]
        self._namespaces = frozenset(_texts(meta.get("namespaces", "[]")))
        self._kinds = {name: number for number, name in self._database.execute("SELECT id, name FROM kind")}
        self._selections: dict[tuple[Filter, ...], Selection | None] = {}
        self._kept: OrderedDict[Key, Membership] = OrderedDict()

    def passes(self, filters: tuple[Filter, ...], code: str) -> Membership:
        """Whether a code is in the release and passes all filters."""
        key = (filters, code)
        if key not in self._kept:
            self._kept[key] = self._judged(filters, code)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]

    def _judged(self, filters: tuple[Filter, ...], code: str) -> Membership:
        id = self._id(code)
        if id is None:
            return self._absent(code)
        chosen = self._selection(filters)
        if chosen is None:
            return Membership.UNKNOWN
        values = {**chosen.values, "id": id}
        statement = f"SELECT 1 FROM concept WHERE concept.id = :id AND {chosen.one}"  # noqa: S608 constant parts
        return Membership.IN if self._row(statement, values) else Membership.OUT

    def _absent(self, code: str) -> Membership:
        """A code that is not in the release: none, unless it is of a kind that the release need not have."""
        if judged(self.url, code) is False:
            return Membership.OUT
        if (
            not code.isdigit()
        ):  # expressions of SNOMED CT; parts and answers of LOINC, which are other files; numbers have a hyphen
            return Membership.OUT if code[:1].isdigit() and "-" in code else Membership.UNKNOWN
        extension = code[-3:-1] == "10"
        return Membership.UNKNOWN if extension and code[-10:-3] not in self._namespaces else Membership.OUT

    def applies(self, filters: tuple[Filter, ...]) -> bool:
        """Whether each filter can be applied."""
        return self._selection(filters) is not None

    def codes(self, filters: tuple[Filter, ...], most: int, words: str = "") -> Iterator[str]:
        """Up to `most` codes that pass all filters and have the words in one of their names."""
        chosen = self._selection(filters)
        if chosen is None:
            return
        asked = words.lower().split()[:_MOST_WORDS]
        named = "".join(_NAMED.replace(":word", f":word{number}") for number, _ in enumerate(asked))
        values = {**chosen.values, **{f"word{number}": word for number, word in enumerate(asked)}, "most": most}
        statement = f"SELECT code FROM concept WHERE {chosen.many}{named} ORDER BY id LIMIT :most"  # noqa: S608 constant parts
        yield from (row[0] for row in self._rows(statement, values))

    def inactive(self, code: str) -> bool:
        """Whether a concept is in the release and no longer in use."""
        return self._row("SELECT 1 FROM concept WHERE code = :code AND NOT active", {"code": code}) is not None

    def named(self, code: str) -> Named | None:
        """Display and designations, or None when the code is not there."""
        id = self._id(code)
        if id is None:
            return None
        statement = "SELECT text, language, use FROM name WHERE concept = :id ORDER BY rank, rowid LIMIT :most"
        rows = self._rows(statement, {"id": id, "most": _MOST_NAMES})
        found = tuple(Designation(text, language, self._use(use)) for text, language, use in rows)
        return Named(found[0].value if found else "", found)

    def _use(self, code: str) -> Mapping[str, Any] | None:
        return {"system": self.url, "code": code} if code else None

    def subsumes(self, ancestor: str, code: str) -> bool | None:
        """Whether the first is the second or above it; None when one of them is not in the release."""
        above, below = self._id(ancestor), self._id(code)
        if above is None or below is None:
            return None
        return self._row(_UP, {"below": below, "above": above}) is not None

    def properties(self, code: str) -> tuple[tuple[str, str], ...]:
        """(property, value) pairs, parents and children first."""
        values = {"id": self._id(code)}
        links = (
            (
                "parent",
                "SELECT code FROM parent JOIN concept ON concept.id = parent.parent WHERE child = :id ORDER BY code",
            ),
            (
                "child",
                "SELECT code FROM parent JOIN concept ON concept.id = child WHERE parent = :id ORDER BY code LIMIT 1000",
            ),
        )
        found = [(name, row[0]) for name, statement in links for row in self._rows(statement, values)]
        own = "SELECT name, value FROM property JOIN kind ON kind.id = kind WHERE concept = :id ORDER BY name, value"
        return (*found, *self._rows(own, values))

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _selection(self, filters: tuple[Filter, ...]) -> Selection | None:
        if filters not in self._selections:
            if len(self._selections) >= _MOST_KEPT:
                self._selections.clear()
            self._selections[filters] = selection(filters, self._kinds, self._id)
        return self._selections[filters]

    def _id(self, code: str) -> int | None:
        row = self._row("SELECT id FROM concept WHERE code = :code", {"code": code}) if code.isascii() else None
        return row[0] if row else None

    def _row(self, statement: str, values: Mapping[str, Any]) -> Any:
        return next(iter(self._rows(statement, values)), None)

    def _rows(self, statement: str, values: Mapping[str, Any]) -> list[Any]:
        """Raises Misconfigured when the file is broken."""
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise Misconfigured("The file of a release of a code system cannot be read.") from error


def _matching(pattern: str, text: str) -> bool:
    matches = matcher(pattern)
    return matches is not None and matches(text)


def _texts(body: str) -> list[str]:
    try:
        found: list[str] = read_json(body.encode())
    except Malformed:
        return []
    return found
