"""Consents on paper through the line, all of a file or none of it: each is a document like any other, committed in one unit.

There is no side door: a row becomes a Consent, and `push` does with it what it does with one that came in at a door. A person has to be
known already, because nobody would notice a number mistyped from paper that makes a new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.consent.paper import Fault, Paper, papers
from gateway.errors import Conflict, GatewayError, NotDurable
from gateway.model.document import Principal, Received
from gateway.model.questions import Exchange
from gateway.model.records import Unit
from gateway.model.wire import write_json
from gateway.pipeline.node import Node
from gateway.pipeline.push import Settled, push
from gateway.stages.receive import digest_of

_FHIR = "application/fhir+json"
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: lines of what is new, lines of what was there; or 1..* faults, and then nothing was kept. `guarded` are the
    lines of what is new and permits, signed by somebody else than the person: no effect before the authority is on file (decision 116)."""

    new: tuple[int, ...] = ()
    known: tuple[int, ...] = ()
    faults: tuple[Fault, ...] = ()
    guarded: tuple[int, ...] = ()


async def imported(node: Node, body: bytes, keeper: str, user: str, *, dry_run: bool = False) -> Imported:
    """A file of the participant `keeper`, handed in by `user`. Raises what is Unavailable; `dry_run` keeps nothing."""
    sound, faults = papers(body, node.site, keeper, node.day(node.clock()))
    if faults:
        return Imported(faults=faults)
    for _ in range(_TRIES):
        result, unit = await node.cpu.run(_settled, node, sound, Principal(keeper, "import", user=user, proof="local"))
        if dry_run or unit == Unit():
            return result
        try:
            await asyncio.wrap_future(node.store.commit(unit))
        except Conflict:
            continue  # somebody else wrote about one of these people meanwhile: read again
        return result
    raise NotDurable


def _settled(node: Node, sound: Sequence[Paper], principal: Principal) -> tuple[Imported, Unit]:
    new: list[int] = []
    known: list[int] = []
    guarded: list[int] = []
    faults: list[Fault] = []
    unit, seen = Unit(), set[str]()
    for paper in sound:
        received = Received(
            node.ids(), principal, write_json(paper.consent, canonical=True), _FHIR, "import", node.clock()
        )
        digest = digest_of(received, node.keyring)
        if digest in seen or node.store.seen(principal.participant, digest) is not None:
            known.append(paper.line)
            continue
        seen.add(digest)
        settled = _pushed(node, received, paper)
        faults += _faults(settled, paper)
        new.append(paper.line)
        guarded += [paper.line] if paper.is_guarded_permit else []
        unit += settled.unit if settled is not None else Unit()
    return (
        (Imported(faults=tuple(faults)), Unit())
        if faults
        else (Imported(tuple(new), tuple(known), guarded=tuple(guarded)), unit)
    )


def _pushed(node: Node, received: Received, paper: Paper) -> Settled | None:
    """None for somebody nobody knows."""
    system, value = paper.person
    return push(node, received) if node.store.persons([(system, node.keyring.token(system, value))]) else None


def _faults(settled: Settled | None, paper: Paper) -> Iterator[Fault]:
    if settled is None:
        yield Fault(paper.line, "person", "person")
    elif settled.receipt.error is not None:
        yield Fault(paper.line, "", _code(settled.receipt.error))
    elif "kept" not in {put.status for put in settled.unit.puts if isinstance(put, Exchange)}:
        yield Fault(paper.line, "", "not-kept")


def _code(error: GatewayError) -> str:
    return {"NotAgreed": "not-agreed", "Invalid": "invalid", "Conflict": "conflict"}.get(
        type(error).__name__, "refused"
    )


__all__ = ["Imported", "imported"]
