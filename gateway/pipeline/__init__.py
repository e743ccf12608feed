"""The line, readable in one screen: `carry` a push to its durable commit, `drain` what is due, `answer` a pull, `convert` alone.

receive → parse → validate → map → validate → identify → decide → release → record → (commit) → deliver
question → decide → read → decide → release → record → (commit) → answer
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.errors import Busy, Conflict, NotDurable
from gateway.model.document import Principal, Received
from gateway.model.questions import Question
from gateway.model.records import Lease, Unit
from gateway.model.released import Released
from gateway.model.report import Conversion

if TYPE_CHECKING:
    from gateway.model.agreement import Site
    from gateway.pipeline.elsewhere import Found
    from gateway.pipeline.node import Node
    from gateway.pipeline.pull import Pulled
    from gateway.pipeline.push import Ready, Receipt

_TRIES = 4


async def carry(node: Node, received: Received) -> Receipt:
    """A document of a known caller, through the line to its durable commit; the receipt may then be given.

    Raises Busy or NotDurable when nothing was kept; every other refusal is on record and stands in the receipt.
    """
    from gateway.pipeline.node import LARGE
    from gateway.pipeline.push import push

    with node.cpu.holding(len(received.body)):
        ready = await _apart(node, received) if len(received.body) > LARGE else None
        for _ in range(_TRIES):
            settled = await node.cpu.run(push, node, received, ready)
            try:
                await _durable(node, settled.unit)
            except Conflict:
                continue  # somebody else committed this document or this person meanwhile: read again
            return settled.receipt
    raise NotDurable


async def _apart(node: Node, received: Received) -> Ready:
    """A large document prepared in another process, so that the small ones need not wait for it."""
    from gateway.pipeline.prepare import context_of, prepare_apart

    sender = node.participant(received.principal.participant)
    return await node.cpu.run_apart(prepare_apart, received, sender, context_of(node, sender), node.rulebook)


async def answer(node: Node, principal: Principal, question: Question) -> Released | None:
    """What a reader may have, after it is on record; None when a search finds nothing. Raises NotAllowed, NotFound, NotDurable."""
    for _ in range(_TRIES):
        pulled = await _pulled(node, principal, question)
        try:
            await _durable(node, pulled.unit)
        except Conflict:
            continue  # another process wrote about this person meanwhile: ask again
        if pulled.error is not None:
            raise pulled.error
        return pulled.released
    raise NotDurable


async def _pulled(node: Node, principal: Principal, question: Question) -> Pulled:
    """A question settled, with what those who hold part of the record elsewhere gave of it: each is asked once."""
    from gateway.pipeline.fetching import fetched
    from gateway.pipeline.pull import pull

    found: dict[str, Found] = {}
    while True:
        pulled = await node.cpu.run(pull, node, principal, question, dict(found))
        if pulled.ask is None or pulled.ask.agreement in found:
            return pulled
        found[pulled.ask.agreement] = await fetched(node, pulled.ask)


async def drain(node: Node, owner: str, most: int = 32) -> int:
    """Works off what is due, one entry per lane, to the end; how many were taken up."""
    leases = await taken(node, owner, most)
    await asyncio.gather(*(worked(node, lease) for lease in leases))
    return len(leases)


async def taken(node: Node, owner: str, most: int) -> Sequence[Lease]:
    """Leases on what is due, at most one per lane."""
    now = node.clock()
    until = now + timedelta(seconds=node.pace.lease)
    return await asyncio.to_thread(node.store.lease, owner, now, until, most)


async def worked(node: Node, lease: Lease) -> None:
    """One entry to its commit C; a stale lease or a store that refuses leaves it for the next one."""
    from gateway.pipeline.delivery import stuck, undelivered

    try:
        unit = await _unit_of(node, lease)
    except Exception as error:  # the journal: whatever it was, it is classified and recorded
        exchange = await asyncio.to_thread(node.store.exchange, lease.entry.exchange)
        if exchange is None:
            return
        unit = undelivered(node, exchange, lease, stuck(error))
    try:
        await _durable(node, unit)
    except (Conflict, NotDurable, Busy):
        return


async def _unit_of(node: Node, lease: Lease) -> Unit:
    """What the work on an entry leaves to be recorded. Raises what is Undeliverable."""
    from gateway.pipeline.delivery import Over, delivered, reconsider, send
    from gateway.pipeline.index import index

    if lease.entry.kind == "index":
        return await node.cpu.run(index, node, lease)
    ready = await node.cpu.run(reconsider, node, lease)
    if isinstance(ready, Over):
        return ready.unit
    if ready.before != Unit():
        await _durable(node, ready.before)
    await send(node, ready)
    return delivered(node, ready, lease)


def _durable(node: Node, unit: Unit) -> Awaitable[None]:
    """Done when the unit is committed."""
    return asyncio.wrap_future(node.store.commit(unit))


def convert(
    document: bytes, source: str | None = None, target: str = "fhir", site: Site | None = None,
    *, sender: str = "", provenance: bool = False,
) -> Conversion:  # fmt: skip
    """A document of any standard as FHIR R4, with origins, losses and findings; never fails for an unfamiliar message type.

    `target` `hl7v2` (or `hl7v2:ORU^R01`) writes a message instead: `.content` is its bytes, origins are keyed by its positions, losses
    by the elements of FHIR.

    `source` names the standard (`hl7v2`, `fhir`), None recognises it. `site` gives the identifier and code systems that it declares of a
    sender, and its overlays: of the participant `sender`, else of the one whose facility the document names. `provenance` adds a Provenance.
    Raises Unsupported for another `target` or standard, Malformed or TooLarge for what cannot be read, Misconfigured for a sender that is none.
    """
    from gateway.pipeline.conversion import Terms, converted, returned

    terms = Terms(source or "", site, sender, provenance=provenance)
    return converted(document, terms).conversion if target == "fhir" else returned(document, terms, target)


__all__ = ["answer", "carry", "convert", "drain"]
