"""A Released as a FHIR R4 Bundle: a transaction of PUTs (the same content twice has no second effect) or a message (R4 Bundle)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from gateway.errors import Misconfigured
from gateway.model.dispatch import Dispatch, Rendition
from gateway.model.document import Resource
from gateway.model.references import rewritten
from gateway.model.released import Released
from gateway.model.wire import write_json


def render(released: Released, dispatch: Dispatch) -> Rendition:
    """The Bundle's bytes and content type, by the agreement's interaction: `transaction` or `message`. Raises Misconfigured for another."""
    interaction = dispatch.agreement.interaction
    if interaction == "transaction":
        bundle = _transaction(released)
    elif interaction == "message":
        bundle = _message(released, dispatch.exchange, dispatch.at, dispatch.recipient.references[0])
    else:
        raise Misconfigured(f"FHIR is not rendered as {interaction}.")
    return Rendition(write_json(bundle), "application/fhir+json")


def accepted(_sent: bytes, _answer: bytes) -> None:
    """The transport has judged it: an HTTP status says whether a Bundle was taken."""


def _transaction(released: Released) -> dict[str, Any]:
    """References stay `Type/id`: every entry is put under its own id, so they hold on the recipient's server."""
    entries = [
        {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
        for r in released.resources
        if r["resourceType"] != "MessageHeader"
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _message(released: Released, exchange: str, at: datetime, recipient: str) -> dict[str, Any]:
    headers = [r for r in _inside(released) if r["resourceType"] == "MessageHeader"]
    others = [r for r in _inside(released) if r["resourceType"] != "MessageHeader"]
    header = headers[0] if headers else _header(exchange, recipient)
    entries = [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in (header, *others)]
    return {
        "resourceType": "Bundle", "type": "message", "timestamp": at.isoformat(timespec="milliseconds"),
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{exchange}"}, "entry": entries,
    }  # fmt: skip


def _header(exchange: str, recipient: str) -> Resource:
    return {
        "resourceType": "MessageHeader", "id": str(uuid5(NAMESPACE_URL, exchange)), "eventUri": "urn:ieum:exchange",
        "source": {"endpoint": "urn:ieum:gateway"}, "destination": [{"endpoint": recipient}],
    }  # fmt: skip


def _inside(released: Released) -> tuple[Resource, ...]:
    """References between the released resources as `urn:uuid:`, so that they resolve inside the Bundle."""
    full = {f"{r['resourceType']}/{r['id']}": f"urn:uuid:{r['id']}" for r in released.resources}
    return tuple(rewritten(resource, full) for resource in released.resources)
