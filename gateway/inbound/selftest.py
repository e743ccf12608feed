"""Before it listens, the gateway asks itself, through its real doors, for what must be refused (ARCHITECTURE.md, promise 11)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
from fastapi import FastAPI

from gateway.errors import Misconfigured
from gateway.model.agreement import Key, Participant, Site
from gateway.pipeline.node import Node

NAME = "self-test"
_MESSAGE = "MSH|^~\\&|SELF|TEST|IEUM|IEUM|{at}||ADT^A01^ADT_A01|{id}|P|2.5.1\rPID|1||1^^^SELF^MR\r"


async def self_test(node: Node, build: Callable[[Node], FastAPI]) -> None:
    """Raises Misconfigured when a stranger, or a participant without agreements, gets anything but a refusal.

    `build` makes the application; it is given a node whose site knows one more participant, that no agreement names.
    """
    secret = secrets.token_urlsafe(32)
    app = build(replace(node, site=_with_stranger(node.site, secret), counts={}))  # we are no stranger to be counted
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://self.test") as client:
        for asked, expected in _questions(node, secret):
            answer = await client.send(client.build_request(**asked))
            if answer.status_code not in expected or "resourceType" not in answer.text:
                raise Misconfigured(
                    f"The self-test was not refused at {asked['url']}: {answer.status_code}. Nothing is served."
                )


def _with_stranger(site: Site, secret: str) -> Site:
    key = Key("self-test", "api-key", hashlib.sha256(secret.encode()).hexdigest())
    stranger = Participant(
        NAME, {"en": "Self-test"}, "none", ("Organization/self-test",), keys=(key,), purposes=("TREAT",)
    )
    return replace(site, participants={**site.participants, NAME: stranger})


def _questions(node: Node, secret: str) -> tuple[tuple[dict[str, Any], tuple[int, ...]], ...]:
    known = {"Authorization": f"Bearer {secret}"}
    v2 = {"Content-Type": "x-application/hl7-v2+er7", "Accept": "application/fhir+json"}
    body = _MESSAGE.format(at=node.clock().strftime("%Y%m%d%H%M%S+0000"), id=node.ids()).encode()
    push: dict[str, Any] = {"method": "POST", "url": "/messages", "content": body}
    pull: dict[str, Any] = {"method": "GET", "url": f"/fhir/Patient/{node.ids()}"}
    return (
        ({**push, "headers": v2}, (401,)),
        ({**push, "headers": {**v2, "Authorization": "Bearer wrong"}}, (401,)),
        ({**push, "headers": {**v2, **known}}, (422,)),
        (pull, (401,)),
        ({**pull, "headers": {"Authorization": "Bearer e30.e30.e30"}}, (401,)),
        ({**pull, "headers": known}, (403,)),
        ({"method": "GET", "url": "/exchanges", "headers": known}, (403,)),
    )
