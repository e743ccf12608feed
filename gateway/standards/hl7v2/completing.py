"""What a message needs besides its content: the header, segments it cannot be without, fields they must have (HL7 v2.8.2, 2.14.9 MSH).

Which these are is data: `back:` of the message map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from gateway.mapping.back import Element
from gateway.model.wire import write_json
from gateway.standards.hl7v2.draft import MessageDraft, SegmentDraft

_CONTROL_ID = 20  # characters that MSH-10 has had room for since v2.1


@dataclass(frozen=True, slots=True)
class Header:
    """What one receiver wants in MSH; what is empty comes from the MessageHeader, else from a default.

    `sending` and `receiving` are (application, facility); `at` is an HL7 time; `trigger` is `ORU^R01`, `came` the event that came in.
    """

    trigger: str = ""
    came: str = ""
    sending: tuple[str, str] = ("", "")
    receiving: tuple[str, str] = ("", "")
    at: str = ""
    control_id: str = ""
    processing: str = ""
    version: str = ""
    charset: str = ""


def begin(draft: MessageDraft, event: str, header: Header, about: Mapping[str, Any]) -> None:
    """MSH with what is known before anything else, because conditions of maps ask for it; segments there are from the start (`of`)."""
    msh = draft.segment("MSH")
    for number, part in enumerate(event.split("^"), 1):
        msh.write((9, 1, number, 1), part)
    for first, names in ((3, header.sending), (5, header.receiving)):
        for number, name in enumerate(names):
            _field(msh, first + number, name)
    for number, text in ((7, header.at), (10, header.control_id), (11, header.processing)):
        _field(msh, number, text)
    for one in about["require"]:
        if msh.values[9, 1, 1, 1] in one["of"]:
            draft.segment(one["segment"])


def _field(segment: SegmentDraft, number: int, text: str) -> None:
    """A field of components, as they are declared (`LAB^1.2.3^ISO`)."""
    for component, part in enumerate(text.split("^"), 1):
        if part:
            segment.write((number, 1, component, 1), part)


def complete(draft: MessageDraft, resources: Sequence[Element], header: Header, about: Mapping[str, Any]) -> None:
    """What MSH needs and nobody has said (a control id that the content names), and what the layout requires of such a message."""
    msh = draft.segments[0]
    digest = sha256(write_json([resource.value for resource in resources], canonical=True)).hexdigest()
    version, charset = header.version or str(about["version"]), header.charset or str(about["charset"])
    for number, text in ((10, digest[:_CONTROL_ID]), (11, "P"), (12, version), (18, charset)):
        if not msh.repetitions(number):
            msh.write((number, 1, 1, 1), text)
    for one in about["require"]:
        if "in" not in one or msh.values[9, 1, 1, 1] in one["in"]:
            _require(draft, one)


def _require(draft: MessageDraft, one: Mapping[str, Any]) -> None:
    """A segment that nothing made and such messages cannot be without, one before each of some (`before`), and what it must say."""
    msh = draft.segments[0].values
    if msh[9, 1, 1, 1] in (one.get("missing") or ()) and not draft.every(one["segment"]):
        draft.segment(one["segment"])
    for name in one.get("before") or ():
        for segment in list(draft.every(name)):
            segment.made(one["segment"])
    for segment in draft.every(one["segment"]):
        for number, value in (one.get("default") or {}).items():
            _default(segment, int(number), str(value), msh)


def _default(segment: SegmentDraft, number: int, value: str, msh: Mapping[tuple[int, int, int, int], str]) -> None:
    """`at` is the time of the message, `event` its trigger, `=3` what field 3 says."""
    known = {"at": msh.get((7, 1, 1, 1), ""), "event": msh[9, 1, 2, 1]}
    text = segment.at(value[1:]).text if value.startswith("=") else known.get(value, value)
    if text and not segment.repetitions(number):
        segment.write((number, 1, 1, 1), text)
