"""`POST [base]`: a batch, each entry answered like at its own door; a transaction, taken whole (R4, http.html#transaction); what is a
document of another kind goes to the intake.

An entry is decided in this process and has an exchange record of its own. Absolute addresses, nested Bundles and whatever is no GET, POST
or PUT of this façade are refused entry by entry; nothing is called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_to_bytes

from gateway.errors import (
    OFF_RECORD,
    GatewayError,
    Invalid,
    Malformed,
    NotFound,
    OutOfScope,
    TooLarge,
    Unanswerable,
    Unsupported,
)
from gateway.inbound import fhir, rest, writing
from gateway.inbound.dialect import in_json, media_type
from gateway.inbound.parameters import pairs_of
from gateway.model.door import Call, Door, Handler, Shape
from gateway.model.released import Egress, Notice, One, Several
from gateway.model.report import outcome_of
from gateway.model.wire import read_json, write_json
from gateway.pipeline.node import Node

MOST_ENTRIES = 50
_BATCH_BYTES = 1_000_000
_JSON = "application/fhir+json"
_TAKEN = ("message", "collection", "document")
_CONDITIONS = {
    "ifNoneMatch": "if-none-match", "ifMatch": "if-match", "ifNoneExist": "if-none-exist", "ifModifiedSince": "if-modified-since",
}  # fmt: skip
_Route = tuple[re.Pattern[str], Handler, Shape]
_WRITES: Mapping[str, _Route] = {
    "POST": (re.compile(r"(?P<type>[^/]+)"), writing.create, "resource"),
    "PUT": (re.compile(r"(?P<type>[^/]+)/(?P<id>[^/]+)"), writing.update, "resource"),
}
_READS: tuple[_Route, ...] = (
    (re.compile(r"Patient/(?P<id>[^/]+)/\$everything"), fhir.everything, "searchset"),
    (re.compile(r"(?P<type>[^/]+)/(?P<id>[^/]+)/_history/(?P<version>[^/]+)"), fhir.vread, "resource"),
    (re.compile(r"(?P<type>[^/]+)/(?P<id>[^/]+)/_history"), fhir.history, "history"),
    (re.compile(r"(?P<type>[^/]+)/(?P<id>[^/]+)"), fhir.read, "resource"),
    (re.compile(r"(?P<type>[^/]+)"), fhir.search, "searchset"),
)


async def posted(node: Node, call: Call) -> Egress:
    """A Bundle by its type. Raises Unsupported, Malformed, Invalid, Unanswerable."""
    if media_type(call.headers.get("content-type", "")) != _JSON:
        raise Unsupported("A Bundle is posted here as FHIR JSON.", "Content-Type")
    bundle = await node.cpu.run(read_json, call.body)
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise Invalid("A Bundle is posted here.", "resourceType")
    if bundle.get("type") in _TAKEN:
        if not call.principal.may(
            "*", "c"
        ):  # the scope of POST /messages; that of everything else is asked by the line
            raise OutOfScope
        return await rest.messages(node, call)
    if bundle.get("type") not in ("batch", "transaction") or call.query:
        raise Unanswerable("A Bundle is a batch, a transaction, or a message to be taken.", "Bundle.type")
    return await (_batch if bundle["type"] == "batch" else writing.transaction)(node, call, bundle)


async def _batch(node: Node, call: Call, bundle: Mapping[str, Any]) -> Egress:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise Malformed("The entries of the batch cannot be read.")
    if len(entries) > MOST_ENTRIES or len(call.body) > _BATCH_BYTES:
        raise TooLarge("There is too much in the batch.")
    return Several(tuple([await _entry(node, call, entry) for entry in entries]))


async def _entry(node: Node, call: Call, entry: Any) -> tuple[Shape, One]:
    """The answer to one entry; what is refused is refused by itself, and counted like at a door."""
    try:
        asked, handler, shape = _asked(call, entry)
        answer = await handler(node, asked)
    except GatewayError as error:
        if isinstance(error, OFF_RECORD):
            node.counted(type(error).__name__, "/fhir")
        return "resource", Notice(outcome_of(error), error.status)
    if isinstance(answer, Several):
        raise TypeError("a batch inside a batch")
    return shape, answer


def _asked(call: Call, entry: Any) -> tuple[Call, Handler, Shape]:
    """The call that an entry stands for: the same one as of its own door, from the same caller.

    Raises Unanswerable for another method, a resource where none belongs or none where one does, or an address that is not of this façade;
    NotFound for one of nothing.
    """
    request = entry.get("request") if isinstance(entry, dict) else None
    request = request if isinstance(request, dict) else {}
    method = request.get("method")
    if method not in ("GET", "POST", "PUT") or ("resource" in entry) == (method == "GET"):
        raise Unanswerable("An entry of a batch is a GET without a resource, or a POST or PUT with one.")
    path, query = _address(request.get("url"))
    for pattern, handler, shape in (_WRITES[method],) if method in _WRITES else _READS:
        if found := pattern.fullmatch(path):
            body = write_json(entry["resource"]) if method in _WRITES else b""
            asked = replace(
                call, method=method, path=found.groupdict(), query=pairs_of(query), body=body, url="/fhir",
                headers=_headers(call, request),
            )  # fmt: skip
            return asked, handler, shape
    raise NotFound


def _headers(call: Call, request: Mapping[str, Any]) -> dict[str, str]:
    """What goes for an entry: its own conditions; the type and what the caller would rather have are those of the whole."""
    conditions = {header: str(request[name]) for name, header in _CONDITIONS.items() if name in request}
    return conditions | {name: call.headers[name] for name in ("content-type", "prefer") if name in call.headers}


def _address(url: Any) -> tuple[str, bytes]:
    """Path and query below the base. Raises Unanswerable for any other address, NotFound for what is no text."""
    if (
        not isinstance(url, str)
        or not url.isascii()
        or "://" in url.partition("?")[0]
        or url.startswith("/")
        or "#" in url
    ):
        raise Unanswerable(
            "An entry names what it asks for by an address below the base, such as `Condition?patient=…`."
        )
    path, _, query = url.partition("?")
    return _decoded(path), query.encode()


def _decoded(path: str) -> str:
    """The path as the web server would give it: decoded once. Raises NotFound for what is no text."""
    try:
        return unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise NotFound from None


DOORS = (
    Door(
        "POST",
        "/fhir",
        in_json(posted),
        "A batch, a transaction, or a message for the intake",
        max_body=writing.MOST_BYTES,
        scope="",
    ),
)
