"""What an assertion says about the call itself: purposes, the organisation, the person behind it (UDAP Security, `hl7-b2b`, version 1).

It can only narrow: every purpose must be one that the site gives the participant, the organisation the one that is registered. A
`consent_reference` is a hint of the caller's and proves nothing; it is neither kept nor followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.consent.codes import codes
from gateway.errors import UnknownCaller
from gateway.model.agreement import Participant

_VERSION = "1"
_MOST = 20
_LONGEST = 128


@dataclass(frozen=True, slots=True)
class Business:
    """The purposes that the caller claims (the usual ones of its participant when it names none), and who sits at its system."""

    purposes: tuple[str, ...]
    user: str = ""


def business_of(claims: Mapping[str, Any], participant: Participant) -> Business:
    """What the claims of a proven assertion say. Raises UnknownCaller for a purpose or an organisation that is not registered."""
    user = _text(claims.get("user", ""))
    said = claims.get("extensions", {})
    if not isinstance(said, Mapping):
        raise UnknownCaller
    if "hl7-b2b" not in said:
        return Business(usual(participant), user)
    named = said["hl7-b2b"]
    if not isinstance(named, Mapping) or named.get("version") != _VERSION:
        raise UnknownCaller
    if not participant.organization or named.get("organization_id") != participant.organization:
        raise UnknownCaller
    subject = _text(named.get("subject_id", "")) or _text(named.get("subject_name", ""))
    return Business(_purposes(named.get("purpose_of_use"), participant), subject or user)


def usual(participant: Participant) -> tuple[str, ...]:
    """What a token is good for that names no purpose: all of its participant's, but for emergencies, which are claimed by name or not."""
    return tuple(one for one in participant.purposes if one not in codes().purpose_classes["break-glass"])


def _purposes(rows: Any, participant: Participant) -> tuple[str, ...]:
    """1..* purposes of use, as codes or as `system#code` (`system|code`) of v3-ActReason."""
    if not isinstance(rows, list) or not 0 < len(rows) <= _MOST:
        raise UnknownCaller
    found = tuple(dict.fromkeys(_purpose(row) for row in rows))
    if not set(found) <= set(participant.purposes):
        raise UnknownCaller
    return found


def _purpose(row: Any) -> str:
    text = _text(row)
    for bar in ("#", "|"):
        system, between, code = text.partition(bar)
        if between:
            if system not in (codes().systems["purpose"], codes().systems["purposeOid"]):
                raise UnknownCaller
            return code
    return text


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST or not (value == "" or value.isprintable()):
        raise UnknownCaller
    return value
