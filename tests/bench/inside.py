"""The core without a server: parsing, checking, mapping and validating messages, in this process, warmed up."""

from __future__ import annotations

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
_MESSAGES = 60
_WARM = 100
Work = Callable[[Any], Any]


def measured() -> list[Figure]:
    """Milliseconds of processor time per message, stage by stage, and messages per second of it."""
    validator = Validator()
    parse = standards()["hl7v2"].parse

    def mapped(parsed: Any) -> Any:
        return map_document(parsed, context=MapContext())

    def both(message: bytes) -> Any:
        return validator.report(convert(message).content)

    found: dict[str, list[float]] = defaultdict(list)
    prepared = {}
    for kind, make in KINDS.items():
        messages = [make(number, number) for number in range(_MESSAGES)]
        parsed = [parse(message) for message in messages]
        works: Sequence[tuple[str, Work, Sequence[Any]]] = (
            ("convert + validate", both, messages),
            ("convert", convert, messages),
            ("parse", parse, messages),
            ("check", validate_document, parsed),
            ("map", mapped, [parse(message) for message in messages]),
            ("validate", validate_mapped, [mapped(each) for each in parsed]),
        )
        prepared[kind] = works
        for _ in range(_WARM // _MESSAGES + 1):
            _each(works, kind, defaultdict(list))
    for _ in range(ROUNDS):
        for kind, works in prepared.items():
            _each(works, kind, found)
    return list(_figures(found))


def _each(works: Sequence[tuple[str, Work, Sequence[Any]]], kind: str, found: dict[str, list[float]]) -> None:
    for name, work, over in works:
        start = time.process_time()
        for each in over:
            work(each)
        found[f"{kind} {name}"].append((time.process_time() - start) * 1000 / len(over))


_STAGES = (
    ("parse", "bytes to segments, on demand"),
    ("check", "grammar of the message; splits what is not split yet"),
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
