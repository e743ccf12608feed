"""`POST /consent/explain` over real HTTP: who may ask, what is told, and that asking is on record."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.demo.messages import cases, discharge
from gateway.demo.people import people
from tests.flows.conftest import REFERRAL, Served


def asked(served: Served, body: Any, token: str = "auditor") -> Any:
    with served.client(token) as client:
        return client.post("/consent/explain", json=body)


def discharged(served: Served) -> Any:
    flow = served.flow
    served.posts(discharge(people()["silent"], flow.moment(), cases()["discharges"]["silent"]))
    served.runs(flow.drains())
    return flow.newest(REFERRAL)


@pytest.mark.parametrize(
    ("token", "status"), [("", 401), ("hospital", 403), ("welfare", 403), ("admin", 403), ("auditor", 200)]
)
def test_only_those_entitled_are_told(served: Served, token: str, status: int) -> None:
    exchange = discharged(served)
    answer = asked(served, {"exchange": exchange.id}, token)
    assert answer.status_code == status
    assert ("default-deny" in answer.text) == (status == 200)
    looks = [
        row for row in served.flow.facts(exchange=exchange.id) if row["facts"]["what"].get("looked") == "explanation"
    ]
    assert len(looks) == (1 if status == 200 else 0)
    assert all(row["person"] == exchange.whom.person for row in looks)


def test_it_follows_what_holds_now(served: Served) -> None:
    exchange = discharged(served)
    before = asked(served, {"exchange": exchange.id}).json()["steps"][-1]
    served.runs(served.flow.consents(people()["silent"]))
    after = asked(served, {"exchange": exchange.id}).json()["steps"]
    assert (before["says"], before["reason"]) == ("deny", "default-deny")
    assert after[-1]["says"] in ("permit", "permit-with-redaction")
    assert any(step["step"] == "consent" and step["says"] == "counts" for step in after)
    assert people()["silent"].number not in str(after)


@pytest.mark.parametrize(
    ("body", "status"),
    [({"exchange": "x"}, 404), ({"exchange": 1}, 422), ({}, 422), ([], 422), ({"exchange": "x", "more": 1}, 422)],
)
def test_what_is_not_there_or_no_question(served: Served, body: Any, status: int) -> None:
    assert asked(served, body).status_code == status
