"""Doors without a framework: a route, who may use it, how much may come in, and a handler from Call to Egress.

Every HTTP route of the gateway, core or plug-in, is a Door; inbound/mount.py is the only place that turns one into a web route.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.errors import GatewayError
from gateway.model.document import Principal
from gateway.model.released import Egress, Notice

Shape = Literal["resource", "searchset", "history"]
ANYONE = ("anyone",)  # the roles of a door that asks nobody who they are; it gives constant wording and metadata only


@dataclass(frozen=True, slots=True)
class Call:
    """One request at a door, from a caller already identified, its body already bounded."""

    principal: Principal
    method: str
    path: Mapping[str, str]
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]  # lower-case names
    body: bytes
    network: str
    url: str  # path of the request as the caller wrote it, without the query
    certificate: str = ""  # x5t#S256 (RFC 8705, 3.1) of the client certificate of this connection


Handler = Callable[[Any, Call], Awaitable[Egress]]


@dataclass(frozen=True, slots=True)
class Door:
    """`roles`: the caller needs one of them. `shape`: how a Released is written (one resource, or a Bundle).

    `max_body` in bytes, 0 = the door takes no body; `any_standard`: it takes, and answers in, every standard.
    `summary` is for the OpenAPI description. `scope` is what a caller with a token needs: `Patient.r`, `*.c`, `{type}.s` of the path,
    "" no scope; None: no token opens this door. `told` says a refusal where it is not an OperationOutcome.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    handler: Handler
    summary: str
    roles: tuple[str, ...] = ("system",)
    max_body: int = 0
    any_standard: bool = False
    shape: Shape = "resource"
    responses: Mapping[int, str] = field(default_factory=dict)
    scope: str | None = None
    told: Callable[[GatewayError], Notice] | None = None
