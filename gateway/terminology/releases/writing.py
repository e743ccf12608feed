"""One file for a release: concepts, parents, properties and names in SQLite, written whole or not at all."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from gateway.errors import Misconfigured

FORMAT = "1"
_BATCH = 5_000
_TABLES = """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE concept (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, active INTEGER NOT NULL);
    CREATE TABLE parent (child INTEGER NOT NULL, parent INTEGER NOT NULL, PRIMARY KEY (child, parent)) WITHOUT ROWID;
    CREATE TABLE kind (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE property (
        concept INTEGER NOT NULL, kind INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (concept, kind, value)
    ) WITHOUT ROWID;
    CREATE TABLE name (concept INTEGER NOT NULL, rank INTEGER NOT NULL, language TEXT NOT NULL, use TEXT NOT NULL, text TEXT NOT NULL);
"""
_INDEXES = """
    CREATE INDEX parent_child ON parent (parent, child);
    CREATE INDEX property_value ON property (kind, value, concept);
    CREATE INDEX name_concept ON name (concept, rank);
    ANALYZE;
"""
_PARENT = "INSERT OR IGNORE INTO parent VALUES ((SELECT id FROM concept WHERE code = ?), (SELECT id FROM concept WHERE code = ?))"
_PROPERTY = "INSERT OR IGNORE INTO property VALUES ((SELECT id FROM concept WHERE code = ?), ?, ?)"
_NAME = "INSERT OR IGNORE INTO name VALUES ((SELECT id FROM concept WHERE code = ?), ?, ?, ?, ?)"


class Writer:
    """Takes rows as streams, in the order concepts, then what is said of them. What is said of an unknown code is left out."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self._kinds: dict[str, int] = {}

    def concepts(self, rows: Iterable[tuple[str, bool]]) -> None:
        """(code, whether it is active); the first of two counts."""
        self.many("INSERT OR IGNORE INTO concept (code, active) VALUES (?, ?)", rows)

    def parents(self, rows: Iterable[tuple[str, str]]) -> None:
        """(code, code of a parent)."""
        self.many(_PARENT, rows)

    def properties(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """(code, property, value)."""
        numbered = ((code, self._kind(name), value) for code, name, value in rows)
        self.many(_PROPERTY, numbered)

    def names(self, rows: Iterable[tuple[str, int, str, str, str]]) -> None:
        """(code, rank, language, use, text); the lowest rank is the display."""
        self.many(_NAME, rows)

    def many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Runs a statement for each row, a bounded number of them in memory at a time."""
        waiting = iter(rows)
        while batch := list(islice(waiting, _BATCH)):
            self.database.executemany(statement, batch)

    def finish(self, meta: Mapping[str, str]) -> int:
        """Writes what the file is about and its indexes; gives the number of concepts."""
        self.many("INSERT INTO meta VALUES (?, ?)", iter(({"format": FORMAT} | dict(meta)).items()))
        self.database.commit()
        self.database.executescript(_INDEXES)
        count: int = self.database.execute("SELECT count(*) FROM concept").fetchone()[0]
        return count

    def _kind(self, name: str) -> int:
        if name not in self._kinds:
            self._kinds[name] = len(self._kinds) + 1
            self.database.execute("INSERT INTO kind VALUES (?, ?)", (self._kinds[name], name))
        return self._kinds[name]


@contextmanager
def written(into: Path) -> Iterator[Writer]:
    """A writer on a new file that takes the place of `into` when all went well. Raises Misconfigured when it cannot be written."""
    made = into.with_name(into.name + ".part")
    made.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(made)) as database:
            database.executescript(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;" + _TABLES
            )
            yield Writer(database)
            database.commit()
        os.replace(made, into)
    except (sqlite3.Error, OSError) as error:
        raise Misconfigured("The release cannot be written to its file.") from error
    finally:
        made.unlink(missing_ok=True)
