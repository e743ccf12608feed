"""The routes of the console and of the pages for everybody: who may see which, one table; host, visitor and form are checked before a page
is made, and every refusal is a page in the reader's language.

Pages are made outside the event loop: those of staff one at a time; citizens, and what asks the issuer, have a few places of their own
(ARCHITECTURE.md, "How it runs").
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl

import structlog
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from gateway.console import access as gate
from gateway.console import me, signin
from gateway.console.access import Access
from gateway.console.desk import Desk
from gateway.console.emergencies import close, emergencies
from gateway.console.exchanges import act, exchange, exchanges
from gateway.console.gaps import gaps
from gateway.console.identities import identities, link
from gateway.console.messages import language_of, messages
from gateway.console.people import person
from gateway.console.received import received
from gateway.console.render import html, to
from gateway.console.signed import People
from gateway.console.staff import end, signed_in
from gateway.console.visit import Page, Visit
from gateway.errors import (
    Busy,
    Defect,
    GatewayError,
    Malformed,
    NotAllowed,
    TooLarge,
    TooYoung,
    Unanswerable,
    UnknownCaller,
)
from gateway.model.document import Principal
from gateway.model.door import ANYONE
from gateway.model.roles import held

_log = structlog.get_logger("gateway.console")
MAX_FORM, MAX_FIELDS, MAX_QUERY = 10_000, 60, 4_000
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
Endpoint = Callable[[Request], Awaitable[Response]]
Act = Callable[[Request, Visit], Response]


@dataclass(frozen=True, slots=True)
class Row:
    """One page, or one form: who may see or send it. `asks`: it asks the issuer, and waits apart from the others.

    `nav` is the name of the message by which every page leads to it, in the order of the table; "" for none.
    """

    method: Literal["GET", "POST"]
    path: str
    act: Act
    roles: tuple[str, ...]
    asks: bool = False
    nav: str = ""


def routes(desk: Desk, access: Access, people: People | None = None) -> list[BaseRoute]:
    """All routes of the console, for the application to mount at its root; with `people`, those who sign in."""
    door = _Door(desk, access, people, CapacityLimiter(1), CapacityLimiter(4), CapacityLimiter(2))
    static = StaticFiles(directory=Path(__file__).parent / "static")
    pages = [Route(row.path, door.of(row), methods=[row.method]) for row in PAGES]
    return [Mount("/console/static", static, name="console-static"), *pages]


@dataclass(frozen=True, slots=True)
class _Door:
    desk: Desk
    access: Access
    people: People | None
    one_at_a_time: CapacityLimiter
    asking: CapacityLimiter
    citizens: CapacityLimiter

    def of(self, row: Row) -> Endpoint:
        """An endpoint: reads the form, then acts in a thread; what is refused becomes a page."""

        async def endpoint(request: Request) -> Response:
            try:
                form = await _form(request, row) if request.method == "POST" else {}
            except GatewayError as error:
                return self._problem(request, self._visit(request, {}), error)
            if row.asks and self.people is not None:
                return await self._slowly(self.people, request, row, form)
            limiter = self.citizens if row.roles == CITIZEN else self.one_at_a_time
            return await run_sync(self._answer, request, row, form, limiter=limiter)

        endpoint.row = row  # type: ignore[attr-defined]  # the walk of tests/house reads it
        return endpoint

    async def _slowly(self, people: People, request: Request, row: Row, form: dict[str, str]) -> Response:
        """What asks the issuer: an address whose sign-ins fail waits for its answer, and in a flood hears "later" before any work."""
        slowing, name = people.node.slowing, f"sign-in:{gate.peer(request)}"
        if slowing.crowded(name):
            return self._problem(request, self._visit(request, form), Busy())
        response = await run_sync(self._answer, request, row, form, limiter=self.asking)
        if response.status_code == UnknownCaller.status:
            await slowing.failed(name)
        return response

    def _answer(self, request: Request, row: Row, form: dict[str, str]) -> Response:
        visit = self._visit(request, form)
        try:
            gate.check_host(request, self.access)
            if len(request.url.query) > MAX_QUERY:
                raise Unanswerable
            if row.roles != ANYONE:
                visit = self._known(request, visit, row)
            return row.act(request, visit)
        except GatewayError as error:
            return self._problem(request, visit, error)
        except Exception as error:  # the door: a defect is told without detail
            self.desk.note_refused(gate.peer(request), "defect")
            _log.error("defect in a page", path=row.path, kind=type(error).__name__)
            return self._problem(request, visit, Defect())

    def _known(self, request: Request, visit: Visit, row: Row) -> Visit:
        """The visit of somebody who may. A citizen's pages are for people who signed in: no key opens them."""
        if row.roles == CITIZEN:
            session = self.people.session(request) if self.people is not None else None
            if session is None:
                raise UnknownCaller
            if held(session.principal.roles).isdisjoint(CITIZEN):
                raise NotAllowed
            return replace(visit, principal=session.principal, session=session)
        return replace(visit, principal=gate.visitor(request, self.desk, self.access, self.people, row.roles))

    def _visit(self, request: Request, form: dict[str, str]) -> Visit:
        spoken = language_of(request.query_params.get("lang", ""), request.headers.get("accept-language", ""))
        asked = request.query_params.multi_items()
        visit = Visit(
            self.desk, self.access, messages(spoken), request.url.path, None, asked, request.path_params, form
        )
        return replace(visit, people=self.people, menu=_MENU)

    def _problem(self, request: Request, visit: Visit, error: GatewayError) -> Response:
        if isinstance(error, UnknownCaller | NotAllowed):
            self.desk.note_refused(gate.peer(request), "caller" if isinstance(error, UnknownCaller) else "role")
        if me.wants_json(request):
            return me.refused(error)
        if isinstance(error, UnknownCaller) and request.url.path.startswith("/me"):
            return html(Page("signin.html", {"wrong": "needed"}, error.status), visit)
        if isinstance(error, UnknownCaller):
            return html(Page("enter.html", {"wrong": False}, error.status), visit)
        if isinstance(error, TooYoung):
            return html(Page("problem.html", {"status": "too-young", "positions": ()}, error.status), visit)
        status = error.status if f"problem.{error.status}" in visit.messages.said else 500
        return html(Page("problem.html", {"status": status, "positions": error.positions}, error.status), visit)


