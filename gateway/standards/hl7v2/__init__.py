"""HL7 v2 in the vertical-bar encoding, versions 2.1 to 2.8.2: read, checked, acknowledged (HL7 v2.8.2, chapter 2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gateway.errors import GatewayError, Malformed
from gateway.model.dispatch import Dispatch, Rendition
from gateway.model.document import Parsed
from gateway.model.released import Released
from gateway.model.report import Report
from gateway.standards.hl7v2.acknowledge import acknowledge as write
from gateway.standards.hl7v2.batch import Entry, is_batch, taken_apart
from gateway.standards.hl7v2.lines import plain
from gateway.standards.hl7v2.message import Message, read_message
from gateway.standards.hl7v2.receipts import reply_all
from gateway.standards.hl7v2.reply import reply

NAME = "hl7v2"
CONTENT_TYPES = (
    "x-application/hl7-v2+er7",
    "application/hl7-v2+er7",
    "application/hl7-v2",
    "application/edi-hl7",
    "x-application/hl7-v2",
    "text/hl7-v2",
)

__all__ = [
    "CONTENT_TYPES", "NAME", "accepted", "acknowledge", "admit", "check", "parse", "parts", "plain", "render", "reply", "reply_all", "sniff",
]  # fmt: skip


def sniff(body: bytes) -> bool:
    """Whether bytes begin like a message (MSH) or a batch (FHS, BHS): behind nothing but framing, line ends and a byte order mark."""
    start = body[:16].lstrip(b"\x0b\r\n \t").removeprefix(b"\xef\xbb\xbf")
    return start.startswith(b"MSH") or is_batch(body)


def parts(body: bytes) -> Iterator[Entry] | None:
    """The messages of a batch (`taken_apart`); None for what does not begin with FHS or BHS."""
    return taken_apart(body) if is_batch(body) else None


def parse(body: bytes, charset: str = "") -> Parsed:
    """One message to a Parsed whose tree is a Message. Raises Malformed, Unsupported or TooLarge (see `read_message`)."""
    if is_batch(body):
        raise Malformed("This is a batch; its messages are read one by one.")
    message = read_message(body, charset)
    return Parsed(
        standard=NAME,
        trigger=message.trigger,
        tree=message,
        control_id=message.control_id,
        user=message.user,
        sender=message.sender,
        version=message.version,
        report=message.report,
    )


def render(released: Released, dispatch: Dispatch) -> Rendition:
    """One message (see rendering.py)."""
    from gateway.standards.hl7v2.rendering import render as rendered  # heavy: maps are loaded with it

    return rendered(released, dispatch)


def accepted(sent: bytes, answer: bytes) -> None:
    """What an acknowledgement means for a delivery (see rendering.py)."""
    from gateway.standards.hl7v2.rendering import accepted as judged

    judged(sent, answer)


def check(parsed: Parsed, *, at_door: bool = False) -> Report:
    """The findings of the grammar. With `at_door` raises Unsound for the header and Invalid for a circular merge."""
    from gateway.standards.hl7v2.conformance import check_message

    return check_message(parsed.tree, at_door=at_door)


def admit(parsed: Parsed) -> Report:
    """The findings of the grammar at a door: Unsound for the header, Invalid for a circular merge; all else is only reported."""
    return check(parsed, at_door=True)


def acknowledge(received: Parsed | bytes, *, control_id: str, at: datetime, error: GatewayError | None = None) -> bytes:
    """The ACK for what was parsed, or for bytes that could not be; AA without an error, else the code of its class."""
    tree: Message | bytes = received.tree if isinstance(received, Parsed) else received
    return write(tree, control_id=control_id, at=at, error=error)
