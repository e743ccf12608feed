"""Doors that ask nobody who they are: alive, ready, figures, the description of the interface. No patient, no participant is named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.errors import GatewayError, Unavailable
from gateway.model.door import ANYONE, Call, Door
from gateway.model.released import Egress, Notice
from gateway.pipeline.node import Node

JSON = "application/json"


async def healthz(node: Node, call: Call) -> Egress:  # noqa: ARG001 the form of every handler
    """The process answers."""
    return Notice({"status": "alive"}, content_type=JSON)


async def readyz(node: Node, call: Call) -> Egress:  # noqa: ARG001 the form of every handler
    """The store answers as well."""
    try:
        await asyncio.to_thread(node.store.record, "ready", "ready")
    except GatewayError as error:
        raise Unavailable from error
    return Notice({"status": "ready"}, content_type=JSON)


async def metrics(node: Node, call: Call) -> Egress:  # noqa: ARG001 the form of every handler
    """Figures in the Prometheus text format."""
    return Notice(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def openapi(described: Callable[[], Mapping[str, Any]]) -> Door:
    """The door that gives the OpenAPI description."""

    async def handler(node: Node, call: Call) -> Egress:  # noqa: ARG001 the form of every handler
        return Notice(described(), content_type=JSON)

    return Door("GET", "/openapi.json", handler, "This description", ANYONE)


DOORS = (
    Door("GET", "/healthz", healthz, "The process answers", ANYONE),
    Door("GET", "/readyz", readyz, "The process and its store answer", ANYONE),
    Door("GET", "/metrics", metrics, "Figures for Prometheus", ANYONE),
)
