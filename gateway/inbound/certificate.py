"""The client certificate of a TLS connection, carried from the socket to the request (RFC 8705, section 2).

The web server does not hand it on by itself; its connection class does here, and no header is ever believed instead.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class CertifiedProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it; `scope["state"]["peer_certificate"]` is the DER certificate of a verified client."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own narrowing
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        if certificate:
            self.app_state = {**self.app_state, "peer_certificate": certificate}
