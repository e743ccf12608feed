"""What the disk can do at all: single rows committed one by one to SQLite, as durable as the gateway's own commits."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

_ROW = bytes(1_000)


def commits(folder: Path, count: int) -> float:
    """Commits per second of one row of 1 kB each, WAL and synchronous=FULL, in a file of its own in the folder."""
    path = folder / "floor.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS floor (id INTEGER PRIMARY KEY, row BLOB)")
        start = time.perf_counter()
        for _ in range(count):
            connection.execute("INSERT INTO floor (row) VALUES (?)", (_ROW,))
        return count / (time.perf_counter() - start)
