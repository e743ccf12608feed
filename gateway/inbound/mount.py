"""Doors to web routes: identify, bound, call, and write what may leave. The only place where an HTTP response is made.

A handler that gives anything but Released, Notice or Echo is a defect and the caller gets nothing (ARCHITECTURE.md, "Nouns").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from gateway.errors import (
    OFF_RECORD,
    Defect,
    GatewayError,
    Malformed,
    NotAllowed,
    NotFound,
    OutOfScope,
    TooLarge,
    Unanswerable,
    UnknownCaller,
    Unsupported,
)
from gateway.inbound import bundles
from gateway.inbound.dialect import dialect_of
from gateway.inbound.identity import bearer_token, certificate_digest, principal_of
from gateway.inbound.oauth.access import access_tokens
from gateway.inbound.oauth.foreign import foreign_principal
from gateway.inbound.parameters import pairs_of
from gateway.model.document import Principal
from gateway.model.door import ANYONE, Call, Door, Shape
from gateway.model.released import Echo, Egress, Notice, One, Page, Released, Several, Wrote
from gateway.model.report import outcome_of
from gateway.model.roles import held
from gateway.model.wire import write_json
from gateway.pipeline.node import Node

FHIR_JSON = "application/fhir+json"
_PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
_ADVICE = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}
_SCOPED = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}  # RFC 6750, 3.1
_IN_ADDRESS = "access_token"  # RFC 6750, 2.3: addresses are written into logs, so no token is taken from one
_log = structlog.get_logger("gateway.doors")


def router(node: Node, doors: tuple[Door, ...]) -> APIRouter:
    """Web routes for doors."""
    made = APIRouter()
    for door in doors:
        endpoint = _endpoint(node, door)
        endpoint.door = door  # type: ignore[attr-defined]  # the egress walk of tests/house reads it
        responses: dict[int | str, dict[str, Any]] = {
            code: {"description": text} for code, text in door.responses.items()
        }
        made.add_api_route(
            door.path, endpoint, methods=[door.method], summary=door.summary, response_class=Response, responses=responses,
            openapi_extra={"x-roles": list(door.roles)},
        )  # fmt: skip
    return made


def _endpoint(node: Node, door: Door) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            return respond(await _answered(node, door, request), door.shape)
        except GatewayError as error:
            if isinstance(error, OFF_RECORD):
                node.counted(type(error).__name__, door.path)
            return respond(_told(node, door, request, error), door.shape)
        except ClientDisconnect:
            return respond(_told(node, door, request, Malformed()), door.shape)  # nobody is there to read it
        except Exception as error:  # the door: a defect is told without detail
            node.counted(Defect.__name__, door.path)
            _log.error("defect at a door", path=door.path, kind=type(error).__name__)
            return respond((door.told or refusal)(Defect()), door.shape)

    return endpoint


async def _answered(node: Node, door: Door, request: Request) -> Egress:
    network = request.client.host if request.client else ""
    headers = {name: value for name, value in request.headers.items()}
    certificate = request.scope.get("state", {}).get("peer_certificate")
    try:
        principal = await _caller(node, door, headers, certificate, network)
        _in_scope(door, principal, request.path_params)
    except NotAllowed:
        node.counted(NotAllowed.__name__, door.path)
        raise
    body = await _bounded(request, door.max_body)
    query = pairs_of(request.scope.get("query_string", b""))
    if any(name == _IN_ADDRESS for name, _ in query):
        raise UnknownCaller
    call = Call(
        principal, request.method, request.path_params, query, headers, body, network, request.url.path,
        certificate_digest(certificate),
    )  # fmt: skip
    return await door.handler(node, call)


def _told(node: Node, door: Door, request: Request, error: GatewayError) -> Notice:
    """A refusal before the line, in the caller's dialect where the door takes documents of any standard."""
    if door.told is not None:
        return door.told(error)
    dialect = dialect_of({name: value for name, value in request.headers.items()})
    if door.any_standard and dialect.NAME != "fhir":
        return dialect.reply(b"", error, node.ids(), node.clock())
    return refusal(error)


