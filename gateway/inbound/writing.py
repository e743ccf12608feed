"""Writes at the façade: create, update and transaction (FHIR R4, http.html#create, #update, #transaction).

A write is a document like any other: it goes the way of `POST /messages`, through the same line, under the same agreements. What is added
here is its id: the one of the address (PUT), or one made of the content (POST), so that the same content posted again is the same resource.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from email.utils import format_datetime
from typing import Any

from gateway.errors import OFF_RECORD, GatewayError, Invalid, NotFound, Unanswerable, Unsupported
from gateway.inbound.dialect import in_json, media_type
from gateway.inbound.types import id_named, type_named
from gateway.mapping.ids import keyed_id
from gateway.model.document import Received, Write, Written
from gateway.model.door import Call, Door
from gateway.model.questions import Question
from gateway.model.released import Egress, Notice, One, Several, Wrote
from gateway.model.report import Finding, Report, outcome_of
from gateway.model.wire import read_json, write_json
from gateway.pipeline import answer, carry
from gateway.pipeline.node import Node
from gateway.pipeline.pages import BASE
from gateway.pipeline.push import Receipt

MOST_BYTES = 20_000_000
JSON = "application/fhir+json"
_CREATED = "g-"  # before ids that are made here, which no sender's UUID begins with
_REFUSED = ("if-none-exist", "if-none-match", "if-modified-since", "if-unmodified-since")
_IN_ENTRIES = ("ifNoneExist", "ifNoneMatch", "ifModifiedSince")
_ONLY = "What is written is taken without conditions but If-Match of an update."
_DONE = Report((Finding("information", "informational", "", "The resource was accepted and is on record."),))


async def create(node: Node, call: Call) -> Egress:
    """`POST [base]/{type}`: 201 with the version that is on record; 200 when the same content was created before."""
    kind = type_named(call.path["type"])
    if "if-match" in call.headers:
        raise Unanswerable(_ONLY, "If-Match")
    resource = await _resource(node, call, kind)
    return await _one(node, call, *_created(node, call, kind, resource))


async def update(node: Node, call: Call) -> Egress:
    """`PUT [base]/{type}/{id}`: 200, or 201 for an id that is new; 412 where If-Match names another version than the one on record."""
    kind, id = type_named(call.path["type"]), id_named(call.path["id"])
    resource = await _resource(node, call, kind)
    return await _one(node, call, resource, _updated(kind, id, resource, call.headers.get("if-match")))


async def _resource(node: Node, call: Call, kind: str) -> dict[str, Any]:
    """The resource of a request. Raises Unsupported, Malformed, Invalid, and Unanswerable for conditions and parameters."""
    if wrong := [name for name, _ in call.query if name != "_format"]:
        raise Unanswerable(None, *wrong[:3])
    if wrong := [name for name in _REFUSED if name in call.headers]:
        raise Unanswerable(_ONLY, *wrong)
    if media_type(call.headers.get("content-type", "")) != JSON:
        raise Unsupported("A resource is written here as FHIR JSON.", "Content-Type")
    resource = await node.cpu.run_sized(len(call.body), read_json, call.body)
    if not isinstance(resource, dict) or resource.get("resourceType") != kind or kind == "Bundle":
        raise Invalid("The body is not a resource of the type in the address.", "resourceType")
    return resource


def _created(node: Node, call: Call, kind: str, resource: Mapping[str, Any]) -> tuple[dict[str, Any], Write]:
    """The resource with the id that its content gives it; an id of its own is not looked at (R4, http.html#create)."""
    bare = {name: value for name, value in resource.items() if name != "id"}
    digest = node.keyring.digest(write_json(bare, canonical=True))
    id = _CREATED + keyed_id(node.keyring.id_key, call.principal.participant, kind, ["created", digest])
    return {"resourceType": kind, "id": id, **bare}, Write("POST", kind, id)


def _updated(kind: str, id: str, resource: Mapping[str, Any], match: str | None) -> Write:
    """Raises Unanswerable where the body has not the id of the address (R4, http.html#update)."""
    if resource.get("resourceType") != kind or resource.get("id") != id:
        raise Unanswerable("The id of the resource is not the one of the address.", f"{kind}.id")
    return Write("PUT", kind, id, _version(match) if match is not None else "")


def _version(match: str) -> str:
    """`3` of `W/"3"`. Raises Unanswerable for anything but one tag or `*`."""
    tag = match.strip().removeprefix("W/")
    if tag == "*":
        return tag
    if not (len(tag) > 2 and tag[0] == tag[-1] == '"') or '"' in tag[1:-1]:
        raise Unanswerable('If-Match names one version, such as W/"3".', "If-Match")
    return tag[1:-1]


async def _one(node: Node, call: Call, resource: Mapping[str, Any], write: Write) -> Egress:
    receipt = await _carried(node, call, resource, (write,))
    if receipt.error is not None:
        return _refused(receipt.error)
    (written,) = receipt.written
    told = _told(written, call)
    if written.version and "return=representation" in _preferred(call):
        try:
            shown = await answer(node, call.principal, Question(write.type, id=write.id))
        except (
            GatewayError
        ):  # on record by itself; what was written is written, and its writer need not be one who reads
            shown = None
        if shown is not None and shown.resources:
            return Wrote(told, shown)
    return told


async def _carried(node: Node, call: Call, document: Mapping[str, Any], writes: tuple[Write, ...]) -> Receipt:
    body = await node.cpu.run(write_json, document)
    received = Received(node.ids(), call.principal, body, JSON, "http", node.clock(), writes=writes)
    return await carry(node, received)


def _refused(error: GatewayError) -> Notice:
    """A refusal that is on record. Raises it where the door has more to say of it than its text."""
    if not isinstance(error, OFF_RECORD):
        raise error
    return Notice(outcome_of(error), error.status)


def _told(written: Written, call: Call) -> Notice:
    """201, 200, or 202 where it is on record as a document and kept under no id (yet)."""
    write, headers = written.write, dict[str, str]()
    if written.version:
        place = f"{BASE}/{write.type}/{write.id}/_history/{written.version}"
        headers = {"ETag": f'W/"{written.version}"'}
        headers |= {"Last-Modified": format_datetime(written.at, usegmt=True)} if written.at else {}
        headers |= {"Location": place} if written.created or write.method == "POST" else {}
    status = 202 if not written.version else 201 if written.created else 200
    wordy = status == 202 or "return=OperationOutcome" in _preferred(call)
    return Notice(_DONE.as_outcome() if wordy else b"", status, headers=headers)


def _preferred(call: Call) -> set[str]:
    """What the caller would rather have (RFC 7240; R4, http.html#ops); what is not known there is passed over."""
    return {one.strip() for part in call.headers.get("prefer", "").split(",") for one in part.split(";")}


async def transaction(node: Node, call: Call, bundle: Mapping[str, Any]) -> Egress:
    """A Bundle of POST and PUT, taken whole or not at all: a `transaction-response` with what became of each, in order."""
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        raise Unanswerable("A transaction has entries.", "Bundle.entry")
    made = [_entry(node, call, entry) for entry in entries]
    writes = tuple(write for _, write in made)
    named = Counter((one.type, one.id) for one in writes)
    if any(one.method == "PUT" and named[one.type, one.id] > 1 for one in writes):
        raise Unanswerable("A transaction writes each resource once.", "Bundle.entry.request.url")
    receipt = await _carried(node, call, {**bundle, "entry": [entry for entry, _ in made]}, writes)
    if receipt.error is not None:
        return _refused(receipt.error)
    parts: list[One] = [_told(one, call) for one in receipt.written]
    return Several(tuple([("resource", part) for part in parts]), "transaction-response")


def _entry(node: Node, call: Call, entry: Any) -> tuple[Mapping[str, Any], Write]:
    """An entry with the id it is written under. Raises Unanswerable for anything but a plain POST or PUT of a resource."""
    request = entry.get("request") if isinstance(entry, dict) else None
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(request, dict) or not isinstance(resource, dict):
        raise Unanswerable("An entry of a transaction is a POST or PUT, with a resource.", "Bundle.entry")
    method, url, match = request.get("method"), request.get("url"), request.get("ifMatch")
    if any(name in request for name in _IN_ENTRIES) or method not in ("POST", "PUT") or not isinstance(url, str):
        raise Unanswerable(_ONLY, "Bundle.entry.request")
    kind, _, id = url.partition("/")
    try:
        type_named(kind)
        if method == "PUT" and (match is None or isinstance(match, str)):
            return entry, _updated(kind, id_named(id), resource, match)
    except NotFound:
        raise Unanswerable(
            "The address of an entry is `Type`, or `Type/id` for PUT.", "Bundle.entry.request.url"
        ) from None
    if id or match is not None or resource.get("resourceType") != kind:
        raise Unanswerable(_ONLY, "Bundle.entry.request")
    made, write = _created(node, call, kind, resource)
    url_of = entry.get("fullUrl")
    kept = (
        {}
        if url_of is None or str(url_of).startswith("urn:")
        else {"fullUrl": f"urn:uuid:{write.id.removeprefix(_CREATED)}"}
    )
    return {**entry, **kept, "resource": made}, write


DOORS = (
    Door("POST", "/fhir/{type}", in_json(create), "Create a resource", max_body=MOST_BYTES, scope="{type}.c"),
    Door(
        "PUT",
        "/fhir/{type}/{id}",
        in_json(update),
        "Update a resource, or create it under this id",
        max_body=MOST_BYTES,
        scope="{type}.u",
    ),
)
