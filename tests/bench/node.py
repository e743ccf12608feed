"""A real node for the bench: the demo site with keys and a data directory of its own, served by a process of its own."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import psutil

from gateway.demo.processes import Processes, free_port, wait_for
from gateway.demo.run import Stage, set_up

_ENVIRONMENT = {"GATEWAY_HOST": "127.0.0.1", "GATEWAY_LOG_LEVEL": "warning", "PYTHONDONTWRITEBYTECODE": ""}
_PATIENCE = 20.0
_PAUSE = 0.05


class BenchNode:
    """A served node, seen from outside: its port and key, its processor time, its database."""

    def __init__(self, stage: Stage, process: subprocess.Popen[str]) -> None:
        self.port = stage.port
        self.token = stage.tokens["hospital"]
        self._process = psutil.Process(process.pid)
        self._database = stage.data_dir / "gateway.db"

    def cpu(self) -> float:
        """Seconds of processor time so far, user and system."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> float:
        """Resident megabytes now."""
        return float(self._process.memory_info().rss) / 1e6

    def stored(self) -> int:
        """Bytes in use in the database, its indexes included."""
        (pages,), (free,), (size,) = (
            self._asked(f"PRAGMA {name}") for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def exchanges(self) -> int:
        """How many are on record."""
        return int(self._asked("SELECT count(*) FROM exchanges")[0])

    def settle(self) -> None:
        """Waits until everything acknowledged is indexed as well. Raises TimeoutError."""
        end = time.monotonic() + _PATIENCE
        while self._asked("SELECT count(*) FROM outbox")[0]:
            if time.monotonic() > end:
                raise TimeoutError("the node did not work off its outbox")
            time.sleep(_PAUSE)

    def _asked(self, question: str) -> tuple[int, ...]:
        with closing(sqlite3.connect(f"{self._database.as_uri()}?mode=ro", uri=True)) as connection:
            found: tuple[int, ...] = connection.execute(question).fetchone()
            return found


def started(processes: Processes, stage: Stage) -> BenchNode:
    """The node of a stage, answering. Raises NotAsTold when it does not."""
    process = processes.start("gateway", "gateway", "serve", "--site", str(stage.site))
    wait_for(f"{stage.base}/readyz", process, {})
    return BenchNode(stage, process)


def staged(folder: Path) -> tuple[Stage, Processes]:
    """The demo site in a folder of its own, and what starts programs on it (a context)."""
    stage = set_up(folder, free_port(), free_port())
    environment = {**_ENVIRONMENT, "GATEWAY_DATA_DIR": str(folder), "GATEWAY_PORT": str(stage.port)}
    return stage, Processes(folder / "logs", environment)
