"""Bytes to text by the character sets that MSH-18 names (HL7 v2.8.2, 2.7.2, 2.14.9.18; table 0211).

A claim is corrected only where the bytes prove another set, and a finding says so. What is in neither is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gateway.errors import Malformed, Unsupported
from gateway.model.report import Finding
from gateway.standards.hl7v2.escapes import Delimiters
from gateway.standards.hl7v2.segment import NULL
from gateway.standards.hl7v2.tables import rows

UTF_8 = "utf-8"
_NARROWEST = "ascii"
_UNSAID = "cp949"  # what bytes may prove to be where no set is named
_LONGEST = 64  # characters that a name may have
_WRITTEN = 512  # characters of MSH-18 that are looked at
_SEPARATORS = re.compile(r"[\s./_-]+")
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_ASCII = bytes(range(128))
_LONG = re.compile(rb"[\xe0-\xf4][\x80-\xbf]{2}")
_SYLLABLE = re.compile(rb"([\xb0-\xc8])(?!\1)[\xa1-\xfe]")
_SYLLABLES = re.compile(rb"(?:[\xb0-\xc8][\xa1-\xfe]){2,}")
_UNPRINTED = re.compile(rb"[\x80-\x9f]")
_CONTROL = re.compile(r"[\x80-\x9f]")

_OTHER = Finding(
    "warning",
    "value",
    "MSH-18",
    "The bytes are in another character set than the one that is named or taken for granted; they were read in theirs.",
    "hl7v2-msh-18",
)
_DOUBT = Finding(
    "warning",
    "value",
    "MSH-18",
    "The bytes do not look like the character set that is named; they were read as it says.",
    "hl7v2-charset-doubt",
)
_SWITCH = Finding(
    "warning",
    "not-supported",
    "MSH-18",
    "The character set changes within the message in a way that is not followed; the text stands as it was written.",
    "hl7v2-charset-switch",
)


@dataclass(frozen=True, slots=True)
class Charset:
    """What validators/hl7v2/charsets.yaml says of a set. `instead` are keys of the proofs that the bytes are in another one."""

    instead: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()  # codecs whose characters are in it, so that it may be read in their place
    switches: tuple[str, ...] = ()  # escape sequences of ISO 2022 that say only what the set says


def codec_of(name: str, position: str = "") -> str:
    """The codec of a character set name, any spelling of table 0211 or IANA. Raises Unsupported for a set not taken."""
    codec = _known(name)
    if not codec:
        raise Unsupported("This character set is not supported.", *([position] if position else []))
    return codec


def declared(header: bytes, delimiters: Delimiters, channel: str = "") -> str:
    """The codec of the sets in MSH-18 of a first line; else the channel's; "" when nobody says it. Raises Unsupported.

    The first set is the one in use from the start. Where it is left out or ASCII, an alternate that holds it is read for both.
    """
    if not header.isascii() or b"\x1b" in header:
        for codec in _hiding():  # read as bytes, the line may be cut at other places
            if (text := _read(header, codec)) is not None and _chosen(_named(text, delimiters)) == codec:
                return codec
    fields = header.split(delimiters.field.encode(), 18)
    named = fields[17] if len(fields) > 17 else b""
    own = _said(named[:_WRITTEN], delimiters.repetition, delimiters.component) if named else ""
    return own or (codec_of(channel) if channel else "")


def decode(body: bytes, codec: str, sign: str = "\\") -> tuple[str, str, tuple[Finding, ...]]:
    """Bytes that are said to be in a set: their text, the codec they were read by, and what is odd about the claim.

    Where nobody says it (""), UTF-8 is taken for granted, and Korean where the bytes are that. `sign` is the escape character of
    the message. Raises Malformed when the bytes are not what they are said to be and prove nothing else.
    """
    charset, codec = _charset(codec), codec or UTF_8
    text = _read(_switched(body, charset, sign), codec)
    if text is None or not (codec == UTF_8 or body.isascii()):
        for proof in charset.instead:
            other, holds = _PROOFS[proof]
            if (found := _read(body, other)) is not None and holds(body):
                return found, other, (_OTHER,)
    if text is None:
        raise Malformed("The bytes are not in the character set that the message or its channel names.")
    for sequence in charset.switches if "\x1b" in text else ():
        text = text.replace(f"\x1b{sequence}", "")
    unfollowed = (_SWITCH,) if "\x1b" in text or sign + "M2" in text else ()
    doubted = codec != UTF_8 and "cp949" in charset.instead and not text.isascii() and _is_odd(body, text)
    return text, codec, (*unfollowed, _DOUBT) if doubted else unfollowed


def refuse_wide(body: bytes) -> None:
    """UTF-16 and UTF-32 are not taken, with or without a byte order mark. Raises Unsupported."""
    if body.startswith(_BYTE_ORDER_MARKS) or b"\0" in body[:8]:
        raise Unsupported("Messages in UTF-16 or UTF-32 are not supported.")


@lru_cache(maxsize=256)
def _said(named: bytes, repetition: str, component: str) -> str:
    """MSH-18 as it is written to a codec, "" when it says nothing. Raises Unsupported."""
    names = _names(named.decode("latin-1"), repetition, component)
    if names[0]:
        codec_of(names[0], "MSH-18")
    return _chosen(names)


def _named(header: str, delimiters: Delimiters) -> list[str]:
    """The sets that a first line names, none when it has no MSH-18."""
    fields = header.split(delimiters.field, 18)
    return _names(fields[17][:_WRITTEN], delimiters.repetition, delimiters.component) if len(fields) > 17 else []


def _names(named: str, repetition: str, component: str) -> list[str]:
    return [one.partition(component)[0].strip().replace(NULL, "") for one in named.split(repetition)]


def _chosen(names: Sequence[str]) -> str:
    """The codec that reads the first set, and with it the next one that holds it; "" when the first is not known or none is."""
    first = next(iter(names), "")
    codec = _known(first)
    if first and not codec:
        return ""
    others = map(_known, names[1:])
    return next((other for other in others if other and (codec or _NARROWEST) in _charset(other).holds), codec)


def _read(body: bytes, codec: str) -> str | None:
    try:
        return body.decode(codec)
    except UnicodeDecodeError:
        return None


def _switched(body: bytes, charset: Charset, sign: str) -> bytes:
    r"""`\C2842\` and `\M2442\` as the escape sequences of ISO 2022 that they stand for, where the set knows these (2.7.2)."""
    edge = sign.encode()
    if not charset.switches or not (edge + b"M" in body or edge + b"C" in body):
        return body

    def undo(match: re.Match[bytes]) -> bytes:
        sequence = bytes.fromhex(match[1].decode())
        return b"\x1b" + sequence if sequence.decode("latin-1") in charset.switches else match[0]

    return _switch(sign).sub(undo, body)


def _is_odd(body: bytes, text: str) -> bool:
    """Whether text that is said to be Latin has control characters, or nothing beyond ASCII but what may be syllables."""
    return bool(_CONTROL.search(text)) or bool(_SYLLABLE.search(body) and _read(body, "cp949"))


def _is_korean(body: bytes) -> bool:
    """Whether half of what is beyond ASCII are syllables side by side (a sign that repeats is no syllable)."""
    runs = (run for run in _SYLLABLES.findall(body) if len(set(run)) > 2)
    return 2 * sum(map(len, runs)) >= len(body.translate(None, _ASCII))


_PROOFS: Mapping[str, tuple[str, Callable[[bytes], bool]]] = {
    "utf-8": (UTF_8, lambda _: True),
    "utf-8 of three bytes": (UTF_8, lambda body: bool(_LONG.search(body))),
    "cp949": ("cp949", _is_korean),
    "cp1252": ("cp1252", lambda body: bool(_UNPRINTED.search(body))),
}


def _known(name: str) -> str:
    return _codecs().get(_plain(name), "") if len(name) <= _LONGEST else ""


@lru_cache(maxsize=256)
def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name).upper()


@lru_cache(maxsize=8)
def _switch(sign: str) -> re.Pattern[bytes]:
    edge = re.escape(sign.encode())
    return re.compile(edge + rb"(?:C(?=[0-9A-F]{4}" + edge + rb")|M)((?:[0-9A-F]{2}){2,3})" + edge)


@lru_cache(maxsize=64)
def _charset(codec: str) -> Charset:
    row = next((row for row in rows("charsets") if row.get("codec") == codec), {"instead": [_UNSAID]})
    instead, holds, switches = (tuple(row.get(key, ())) for key in ("instead", "holds", "switches"))
    return Charset(instead, holds, switches)


@lru_cache(maxsize=1)
def _hiding() -> tuple[str, ...]:
    return tuple(row["codec"] for row in rows("charsets") if row.get("hides"))


@lru_cache(maxsize=1)
def _codecs() -> dict[str, str]:
    return {_plain(name): row.get("codec", "") for row in rows("charsets") for name in row["names"]}
