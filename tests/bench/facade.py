"""The façade at 16 callers: reads and searches with consent and a durable record, beside the same without (bare.py), in turn on the same data."""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from figures import Figure, ratio
from inputs import KINDS, person
from load import request, send
from node import BenchNode, staged, started

from gateway.demo.messages import Moment, consent
from gateway.demo.processes import Processes, free_port, wait_for

ROUNDS = 7
_BUDGET = 25.0  # seconds; a slow machine gets fewer rounds
_PERSONS = 24
_CALLERS = 16
_REQUESTS = 160
_NUMBER = "https://hanbit-hospital.example/fhir/sid/patient-number"
_FHIR, _V2 = "application/fhir+json", "x-application/hl7-v2+er7"


def measured(folder: Path) -> list[Figure]:
    """Requests per second of both nodes and their ratios. Both are started and stopped here."""
    own = folder / "facade"
    own.mkdir()
    stage, processes = staged(own)
    with processes:
        node = started(processes, stage)
        _fill(node)
        beside = free_port()
        with _bare(own, beside) as others:
            process = others.start("bare", "bare", "serve", "--site", str(stage.site))
            wait_for(f"http://127.0.0.1:{beside}/readyz", process, {})
            asked = {name: list(rows) for name, rows in _questions(node.port, stage.tokens["welfare"]).items()}
            found: dict[str, list[float]] = defaultdict(list)
            end = time.monotonic() + _BUDGET
            for turn in range(ROUNDS):
                if turn > 1 and time.monotonic() > end:
                    break
                for name, rows in asked.items():
                    for which, port in (("bare", beside), ("whole", node.port)):
                        done = send(port, list(itertools.islice(itertools.cycle(rows), _REQUESTS)), _CALLERS)
                        if done.others:
                            raise RuntimeError(f"{done.others} questions of {name} were not answered")
                        if turn:  # the first is to warm up
                            found[f"{which} {name}"].append(done.rate)
    return list(_figures(found))


def _bare(folder: Path, port: int) -> Processes:
    """What starts the node without consent and record, on the same data; its MLLP port is on another loopback address."""
    environment = {
        "GATEWAY_HOST": "127.0.0.1", "GATEWAY_LOG_LEVEL": "warning", "GATEWAY_DATA_DIR": str(folder), "GATEWAY_PORT": str(port),
        "GATEWAY_MLLP_HOST": "127.0.0.2", "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]), "PYTHONDONTWRITEBYTECODE": "",
    }  # fmt: skip
    (folder / "bare").mkdir()
    return Processes(folder / "bare", environment)


def _fill(node: BenchNode) -> None:
    """A record of an admission and a laboratory report for each person, and a consent to its reading."""
    now = datetime.now(UTC) - timedelta(minutes=5)
    for number in range(_PERSONS):
        given = consent(person(number), Moment(now, number), "Organization/mapo-care-team")
        bodies = [(json.dumps(given).encode(), _FHIR), *((make(number, number), _V2) for make in KINDS.values())]
        done = send(node.port, [request("POST", "/messages", node.token, body, kind) for body, kind in bodies], 1)
        if done.others:
            raise RuntimeError("a record was not taken")
    node.settle()


def _questions(port: int, token: str) -> dict[str, Iterator[bytes]]:
    import httpx

    reads, searches = [], []
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}, trust_env=False
    ) as client:
        for number in range(_PERSONS):
            named = quote(f"{_NUMBER}|{person(number).number}", safe="")
            (found,) = client.get(f"/fhir/Patient?identifier={named}").json()["entry"]
            id = found["resource"]["id"]
            rows = client.get(f"/fhir/Observation?patient={id}").json()["entry"]
            reads += [f"/fhir/Observation/{row['resource']['id']}" for row in rows]
            searches.append(f"/fhir/Observation?patient={id}&code=http://loinc.org|718-7&_sort=-date")
    return {
        "read": (request("GET", path, token) for path in reads),
        "search": (request("GET", path, token) for path in searches),
    }


def _figures(found: dict[str, list[float]]) -> Iterator[Figure]:
    for name in ("read", "search"):
        note = f"{_CALLERS} at once, consent decided, on record before the answer"
        yield Figure("façade", name, "/s", tuple(found[f"whole {name}"]), note)
        yield Figure(
            "façade",
            f"{name}, without consent and record",
            "/s",
            tuple(found[f"bare {name}"]),
            "the same node, data and questions",
        )
        yield ratio("façade", "  to without", found[f"whole {name}"], found[f"bare {name}"])
