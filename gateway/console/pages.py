"""The routes of the console: host, visitor and form are checked before a page is made, and every refusal is a page in the reader's language.

Pages are made outside the event loop, one at a time (ARCHITECTURE.md, "How it runs").
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from gateway.console import access as gate
from gateway.console.access import Access
from gateway.console.desk import Desk
from gateway.console.emergencies import close, emergencies
from gateway.console.exchanges import act, exchange, exchanges
from gateway.console.identities import identities, link
from gateway.console.messages import language_of, messages
from gateway.console.people import person
from gateway.console.render import HEADERS, html
from gateway.console.visit import Page, Visit
from gateway.errors import GatewayError, Malformed, NotAllowed, TooLarge, Unanswerable, UnknownCaller

MAX_FORM, MAX_FIELDS, MAX_QUERY = 10_000, 20, 4_000
Endpoint = Callable[[Request], Awaitable[Response]]
Act = Callable[[Request, Visit], Response]


def routes(desk: Desk, access: Access) -> list[BaseRoute]:
    """All routes of the console, for the application to mount at its root."""
    door = _Door(desk, access, CapacityLimiter(1))
    return [
        Mount("/console/static", StaticFiles(directory=Path(__file__).parent / "static"), name="console-static"),
        Route("/console/enter", door.of(_enter_form), methods=["GET"]),
        Route("/console/enter", door.of(_enter), methods=["POST"]),
        Route("/console/leave", door.of(_leave), methods=["POST"]),
        Route("/console", door.of(_shown(exchanges)), methods=["GET"]),
        Route("/console/exchanges/{exchange}", door.of(_shown(exchange)), methods=["GET"]),
        Route("/console/exchanges/{exchange}", door.of(_done(act)), methods=["POST"]),
        Route("/console/people/{person}", door.of(_shown(person)), methods=["GET"]),
        Route("/console/identities", door.of(_shown(identities)), methods=["GET"]),
        Route("/console/identities", door.of(_done(link)), methods=["POST"]),
        Route("/console/emergencies", door.of(_shown(emergencies)), methods=["GET"]),
        Route("/console/emergencies", door.of(_done(close)), methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class _Door:
    desk: Desk
    access: Access
    one_at_a_time: CapacityLimiter

    def of(self, act: Act) -> Endpoint:
        """An endpoint: reads the form, then acts in a thread; what is refused becomes a page."""

        async def endpoint(request: Request) -> Response:
            try:
                form = await _form(request) if request.method == "POST" else {}
            except GatewayError as error:
                return self._problem(request, self._visit(request, {}), error)
            return await run_sync(self._answer, request, act, form, limiter=self.one_at_a_time)

        return endpoint

    def _answer(self, request: Request, act: Act, form: dict[str, str]) -> Response:
        visit = self._visit(request, form)
        try:
            gate.check_host(request, self.access)
            if len(request.url.query) > MAX_QUERY:
                raise Unanswerable
            return act(request, visit)
        except GatewayError as error:
            return self._problem(request, visit, error)

    def _visit(self, request: Request, form: dict[str, str]) -> Visit:
        spoken = language_of(request.query_params.get("lang", ""), request.headers.get("accept-language", ""))
        asked = request.query_params.multi_items()
        return Visit(self.desk, self.access, messages(spoken), request.url.path, None, asked, request.path_params, form)

    def _problem(self, request: Request, visit: Visit, error: GatewayError) -> Response:
        if isinstance(error, UnknownCaller | NotAllowed):
            self.desk.note_refused(gate.peer(request), "caller" if isinstance(error, UnknownCaller) else "role")
        if isinstance(error, UnknownCaller):
            return html(Page("enter.html", {"wrong": False}, error.status), visit)
        status = error.status if f"problem.{error.status}" in visit.messages.said else 500
        return html(Page("problem.html", {"status": status, "positions": error.positions}, error.status), visit)


def _shown(make: Callable[[Visit], Page]) -> Act:
    """A page for those who may see the console."""

    def act(request: Request, visit: Visit) -> Response:
        known = replace(visit, principal=gate.visitor(request, visit.desk, visit.access))
        return html(make(known), known)

    return act


def _enter_form(_request: Request, visit: Visit) -> Response:
    return html(Page("enter.html", {"wrong": False}), visit)


def _enter(request: Request, visit: Visit) -> Response:
    """A key to a visit. A wrong key and a key without a role get the same answer."""
    gate.check_form(request, visit.form.get("token", ""), gate.subject_of(None), visit.access)
    principal = visit.desk.principal(visit.form.get("key", ""))
    if principal is None or not gate.ROLES & set(principal.roles):
        visit.desk.note_refused(gate.peer(request), "caller")
        return html(Page("enter.html", {"wrong": True}, UnknownCaller.status), visit)
    response = _to(visit.link("/console"))
    gate.begin_visit(response, request, principal, visit.access)
    return response


def _leave(request: Request, visit: Visit) -> Response:
    known = replace(visit, principal=gate.visitor(request, visit.desk, visit.access))
    gate.check_form(request, visit.form.get("token", ""), gate.subject_of(known.principal), visit.access)
    response = _to(visit.link("/console/enter"))
    gate.end_visit(response)
    return response


def _done(do: Callable[[Visit], str]) -> Act:
    """A form of those who may see the console: done, and on to where it says."""

    def act(request: Request, visit: Visit) -> Response:
        known = replace(visit, principal=gate.visitor(request, visit.desk, visit.access))
        gate.check_form(request, visit.form.get("token", ""), gate.subject_of(known.principal), visit.access)
        return _to(do(known))

    return act


def _to(address: str) -> Response:
    return RedirectResponse(address, 303, HEADERS)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a URL-encoded form. Raises TooLarge or Malformed."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise TooLarge
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise Malformed
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise Malformed from error
