"""A served node under load: processor time and bytes per exchange, exchanges per second beside the echo and commit floors."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from figures import Figure, ratio
from floor import commits
from inputs import KINDS, Make
from load import request, send
from node import BenchNode, staged, started

ROUNDS = 5
_BUDGET = 60.0  # seconds; a slow machine gets fewer rounds
SENDERS = (1, 16)
_PERSONS = 48
_MESSAGES = {1: 40, 16: 96}  # of one kind in one round, by senders
_ECHOES = {1: 150, 16: 400}
_COMMITS = 200
_V2 = "x-application/hl7-v2+er7"
Measured = Mapping[str, list[float]]


@dataclass(slots=True)
class _Sending:
    """The one sender's side: numbers that are never used twice, so that every message is distinct."""

    node: BenchNode
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def messages(self, make: Make, count: int) -> list[bytes]:
        """That many requests, about one person after the other."""
        bodies = (make(number % _PERSONS, number) for number in itertools.islice(self.numbers, count))
        return [request("POST", "/messages", self.node.token, body, _V2) for body in bodies]


def measured(folder: Path) -> list[Figure]:
    """Every figure of the served node. The node is started and stopped here; its data stay in the folder."""
    stage, processes = staged(folder)
    with processes:
        node = started(processes, stage)
        sending = _Sending(node)
        _warm(node, sending)
        found: dict[str, list[float]] = defaultdict(list)
        end = time.monotonic() + _BUDGET
        for turn in range(ROUNDS):
            if turn and time.monotonic() > end:
                break
            _round(node, sending, folder, found)
        found["memory"].append(node.memory())
    return [*_costs(found), *_rates(found), Figure("node", "resident memory at the end", "MB", tuple(found["memory"]))]


def _warm(node: BenchNode, sending: _Sending) -> None:
    """Every person becomes known, every map is compiled, every connection path was walked."""
    for make in KINDS.values():
        for senders in SENDERS:
            send(node.port, sending.messages(make, _PERSONS), senders)
            node.settle()


def _round(node: BenchNode, sending: _Sending, folder: Path, found: dict[str, list[float]]) -> None:
    """Floors and loads in turn, so that a change of the machine's mood meets all of them."""
    found["commit"].append(commits(folder, _COMMITS))
    for senders in SENDERS:
        echoes = [request("GET", "/healthz")] * _ECHOES[senders]
        found[f"echo {senders}"].append(send(node.port, echoes, senders).rate)
        for kind, make in KINDS.items():
            _load(node, sending.messages(make, _MESSAGES[senders]), f"{kind} {senders}", senders, found)


def _load(node: BenchNode, requests: list[bytes], name: str, senders: int, found: dict[str, list[float]]) -> None:
    cpu, stored, known = node.cpu(), node.stored(), node.exchanges()
    done = send(node.port, requests, senders)
    node.settle()
    made = node.exchanges() - known
    if done.others or made == 0:
        raise RuntimeError(f"{done.others} of {len(requests)} messages were not taken, {made} exchanges made")
    found[f"rate {name}"].append(made / done.seconds)
    found[f"cpu {name}"].append((node.cpu() - cpu) * 1000 / made)
    found[f"bytes {name}"].append((node.stored() - stored) / made)
    found[f"per {name}"].append(made / done.fine)


def _costs(found: Measured) -> Iterator[Figure]:
    for kind in KINDS:
        each = found[f"per {kind} 1"][0]
        for senders in SENDERS:
            note = f"server process, indexing included; {each:.0f} exchanges a message; {senders} at once"
            yield Figure("cost", f"{kind}: CPU per exchange", "ms", tuple(found[f"cpu {kind} {senders}"]), note)
        note = "database in use, indexes included"
        yield Figure("cost", f"{kind}: stored per exchange", "bytes", tuple(found[f"bytes {kind} 16"]), note)


def _rates(found: Measured) -> Iterator[Figure]:
    yield Figure("floor", "bare SQLite commits", "/s", tuple(found["commit"]), "1 row of 1 kB, WAL, synchronous=FULL")
    for senders in SENDERS:
        note = "GET /healthz, same server and client"
        yield Figure("floor", f"echo, {senders} at once", "/s", tuple(found[f"echo {senders}"]), note)
    for senders, kind in itertools.product(SENDERS, KINDS):
        rate = found[f"rate {kind} {senders}"]
        name = f"{kind}, {senders} at once"
        yield Figure("audited exchanges", name, "/s", tuple(rate), "acknowledged, so durable")
        yield ratio("audited exchanges", "  to echo", rate, found[f"echo {senders}"])
        yield ratio("audited exchanges", "  to bare commits", rate, found["commit"])
