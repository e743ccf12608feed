"""Sessions at the store: what ends one, what cannot bring one back, and what a site takes away from those who are signed in."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.errors import NotAllowed, NotDurable
from gateway.model.signin import RoleRow, SignIn
from gateway.pipeline import sessions
from gateway.pipeline.sessions import SEEN, SESSION, Subject
from tests.flows.conftest import Flow, Served, serving
from tests.flows.signing import providing

TERMS = SignIn(
    "https://issuer.example", "ieum", "A_SECRET", "groups",
    (RoleRow("audit", ("auditor",)), RoleRow("guard", ("protection-officer",)), RoleRow("people", ("citizen",)),
     RoleRow("team", ("caseworker",), "mapo-care-team"), RoleRow("odd", ("made-up",))),
)  # fmt: skip
AUDITOR = Subject("t" * 64, "seo", ("audit",))


def begun(flow: Flow, subject: Subject = AUDITOR) -> str:
    return sessions.begin(flow.node, TERMS, subject, "127.0.0.1")


def found(flow: Flow, secret: str, terms: SignIn = TERMS) -> Any:
    return sessions.found(flow.node, terms, secret, "127.0.0.1")


@pytest.mark.parametrize(
    ("values", "roles", "participant"),
    [
        (("audit",), ("auditor",), ""),
        (("audit", "guard", "unknown"), ("auditor", "protection-officer"), ""),
        (("team",), ("caseworker",), "mapo-care-team"),
        (("people",), ("citizen",), ""),
    ],
)
def test_what_values_of_the_claim_mean(values: tuple[str, ...], roles: tuple[str, ...], participant: str) -> None:
    assert sessions.roles_of(TERMS, values) == (roles, participant)


@pytest.mark.parametrize(
    "values", [(), ("unknown",), ("odd",), ("audit", "team"), ("people", "audit"), ("AUDIT",), ("auditor",)]
)
def test_what_gives_nobody_a_role(flow: Flow, values: tuple[str, ...]) -> None:
    with pytest.raises(NotAllowed):
        begun(flow, replace(AUDITOR, values=values))
    assert flow.node.store.records(SESSION) == []


def test_a_session_is_found_by_its_secret_alone(flow: Flow) -> None:
    secret = begun(flow)
    assert found(flow, secret).principal.roles == ("auditor",)
    key = flow.node.store.records(SESSION)[0].key
    for wrong in ("", key, secret[:-1], f"{secret}x", secret.swapcase(), "x" * 10_000):
        assert found(flow, wrong) is None


def test_what_the_site_takes_away_is_gone_for_those_signed_in(flow: Flow) -> None:
    secret, worker = begun(flow), begun(flow, replace(AUDITOR, values=("team",)))
    assert found(flow, secret, replace(TERMS, roles=(RoleRow("guard", ("auditor",)),))) is None
    assert found(flow, secret, replace(TERMS, roles=(RoleRow("audit", ("citizen",)),))).principal.roles == ("citizen",)
    people = flow.node.site.participants
    off = {**people, "mapo-care-team": replace(people["mapo-care-team"], active=False)}
    switched = flow.on(replace(flow.node.site, participants=off))
    assert found(flow, worker).principal.participant == "mapo-care-team"
    assert found(switched, worker) is None
    assert found(switched, secret) is not None


def test_being_seen_brings_no_session_back(flow: Flow) -> None:
    """A page that was under way when the session ended notes that it was seen; that is no session."""
    secret = begun(flow)
    session = found(flow, secret)
    flow.clock.pass_by(seconds=500)
    assert found(flow, secret) is not None
    (seen,) = flow.node.store.records(SEEN)
    assert sessions.end(flow.node, session.key, session.principal)
    from gateway.model.records import Unit

    flow.node.store.commit(Unit((replace(seen, at=flow.clock()),))).result()
    assert found(flow, secret) is None
    assert sessions.all_now(flow.node, TERMS) == ()


def test_of_two_who_end_it_one_did(flow: Flow) -> None:
    session = found(flow, begun(flow))
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda _: sessions.end(flow.node, session.key, session.principal), range(8)))
    assert ended.count(True) == 1
    rows = [row for row in flow.facts(kind="admin") if row["outcome"] == "signed-out"]
    assert len(rows) == 1


def test_what_is_not_durable_is_no_session(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Any) -> Future[None]:
        failed: Future[None] = Future()
        failed.set_exception(NotDurable())
        return failed

    secret = begun(flow)
    key = found(flow, secret).key
    with monkeypatch.context() as patch:
        patch.setattr(flow.node.store, "commit", refuse)
        with pytest.raises(NotDurable):
            begun(flow)
        with pytest.raises(NotDurable):
            sessions.end(flow.node, key, found(flow, secret).principal)
    assert found(flow, secret) is not None
    assert len(flow.node.store.records(SESSION)) == 1


def test_a_citizen_is_who_the_identifier_leads_to_and_nobody_else(flow: Flow) -> None:
    system = "https://hanbit-hospital.example/fhir/sid/patient-number"
    citizen = Subject("c" * 64, "", ("people",), (system, "H0000001"))
    session = found(flow, begun(flow, citizen))
    assert sessions.identifier_of(flow.node, session) == (system, "H0000001")
    assert sessions.person_of(flow.node, session) is None
    with pytest.raises(NotAllowed):
        sessions.identifier_of(flow.node, replace(session, identifier=(system, "another")))
    nameless = found(flow, begun(flow, replace(citizen, identifier=("", ""))))
    assert sessions.person_of(flow.node, nameless) is None
    with pytest.raises(NotAllowed):
        sessions.identifier_of(flow.node, nameless)
    assert "H0000001" not in repr(flow.node.store.records(SESSION))


@pytest.fixture
def proxied(flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    """A node that browsers reach by https, through a proxy."""
    terms = flow.node.site.sign_in
    assert terms is not None
    site = replace(flow.node.site, sign_in=replace(terms, address="https://ieum.example"))
    with serving(flow.on(site), monkeypatch, tmp_path) as made, providing(made):
        yield made


def test_over_https_no_other_host_can_set_the_cookies(proxied: Served) -> None:
    with httpx.Client(base_url=proxied.base, trust_env=False) as client:
        answer = client.get("/login", headers={"Host": "ieum.example"})
        assert client.get("/login", headers={"Host": "other.example"}).status_code == 403
    assert answer.status_code == 303
    assert "redirect_uri=https%3A%2F%2Fieum.example%2Flogin%2Fcallback" in answer.headers["location"]
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-sign-in=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie
