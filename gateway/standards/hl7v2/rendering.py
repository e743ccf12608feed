"""A Released as one HL7 v2 message, with the header that its recipient wants (HL7 v2.8.2, 2.14.9), and what the answer to it means (2.9.2)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.data import data_path
from gateway.errors import GiveUp, InDoubt, Misconfigured, TryLater, Unsupported, Unusable
from gateway.mapping import MapContext, compiler
from gateway.model.agreement import Participant
from gateway.model.dispatch import Dispatch, Rendition
from gateway.model.released import Released
from gateway.standards.hl7v2.back import elements, message_of
from gateway.standards.hl7v2.charset import codec_of
from gateway.standards.hl7v2.completing import Header
from gateway.standards.hl7v2.message import Message, read_message

_CONTROL_ID = 20  # characters that MSH-10 has had room for since v2.1
_LATER = frozenset({"206", "207"})  # table 0357: the record is locked; an internal error
_HEADERS = "MessageHeader"


def render(released: Released, dispatch: Dispatch) -> Rendition:
    """The message, and the elements that it has no place for. Raises Misconfigured for another interaction than `message`, GiveUp where
    the released resources make no message.
    """
    if dispatch.agreement.interaction != "message":
        raise Misconfigured(f"HL7 v2 is not rendered as {dispatch.agreement.interaction}.")
    resources = elements([(one, "") for one in released.resources if one["resourceType"] != _HEADERS])
    maps = compiler("hl7v2", (data_path("mappings"), *dispatch.overlays))
    try:
        codec_of(dispatch.recipient.v2.charset)
    except Unsupported as error:
        raise Misconfigured("The character set of the recipient is not one that is written.") from error
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
    if _LATER & _conditions(ack):
        raise TryLater
    raise GiveUp("The recipient refused the message.")


def _conditions(ack: Message) -> set[str]:
    """Error conditions (table 0357): ERR-3 since v2.5, before that MSA-6 and the fourth component of each ERR-1."""
    old = {one.value(4) for segment in ack.all("ERR") for one in segment.repetitions(1)}
    return old | {*ack.values("ERR-3"), *ack.values("MSA-6")}


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
        trigger=dispatch.agreement.trigger,
        came=dispatch.trigger,
        sending=(operator.v2.application or "IEUM", operator.v2.facility or operator.id),
        receiving=(recipient.v2.application, recipient.v2.facility),
        at=_time(dispatch.at, recipient),
        control_id=dispatch.exchange.replace("-", "")[:_CONTROL_ID],
        processing=recipient.v2.processing,
        version=recipient.v2.version,
        charset=recipient.v2.charset,
    )


def _time(at: datetime, recipient: Participant) -> str:
    return (at.astimezone(ZoneInfo(recipient.zone)) if recipient.zone else at).strftime("%Y%m%d%H%M%S%z")


__all__ = ["accepted", "render"]
