"""base64url without padding, in its one canonical writing (RFC 7515, section 2; RFC 4648, 3.5)."""

from __future__ import annotations

import base64
import binascii

from gateway.errors import Malformed


def encoded(data: bytes) -> str:
    """Bytes as text."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    """The bytes of a text. Raises Malformed for padding, blanks, line ends, other characters, and bits that nobody reads."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed from error
    if encoded(data) != text:
        raise Malformed
    return data
