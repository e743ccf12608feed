"""`POST /consent/explain`: why an exchange would be decided today as it is, rule by rule, for those entitled to know; never for the one refused."""

from __future__ import annotations

import asyncio

from gateway.errors import Invalid, NotFound
from gateway.inbound.rest import JSON
from gateway.model.door import Call, Door
from gateway.model.records import AuditFact, Unit
from gateway.model.released import Egress, Notice
from gateway.model.wire import read_json
from gateway.pipeline.node import Node
from gateway.pipeline.simulation import explained

_ENTITLED = ("auditor", "protection-officer")
_MAX_BODY = 1_000


async def explain(node: Node, call: Call) -> Egress:
    """The steps of a decision over the question as it was put, with what holds now. That somebody asked is on record first."""
    said = read_json(call.body)
    if not isinstance(said, dict) or set(said) != {"exchange"} or not isinstance(said["exchange"], str):
        raise Invalid("The body is a JSON object with exchange.", "exchange")
    exchange = await asyncio.to_thread(node.store.exchange, said["exchange"])
    if exchange is None:
        raise NotFound
    who = {
        "participant": call.principal.participant, "client": call.principal.client, "user": call.principal.user,
        "role": ",".join(call.principal.roles),
    }  # fmt: skip
    facts = {"who": who, "where": {"network": call.principal.network}, "what": {"looked": "explanation"}}
    fact = AuditFact(
        node.ids(), exchange.id, "admin", node.clock(), exchange.whom.person, "read", node.site.revision, facts
    )
    await asyncio.wrap_future(node.store.commit(Unit((fact,))))
    return Notice({"exchange": exchange.id, "steps": await node.cpu.run(explained, node, exchange)}, content_type=JSON)


DOORS = (
    Door(
        "POST",
        "/consent/explain",
        explain,
        "Why an exchange would be decided today as it is, rule by rule",
        _ENTITLED,
        _MAX_BODY,
    ),
)
