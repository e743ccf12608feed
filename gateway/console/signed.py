"""People who signed in, as the console sees them: the issuer as a port, the cookie of a session, whom it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from gateway.model.signin import SignIn
from gateway.pipeline import sessions
from gateway.pipeline.node import Node
from gateway.pipeline.sessions import Session

SESSION = "session"


class Issuer(Protocol):
    """Where people sign in (gateway/outbound/issuer.py). Every method may raise Unavailable."""

    def address(self, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Where a browser is sent."""

    def named(self, said: str) -> bool:
        """Whether an answer with this `iss` ("" = none) is the issuer's."""

    def redeem(self, code: str, redirect: str, verifier: str) -> str:
        """The ID token for a code. Raises UnknownCaller."""

    def keys(self, kid: str) -> Sequence[Mapping[str, Any]]:
        """Its public keys."""


@dataclass(frozen=True, slots=True)
class People:
    """How people sign in at this node."""

    node: Node
    terms: SignIn
    issuer: Issuer

    def base(self, request: Request) -> str:
        """This gateway's own address as the browser sees it."""
        return self.terms.address or f"{request.url.scheme}://{request.url.netloc}"

    def is_secure(self, request: Request) -> bool:
        """Whether browsers come by https."""
        return self.base(request).startswith("https:")

    def secret(self, request: Request) -> str:
        """What the browser holds of a session, "" for nothing."""
        return request.cookies.get(self.cookie(request, SESSION), "")

    def session(self, request: Request) -> Session | None:
        """The session of a request, when it holds now."""
        network = request.client.host if request.client else ""
        secret = self.secret(request)
        return sessions.found(self.node, self.terms, secret, network) if secret else None

    def keep(self, response: Response, request: Request, secret: str) -> None:
        """Sets the cookie: HttpOnly, for the whole address and nobody below it, Secure over https. Lax, because the browser comes back
        from the issuer; whatever changes something is a POST with a token of its own."""
        self.set(response, request, SESSION, secret, self.terms.longest)

    def drop(self, response: Response, request: Request, name: str = SESSION) -> None:
        """Takes a cookie away."""
        secure = self.is_secure(request)
        response.delete_cookie(self.cookie(request, name), path="/", secure=secure, httponly=True, samesite="lax")

    def set(self, response: Response, request: Request, name: str, value: str, seconds: int) -> None:
        """Sets a cookie as `keep` says."""
        own, secure = self.cookie(request, name), self.is_secure(request)
        response.set_cookie(own, value, seconds, path="/", secure=secure, httponly=True, samesite="lax")

    def cookie(self, request: Request, name: str) -> str:
        """The name of a cookie: over https one that no other host can set (RFC 6265bis, 4.1.3.2)."""
        return f"__Host-{name}" if self.is_secure(request) else name
