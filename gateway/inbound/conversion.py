"""`$convert`: what the caller's own document becomes, as the line would have it; nothing is kept (FHIR R4, resource-operation-convert.html).

A document gives its Bundle, a batch a Bundle with one Bundle (or, for what cannot be read, an OperationOutcome) for each message. With
`explain=true` a document gives one JSON for a page that draws lines between both sides: values, Bundle, origins, rules, losses, findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.errors import TooLarge, Unanswerable, Unusable
from gateway.inbound.validation import standard_named
from gateway.mapping import MapContext
from gateway.model.door import Call, Door
from gateway.model.released import Echo, Egress
from gateway.model.report import outcome_of
from gateway.pipeline.batch import MOST_ECHOED
from gateway.pipeline.conversion import Converted, mapped_by, standard_for
from gateway.pipeline.node import Node
from gateway.pipeline.prepare import MAX_ITEMS, context_of
from gateway.standards import Standard

_MOST_BYTES = 5_000_000
_FLAGS = ("explain", "provenance")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants besides the Bundle."""

    explain: bool = False
    provenance: bool = False


async def convert(node: Node, call: Call) -> Egress:
    """`POST [base]/$convert`. Raises Unanswerable for an unknown parameter, Unsupported for an unknown standard, what is Unusable."""
    asked = _asked(call.query)
    name, charset = standard_named(call.headers.get("content-type", ""))
    context = context_of(node, node.participant(call.principal.participant))
    with node.cpu.holding(len(call.body)):
        return Echo(await node.cpu.run(_made, call.body, (name, charset), context, asked))


def _asked(query: tuple[tuple[str, str], ...]) -> Asked:
    names = [name for name, _ in query]
    wrong = [name for name, value in query if name not in _FLAGS or value not in ("true", "false")]
    if wrong or len(set(names)) != len(names):
        raise Unanswerable(None, *(wrong or names)[:3])
    return Asked(**{name: value == "true" for name, value in query})


def _made(body: bytes, form: tuple[str, str], context: MapContext, asked: Asked) -> dict[str, Any]:
    name, charset = form
    standard = standard_for(body, name)
    parts = standard.parts(body, charset)
    if parts is None:
        done = _one(standard, body, charset, context, asked)
        made: dict[str, Any] = done.explained() if asked.explain else done.conversion.content
        return made
    if asked.explain:
        raise Unanswerable("One document is explained at a time, and this is a batch.", "explain")
    entries = []
    for part in parts:
        if part.number > MOST_ECHOED:
            raise TooLarge(f"A batch holds at most {MOST_ECHOED} messages at this door; send it in parts.")
        if part.number:
            entries.append({"resource": _entry(standard, part.body, charset, context, asked)})
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
    return {**bundle, "entry": entries} if entries else bundle


def _entry(standard: Standard, body: bytes, charset: str, context: MapContext, asked: Asked) -> dict[str, Any]:
    """A message of a batch; what cannot be read stops no other."""
    try:
        made: dict[str, Any] = _one(standard, body, charset, context, asked).conversion.content
    except Unusable as error:
        return outcome_of(error)
    return made


def _one(standard: Standard, body: bytes, charset: str, context: MapContext, asked: Asked) -> Converted:
    done = mapped_by(body, standard.parse(body, charset), context, with_provenance=asked.provenance)
    if len(done.mapped.items) > MAX_ITEMS:
        raise TooLarge("One document holds more resources than are taken at a time; send it in parts.")
    return done


DOORS = (
    Door("POST", "/fhir/$convert", convert, "What the caller's own document becomes in FHIR R4", max_body=_MOST_BYTES),
)
