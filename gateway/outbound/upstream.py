"""FHIR servers of participants over HTTP: one connection pool for each, with its own proof and its own authority; no redirect is followed."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from gateway.errors import Away, Elsewhere, Late, Misconfigured, Unavailable
from gateway.model.agreement import Upstream
from gateway.outbound.checked import CheckedHttp
from gateway.outbound.secret import secret_of


class UpstreamServers:
    """The port Upstreams. `secrets` is the folder of the files that the site names as `file:NAME`; `loopback` as for CheckedHttp."""

    def __init__(self, secrets: Path, *, loopback: bool = False) -> None:
        self._secrets = secrets
        self._loopback = loopback
        self._http: dict[Upstream, CheckedHttp] = {}

    async def ask(self, upstream: Upstream, url: str, form: bytes | None = None) -> bytes:
        """The body of a 200 within the bounds of the upstream. Raises Late, Away, Elsewhere."""
        headers = {"Accept": "application/fhir+json"}
        try:
            if upstream.secret:
                headers["Authorization"] = f"Bearer {secret_of(self._secrets, upstream.secret)}"
            if form is not None:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            answer = await self._of(upstream).ask(url, private=upstream.private, headers=headers, content=form)
        except Misconfigured as error:
            raise Away from error
        except Unavailable as error:
            raise _said(error.__cause__) from error
        return answer.body

    def _of(self, upstream: Upstream) -> CheckedHttp:
        if upstream not in self._http:
            client = httpx.AsyncClient(follow_redirects=False, trust_env=False, verify=self._context(upstream))
            self._http[upstream] = CheckedHttp(
                loopback=self._loopback, deadline=upstream.seconds, most=upstream.bytes, client=client
            )
        return self._http[upstream]

    def _context(self, upstream: Upstream) -> ssl.SSLContext:
        """TLS to the server: who vouches for it, and the gateway's own certificate there. Raises Misconfigured."""
        try:
            authority = str(self._file(upstream.authority)) if upstream.authority else None
            made = ssl.create_default_context(cafile=authority)
            if upstream.certificate:
                made.load_cert_chain(self._file(upstream.certificate))
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured("A certificate that the site names is missing or cannot be read.") from error
        return made

    def _file(self, named: str) -> Path:
        return self._secrets / named.removeprefix("file:")

    async def close(self) -> None:
        """Closes the connections."""
        for http in self._http.values():
            await http.close()


def _said(cause: BaseException | None) -> Elsewhere:
    if isinstance(cause, TimeoutError | httpx.TimeoutException):
        return Late()
    return Away() if isinstance(cause, httpx.ConnectError | OSError) else Elsewhere()
