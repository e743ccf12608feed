"""`/login`, `/login/callback`, `/logout`: people sign in by the authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0, 3.1).

State, nonce and verifier are in a signed cookie of the browser that began, for ten minutes and one answer. A sign-in begins a new session
and ends the one the browser had. Whatever is wrong with an answer, the reader hears one sentence.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from gateway.console import access as gate
from gateway.console.render import html, to
from gateway.console.signed import People
from gateway.console.tokens import lasting, sign, unsign
from gateway.console.visit import Page, Visit
from gateway.errors import Conflict, NotAllowed, NotFound, UnknownCaller
from gateway.model.records import Record, Unit
from gateway.model.roles import held
from gateway.pipeline import sessions
from gateway.pipeline.idtoken import Expected, claims_of, key_id
from gateway.pipeline.node import ACCOUNT
from gateway.pipeline.sessions import Subject

BEGUN, USED = (
    "sign-in",
    "sign-in-used",
)  # the cookie of a sign-in under way; kind of the records of those that were answered
_PATH, _SECONDS, _MOST_CODE = "/login", 600, 2_000
_HOMES = (("citizen", "/me"), ("caseworker", "/console/received"), ("operator", "/console"), ("auditor", "/console"),
          ("protection-officer", "/console"), ("integrator", "/console/gaps"))  # fmt: skip


def login(request: Request, visit: Visit) -> Response:
    """To the issuer, with what its answer will have to match."""
    people = _people(visit)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    response = to(people.issuer.address(_redirect(people, request), state, nonce, verifier))
    until = lasting(visit.access.clock(), _SECONDS)
    begun = sign(visit.access.key, BEGUN, (state, nonce, verifier, visit.one("lang")), until)
    people.set(response, request, BEGUN, begun, _SECONDS)
    return response


def callback(request: Request, visit: Visit) -> Response:
    """The issuer's answer: to a session and the page of the person's role, or to one sentence that it did not work."""
    people, language = _people(visit), (_begun(request, visit) or ("",))[-1]
    try:
        subject = _subject(people, request, visit)
        secret = sessions.begin(people.node, people.terms, subject, gate.peer(request))
    except (UnknownCaller, NotAllowed) as error:
        visit.desk.note_refused(gate.peer(request), "sign-in")
        wrong = "role" if isinstance(error, NotAllowed) else "failed"
        response: Response = html(Page("signin.html", {"wrong": wrong}, error.status), visit)
    else:
        _ended(people, request)
        home = home_of(sessions.roles_of(people.terms, subject.values)[0])
        response = to(f"{home}?{urlencode({'lang': language})}" if language else home)
        people.keep(response, request, secret)
    people.drop(response, request, BEGUN)
    return response


def logout(request: Request, visit: Visit) -> Response:
    """Ends the session here, at once."""
    people = _people(visit)
    session = people.session(request)
    if session is None:
        raise UnknownCaller
    gate.check_form(request, visit.form.get("token", ""), gate.subject_of(session.principal), visit.access)
    sessions.end(people.node, session.key, session.principal)
    response: Response = html(Page("signin.html", {"wrong": ""}), visit)
    people.drop(response, request)
    return response


def home_of(roles: tuple[str, ...]) -> str:
    """Where somebody with these roles begins."""
    mine = held(roles)
    return next(path for role, path in _HOMES if role in mine)


def _people(visit: Visit) -> People:
    if visit.people is None:
        raise NotFound
    return visit.people


def _redirect(people: People, request: Request) -> str:
    return f"{people.base(request)}{_PATH}/callback"


def _ended(people: People, request: Request) -> None:
    """A browser that signs in anew leaves the session it had."""
    before = people.session(request)
    if before is not None:
        sessions.end(people.node, before.key, before.principal)


def _subject(people: People, request: Request, visit: Visit) -> Subject:
    """Who signed in. Raises UnknownCaller for an answer that is not one to what this browser began."""
    nonce, verifier, code = _matched(people, request, visit)
    token = people.issuer.redeem(code, _redirect(people, request), verifier)
    expected = Expected(people.terms.issuer, people.terms.client_id, nonce, visit.access.clock())
    return subject_of(people, claims_of(token, people.issuer.keys(key_id(token)), expected))


def _matched(people: People, request: Request, visit: Visit) -> tuple[str, str, str]:
    """(nonce, verifier, code) of an answer to the one sign-in that this browser began and that was not answered before."""
    begun = _begun(request, visit)
    said = {name: [value for key, value in visit.asked if key == name] for name in ("state", "code", "iss", "error")}
    if begun is None or any(len(values) > 1 for values in said.values()):
        raise UnknownCaller
    state, nonce, verifier, _ = begun
    given, code, issuer = (next(iter(said[name]), "") for name in ("state", "code", "iss"))
    if not compare_digest(state.encode(), given.encode()) or not people.issuer.named(issuer):
        raise UnknownCaller
    _once(people, state)
    if said["error"] or not 0 < len(code) <= _MOST_CODE:
        raise UnknownCaller
    return nonce, verifier, code


def _begun(request: Request, visit: Visit) -> tuple[str, str, str, str] | None:
    """(state, nonce, verifier, language) of the sign-in that this browser began."""
    kept = request.cookies.get(_people(visit).cookie(request, BEGUN), "")
    found = unsign(visit.access.key, BEGUN, kept, visit.access.clock())
    return (found[0], found[1], found[2], found[3]) if found is not None and len(found) == 4 else None


def _once(people: People, state: str) -> None:
    key = hashlib.sha256(state.encode()).hexdigest()
    store, at = people.node.store, people.node.clock()
    try:
        store.commit(Unit((Record(USED, key, {}, at, lasting(at, 2 * _SECONDS), once=True),))).result()
    except Conflict:
        raise UnknownCaller from None


def subject_of(people: People, claims: Mapping[str, Any]) -> Subject:
    """What of the claims counts here. A citizen is shown by no account name; staff by theirs when it reads like one."""
    terms, token = people.terms, sessions.token_of(people.node, claims["iss"], claims["sub"])
    values = claims.get(terms.roles_claim, ())
    named = tuple(v for v in (values if isinstance(values, list) else [values]) if isinstance(v, str))[:50]
    roles, _ = sessions.roles_of(terms, named)
    claim, system = terms.person
    value = claims.get(claim, "") if "citizen" in roles else ""
    identifier = (system, value) if isinstance(value, str) and 0 < len(value) <= 200 else ("", "")
    account = str(claims.get(terms.user_claim, ""))
    user = account if "citizen" not in roles and ACCOUNT.fullmatch(account) else ""
    return Subject(token, user, named, identifier)
