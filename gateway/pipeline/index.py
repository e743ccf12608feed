"""What the gateway keeps for itself: the resources of an `index` entry as new versions in the native store."""

from __future__ import annotations

from dataclasses import replace

from gateway.errors import Defect
from gateway.mapping.ids import keyed_id
from gateway.model.document import Item
from gateway.model.questions import Exchange
from gateway.model.records import EpochBump, Lease, OutboxDone, ResourceRecord, Unit
from gateway.model.wire import read_json, write_json
from gateway.pipeline.guardians import RELATED, indexed
from gateway.pipeline.node import Node
from gateway.stages.record import item_from


def index(node: Node, lease: Lease) -> Unit:
    """An `index` entry: resources into the native store, as new versions where they differ; labels only grow."""
    kept = read_json(node.keyring.open(lease.entry.payload))
    exchange = node.store.exchange(lease.entry.exchange)
    if exchange is None or exchange.whom.person is None:
        raise Defect("An outbox entry without its exchange.")
    unit = Unit((), (OutboxDone(lease.entry.id, lease.entry.token),))
    for row in kept["items"]:
        unit += version_of(node, exchange, item_from(row), kept["source"])
    return unit


def version_of(node: Node, exchange: Exchange, item: Item, source: str) -> Unit:
    """The next version of a resource, where it differs from the one that is current.

    What came in before the current one did, and was kept up on its way, adds its labels and no more; unless somebody sends it again on
    purpose. Raises Defect for what is somebody else's.
    """
    person = exchange.whom.person
    assert person is not None  # noqa: S101 nothing is kept of nobody
    kind, _, own = item.reference.partition("/")
    id = (
        keyed_id(node.keyring.id_key, source, kind, [own]) if kind == "Patient" else own
    )  # one row per person and sender
    body = write_json(item.resource, canonical=True)
    digest, before = node.keyring.digest(body), node.store.resource(kind, id)
    if before is not None and before.digest == digest:
        return Unit()
    if before is not None and (
        before.source != source or node.store.survivor(before.person) != node.store.survivor(person)
    ):
        raise Defect("A resource on file is somebody else's, or came from somebody else.")
    labels = tuple(sorted(item.labels | set(before.labels if before else ())))
    if before is not None and before.at > exchange.when.received and not _on_purpose(exchange):
        return (
            Unit((replace(before, version=before.version + 1, labels=labels),)) if labels != before.labels else Unit()
        )
    sealed, keys = node.keyring.seal(f"person:{person}", body)
    version = before.version + 1 if before else 1
    row = ResourceRecord(kind, id, version, person, source, labels, digest, exchange.when.received, sealed)
    if kind != RELATED:
        return Unit((*keys, row))
    return Unit((*keys, row), (EpochBump(person),)) + indexed(node, item, person)  # who may consent for the person


def _on_purpose(exchange: Exchange) -> bool:
    return any(step.stage == "replay" for step in exchange.steps)
