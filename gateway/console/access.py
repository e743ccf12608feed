"""Who may see a page: somebody signed in, a key, a short visit after giving one, or (when the operator says so) this machine itself.

This machine counts only when peer and Host are both loopback: a page elsewhere that lets its own name point here (DNS rebinding) sends
its own Host. A reverse proxy on the same machine is a loopback peer for the whole world: leave `loopback` off behind one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from gateway.console.desk import Desk
from gateway.console.signed import People
from gateway.console.tokens import lasting, sign, unsign
from gateway.errors import NotAllowed, UnknownCaller
from gateway.model.document import Principal
from gateway.model.roles import held

KEYS = frozenset({"operator", "integrator", "auditor", "protection-officer"})  # whose keys begin a visit
LOCAL = frozenset({"127.0.0.1", "localhost", "[::1]"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
COOKIE, PATH = "console", "/console"


@dataclass(frozen=True, slots=True)
class Access:
    """How people get in. `key` signs visits and forms (32 random bytes of this node); `hosts` are further names this gateway
    answers to (host or host:port); `loopback` lets people at this machine in without a key."""

    key: bytes
    clock: Callable[[], datetime]
    loopback: bool = False
    hosts: frozenset[str] = frozenset()
    seconds: int = 1800
    local_roles: tuple[str, ...] = ("admin", "auditor")


def visitor(request: Request, desk: Desk, access: Access, people: People | None, roles: Collection[str]) -> Principal:
    """Who is looking. Raises UnknownCaller for nobody we know, NotAllowed for somebody who has none of the page's roles."""
    found = _by_bearer(request, desk) or _by_cookie(request, desk, access)
    if found is None and people is not None and (session := people.session(request)) is not None:
        found = session.principal
    found = found or _by_machine(request, desk, access)
    if found is None:
        raise UnknownCaller
    if held(found.roles).isdisjoint(roles):
        raise NotAllowed
    return found


def check_host(request: Request, access: Access) -> None:
    """Raises NotAllowed unless Host is loopback or one of ours: another name pointing here is somebody else's page."""
    host = request.headers.get("host", "")
    if not (_is_local(host) or host.lower() in access.hosts):
        raise NotAllowed


def check_form(request: Request, token: str, subject: str, access: Access) -> None:
    """Raises NotAllowed unless the form was made here, for this visitor, not long ago, and sent from one of our pages."""
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    foreign = origin is not None and _place(origin) != host.lower()
    if foreign or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotAllowed
    if unsign(access.key, "form", token, access.clock()) != (subject,):
        raise NotAllowed


def _place(origin: str) -> str:
    """Host and port of an origin; "null" and what is none are nowhere."""
    try:
        return urlsplit(origin).netloc.lower() or "null"
    except ValueError:
        return "null"


def form_token(subject: str, access: Access) -> str:
    """The hidden field of a form for one visitor."""
    return sign(access.key, "form", (subject,), lasting(access.clock(), access.seconds))


def subject_of(principal: Principal | None) -> str:
    """Whom a form belongs to; before entering, nobody."""
    return "\x1f".join((principal.participant, principal.client, principal.proof)) if principal else ""


def begin_visit(response: Response, request: Request, principal: Principal, access: Access) -> None:
    """Sets the cookie of a visit: HttpOnly, SameSite=Strict, Secure over https, gone soon."""
    fields = (principal.participant, principal.client)
    token = sign(access.key, "visit", fields, lasting(access.clock(), access.seconds))
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, token, access.seconds, path=PATH, secure=secure, httponly=True, samesite="strict")


def end_visit(response: Response) -> None:
    response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="strict")


def peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _by_bearer(request: Request, desk: Desk) -> Principal | None:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return desk.principal(secret.strip()) if scheme.lower() == "bearer" and secret.strip() else None


def _by_cookie(request: Request, desk: Desk, access: Access) -> Principal | None:
    fields = unsign(access.key, "visit", request.cookies.get(COOKIE, ""), access.clock())
    return desk.still(*fields) if fields is not None and len(fields) == 2 else None


def _by_machine(request: Request, desk: Desk, access: Access) -> Principal | None:
    proxied = any(name in request.headers for name in FORWARDED)
    foreign = request.headers.get("sec-fetch-site") == "cross-site"
    near = _is_loopback(peer(request)) and _is_local(request.headers.get("host", ""))
    if not access.loopback or proxied or foreign or not near:
        return None
    return Principal(desk.site(), "local", access.local_roles, proof="local", network=peer(request))


def _is_local(host: str) -> bool:
    name = host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
    return name.lower() in LOCAL


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
