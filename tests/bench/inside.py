"""The core without a server: parsing, checking, mapping and validating messages, in this process, warmed up."""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from figures import Figure
from inputs import KINDS

from gateway import Validator, convert
from gateway.mapping import MapContext
from gateway.stages.map import map_document
from gateway.stages.validate import validate_document, validate_mapped
from gateway.standards import standards

ROUNDS = 7
_BUDGET = 20.0  # seconds; a slow machine gets fewer rounds
_MESSAGES = 60
WARM = 2
Work = tuple[str, Callable[[bytes], Any], Callable[[Any], Any]]  # name, what is not measured, what is


def measured() -> list[Figure]:
    """Milliseconds of processor time per message, stage by stage, and messages per second of it."""
    validator = Validator()
    parse = standards()["hl7v2"].parse

    def mapped(parsed: Any) -> Any:
        return map_document(parsed, context=MapContext())

    def both(message: bytes) -> Any:
        return validator.report(convert(message).content)

    works: Sequence[Work] = (
        ("convert + validate", _as_it_is, both),
        ("convert", _as_it_is, convert),
        ("parse", _as_it_is, parse),
        ("check", parse, validate_document),
        ("map", parse, mapped),
        ("validate", lambda message: mapped(parse(message)), validate_mapped),
    )
    found: dict[str, list[float]] = defaultdict(list)
    end = time.monotonic() + _BUDGET
    for turn in range(WARM + ROUNDS):
        if turn > WARM and time.monotonic() > end:
            break
        for kind, make in KINDS.items():
            messages = [make(number, number) for number in range(_MESSAGES)]
            for name, prepare, work in works:
                each = _cpu(work, [prepare(message) for message in messages])
                if turn >= WARM:
                    found[f"{kind} {name}"].append(each)
    return list(_figures(found))


def _as_it_is(message: bytes) -> bytes:
    return message


def _cpu(work: Callable[[Any], Any], over: Sequence[Any]) -> float:
    """Milliseconds of processor time for one of these; each is fresh, because what is read once is kept split."""
    gc.collect()  # of what was prepared: that is not this work's to pay for
    start = time.process_time()
    for each in over:
        work(each)
    return (time.process_time() - start) * 1000 / len(over)


_STAGES = (
    ("parse", "bytes to segments, on demand"),
    ("check", "grammar of the message, splitting what it looks at"),
    ("map", "to FHIR, with origins and losses"),
    ("validate", "every resource by the R4 core"),
    ("convert", "parse, map and assemble the Bundle"),
)


def _figures(found: dict[str, list[float]]) -> Iterator[Figure]:
    for kind in KINDS:
        whole = tuple(1000 / each for each in found[f"{kind} convert + validate"])
        note = "convert() and its Bundle validated, per second of CPU"
        yield Figure("core", f"{kind}: convert + validate", "messages/s", whole, note)
        for name, note in _STAGES:
            yield Figure("core", f"{kind}:   {name}", "ms", tuple(found[f"{kind} {name}"]), note)
