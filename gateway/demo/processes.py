"""The programs the demo starts, each a process of its own; whatever happens, they end with it."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from gateway.demo.world import NotAsTold

_GRACE = 10.0


class Processes:
    """A context in which programs run; leaving it stops them in reverse order, by their own handles.

    They are told what they are told here: settings of another gateway (`GATEWAY_…`) in this environment do not reach them.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        own = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        self._environment = {**own, "PYTHONUTF8": "1", **environment}
        self._running: list[subprocess.Popen[str]] = []
        self._logs = contextlib.ExitStack()

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._running):
            process.terminate()
            try:
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        self._logs.close()

    def start(self, name: str, *arguments: str, spoken: bool = False) -> subprocess.Popen[str]:
        """`python -m …`; what it writes to standard error is in NAME.log. `spoken`: with pipes to talk to it."""
        log = self._logs.enter_context((self._folder / f"{name}.log").open("a", encoding="utf-8"))
        talk = subprocess.PIPE if spoken else subprocess.DEVNULL
        process = subprocess.Popen(  # noqa: S603 our own modules
            [sys.executable, "-m", *arguments], stdin=talk, stdout=talk if spoken else log, stderr=log, text=True, encoding="utf-8",
            env=self._environment, start_new_session=True,
        )  # fmt: skip
        self._running.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str]:
        """`python -m …` to its end: exit code and what it printed."""
        done = subprocess.run(  # noqa: S603 our own modules
            [sys.executable, "-m", *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=self._environment,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).strip()


def wait_for(url: str, process: subprocess.Popen[str], headers: Mapping[str, str], patience: float = 60.0) -> None:
    """Until an address answers at all with less than 500. Raises NotAsTold when the process ends or time is up."""
    import httpx

    end = time.monotonic() + patience
    while time.monotonic() < end:
        if process.poll() is not None:
            raise NotAsTold(f"a program of the demo ended with exit code {process.returncode}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, headers=dict(headers), trust_env=False).status_code < 500:
                return
        time.sleep(0.1)
    raise NotAsTold("a program of the demo did not become ready in time")


def free_port() -> int:
    """A port of the loopback address that nobody has right now, and that no outgoing connection is given (on Linux those from 32768
    on), so that it is still free when its program starts. Raises NotAsTold when none is found."""
    for _ in range(1_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = 20_000 + secrets.randbelow(12_000)
            probe.bind(("127.0.0.1", port))
            return port
    raise NotAsTold("no free port was found on this machine")
