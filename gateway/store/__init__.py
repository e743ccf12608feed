"""The store: one contract (model/ports.py) on SQLite and on PostgreSQL, one writer, reads beside it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial

from gateway.model.records import DataKey, Lease, Unit
from gateway.store.engine import make_engine
from gateway.store.heads import Place
from gateway.store.lanes import lease
from gateway.store.migrate import ensure_schema
from gateway.store.reads import Reads
from gateway.store.rotation import resealed
from gateway.store.writer import Writer


class SqlStore(Reads):
    """The Store port over SQLAlchemy Core."""

    def __init__(self, url: str, place: Place) -> None:
        self._writing = make_engine(url)
        super().__init__(make_engine(url, reading=True))
        self._writer = Writer(self._writing, place)

    def commit(self, unit: Unit) -> Future[None]:
        """See the port."""
        return self._writer.commit(unit)

    def lease(self, owner: str, now: datetime, until: datetime, limit: int) -> Sequence[Lease]:
        """See the port."""
        return self._writer.run(partial(lease, owner=owner, now=now, until=until, limit=limit))

    @property
    def commits(self) -> int:
        """How many batches this process has made durable."""
        return self._writer.commits

    def reseal(self, keys: Sequence[DataKey]) -> None:
        """Replaces the sealed form of data keys, in one commit (key rotation)."""
        self._writer.run(partial(resealed, keys=keys))

    def close(self) -> None:
        """Writes what waits, then lets go of the connections."""
        self._writer.close()
        self._engine.dispose()
        self._writing.dispose()


def open_store(url: str, *, place: Place) -> SqlStore:
    """The store at a database URL. `place` gives an audit fact its line and leaf hash (gateway.audit.row).

    An empty database gets its tables; raises Misconfigured for an older schema, NotDurable when it cannot be reached.
    """
    ensure_schema(url)
    return SqlStore(url, place)
