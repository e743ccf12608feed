"""A batch through the line: each of its documents by itself, in order, with a verdict of its own (ARCHITECTURE.md, promises 3, 4 and 9)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.errors import GatewayError, Invalid, TooLarge, Unavailable, Unsupported
from gateway.model.document import Received, Verdict
from gateway.model.report import Report
from gateway.pipeline import carry
from gateway.pipeline.node import Node
from gateway.standards import Standard, standard_of

MOST = 200  # documents of a batch at a door: its sender waits for an answer
MOST_ECHOED = 50  # of a dry run, whose answer holds what each would become
Parts = list[tuple[int, bytes, Report]]


@dataclass(frozen=True, slots=True)
class Carried:
    """The verdicts on 0..* documents in their order, and what was found about the batch itself."""

    verdicts: tuple[Verdict, ...]
    found: Report


async def carry_batch(node: Node, received: Received) -> Carried | None:
    """Every document of a batch through the line; None for what is a document by itself.

    What is refused stops no other document. When one could not be kept, those behind it are not tried: the sender's retry of the whole
    brings them in their order, and what is on record already has no second effect. Raises TooLarge or Busy when none was tried.
    """
    standard = _standard(received.content_type)
    if standard is None or standard.parts(received.body, received.charset) is None:
        return None
    with node.cpu.holding(len(received.body)):
        parts = await node.cpu.run(_parts, standard, received)
        return await _carried(node, received, parts)


def _standard(content_type: str) -> Standard | None:
    try:
        return standard_of(content_type)
    except Unsupported:
        return None  # the line says so, and keeps it


def _parts(standard: Standard, received: Received) -> Parts:
    """The documents and what was found between them. Raises TooLarge for more documents than a door takes at a time."""
    most = MOST_ECHOED if received.dry_run else MOST
    parts: Parts = []
    for part in standard.parts(received.body, received.charset) or ():
        if part.number > most:
            raise TooLarge(f"A batch holds at most {most} messages at this door; send it in parts.")
        parts.append((part.number, part.body, part.report))
    return parts


async def _carried(node: Node, received: Received, parts: Parts) -> Carried:
    verdicts: list[Verdict] = []
    found = Report()
    stop: Unavailable | None = None
    for number, body, report in parts:
        if not number:
            found += report
            continue
        verdict = Verdict(number, body, stop) if stop else await _one(node, received, number, body)
        stop = verdict.error if isinstance(verdict.error, Unavailable) else None
        verdicts.append(verdict)
    if not found.ok:
        node.counted(Invalid.__name__, f"{received.transport}:batch")
    return Carried(tuple(verdicts), found)


async def _one(node: Node, received: Received, number: int, body: bytes) -> Verdict:
    own = replace(received, id=node.ids(), body=body, at=node.clock())
    try:
        receipt = await carry(node, own)
    except GatewayError as error:  # it never came to the journal
        node.counted(type(error).__name__, f"{received.transport}:batch")
        return Verdict(number, body, error)
    return Verdict(number, body, receipt.error, receipt.received, receipt.exchanges, receipt.echo)
