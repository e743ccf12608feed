"""The answer to an HL7 v2 sender: an ACK in its own delimiters, version and characters (HL7 v2.8.2, 2.9.2)."""

from __future__ import annotations

import re
from datetime import datetime

from gateway.errors import GatewayError
from gateway.model.released import Notice
from gateway.standards.hl7v2.acknowledge import acknowledge

_HEADER = 8_000  # of the first segment, which is all that an acknowledgement takes from a message


def reply(body: bytes, error: GatewayError | None, control_id: str, at: datetime) -> Notice:
    """AA when `error` is None, else the code of the error's class, with its positions. HTTP status of the error, or 200."""
    content = acknowledge(
        re.split(rb"[\r\n]", body.lstrip(b"\r\n"), maxsplit=1)[0][:_HEADER], control_id=control_id, at=at, error=error
    )
    return Notice(content, 200 if error is None else error.status, "x-application/hl7-v2+er7")
