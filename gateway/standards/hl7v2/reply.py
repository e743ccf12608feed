"""The answer to an HL7 v2 sender: an ACK in its own delimiters, version and characters (HL7 v2.8.2, 2.9.2)."""

from __future__ import annotations

import re
from datetime import datetime

from gateway.errors import GatewayError
from gateway.model.released import Notice
from gateway.standards.hl7v2.acknowledge import acknowledge
from gateway.standards.hl7v2.batch import is_batch

CONTENT_TYPE = "x-application/hl7-v2+er7"
_HEADER = 8_000  # of the first segment, which is all that an acknowledgement takes from a message
_PARTIES = 7  # fields that BHS and MSH have in common: delimiters, who sends, who receives, when
_CONTROL_ID = 10  # BHS-11 and FHS-11, where the parts of the line count from 0


def reply(body: bytes, error: GatewayError | None, control_id: str, at: datetime) -> Notice:
    """AA when `error` is None, else the code of the error's class, with its positions. HTTP status of the error, or 200."""
    return Notice(content_of(body, error, control_id, at), 200 if error is None else error.status, CONTENT_TYPE)


def content_of(body: bytes, error: GatewayError | None, control_id: str, at: datetime) -> bytes:
    """The ACK itself; of a batch that is refused whole, with its control id (BHS-11) in MSA-2."""
    start = body.lstrip(b"\r\n") if not is_batch(body) else _as_message(body)
    return acknowledge(re.split(rb"[\r\n]", start, maxsplit=1)[0][:_HEADER], control_id=control_id, at=at, error=error)


def _as_message(body: bytes) -> bytes:
    """The header of a batch as that of a message: MSH-1 to MSH-7 are BHS-1 to BHS-7, MSH-10 is BHS-11."""
    start = body[: _HEADER + 64]
    line = re.split(rb"[\r\n]", start[re.search(rb"[FB]HS", start).start() :], maxsplit=1)[0]  # type: ignore[union-attr]  # is_batch
    parts = line[3:].split(line[3:4])[1:]
    control_id = parts[_CONTROL_ID - 1 : _CONTROL_ID] or [b""]
    head = [*parts[: _PARTIES - 1], *[b""] * (_PARTIES - 1 - len(parts))]
    return line[3:4].join([b"MSH", *head, b"", b"", *control_id])
