"""The demo's identity provider: whoever comes picks whom to be (OpenID Connect Core 1.0, 3.1; RFC 7636, S256 only; RFC 9207).

It proves nobody, and `gateway demo` alone starts it. Codes are good once, for a minute, for the address and the verifier they were made for.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hmac import compare_digest
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.demo.people import people
from gateway.model.base64url import encoded

CLIENT = "ieum-demo"
_FOLDER = Path(__file__).resolve().parent
_CODE_SECONDS, _TOKEN_SECONDS = 60, 300
_KEPT = (
    "client_id",
    "redirect_uri",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "response_type",
    "scope",
)


@cache
def accounts() -> Mapping[str, Mapping[str, Any]]:
    """Who may be picked, by id."""
    import yaml

    rows = yaml.safe_load((_FOLDER / "accounts.yaml").read_text("utf-8"))["accounts"]
    return {row["id"]: row for row in rows}


class Provider:
    """One issuer with one client; `redirects` are the addresses it sends answers to."""

    def __init__(
        self, issuer: str, secret: str, redirects: Sequence[str], now: Callable[[], float] = time.time
    ) -> None:
        self._now = now
        self.issuer = issuer
        self.key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(8), "use": "sig", "alg": "ES256"})
        self._secret = secret
        self._redirects = frozenset(redirects)
        self._codes: dict[str, tuple[float, Mapping[str, str], str]] = {}

    def app(self) -> Starlette:
        """The web application."""
        doors = (
            ("/.well-known/openid-configuration", self.metadata, "GET"),
            ("/jwks", self.jwks, "GET"),
            ("/authorize", self.authorize, "GET"),
            ("/authorize/as", self.picked, "GET"),
            ("/token", self.token, "POST"),
        )
        return Starlette(routes=[Route(path, door, methods=[method]) for path, door, method in doors])

    async def metadata(self, request: Request) -> Response:  # noqa: ARG002 the form of every handler
        """Discovery 1.0, 3."""
        return JSONResponse({
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize", "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks", "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"], "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        })  # fmt: skip

    async def jwks(self, request: Request) -> Response:  # noqa: ARG002 the form of every handler
        """The public key."""
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        """A page of people to pick from."""
        asked = self._asked(request)
        if asked is None:
            return Response("invalid_request", 400)
        rows = [{**row, "query": urlencode({**asked, "account": row["id"]})} for row in accounts().values()]
        return HTMLResponse(_page().render(accounts=rows), headers={"Cache-Control": "no-store"})

    async def picked(self, request: Request) -> Response:
        """Back to the gateway with a code for the account that was picked."""
        asked, account = self._asked(request), request.query_params.get("account", "")
        if asked is None or account not in accounts():
            return Response("invalid_request", 400)
        code = secrets.token_urlsafe(24)
        self._codes[code] = (time.monotonic() + _CODE_SECONDS, asked, account)
        answer = urlencode({"code": code, "state": asked["state"], "iss": self.issuer})
        return RedirectResponse(f"{asked['redirect_uri']}?{answer}", 303)

    async def token(self, request: Request) -> Response:
        """An ID token for a code that was not used before."""
        if not compare_digest(request.headers.get("authorization", "").encode(), self._basic()):
            return JSONResponse({"error": "invalid_client"}, 401)
        said = dict(parse_qsl((await request.body()).decode()))
        until, asked, account = self._codes.pop(said.get("code", ""), (0.0, {}, ""))
        challenge = encoded(hashlib.sha256(said.get("code_verifier", "").encode()).digest())
        fine = (
            said.get("grant_type") == "authorization_code" and time.monotonic() < until
            and said.get("redirect_uri") == asked.get("redirect_uri") and challenge == asked.get("code_challenge")
        )  # fmt: skip
        if not fine:
            return JSONResponse({"error": "invalid_grant"}, 400)
        given = {"access_token": secrets.token_urlsafe(24), "token_type": "Bearer", "expires_in": _TOKEN_SECONDS}
        return JSONResponse({**given, "id_token": self.signed(self.claims(account, asked["nonce"]))})

    def claims(self, account: str, nonce: str) -> dict[str, Any]:
        """What an ID token says of an account."""
        row, now = accounts()[account], int(self._now())
        number = people()[row["person"]].number if "person" in row else row.get("number", "")
        return {
            "iss": self.issuer, "aud": CLIENT, "sub": row["id"], "iat": now, "exp": now + _TOKEN_SECONDS, "nonce": nonce,
            "groups": row["groups"], "preferred_username": row["id"], **({"patient_number": number} if number else {}),
        }  # fmt: skip

    def signed(self, claims: Mapping[str, Any]) -> str:
        """The token of claims."""
        return jwt.encode({"alg": "ES256", "kid": self.key.kid, "typ": "JWT"}, dict(claims), self.key)

    def _asked(self, request: Request) -> dict[str, str] | None:
        """What the gateway asks for; None when it is not ours to answer."""
        said = {name: request.query_params.get(name, "") for name in _KEPT}
        fine = (
            said["client_id"] == CLIENT and said["redirect_uri"] in self._redirects and said["response_type"] == "code"
            and said["code_challenge_method"] == "S256" and all(said[name] for name in ("state", "nonce", "code_challenge"))
        )  # fmt: skip
        return said if fine else None

    def _basic(self) -> bytes:
        return b"Basic " + base64.b64encode(f"{CLIENT}:{self._secret}".encode())


@cache
def _page() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(_FOLDER / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("provider.html")
