"""An HTTP connection as this gateway takes it: its client certificate goes with the request, its header block is bounded.

The web server does not hand the certificate on by itself (RFC 8705, section 2); its connection class does here, and no header is
ever believed instead. Nor does it bound the header block; one that is not complete after 64 KB ends the connection (RFC 6585, 431).
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 65_536
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class CertifiedProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it; `scope["state"]["peer_certificate"]` is the DER certificate of a verified client."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._in_header = True
        self._header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own narrowing
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        if certificate:
            self.app_state = {**self.app_state, "peer_certificate": certificate}

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_header:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_header, self._header_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._in_header = False
        super().on_headers_complete()