def _shown(make: Callable[[Visit], Page]) -> Act:
    """A page."""

    def shown(_request: Request, visit: Visit) -> Response:
        return html(make(visit), visit)

    return shown


def _done(do: Callable[[Visit], str]) -> Act:
    """A form: done, and on to where it says."""

    def done(request: Request, visit: Visit) -> Response:
        gate.check_form(request, visit.form.get("token", ""), gate.subject_of(visit.principal), visit.access)
        return to(do(visit))

    return done


def _enter_form(_request: Request, visit: Visit) -> Response:
    return html(Page("enter.html", {"wrong": False}), visit)


def _enter(request: Request, visit: Visit) -> Response:
    """A key to a visit. A wrong key and a key without a role get the same answer."""
    gate.check_form(request, visit.form.get("token", ""), gate.subject_of(None), visit.access)
    principal: Principal | None = visit.desk.principal(visit.form.get("key", ""))
    if principal is None or held(principal.roles).isdisjoint(gate.KEYS):
        visit.desk.note_refused(gate.peer(request), "caller")
        return html(Page("enter.html", {"wrong": True}, UnknownCaller.status), visit)
    response = to(visit.link(signin.home_of(principal.roles)))
    gate.begin_visit(response, request, principal, visit.access)
    return response


def _leave(request: Request, visit: Visit) -> Response:
    gate.check_form(request, visit.form.get("token", ""), gate.subject_of(visit.principal), visit.access)
    response = to(visit.link("/console/enter"))
    gate.end_visit(response)
    return response


async def _form(request: Request, row: Row) -> dict[str, str]:
    """The fields of a URL-encoded form, or of JSON where the page takes it. Raises TooLarge or Malformed."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise TooLarge
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind == JSON and row.roles == CITIZEN:
        return me.fields_of(body, request.headers.get("x-csrf-token", ""))
    if kind != FORM:
        raise Malformed
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise Malformed from error


READERS = ("operator", "auditor", "protection-officer")
KEYS = tuple(sorted(gate.KEYS))
OPERATOR, INTEGRATOR, CASEWORKER, CITIZEN = ("operator",), ("integrator",), ("caseworker",), ("citizen",)
GUARDS = ("operator", "protection-officer")

# Who may see which page and send which form. A page that is not here is not there.
PAGES = (
    Row("GET", "/login", signin.login, ANYONE, asks=True),
    Row("GET", "/login/callback", signin.callback, ANYONE, asks=True),
    Row("POST", "/logout", signin.logout, ANYONE),
    Row("GET", "/console/enter", _enter_form, ANYONE),
    Row("POST", "/console/enter", _enter, ANYONE),
    Row("POST", "/console/leave", _leave, KEYS),
    Row("GET", "/console", _shown(exchanges), READERS, nav="nav.exchanges"),
    Row("GET", "/console/exchanges/{exchange}", _shown(exchange), READERS),
    Row("POST", "/console/exchanges/{exchange}", _done(act), OPERATOR),
    Row("GET", "/console/people/{person}", _shown(person), READERS),
    Row("GET", "/console/identities", _shown(identities), OPERATOR, nav="nav.identities"),
    Row("POST", "/console/identities", _done(link), OPERATOR),
    Row("GET", "/console/emergencies", _shown(emergencies), GUARDS, nav="nav.emergencies"),
    Row("POST", "/console/emergencies", _done(close), GUARDS),
    Row("GET", "/console/sessions", _shown(signed_in), GUARDS, nav="nav.sessions"),
    Row("POST", "/console/sessions", _done(end), GUARDS),
    Row("GET", "/console/gaps", _shown(gaps), INTEGRATOR, nav="nav.gaps"),
    Row("GET", "/console/received", _shown(received), CASEWORKER, nav="nav.received"),
    Row("GET", "/me", _shown(me.home), CITIZEN, nav="nav.me"),
    Row("GET", "/me/consents", me.listed, CITIZEN),
    Row("GET", "/me/allow/{offer}", _shown(me.asked), CITIZEN),
    Row("GET", "/me/withdraw/{consent}", _shown(me.withdrawing), CITIZEN),
    Row("POST", "/me/simulate", me.simulated, CITIZEN),
    Row("POST", "/me/consents", me.given, CITIZEN),
    Row("POST", "/me/consents/{consent}/withdraw", me.withdrawn, CITIZEN),
    Row("POST", "/me/questions/{offer}", me.declined, CITIZEN),
)
_MENU = tuple((row.path, row.nav, row.roles) for row in PAGES if row.nav)
