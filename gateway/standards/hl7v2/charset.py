"""Bytes to text by the character set that MSH-18 names, strictly (HL7 v2.8.2, 2.14.9.18; table 0211)."""

from __future__ import annotations

import re
from functools import lru_cache

from gateway.errors import Malformed, Unsupported
from gateway.standards.hl7v2.tables import rows

_LONGEST = 64  # characters that a name may have
_SEPARATORS = re.compile(r"[\s./_-]+")
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


def codec_of(name: str, position: str = "") -> str:
    """The codec of a character set name, any spelling of table 0211 or IANA. Raises Unsupported for a set not taken."""
    codec = _known(name) if len(name) <= _LONGEST else ""
    if not codec:
        raise Unsupported("This character set is not supported.", *([position] if position else []))
    return codec


def decode(body: bytes, codec: str) -> str:
    """Strict decoding. Raises Malformed when the bytes are not what they are said to be."""
    try:
        return body.decode(codec)
    except UnicodeDecodeError:
        raise Malformed("The bytes are not in the character set that the message or its channel names.") from None


def refuse_wide(body: bytes) -> None:
    """UTF-16 and UTF-32 are not taken, with or without a byte order mark. Raises Unsupported."""
    if body.startswith(_BYTE_ORDER_MARKS) or b"\0" in body[:8]:
        raise Unsupported("Messages in UTF-16 or UTF-32 are not supported.")


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name).upper()


@lru_cache(maxsize=256)
def _known(name: str) -> str:
    return _codecs().get(_plain(name), "")


@lru_cache(maxsize=1)
def _codecs() -> dict[str, str]:
    return {_plain(name): row.get("codec", "") for row in rows("charsets") for name in row["names"]}
