"""What a verification must remember, in a private temporary file that the system removes: memory stays bounded for any log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from types import TracebackType

_SCHEMA = """
CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE chain (person TEXT PRIMARY KEY, sequence INTEGER NOT NULL, leaf TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE said (exchange TEXT, kind TEXT, place INTEGER, person TEXT, sequence INTEGER, at TEXT, released INTEGER);
"""
_DISCLOSED = """
SELECT o.place FROM said o WHERE o.kind = 'outcome' AND o.released AND NOT EXISTS (
  SELECT 1 FROM said i WHERE i.exchange = o.exchange AND i.kind = 'intent' AND CASE
    WHEN i.person = o.person AND i.sequence IS NOT NULL AND o.sequence IS NOT NULL THEN i.sequence < o.sequence
    ELSE i.at <= o.at END)
ORDER BY o.place
"""
_OPEN = """
SELECT i.exchange FROM said i WHERE i.kind = 'intent'
  AND NOT EXISTS (SELECT 1 FROM said o WHERE o.exchange = i.exchange AND o.kind = 'outcome')
GROUP BY i.exchange ORDER BY min(i.place)
"""


class Ledger:
    """Ids seen, the head of each person's chain, and the intents and outcomes of each exchange."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)  # "": a temporary database that spills to disk
        self._file.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000;")
        self._file.executescript(_SCHEMA)
        self._file.execute("BEGIN")

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def is_new(self, row_id: str) -> bool:
        """Remembers a row; False when it was there before."""
        return self._file.execute("INSERT OR IGNORE INTO seen VALUES (?)", (row_id,)).rowcount == 1

    def head(self, person: str) -> tuple[int, str] | None:
        """The last sequence number and leaf hash of a person's chain so far."""
        found = self._file.execute("SELECT sequence, leaf FROM chain WHERE person = ?", (person,)).fetchone()
        return (int(found[0]), str(found[1])) if found else None

    def grow(self, person: str, sequence: int, leaf: str) -> None:
        self._file.execute("INSERT OR REPLACE INTO chain VALUES (?, ?, ?)", (person, sequence, leaf))

    def note(
        self, exchange: str, kind: str, place: int, chained: tuple[str, int | None], at: str, released: bool
    ) -> None:
        """Remembers an intent or outcome. `at` is ISO 8601 in UTC, so that its text sorts as its time."""
        self._file.execute(
            "INSERT INTO said VALUES (?, ?, ?, ?, ?, ?, ?)", (exchange, kind, place, *chained, at, released)
        )

    def index(self) -> None:
        """Once, before the two questions below."""
        self._file.execute("CREATE INDEX of_exchange ON said (exchange, kind)")

    def unannounced(self) -> Iterator[int]:
        """Places of outcomes with released data that no intent precedes."""
        for (place,) in self._file.execute(_DISCLOSED):
            yield place

    def open_intents(self) -> Iterator[str]:
        """Exchanges with an intent and no outcome, in order."""
        for (exchange,) in self._file.execute(_OPEN):
            yield exchange
