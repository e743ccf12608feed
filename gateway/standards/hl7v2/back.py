"""FHIR R4 resources to one HL7 v2 message by the rows of its map (mappings/README.md, "The way back"; HL7 v2.8.2, 2.14.9 MSH)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.data import data_path
from gateway.errors import Unsupported
from gateway.mapping import Compiler, MapContext, compiler
from gateway.mapping.back import Element, Layout, run_back
from gateway.mapping.back.texts import moment
from gateway.model.agreement import Participant, V2Form
from gateway.model.report import Conversion
from gateway.standards.hl7v2.charset import codec_of
from gateway.standards.hl7v2.completing import Header, begin, complete
from gateway.standards.hl7v2.draft import MessageDraft
from gateway.standards.hl7v2.escapes import Delimiters
from gateway.standards.hl7v2.source import GENERIC
from gateway.standards.hl7v2.tables import rows
from gateway.standards.hl7v2.writing import er7, ordered

Resources = Sequence[tuple[Mapping[str, Any], str]]
_EVENT = re.compile(r"([A-Z]{3})\^([A-Z0-9]{3})(?:\^([A-Z0-9_]{3,7}))?", re.ASCII)


def document_of(
    resources: Resources, context: MapContext, trigger: str = "", recipient: Participant | None = None, at: str = ""
) -> Conversion:
    """Resources (each with its full URL, or "") as a message by themselves: for `convert`, where nothing is sent; what the grammar
    finds in it is reported.

    `trigger` is `ORU^R01`, "" leaves it to the resources; `recipient` says which names, version and character set it wants; `at` is
    the FHIR instant of the Bundle. Raises as `message_of`.
    """
    form = recipient.v2 if recipient is not None else V2Form()
    header = Header(
        trigger=trigger,
        receiving=(form.application, form.facility),
        version=form.version,
        charset=form.charset,
        at="" if any(resource["resourceType"] == "MessageHeader" for resource, _ in resources) else moment(at) or "",
    )
    return message_of(
        elements(resources), compiler("hl7v2", (data_path("mappings"), *context.overlays)), context, header
    )


def elements(resources: Resources) -> list[Element]:
    """Resources with the full URLs they came with, as the way back reads them: by `Type/id`."""
    made = []
    for number, (resource, url) in enumerate(resources):
        path = f"{resource['resourceType']}/{resource.get('id') or f'-{number}'}#"
        made.append(Element(resource, path, beside={"fullUrl": [url]} if url else None))
    return made


def message_of(resources: Sequence[Element], maps: Compiler, context: MapContext, header: Header) -> Conversion:
    """Resources to a message: its bytes, the origin of each value in it, the elements that it does not carry, the findings.

    Raises Unsupported when neither the header nor the resources say what kind of message it is to be, when it can be about one person
    only and they are about several, and for a character set that is not taken.
    """
    library = maps.library
    event = _event(header, resources, library.block(GENERIC)["back"])
    name = "_".join(event.split("^")[:2])
    name = name if library.has(name) else GENERIC
    about = library.block(name)["back"]
    codec = codec_of(header.charset or str(about["charset"]))
    draft = MessageDraft(maps.rules(name).scopes, about["repeat"], codec)
    begin(draft, event, header, about)
    layout = Layout(about["last"], about["each"], about["modifiers"], about["needs"])
    made = run_back(maps, name, resources, draft, context, layout)
    if len(draft.every("PID")) > 1 and "^".join(event.split("^")[:2]) not in about["several"]:
        raise Unsupported("These resources are about several persons, and the message is about one.")
    complete(draft, resources, header, about)
    body = er7(ordered(draft, about), Delimiters()).encode(codec)
    return Conversion(body, made.origins(), made.losses, made.report.as_outcome())


def _event(header: Header, resources: Sequence[Element], about: Mapping[str, Any]) -> str:
    """`ORU^R01^ORU_R01`: as asked for, else as the MessageHeader says, else by what the resources are; of these the event that came in,
    where it says no more than they do.
    """
    if header.trigger:
        return _known(header.trigger)
    types = {resource.value["resourceType"] for resource in resources}
    for resource in resources:
        coding = resource.value.get("eventCoding")
        if resource.value["resourceType"] == "MessageHeader" and isinstance(coding, dict):
            return _said(coding)
    choices = [choice for choice in about["events"] if choice["with"] in types]
    if any(header.came in (choice["event"], *choice.get("also", ())) for choice in choices):
        return _known(header.came)
    if not choices:
        raise Unsupported("What kind of message these resources are to become is not known.")
    return _known(str(choices[0]["event"]))


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
    asked = "^".join(trigger.split("^")[:2])
    structure = next((row["structure"] for row in rows("structures") if asked in row["triggers"]), "")
    if not _EVENT.fullmatch(trigger) or not structure:
        raise Unsupported("This is not the name of a trigger event, such as ORU^R01.")
    return f"{asked}^{structure}"
