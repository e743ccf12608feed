"""The issuer that people sign in at, asked over HTTP: its metadata, its keys, a code for tokens (OpenID Connect Core 1.0, 3.1; Discovery 1.0;
RFC 7636). Authlib writes the requests; no token is checked here.

Only https is spoken (plain http to this machine, for a demo), no redirect is followed, no proxy of the environment is used, and an answer is
bounded in size and time.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from gateway.errors import Malformed, Misconfigured, Unavailable, UnknownCaller
from gateway.model.signin import SignIn
from gateway.model.wire import read_json
from gateway.site.people import is_safe

_MAX_ANSWER, _DEADLINE, _FRESH, _AGAIN = 200_000, 8.0, 600.0, 30.0
_FORM = "application/x-www-form-urlencoded"
_SAYS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class Bounded(httpx.BaseTransport):
    """A transport that reads at most so much, for so long, and only from where it may."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body bounded. Raises Unavailable for an address or an encoding that is not taken."""
        if not is_safe(str(request.url)):
            raise Unavailable
        request.headers["Accept-Encoding"] = "identity"
        answer = self._inner.handle_request(request)
        if "content-encoding" in answer.headers or not isinstance(answer.stream, httpx.SyncByteStream):
            answer.close()
            raise Unavailable
        answer.stream = _Counted(answer.stream, time.monotonic() + _DEADLINE)
        return answer

    def close(self) -> None:
        """Closes the connections."""
        self._inner.close()


class _Counted(httpx.SyncByteStream):
    """A body that ends in Unavailable when it is too long, or takes too long."""

    def __init__(self, inner: httpx.SyncByteStream, end: float) -> None:
        self._inner = inner
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for part in self._inner:
            size += len(part)
            if size > _MAX_ANSWER or time.monotonic() > self._end:
                raise Unavailable
            yield part

    def close(self) -> None:
        self._inner.close()


class Issuer:
    """One issuer, as one site is registered with it. `secrets` is the folder of secret files."""

    def __init__(self, terms: SignIn, secrets: Path) -> None:
        self._terms = terms
        self._secrets = secrets
        self._kept: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._reading = threading.Lock()

    def address(self, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Where a browser is sent to sign in. Raises Unavailable."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        made = prepare_grant_uri(
            str(self._metadata()["authorization_endpoint"]), self._terms.client_id, "code", redirect_uri=redirect, scope="openid",
            state=state, nonce=nonce, code_challenge=create_s256_code_challenge(verifier), code_challenge_method="S256",
        )  # fmt: skip
        return str(made)

    def named(self, said: str) -> bool:
        """Whether an answer to the browser comes from this issuer: it must say so where the issuer says that it does (RFC 9207)."""
        wanted = self._metadata().get("authorization_response_iss_parameter_supported") is True
        return said == self._terms.issuer if said or wanted else True

    def redeem(self, code: str, redirect: str, verifier: str) -> str:
        """The ID token for a code. Raises UnknownCaller when the issuer refuses it, Unavailable when it cannot be asked."""
        from authlib.oauth2.auth import ClientAuth
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        endpoint = str(self._metadata()["token_endpoint"])
        asked = prepare_token_request("authorization_code", "", redirect, code=code, code_verifier=verifier)
        proof = ClientAuth(self._terms.client_id, self._secret(), "client_secret_basic")
        _, headers, body = proof.prepare("POST", endpoint, {"Content-Type": _FORM, "Accept": "application/json"}, asked)
        with self._client() as client:
            given = _object(client.build_request("POST", endpoint, headers=headers, content=body), client)
        token = given.get("id_token")
        if not isinstance(token, str):
            raise UnknownCaller
        return token

    def keys(self, kid: str) -> Sequence[Mapping[str, Any]]:
        """The issuer's public keys (JWK); read again, now and then, for a key id that is not among them. Raises Unavailable."""
        address = str(self._metadata()["jwks_uri"])
        found = self._read(address, _FRESH)
        if not any(isinstance(key, Mapping) and key.get("kid") == kid for key in _listed(found)):
            found = self._read(address, _AGAIN)
        return [key for key in _listed(found) if isinstance(key, Mapping)]

    def _metadata(self) -> Mapping[str, Any]:
        """What the issuer says of itself; it must be about itself, and name only addresses that are spoken to."""
        found = self._read(f"{self._terms.issuer.rstrip('/')}/.well-known/openid-configuration", _FRESH)
        named = [found.get(name) for name in _SAYS]
        if found.get("issuer") != self._terms.issuer or not all(isinstance(one, str) and is_safe(one) for one in named):
            raise Unavailable
        return found

    def _read(self, address: str, fresh: float) -> Mapping[str, Any]:
        """JSON of an address, kept for a while. Raises Unavailable."""
        with self._reading:
            at, kept = self._kept.get(address, (-_FRESH, {}))
            if kept and time.monotonic() - at < fresh:
                return kept
            with self._client() as client:
                made = _object(client.build_request("GET", address, headers={"Accept": "application/json"}), client)
            self._kept[address] = (time.monotonic(), made)
            return made

    def _client(self) -> httpx.Client:
        transport = Bounded(httpx.HTTPTransport(trust_env=False))
        return httpx.Client(transport=transport, follow_redirects=False, timeout=_DEADLINE, trust_env=False)

    def _secret(self) -> str:
        """The client's secret, read when it is used. Raises Misconfigured."""
        name = self._terms.secret.removeprefix("file:")
        try:
            found = (self._secrets / name).read_text() if name != self._terms.secret else os.environ[name]
        except (OSError, KeyError) as error:
            raise Misconfigured("The secret for signing in is missing.") from error
        return found.strip()


def _object(request: httpx.Request, client: httpx.Client) -> Mapping[str, Any]:
    """The JSON object of a 200. Raises UnknownCaller for a refusal (400, 401), Unavailable for everything else."""
    try:
        answer = client.send(request)
        if answer.status_code in (400, 401):
            raise UnknownCaller
        made = read_json(answer.content) if answer.status_code == 200 else None
    except (httpx.HTTPError, Malformed) as error:
        raise Unavailable from error
    if not isinstance(made, Mapping):
        raise Unavailable
    return made


def _listed(found: Mapping[str, Any]) -> Sequence[Any]:
    keys = found.get("keys")
    return keys if isinstance(keys, list) else ()
