"""Validation beside its peers: rounds of everything take turns, so that the ratios hold where absolute times do not.

Documents are made by fhir_inputs.py. fhir.resources parses and checks structure only; the gateway checks every invariant and binding
of R4 as well. The floor is a walk over every node of the parsed JSON that does nothing: no validator in pure Python is faster.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import fhir_inputs
from cold import spawned
from figures import Figure, ratio
from peers import Pyfhircheck, pyfhircheck
from rooms import shares

from gateway import Validator
from gateway.model.wire import read_json, write_json

ROUNDS = 7
WARM = 1  # what is compiled or built when first used is not measured here
_BUDGET = 60.0  # seconds; a slow machine gets fewer rounds
_COLD_ROUNDS = 5
_PEOPLE = 12  # in a large Bundle
_PACKAGES = Path(__file__).resolve().parents[3] / "shared" / "packages"
_GUIDES = ("hl7.fhir.us.core-6.1.0.tgz", "hl7.fhir.uv.ips-1.1.0.tgz")
Measured = Mapping[str, list[float]]


def measured(folder: Path) -> list[Figure]:
    """Speed on a record of 100 entries, a large Bundle and a blood pressure, ratios to peers and floor, start, memory, where time goes."""
    from fhir.resources.R4B.bundle import Bundle

    validator = Validator()
    if not all(validator.report(each).ok for each in (fhir_inputs.record(), fhir_inputs.pressure())):
        raise RuntimeError("a document of the bench is not valid")
    works: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
        "record": ("records", validator.validate),
        "record read": ("records", read_json),
        "record walk": ("parsed", _visit),
        "record peer": ("records", Bundle.model_validate_json),
        "large": ("large", validator.validate),
        "large peer": ("large", Bundle.model_validate_json),
        "pressure": ("pressures", validator.validate),
    }
    record = write_json(fhir_inputs.record())
    with pyfhircheck(folder, write_json(fhir_inputs.pressure())) as peer:
        found = _rounds(works, peer)
    return [
        *_speeds(found, len(fhir_inputs.record()["entry"])),
        *_cold(folder, {"patient": _patient(), "record": record}),
        *_memory(folder, record),
        *_shares(validator, record),
    ]


def _documents(turn: int) -> Mapping[str, Sequence[Any]]:
    """What one round is about: documents that no round before had, so that nothing kept of them makes a validator look faster."""
    first = 10_000 * (turn + 1)
    records = [write_json(fhir_inputs.record(first + each)) for each in range(3)]
    return {
        "records": records,
        "parsed": [read_json(body) for body in records],
        "large": [write_json(fhir_inputs.large(_PEOPLE, first + 100))],
        "pressures": [write_json(fhir_inputs.pressure(first + each)) for each in range(60)],
    }


def _rounds(works: Mapping[str, tuple[str, Callable[[Any], Any]]], peer: Pyfhircheck | None) -> Measured:
    found: dict[str, list[float]] = defaultdict(list)
    end = time.monotonic() + _BUDGET
    for turn in range(WARM + ROUNDS):
        if turn > WARM and time.monotonic() > end:
            break
        documents = _documents(turn)
        taken = {name: _cpu(work, documents[kind]) for name, (kind, work) in works.items()}
        if peer:
            taken["pressure peer"] = peer.milliseconds(10)
        for name, each in taken.items() if turn >= WARM else ():
            found[name].append(each)
    return found


def _cpu(work: Callable[[Any], Any], over: Sequence[Any]) -> float:
    """Milliseconds of processor time for one of these."""
    gc.collect()
    start = time.process_time()
    for each in over:
        work(each)
    return (time.process_time() - start) * 1000 / len(over)


def _visit(node: Any) -> None:
    """A walk over every node of a parsed document that does nothing."""
    if isinstance(node, dict):
        for each in node.values():
            _visit(each)
    elif isinstance(node, list):
        for each in node:
            _visit(each)


def _speeds(found: Measured, entries: int) -> Iterator[Figure]:
    def rate(name: str, many: float) -> list[float]:
        return [many * 1000 / each for each in found[name]]

    ours, group = "every invariant and binding of R4", "validation"
    yield Figure(group, "record of 100 entries", "resources/s", tuple(rate("record", entries)), ours)
    yield Figure(
        group, "  fhir.resources", "resources/s", tuple(rate("record peer", entries)), "model_validate_json of R4B"
    )
    yield ratio(group, "  to fhir.resources", found["record peer"], found["record"], "how many times as fast")
    yield Figure(
        group, "large Bundle", "resources/s", tuple(rate("large", entries * _PEOPLE)), f"{_PEOPLE} records in one"
    )
    yield ratio(group, "  to fhir.resources", found["large peer"], found["large"])
    floor = [a + b for a, b in zip(found["record read"], found["record walk"], strict=True)]
    yield ratio(group, "record: distance to the floor", found["record"], floor, "reading plus a walk over every node")
    yield ratio(group, "record: distance to a bare walk", found["record"], found["record walk"], "over the parsed JSON")
    yield Figure(group, "blood pressure with its profile", "ms", tuple(found["pressure"]), "from bytes; profile bp")
    if "pressure peer" in found:
        yield Figure(
            group, "  pyfhircheck", "ms", tuple(found["pressure peer"]), "from bytes; own process, R4 core package"
        )
        yield ratio(group, "  to pyfhircheck", found["pressure peer"], found["pressure"], "how many times as fast")


_OURS = "import sys; from gateway import Validator; Validator().validate(open(sys.argv[1], 'rb').read())"
_THEIRS = "import sys; from fhir.resources.R4B.{0} import {1}; {1}.model_validate_json(open(sys.argv[1], 'rb').read())"
_PEERS = {"patient": _THEIRS.format("patient", "Patient"), "record": _THEIRS.format("bundle", "Bundle")}


def _patient() -> bytes:
    entries = fhir_inputs.record()["entry"]
    return write_json(next(each["resource"] for each in entries if each["resource"]["resourceType"] == "Patient"))


def _cold(folder: Path, documents: Mapping[str, bytes]) -> Iterator[Figure]:
    """From the start of a process to its end with one verdict, beside fhir.resources importing and parsing the same."""
    for name, body in documents.items():
        path = folder / f"{name}.json"
        path.write_bytes(body)
        ours, theirs = [], []
        for _ in range(_COLD_ROUNDS):
            ours.append(spawned(["-c", _OURS, str(path)])[0] * 1000)
            theirs.append(spawned(["-c", _PEERS[name], str(path)])[0] * 1000)
        yield Figure("validation: start", f"first verdict, a {name}", "ms", tuple(ours), "process start to end, wall")
        yield Figure("validation: start", "  fhir.resources", "ms", tuple(theirs), "import and parse the same")
        yield ratio("validation: start", "  to fhir.resources", ours, theirs, "below 1: sooner")


_KEPT = """
import resource, sys
from pathlib import Path
from gateway import Validator
Validator(packages=[Path(each) for each in sys.argv[2:]]).validate(Path(sys.argv[1]).read_bytes())
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
peak = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
print(peak / 1e3 if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""  # a child's ru_maxrss starts with what its parent had


def _memory(folder: Path, record: bytes) -> Iterator[Figure]:
    """The largest resident set of a process that has validated a record."""
    group = "validation: memory"
    yield Figure(group, "R4 core", "MB", (_peak(folder, record),), "largest resident set after a record")
    guides = [str(_PACKAGES / name) for name in _GUIDES]
    if all(Path(guide).is_file() for guide in guides):
        peak = _peak(folder, write_json(fhir_inputs.guided()), *guides)
        yield Figure(group, "with US Core and IPS", "MB", (peak,), "after a record that claims profiles of US Core")


def _peak(folder: Path, body: bytes, *packages: str) -> float:
    path = folder / "kept.json"
    path.write_bytes(body)
    command = [sys.executable, "-c", _KEPT, str(path), *packages]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _shares(validator: Validator, record: bytes) -> Iterator[Figure]:
    for name, share in shares(lambda: validator.validate(record), 3).items():
        yield Figure("validation: where the time goes", name, "%", (share * 100,), "of a record, by profile of calls")
