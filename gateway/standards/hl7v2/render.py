"""A Released as one HL7 v2 message, with the header that its recipient wants (HL7 v2.8.2, 2.14.9), and what the answer to it means (2.9.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.data import data_path
from gateway.errors import GiveUp, InDoubt, Misconfigured, TryLater, Unsupported, Unusable
from gateway.mapping import MapContext, compiler
from gateway.mapping.back import Element
from gateway.model.agreement import Participant
from gateway.model.dispatch import Dispatch, Rendition
from gateway.model.released import Released
from gateway.standards.hl7v2.back import Header, message_of
from gateway.standards.hl7v2.message import read_message
from gateway.standards.hl7v2.tables import rows

_CONTROL_ID = 20  # characters that MSH-10 has had room for since v2.1
_LATER = frozenset({"206", "207"})  # table 0357: the record is locked; an internal error
_HEADERS = "MessageHeader"


def render(released: Released, dispatch: Dispatch) -> Rendition:
    """The message, and the elements that it has no place for. Raises Misconfigured for another interaction than `message`, GiveUp where
    the released resources make no message.
    """
    if dispatch.agreement.interaction != "message":
        raise Misconfigured(f"HL7 v2 is not rendered as {dispatch.agreement.interaction}.")
    resources = [_element(resource) for resource in released.resources if resource["resourceType"] != _HEADERS]
    maps = compiler("hl7v2", (data_path("mappings"), *dispatch.overlays))
    try:
        made = message_of(resources, maps, _context(dispatch), _header(dispatch))
    except Unsupported as error:
        raise GiveUp(error.text) from error
    return Rendition(made.content, "x-application/hl7-v2+er7", made.losses)


def accepted(sent: bytes, answer: bytes) -> None:
    """What an acknowledgement means for a delivery: nothing when it is taken, else TryLater, GiveUp or InDoubt.

    InDoubt for what is no acknowledgement, or one of another message (MSA-2); TryLater for a refusal that names a passing condition.
    """
    try:
        ack, own = read_message(answer), read_message(sent).control_id
    except Unusable as error:
        raise InDoubt("What came back is no acknowledgement.") from error
    if ack.value("MSA-2") != own:
        raise InDoubt("What came back acknowledges another message.")
    code = ack.value("MSA-1")
    if code in ("AA", "CA"):
        return
    if code not in ("AE", "AR", "CE", "CR"):
        raise InDoubt("What came back is no acknowledgement.")
    if _LATER & {*ack.values("ERR-3"), *ack.values("MSA-6")}:
        raise TryLater
    raise GiveUp("The recipient refused the message.")


def _element(resource: Mapping[str, Any]) -> Element:
    return Element(resource, f"{resource['resourceType']}/{resource['id']}#")


def _context(dispatch: Dispatch) -> MapContext:
    """The names that the recipient gives to systems."""
    recipient = dispatch.recipient
    return MapContext(
        zone=recipient.zone,
        identifier_systems=recipient.identifier_systems,
        code_systems=recipient.code_systems,
        recipient=recipient.id,
    )


def _header(dispatch: Dispatch) -> Header:
    recipient, operator = dispatch.recipient, dispatch.operator
    return Header(
        trigger=_trigger(dispatch),
        sending=(operator.v2.application or "IEUM", operator.v2.facility or operator.id),
        receiving=(recipient.v2.application, recipient.v2.facility),
        at=_time(dispatch.at, recipient),
        control_id=dispatch.exchange.replace("-", "")[:_CONTROL_ID],
        processing=recipient.v2.processing,
        version=recipient.v2.version,
        charset=recipient.v2.charset,
    )


def _trigger(dispatch: Dispatch) -> str:
    """As the agreement says, else the event that came in where it is one of HL7 v2; "" leaves it to the content."""
    if dispatch.agreement.trigger:
        return dispatch.agreement.trigger
    known = {trigger for row in rows("structures") for trigger in row["triggers"]}
    return dispatch.trigger if dispatch.trigger in known else ""


def _time(at: datetime, recipient: Participant) -> str:
    return (at.astimezone(ZoneInfo(recipient.zone)) if recipient.zone else at).strftime("%Y%m%d%H%M%S%z")


__all__ = ["accepted", "render"]
