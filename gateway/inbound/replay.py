"""What operators do with an exchange that waits or has ended: `POST /exchanges/{id}/replay` and `…/give-up`; each with a reason, on record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.errors import Invalid
from gateway.inbound.rest import JSON, exchange_json
from gateway.model.door import Call, Door
from gateway.model.questions import Exchange
from gateway.model.records import Unit
from gateway.model.released import Egress, Notice
from gateway.model.wire import read_json
from gateway.pipeline.node import Node
from gateway.pipeline.replay import Wish, given_up, replayed, wish_of

_OPERATORS = ("operator",)
_MAX_BODY = 4_000
Act = Callable[[Node, str, Wish], tuple[Exchange, Unit]]


async def replay(node: Node, call: Call) -> Egress:
    """A parked exchange goes on; one that has ended is tried again as another one, once for each `reason`. Agreement and consent are asked
    again."""
    return await _done(node, call, replayed, _read(call, "reason", "allow"))


async def give_up(node: Node, call: Call) -> Egress:
    """A parked exchange ends here."""
    return await _done(node, call, given_up, _read(call, "reason"))


async def _done(node: Node, call: Call, act: Act, said: dict[str, Any]) -> Egress:
    wish = wish_of(call.principal, said.get("reason"), said.get("allow", []))
    made, unit = await node.cpu.run(act, node, call.path["id"], wish)
    await asyncio.wrap_future(node.store.commit(unit))
    return Notice(exchange_json(made), content_type=JSON)


def _read(call: Call, *names: str) -> dict[str, Any]:
    said = read_json(call.body)
    if not isinstance(said, dict) or set(said) - set(names):
        raise Invalid(f"The body is a JSON object with {' and '.join(names)}.")
    return said


DOORS = (
    Door(
        "POST", "/exchanges/{id}/replay", replay, "Let a parked exchange go on, or try one again that has ended (once for each reason)",
        _OPERATORS, _MAX_BODY,
    ),
    Door("POST", "/exchanges/{id}/give-up", give_up, "Give up a parked exchange", _OPERATORS, _MAX_BODY),
)  # fmt: skip
