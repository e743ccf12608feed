"""The one writer: a thread that takes the waiting units as a batch, commits once, and tells everyone (ARCHITECTURE.md, "How it runs").

A bad unit never fails its batch: when a batch cannot be written as a whole it is written unit by unit behind savepoints. A unit
that contradicts what is kept hears Conflict, one with values that no table takes (U+0000, a number or key too large) Defect. When
the database is what fails, nothing of the batch is kept and everyone hears NotDurable; the next batch tries afresh.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError

from gateway.errors import Busy, Conflict, Defect, NotDurable
from gateway.model.records import Unit
from gateway.store.apply import Stale, apply
from gateway.store.heads import Heads, Place

T = TypeVar("T")
_log = structlog.get_logger("gateway.store")
_TRIES = 3
_OF_THE_UNIT = (IntegrityError, DataError, ProgrammingError)  # as SQLite and the drivers say it
_STATES_OF_THE_UNIT = ("22", "23", "54")  # PostgreSQL: data, integrity, over a limit (a value too long for an index)
_UNDISTURBED = text("LOCK TABLE audit_rows, lane_heads IN SHARE ROW EXCLUSIVE MODE")
_CONTENTION = ("40001", "40P01")  # PostgreSQL: serialization failure, deadlock; the loser tries again


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A unit to be committed with others, or other writing work that has a transaction of its own; and who waits for it."""

    done: Future[Any]
    unit: Unit | None = None
    work: Callable[[Connection], Any] | None = None


class Writer:
    """`commit` hands over a unit; `run` hands over other writing work (leases), done between batches in its own transaction."""

    def __init__(self, engine: Engine, place: Place, *, most: int = 10_000, batch: int = 256) -> None:
        self.commits = 0  # durable ones, for the metrics
        self._engine = engine
        self._heads = Heads(place)
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(most)
        self._batch = batch
        self._closed = False
        self._door = threading.Lock()  # nothing comes in after the end mark
        self._thread = threading.Thread(target=self._loop, name="store-writer", daemon=True)
        self._thread.start()

    def commit(self, unit: Unit) -> Future[None]:
        """Done when the unit is durable; see the Store port for its exceptions."""
        done: Future[None] = Future()
        if not unit.puts and not unit.changes:
            done.set_result(None)
        else:
            self._put(_Waiting(done, unit))
        return done

    def run(self, work: Callable[[Connection], T]) -> T:
        """The result of work in a transaction of its own. Raises NotDurable, Busy."""
        done: Future[T] = Future()
        self._put(_Waiting(done, work=work))
        return done.result()

    def close(self) -> None:
        """Writes what waits and ends."""
        with self._door:
            first, self._closed = not self._closed, True
        if first:
            self._queue.put(None)
        self._thread.join()

    def _put(self, waiting: _Waiting) -> None:
        with self._door:
            try:
                if self._closed:
                    waiting.done.set_exception(NotDurable())
                else:
                    self._queue.put_nowait(waiting)
            except queue.Full:
                waiting.done.set_exception(Busy())

    def _loop(self) -> None:
        going = True
        while going:
            taken = [self._queue.get()]
            while len(taken) < self._batch and not self._queue.empty():
                taken.append(self._queue.get())
            going = None not in taken
            wanted = [w for w in taken if w is not None and w.done.set_running_or_notify_cancel()]
            self._write([w for w in wanted if w.unit is not None])
            for one in wanted:
                if one.work is not None:
                    self._work(one, one.work)

    def _work(self, one: _Waiting, work: Callable[[Connection], Any]) -> None:
        try:
            with self._engine.begin() as connection:
                result = work(connection)
        except SQLAlchemyError as error:
            one.done.set_exception(self._refused(error, 1))
        except Exception as error:  # the writer must go on; who asked hears of it
            one.done.set_exception(error)
        else:
            one.done.set_result(result)

    def _write(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        try:
            failed = self._committed([w.unit for w in batch if w.unit is not None])
        except Exception as error:  # the database failed: nothing of the batch is kept, and the writer must go on
            self._heads.forget()
            failed = dict.fromkeys(range(len(batch)), self._refused(error, len(batch)))
        for index, one in enumerate(batch):
            if index in failed:
                one.done.set_exception(failed[index])
            else:
                one.done.set_result(None)

    def _refused(self, error: Exception, units: int) -> Exception:
        """What those hear whose batch the database did not take; its connections are made anew."""
        _log.warning("store refused", kind=type(error).__name__, units=units)
        self._engine.dispose()
        return NotDurable()

    def _committed(self, units: Sequence[Unit]) -> dict[int, Exception]:
        """By index, the units that were left out. Two processes in each other's way try again."""
        for left in reversed(range(_TRIES)):
            try:
                failed = self._whole(units)
                self.commits += 1
                return failed
            except DBAPIError as error:
                if left == 0 or _state(error) not in _CONTENTION:
                    raise
                self._heads.forget()
        raise NotDurable

    def _whole(self, units: Sequence[Unit]) -> dict[int, Exception]:
        """All in one go; when one of them stands in the way, unit by unit."""
        try:
            with self._engine.begin() as connection:
                apply(connection, units, self._heads)
        except Exception as error:  # one unit cannot be written as it is; which one, the second way finds out
            if not _of_a_unit(error) and _state(error) not in _CONTENTION:
                raise
            self._heads.forget()
            return self._each(units)
        return {}

    def _each(self, units: Sequence[Unit]) -> dict[int, Exception]:
        """Unit by unit in one transaction that no other process comes into: the heads that are read now hold until its end."""
        failed: dict[int, Exception] = {}
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # SQLite has locked already
                connection.execute(_UNDISTURBED)
            for index, unit in enumerate(units):
                if (error := self._alone(connection, unit)) is not None:
                    failed[index] = error
        return failed

    def _alone(self, connection: Connection, unit: Unit) -> Exception | None:
        """Why the unit was not written."""
        try:
            with connection.begin_nested():
                apply(connection, [unit], self._heads)
        except (IntegrityError, Stale):
            self._heads.forget()
            return Conflict()
        except Exception as error:  # its values are not what the tables take, or the database failed
            if not _of_a_unit(error):
                raise
            _log.error("defect in a unit", kind=type(error).__name__)
            self._heads.forget()
            return Defect()
        return None


def _state(error: Exception) -> str:
    """The SQLSTATE; "" when there is none."""
    return getattr(error.orig, "sqlstate", None) or "" if isinstance(error, DBAPIError) else ""


def _of_a_unit(error: Exception) -> bool:
    """Whether a unit is at fault. Otherwise the database is (gone, full, no such table), and nothing of the batch is kept."""
    if state := _state(error):
        return state[:2] in _STATES_OF_THE_UNIT
    return isinstance(error, _OF_THE_UNIT) or not isinstance(error, DBAPIError)
