"""`POST /consent/explain`: rule by rule why, for auditors and protection officers; who was refused is told nothing of it."""

from __future__ import annotations

import asyncio

from gateway.inbound.rest import JSON
from gateway.model.door import Call, Door
from gateway.model.released import Egress, Notice
from gateway.model.wire import read_json
from gateway.pipeline.explaining import explained
from gateway.pipeline.node import Node

_ENTITLED = ("auditor", "protection-officer")
_MAX_BODY = 1_000_000


async def explain(node: Node, call: Call) -> Egress:
    """Why a `request` would be decided as it would be, or how an `exchange` was decided and would be decided now."""
    told, unit = await node.cpu.run(explained, node, call.principal, read_json(call.body))
    await asyncio.wrap_future(node.store.commit(unit))
    return Notice(told, content_type=JSON)


DOORS = (
    Door("POST", "/consent/explain", explain, "Why a request is decided as it is, rule by rule; or an exchange, then and now", _ENTITLED, _MAX_BODY),
)  # fmt: skip
