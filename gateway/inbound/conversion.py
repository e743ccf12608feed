"""`$convert`: what the caller's own document becomes, as the line would have it; nothing is kept (FHIR R4, resource-operation-convert.html).

A document gives its Bundle, a batch a Bundle with one Bundle (or, for what cannot be read, an OperationOutcome) for each message. With
`explain=true` a document gives one JSON for a page that draws lines between both sides: values, Bundle, origins, rules, losses, findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.errors import Unanswerable, Unusable
from gateway.inbound.validation import standard_named
from gateway.mapping import MapContext
from gateway.model.door import Call, Door
from gateway.model.released import Echo, Egress
from gateway.model.report import outcome_of
from gateway.pipeline.batch import MOST_ECHOED, Batch, taken_apart
from gateway.pipeline.conversion import mapped_by, standard_for
from gateway.pipeline.node import Node
from gateway.pipeline.prepare import MAX_ITEMS, context_of

_MOST_BYTES = 5_000_000
_FLAGS = ("explain", "provenance")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants besides the Bundle."""

    explain: bool = False
    provenance: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """How a document is to be read and mapped: the name of its standard, its charset, what is declared of its sender."""

    standard: str
    charset: str
    context: MapContext


async def convert(node: Node, call: Call) -> Egress:
    """`POST [base]/$convert`. Raises Unanswerable for an unknown parameter, Unsupported for an unknown standard, what is Unusable."""
    asked = _asked(call.query)
    name, charset = standard_named(call.headers.get("content-type", ""))
    context = context_of(node, node.participant(call.principal.participant))
    with node.cpu.holding(len(call.body)):
        name, batch = await node.cpu.run(_opened, call.body, name)
        form = Form(name, charset, context)
        if batch is None:
            return Echo(await node.cpu.run_sized(len(call.body), _made, call.body, form, asked))
        if asked.explain:
            raise Unanswerable("One document is explained at a time, and this is a batch.", "explain")
        return Echo(await _together(node, batch, form, asked))


def _asked(query: tuple[tuple[str, str], ...]) -> Asked:
    names = [name for name, _ in query]
    wrong = [name for name, value in query if name not in _FLAGS or value not in ("true", "false")]
    if wrong or len(set(names)) != len(names):
        raise Unanswerable(None, *(wrong or names)[:3])
    return Asked(**{name: value == "true" for name, value in query})


def _opened(body: bytes, name: str) -> tuple[str, Batch | None]:
    """The standard of a document, and its documents when it is a batch that the line would take."""
    standard = standard_for(body, name)
    return standard.NAME, taken_apart(standard, body, MOST_ECHOED)


async def _together(node: Node, batch: Batch, form: Form, asked: Asked) -> dict[str, Any]:
    """A Bundle of what each document of a batch becomes; between two of them others have their turn."""
    entries = [{"resource": await node.cpu.run_sized(len(body), _entry, body, form, asked)} for body in batch.documents]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
    return {**bundle, "entry": entries} if entries else bundle


def _entry(body: bytes, form: Form, asked: Asked) -> dict[str, Any]:
    """A message of a batch; what cannot be read stops no other."""
    try:
        return _made(body, form, asked)
    except Unusable as error:
        return outcome_of(error)


def _made(body: bytes, form: Form, asked: Asked) -> dict[str, Any]:
    parsed = standard_for(body, form.standard).parse(body, form.charset)
    done = mapped_by(body, parsed, form.context, with_provenance=asked.provenance, most=MAX_ITEMS)
    made: dict[str, Any] = done.explained() if asked.explain else done.conversion.content
    return made


DOORS = (
    Door(
        "POST",
        "/fhir/$convert",
        convert,
        "What the caller's own document becomes in FHIR R4",
        max_body=_MOST_BYTES,
        scope="",
    ),
)
