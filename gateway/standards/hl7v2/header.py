"""What a door asks of MSH before a message may go on (ARCHITECTURE.md, promise 13; HL7 v2.8.2, 2.14.9).

Reading stays tolerant, because `convert()` must not fail for an odd header; whoever exchanges with others must do better.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

from gateway.errors import Unsound, Unsupported
from gateway.standards.hl7v2.charset import codec_of
from gateway.standards.hl7v2.message import NULL, Message
from gateway.standards.hl7v2.tables import rows

MAX_CONTROL_ID = 199
_TIME = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.[0-9]{1,4})?)?)?)?)?)?"
    r"(?:[+-]([0-9]{2})([0-9]{2}))?"
)
_EVENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_MAX_OFFSET = 14 * 60


def sound_header(message: Message) -> None:
    """Raises Unsound with the positions (`MSH-7`) of everything in MSH that an exchange cannot do without.

    MSH-2 written as it should be; MSH-7 a real time; MSH-9 a type and an event (a bare ACK is fine); MSH-10 1 to 199 printable
    characters; MSH-12 a version of table 0104; MSH-18 only sets of table 0211 that are taken.
    """
    checks = {
        "MSH-2": message.value("MSH-2") == message.delimiters.encoding,
        "MSH-7": is_time(message.value("MSH-7")),
        "MSH-9": _is_trigger(message),
        "MSH-10": _is_control_id(message.control_id),
        "MSH-12": message.version in known_versions(),
        "MSH-18": _are_charsets(message),
    }
    if wrong := [position for position, sound in checks.items() if not sound]:
        raise Unsound(None, *wrong)


def is_time(text: str) -> bool:
    """Whether a text is a time of HL7 (`YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]`) that exists in the calendar."""
    match = _TIME.fullmatch(text)
    if match is None:
        return False
    year, month, day, hour, minute, second, hours, minutes = (None if g is None else int(g) for g in match.groups())
    try:
        datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0)  # noqa: DTZ001 only whether it exists
    except ValueError:
        return False
    return (minutes or 0) < 60 and (hours or 0) * 60 + (minutes or 0) <= _MAX_OFFSET and month != 0 and day != 0


@lru_cache(maxsize=1)
def known_versions() -> frozenset[str]:
    """The versions of table 0104 that are read."""
    return frozenset(row["version"] for row in rows("versions"))


def _is_trigger(message: Message) -> bool:
    kind, event = message.value("MSH-9.1"), message.value("MSH-9.2")
    return bool(_EVENT.fullmatch(kind)) and (bool(_EVENT.fullmatch(event)) or (kind == "ACK" and not event))


def _is_control_id(text: str) -> bool:
    return bool(text.strip()) and len(text) <= MAX_CONTROL_ID and text.isprintable() and text != NULL


def _are_charsets(message: Message) -> bool:
    named = [r.value().strip() for s in message.segments[:1] for r in s.repetitions(18)]
    try:
        return all(codec_of(name) for name in named if name and name != NULL)
    except Unsupported:
        return False
