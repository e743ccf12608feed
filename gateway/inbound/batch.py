"""`POST [base]`: a batch of questions, each answered like at its own door; what is to be taken goes to the intake (R4, http.html#transaction).

An entry is decided in this process and has an exchange record of its own. Absolute addresses, nested Bundles and whatever is not a GET
of this façade are refused entry by entry; nothing is called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
from gateway.inbound import fhir, rest
from gateway.inbound.dialect import media_type
from gateway.inbound.parameters import pairs_of
from gateway.model.door import Call, Door, Handler, Shape
from gateway.model.released import Egress, Notice, One, Several
from gateway.model.report import outcome_of
from gateway.model.wire import read_json
from gateway.pipeline.node import Node

MOST_ENTRIES = 50
_MOST_BYTES = 20_000_000
_BATCH_BYTES = 1_000_000
_JSON = "application/fhir+json"
_TAKEN = ("transaction", "message", "collection", "document")
_CONDITIONS = ("ifNoneExist", "ifMatch", "ifNoneMatch", "ifModifiedSince")
_ROUTES: tuple[tuple[re.Pattern[str], Handler, Shape], ...] = (
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
        if not call.principal.may("*", "c"):  # the scope of POST /messages; a question's is asked where it is decided
            raise OutOfScope
        _unconditional(bundle)
        return await rest.messages(node, call)
    if bundle.get("type") != "batch" or call.query:
        raise Unanswerable("A Bundle is a batch of questions, or a transaction or message to be taken.", "Bundle.type")
    return await _batch(node, call, bundle)


async def _batch(node: Node, call: Call, bundle: Mapping[str, Any]) -> Egress:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise Malformed("The entries of the batch cannot be read.")
    if len(entries) > MOST_ENTRIES or len(call.body) > _BATCH_BYTES:
        raise TooLarge("There are too many questions in the batch.")
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

    Raises Unanswerable for a resource inside, another method, or an address that is not of this façade; NotFound for one of nothing.
    """
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict) or "resource" in entry or request.get("method") != "GET":
        raise Unanswerable("An entry of a batch is a GET of this façade, without a resource.")
    url = request.get("url")
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
    for pattern, handler, shape in _ROUTES:
        if found := pattern.fullmatch(_decoded(path)):
            headers = {"if-none-match": str(tag)} if (tag := request.get("ifNoneMatch")) else {}
            parameters = pairs_of(query.encode())
            return (
                Call(
                    call.principal,
                    "GET",
                    found.groupdict(),
                    parameters,
                    headers,
                    b"",
                    call.network,
                    "/fhir",
                    call.certificate,
                ),
                handler,
                shape,
            )
    raise NotFound


def _decoded(path: str) -> str:
    """The path as the web server would give it: decoded once. Raises NotFound for what is no text."""
    try:
        return unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise NotFound from None


def _unconditional(bundle: Mapping[str, Any]) -> None:
    """Raises Unanswerable for a condition: whether it is met would tell of what is kept."""
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        request = entry.get("request") if isinstance(entry, dict) else None
        if not isinstance(request, dict):
            continue
        if any(name in request for name in _CONDITIONS) or request.get("method") not in ("PUT", "POST"):
            raise Unanswerable("What is written is taken without conditions, by PUT or POST.", "Bundle.entry.request")
        if "?" in str(request.get("url", "")):
            raise Unanswerable("What is written is taken without conditions, by PUT or POST.", "Bundle.entry.request")


DOORS = (
    Door(
        "POST", "/fhir", posted, "A batch of questions, or a transaction for the intake", max_body=_MOST_BYTES, scope=""
    ),
)