async def _caller(
    node: Node, door: Door, headers: Mapping[str, str], certificate: bytes | None, network: str
) -> Principal:
    if door.roles == ANYONE:
        return Principal("", "", ANYONE, proof="", network=network)
    foreign = await foreign_principal(node, bearer_token(headers), certificate_digest(certificate), network)
    principal = foreign or principal_of(node.site_now(), headers, certificate, network, access_tokens(node))
    if held(principal.roles).isdisjoint(door.roles):
        raise NotAllowed
    return principal


def _in_scope(door: Door, principal: Principal, path: Mapping[str, str]) -> None:
    """A caller with a token needs the door's scope; a door that names none is not for tokens. Raises OutOfScope."""
    if principal.scopes is None or door.scope == "":
        return
    kind, _, letter = (door.scope or "").format_map(path).partition(".")
    if not letter or not principal.may(kind, letter):
        raise OutOfScope


async def _bounded(request: Request, most: int) -> bytes:
    """The body, never more than allowed; an encoded body is not taken, so that no bomb is opened."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unsupported("An encoded body is not taken here.", "Content-Encoding")
    declared = request.headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()) or int(declared) > most:
        raise TooLarge
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)


def no_such_door(app: FastAPI) -> None:
    """A path or method without a door is answered like every other refusal."""

    async def absent(request: Request, error: Exception) -> Response:  # noqa: ARG001 the web framework's form
        return respond(refusal(NotFound()), "resource")

    async def wrong(request: Request, error: Exception) -> Response:  # noqa: ARG001 the web framework's form
        notice = refusal(Unanswerable("This door does not take that method."))
        return respond(replace(notice, status=405), "resource")

    app.add_exception_handler(404, absent)
    app.add_exception_handler(405, wrong)


def refusal(error: GatewayError) -> Notice:
    """What a refusal says in FHIR."""
    return Notice(outcome_of(error), error.status, headers=_SCOPED if isinstance(error, OutOfScope) else {})


def respond(egress: Egress, shape: Shape) -> Response:
    """The one way out over HTTP. Raises TypeError for anything that is not Released, Notice or Echo."""
    match egress:
        case Released():
            return Response(write_json(_written(egress, shape)), 200, {**_PRIVATE, **_tagged(egress, shape)}, FHIR_JSON)
        case Notice(content=bytes() as content):
            return Response(content, egress.status, _headers(egress), egress.content_type)
        case Notice():
            return Response(write_json(egress.content), egress.status, _headers(egress), egress.content_type)
        case Echo():
            return Response(write_json(egress.content), egress.status, _PRIVATE, FHIR_JSON)
        case Wrote(told=told, shown=shown):
            return Response(write_json(_written(shown, "resource")), told.status, _headers(told), FHIR_JSON)
        case Several():
            entries = [_entry(part, form) for form, part in egress.parts]
            return Response(write_json(bundles.answers(egress.kind, entries)), 200, _PRIVATE, FHIR_JSON)
    raise TypeError(f"{type(egress).__name__} may not leave")


def _headers(notice: Notice) -> dict[str, str]:
    """What goes with a status in every dialect: how to prove who one is, when to try again (RFC 9110, 11.6.1 and 10.2.3)."""
    return {**_PRIVATE, **_ADVICE.get(notice.status, {}), **notice.headers}


def _written(released: Released, shape: Shape) -> Any:
    if shape == "resource":
        return released.resources[0]
    page = released.page or Page(len(released.resources))
    write = bundles.history if shape == "history" else bundles.searchset
    return write(released.resources, page)


def _tagged(released: Released, shape: Shape) -> dict[str, str]:
    """The entity tag and the time of the last change of one resource."""
    page = released.page
    if shape != "resource" or page is None or not page.tag:
        return {}
    return {"ETag": page.tag} | ({"Last-Modified": page.changed} if page.changed else {})


def _entry(part: One, shape: Shape) -> dict[str, Any]:
    """One answer of a batch. Raises TypeError for anything that may not leave."""
    match part:
        case Released():
            return bundles.answered(200, _written(part, shape), _tagged(part, shape))
        case Wrote(told=told, shown=shown):
            return bundles.answered(told.status, _written(shown, "resource"), told.headers)
        case Notice() if not isinstance(part.content, bytes):
            return bundles.answered(part.status, part.content, part.headers)
        case Notice():
            return bundles.answered(part.status, None, part.headers)
    raise TypeError(f"{type(part).__name__} may not leave in a batch")
