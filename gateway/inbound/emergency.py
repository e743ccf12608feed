"""Emergency access over HTTP: `POST /emergency` opens a record, `GET /emergency` lists what is to be reviewed, `POST /emergency/{id}/review` closes.

    {"patient": "Patient/…" | "identifier": "system|value", "user": "dr-kim", "role": "physician", "justification": "…"}

The answer says until when the record may be read (R4 read and search at /fhir) and is the same for a person nobody knows here.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from gateway.errors import Invalid, NotAllowed
from gateway.inbound.fhir import searched
from gateway.inbound.rest import JSON
from gateway.model.door import Call, Door
from gateway.model.records import AuditFact, Unit
from gateway.model.released import Egress, Notice
from gateway.model.wire import read_json
from gateway.pipeline.acts import act
from gateway.pipeline.emergency import MOST_SAID, Opening, Wanted, opened, reviewed, reviews, said
from gateway.pipeline.node import Node

_MAX_BODY = 4_000


async def begin(node: Node, call: Call) -> Egress:
    """Opens one person's record for an hour. 403, in one wording, for a caller that may not; everything is on record."""
    wanted = _wanted(node, _read(call, "patient", "identifier", "user", "role", "justification"))
    made, unit = await node.cpu.run(opened, node, call.principal, wanted)
    await asyncio.wrap_future(node.store.commit(unit))
    if made is None:
        raise NotAllowed
    told = {"opening": made.id, "until": made.until.isoformat(), "review": made.review.isoformat()}
    return Notice(told, 201, content_type=JSON)


async def waiting(node: Node, call: Call) -> Egress:
    """The openings that wait for a review, oldest first, with the reasons that were given. Looking is on record."""
    found = await node.cpu.run(reviews, node)
    await asyncio.wrap_future(node.store.commit(Unit((_looked(node, call),))))
    return Notice({"reviews": [_told(one) for one in found]}, content_type=JSON)


async def review(node: Node, call: Call) -> Egress:
    """Closes a review with `finding` (justified, unjustified) and a `note` in words."""
    asked = _read(call, "finding", "note")
    unit = await node.cpu.run(reviewed, node, call.principal, call.path["id"], asked.get("finding"), asked.get("note"))
    await asyncio.wrap_future(node.store.commit(unit))
    return Notice({"opening": call.path["id"], "review": "closed"}, content_type=JSON)


def _wanted(node: Node, asked: dict[str, Any]) -> Wanted:
    texts = {name: said(asked.get(name), name) for name in ("user", "role", "justification")}
    if ("patient" in asked) == ("identifier" in asked):
        raise Invalid("One person is named, by `patient` or by `identifier`.")
    who = (
        ("_id", str(asked["patient"]).removeprefix("Patient/"))
        if "patient" in asked
        else ("identifier", str(asked["identifier"]))
    )
    return Wanted(replace(searched(node, "Patient", (who,)), search=None), **texts)


def _read(call: Call, *names: str) -> dict[str, Any]:
    asked = read_json(call.body)
    if not isinstance(asked, dict) or set(asked) - set(names):
        raise Invalid(
            f"The body is a JSON object with {', '.join(names)}; a reason has at most {MOST_SAID} characters."
        )
    return asked


def _told(one: Opening) -> dict[str, Any]:
    return {
        "opening": one.id, "at": one.at.isoformat(), "until": one.until.isoformat(), "review": one.review.isoformat(),
        "participant": one.participant, "client": one.client, "user": one.named, "role": one.role,
        "person": one.person, "justification": one.justification,
    }  # fmt: skip


def _looked(node: Node, call: Call) -> AuditFact:
    return act(node, call.principal, "read", {"looked": "emergency-reviews"}, how={"transport": "http"})


DOORS = (
    Door(
        "POST",
        "/emergency",
        begin,
        "Open one person's record in an emergency, with a reason",
        max_body=_MAX_BODY,
        scope="Patient.r",
    ),
    Door(
        "GET", "/emergency", waiting, "Openings that wait for a review", ("operator", "auditor", "protection-officer")
    ),
    Door(
        "POST",
        "/emergency/{id}/review",
        review,
        "Close the review of an opening",
        ("operator", "protection-officer"),
        _MAX_BODY,
    ),
)
