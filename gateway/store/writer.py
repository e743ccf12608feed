"""The one writer: a thread that takes the waiting units as a batch, commits once, and tells everyone (DESIGN.md, "How it runs").

A bad unit never fails its batch: when a batch cannot be written as a whole it is written unit by unit behind savepoints. When the
database is what fails, nothing of the batch is kept and everyone hears NotDurable; the next batch tries afresh.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from gateway.errors import Busy, Conflict, NotDurable
from gateway.model.records import Unit
from gateway.store.apply import Stale, apply
from gateway.store.heads import Heads, Place

T = TypeVar("T")
Waiting = tuple[Unit, "Future[None]"]
Work = tuple[Callable[[Connection], Any], "Future[Any]"]
_log = structlog.get_logger("gateway.store")
_TRIES = 3


class Writer:
    """`commit` hands over a unit; `run` hands over other writing work (leases), done between batches in its own transaction."""

    def __init__(self, engine: Engine, place: Place, *, most: int = 10_000, batch: int = 256) -> None:
        self._engine = engine
        self._heads = Heads(place)
        self._queue: queue.Queue[Waiting | Work | None] = queue.Queue(most)
        self._batch = batch
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="store-writer", daemon=True)
        self._thread.start()

    def commit(self, unit: Unit) -> Future[None]:
        """Done when the unit is durable; see the Store port for its exceptions."""
        done: Future[None] = Future()
        if not unit.puts and not unit.changes:
            done.set_result(None)
        else:
            self._put((unit, done), done)
        return done

    def run(self, work: Callable[[Connection], T]) -> T:
        """The result of work in a transaction of its own. Raises NotDurable."""
        done: Future[T] = Future()
        self._put((work, done), done)
        return done.result()

    def _put(self, what: Waiting | Work, done: Future[Any]) -> None:
        if self._closed:
            done.set_exception(NotDurable())
            return
        try:
            self._queue.put_nowait(what)
        except queue.Full:
            done.set_exception(Busy())

    def close(self) -> None:
        """Writes what waits and ends."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()

    def _loop(self) -> None:
        going = True
        while going:
            taken = [self._queue.get()]
            while len(taken) < self._batch and not self._queue.empty():
                taken.append(self._queue.get())
            going = None not in taken
            self._write([w for w in taken if w is not None and isinstance(w[0], Unit)])  # type: ignore[misc]
            for one in taken:
                if one is not None and not isinstance(one[0], Unit):
                    self._work(one)  # type: ignore[arg-type]

    def _work(self, one: Work) -> None:
        work, done = one
        try:
            with self._engine.begin() as connection:
                result = work(connection)
        except (SQLAlchemyError, OSError) as error:
            _log.warning("store refused", kind=type(error).__name__)
            done.set_exception(NotDurable())
        except Exception as error:  # the thread must go on; the caller hears of it
            done.set_exception(error)
        else:
            done.set_result(result)

    def _write(self, batch: Sequence[Waiting]) -> None:
        if not batch:
            return
        try:
            failed = self._whole(batch) if len(batch) > 1 else self._each(batch)
        except Exception as error:  # the database failed, or a row cannot be written: nothing of the batch is kept
            self._heads.forget()
            _log.warning("store refused", kind=type(error).__name__, units=len(batch))
            failed = {index: NotDurable() for index in range(len(batch))}
        for index, (_, done) in enumerate(batch):
            if index in failed:
                done.set_exception(failed[index])
            else:
                done.set_result(None)

    def _whole(self, batch: Sequence[Waiting]) -> dict[int, Exception]:
        try:
            with self._engine.begin() as connection:
                apply(connection, [unit for unit, _ in batch], self._heads)
        except (IntegrityError, Stale):
            self._heads.forget()
            return self._each(batch)
        return {}

    def _each(self, batch: Sequence[Waiting]) -> dict[int, Exception]:
        """Unit by unit in one transaction; by index, those that contradict what is kept."""
        failed: dict[int, Exception] = {}
        with self._engine.begin() as connection:
            for index, (unit, _) in enumerate(batch):
                if not self._alone(connection, unit):
                    failed[index] = Conflict()
        return failed

    def _alone(self, connection: Connection, unit: Unit) -> bool:
        """A few tries, because another process may have taken the sequence number that was cached here."""
        for _ in range(_TRIES):
            try:
                with connection.begin_nested():
                    apply(connection, [unit], self._heads)
            except (IntegrityError, Stale):
                self._heads.forget()
                continue
            return True
        return False
