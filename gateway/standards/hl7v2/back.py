"""FHIR R4 resources to one HL7 v2 message by the rows of its map (mappings/README.md, "The way back"; HL7 v2.8.2, 2.14.9 MSH)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from gateway.errors import Unsupported
from gateway.mapping import Compiler, MapContext
from gateway.mapping.back import Layout, Returned, run_back
from gateway.mapping.back.element import Element
from gateway.model.report import Conversion
from gateway.model.wire import write_json
from gateway.standards.hl7v2.charset import codec_of
from gateway.standards.hl7v2.draft import MessageDraft, SegmentDraft
from gateway.standards.hl7v2.escapes import Delimiters
from gateway.standards.hl7v2.source import GENERIC
from gateway.standards.hl7v2.tables import rows
from gateway.standards.hl7v2.writing import er7, ordered

_EVENT = re.compile(r"([A-Z]{3})\^([A-Z0-9]{3})(?:\^([A-Z0-9_]{3,7}))?", re.ASCII)
_UTF8 = "UNICODE UTF-8"


@dataclass(frozen=True, slots=True)
class Header:
    """What one receiver wants in MSH; what is empty comes from the MessageHeader, else from a default.

    `sending` and `receiving` are (application, facility); `at` is an HL7 time; `trigger` is `ORU^R01`.
    """

    trigger: str = ""
    sending: tuple[str, str] = ("", "")
    receiving: tuple[str, str] = ("", "")
    at: str = ""
    control_id: str = ""
    processing: str = ""
    version: str = ""
    charset: str = ""


def message_of(resources: Sequence[Element], compiler: Compiler, context: MapContext, header: Header) -> Conversion:
    """Resources to a message: its bytes, the origin of each value in it, the elements that it does not carry, the findings.

    Raises Unsupported when neither the header nor the resources say what kind of message it is to be, and for a character set that
    is not taken.
    """
    library = compiler.library
    event = _event(header.trigger, resources, library.block(GENERIC)["back"])
    name = "_".join(event.split("^")[:2])
    name = name if library.has(name) else GENERIC
    about = library.block(name)["back"]
    codec = codec_of(header.charset or _UTF8)
    draft = MessageDraft(compiler.rules(name).scopes, about["repeat"], codec)
    _begun(draft, event, header)
    _required(draft, event, about)
    layout = Layout(about.get("last") or (), about.get("each") or ())
    made = run_back(compiler, name, resources, draft, context, layout)
    _completed(draft, resources, header, about)
    segments = ordered(draft, about)
    body = er7(segments, Delimiters()).encode(codec)
    return _conversion(body, made)


def _event(asked: str, resources: Sequence[Element], about: Mapping[str, Any]) -> str:
    """`ORU^R01^ORU_R01`: as asked for, else as the MessageHeader says, else by what the resources are."""
    if asked:
        return _known(asked)
    types = {resource.value["resourceType"] for resource in resources}
    for resource in resources:
        coding = resource.value.get("eventCoding")
        if resource.value["resourceType"] == "MessageHeader" and isinstance(coding, Mapping):
            return _said(coding)
    for choice in about["events"]:
        if choice["with"] in types:
            return _known(str(choice["event"]))
    raise Unsupported("What kind of message these resources are to become is not known.")


def _said(coding: Mapping[str, Any]) -> str:
    display, code = str(coding.get("display", "")), str(coding.get("code", ""))
    if _EVENT.fullmatch(display):
        return display
    found = [
        trigger for row in rows("structures") for trigger in row["triggers"] if code and trigger.endswith(f"^{code}")
    ]
    if len(found) == 1:
        return _known(found[0])
    raise Unsupported("What kind of message these resources are to become is not known.")


def _known(trigger: str) -> str:
    """The trigger with its structure (table 0354)."""
    if not _EVENT.fullmatch(trigger):
        raise Unsupported("This is not the name of a trigger event, such as ORU^R01.")
    if trigger.count("^") == 2:
        return trigger
    structure = next((row["structure"] for row in rows("structures") if trigger in row["triggers"]), "")
    return f"{trigger}^{structure}".rstrip("^")


def _begun(draft: MessageDraft, event: str, header: Header) -> None:
    msh = draft.segment("MSH")
    for number, part in enumerate(event.split("^"), 1):
        msh.write((9, 1, number, 1), part)
    for first, names in ((3, header.sending), (5, header.receiving)):
        for number, name in enumerate(names):
            _field(msh, first + number, name)
    for number, text in ((7, header.at), (10, header.control_id), (11, header.processing)):
        _field(msh, number, text)


def _field(segment: SegmentDraft, number: int, text: str) -> None:
    """A field of components, as they are declared (`LAB^1.2.3^ISO`)."""
    if text:
        segment.at(str(number)).divided(text)


def _required(draft: MessageDraft, event: str, about: Mapping[str, Any]) -> None:
    """Segments that such a message cannot be without, those that nothing else would make."""
    kind, trigger = event.split("^")[:2]
    for one in about["require"]:
        if kind in one["of"] and not draft.every(one["segment"]):
            segment = draft.segment(one["segment"])
            if one.get("event"):
                segment.write((int(one["event"]), 1, 1, 1), trigger)


def _completed(draft: MessageDraft, resources: Sequence[Element], header: Header, about: Mapping[str, Any]) -> None:
    """What MSH needs and nobody has said; a control id that the content names; required fields of required segments."""
    msh = draft.segments[0]
    digest = sha256(write_json([resource.value for resource in resources], canonical=True)).hexdigest()
    defaults = {
        7: header.at,
        10: digest[:20],
        11: "P",
        12: header.version or str(about["version"]),
        18: header.charset or _UTF8,
    }
    for number, text in defaults.items():
        if text and not msh.repetitions(number):
            msh.write((number, 1, 1, 1), text)
    for one in about["require"]:
        if "in" not in one or msh.values[9, 1, 1, 1] in one["in"]:
            for segment in draft.every(one["segment"]):
                _defaulted(segment, one.get("default") or {}, msh.values.get((7, 1, 1, 1), ""))


def _defaulted(segment: SegmentDraft, defaults: Mapping[str, Any], at: str) -> None:
    """What a segment must have; `at`: the time of the message."""
    for number, value in defaults.items():
        text = at if value == "at" else str(value)
        if text and not segment.repetitions(int(number)):
            segment.write((int(number), 1, 1, 1), text)


def _conversion(body: bytes, made: Returned) -> Conversion:
    return Conversion(body, made.origins(), made.losses, made.report.as_outcome())
