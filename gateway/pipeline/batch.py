"""A batch through the line: each of its documents by itself, in order, with a verdict of its own (ARCHITECTURE.md, promises 3, 4 and 9)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway.errors import GatewayError, TooLarge, Unavailable, Unsupported
from gateway.model.document import Received, Verdict
from gateway.model.report import Finding, Report
from gateway.pipeline import carry
from gateway.pipeline.node import Node
from gateway.standards import Standard, standard_of

MOST = 200  # documents of a batch at a door: its sender waits for an answer
MOST_ECHOED = 50  # where the answer holds what each would become
MOST_FOUND = 100  # findings on a batch itself


@dataclass(frozen=True, slots=True)
class Batch:
    """The 0..* documents of a batch in their order, the first of them number 1, and what was found about the batch itself."""

    documents: tuple[bytes, ...] = field(repr=False)
    found: Report


@dataclass(frozen=True, slots=True)
class Carried:
    """The verdicts on 0..* documents in their order, and what was found about the batch itself."""

    verdicts: tuple[Verdict, ...]
    found: Report


async def carry_batch(node: Node, received: Received) -> Carried | None:
    """Every document of a batch through the line; None for what is a document by itself.

    What is refused stops no other document. When one could not be kept, those behind it are not tried: the sender's retry of the whole
    brings them in their order, and what is on record already has no second effect. Raises what is Unusable (`taken_apart`) or Busy when
    none was tried.
    """
    standard = _standard(received.content_type)
    if standard is None or standard.parts(received.body) is None:
        return None
    with node.cpu.holding(len(received.body)):
        batch = await node.cpu.run(taken_apart, standard, received.body, MOST_ECHOED if received.dry_run else MOST)
        return None if batch is None else await _carried(node, received, batch)


def taken_apart(standard: Standard, body: bytes, most: int) -> Batch | None:
    """The documents of a batch, none of them read yet; None for what is a document by itself.

    Raises what refuses the batch whole before anything of it is done: TooLarge for more than `most` documents, and what its standard says.
    """
    parts = standard.parts(body)
    if parts is None:
        return None
    documents: list[bytes] = []
    found: list[Finding] = []
    for part in parts:
        if part.error is not None and not part.number:
            raise part.error
        if part.number > most:
            raise TooLarge(f"A batch holds at most {most} messages at this door; send it in parts.")
        if part.number:
            documents.append(part.body)
        else:
            found.extend(part.report.findings[: MOST_FOUND - len(found)])
    return Batch(tuple(documents), Report(tuple(found)))


def _standard(content_type: str) -> Standard | None:
    try:
        return standard_of(content_type)
    except Unsupported:
        return None  # the line says so, and keeps it


async def _carried(node: Node, received: Received, batch: Batch) -> Carried:
    verdicts: list[Verdict] = []
    stop: Unavailable | None = None
    for number, body in enumerate(batch.documents, 1):
        verdict = Verdict(number, body, stop) if stop else await _one(node, received, number, body)
        stop = verdict.error if isinstance(verdict.error, Unavailable) else None
        verdicts.append(verdict)
    return Carried(tuple(verdicts), batch.found)


async def _one(node: Node, received: Received, number: int, body: bytes) -> Verdict:
    own = replace(received, id=node.ids(), body=body, at=node.clock())
    try:
        receipt = await carry(node, own)
    except GatewayError as error:  # it never came to the journal
        node.counted(type(error).__name__, f"{received.transport}:batch")
        return Verdict(number, body, error)
    return Verdict(number, body, receipt.error, receipt.received, receipt.exchanges, receipt.echo)
