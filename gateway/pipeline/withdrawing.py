"""A person, or a guardian, takes a Consent back that somebody else brought: the Consent on file becomes inactive with that statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.errors import Conflict
from gateway.model.document import Item
from gateway.model.questions import Exchange
from gateway.model.records import ResourceRecord, Unit
from gateway.model.wire import read_json, write_json
from gateway.pipeline.node import Node

BY_THE_PERSON = "citizen"  # the role of who signed in and speaks for himself, or as a guardian


def with_source(node: Node, kept: Exchange, item: Item) -> Unit:
    """What a person's own statement adds: the next version of the Consent that it names as its source, not active any more.

    Nothing for every other Consent. Raises Conflict when there is no such Consent of this person, or it does not hold.
    """
    named = _source(item.resource)
    if BY_THE_PERSON not in kept.who.role.split(",") or item.resource.get("status") == "active" or not named:
        return Unit()
    versions = node.store.versions("Consent", named)
    if not versions or node.store.survivor(versions[0].person) != kept.whom.person:
        raise Conflict("There is no such Consent of this person.")
    before = versions[0]
    said = read_json(node.keyring.open(before.content))
    if said.get("status") != "active":
        raise Conflict("This Consent does not hold any more.")
    body = write_json({**said, "status": "inactive"}, canonical=True)
    sealed, keys = node.keyring.seal(f"person:{before.person}", body)
    anew: ResourceRecord = replace(
        before, version=before.version + 1, digest=node.keyring.digest(body), at=kept.when.received, content=sealed
    )
    return Unit((*keys, anew))


def _source(consent: Mapping[str, Any]) -> str:
    kind, _, id = str((consent.get("sourceReference") or {}).get("reference", "")).partition("/")
    return id if kind == "Consent" else ""
