"""The answer to a batch: a batch of acknowledgements, one for each message in its order (HL7 v2.8.2, 2.10.3.3; BHS 2.14.2, BTS 2.14.3).

Who sent the batch finds by MSA-2 what has come in. What was odd about the batch itself (no trailer: it may be cut off) is the comment of
the trailer, in constant words.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.errors import Malformed
from gateway.model.document import Verdict, status_of
from gateway.model.released import Notice
from gateway.model.report import Report
from gateway.standards.hl7v2.acknowledge import Writer
from gateway.standards.hl7v2.batch import head_of
from gateway.standards.hl7v2.header import MAX_CONTROL_ID
from gateway.standards.hl7v2.message import Delimiters, read_delimiters
from gateway.standards.hl7v2.reply import CONTENT_TYPE, content_of
from gateway.standards.hl7v2.segment import Form, Segment

_MAX_HEADER = 4_000
_MAX_COMMENTS = 5


def reply_all(body: bytes, verdicts: Sequence[Verdict], found: Report, control_id: str, at: datetime) -> Notice:
    """BHS, an ACK for each message, BTS with their number. Each ACK has the control id of the batch and the number of its message.

    HTTP 200 when everything is on record; else by `joint_status`.
    """
    head = _head(body)
    write = Writer(head[1])
    acknowledged = [
        content_of(one.body, one.error, f"{control_id[:MAX_CONTROL_ID]}-{one.number}", at) for one in verdicts
    ]
    first = _bhs(head[0], write, control_id, at).encode("ascii", "replace")
    last = _bts(len(verdicts), found, write).encode("ascii", "replace")
    return Notice(b"".join([first, *acknowledged, last]), status_of(verdicts) or 200, CONTENT_TYPE)


def _head(body: bytes) -> tuple[Segment, Delimiters]:
    """The header that the sender will know its batch by, and its delimiters."""
    as_header = "MSH" + head_of(body, _MAX_HEADER)[3:]  # BHS and FHS begin with their delimiters as MSH does
    try:
        delimiters, _ = read_delimiters(as_header)
    except Malformed:
        delimiters, as_header = Delimiters(), "MSH|^~\\&|"
    return Segment(as_header, 1, Form(delimiters, "ascii")), delimiters


def _bhs(head: Segment, write: Writer, control_id: str, at: datetime) -> str:
    parties = [write.copy(head.repetitions(number)) for number in (5, 6, 3, 4)]
    time = at.strftime("%Y%m%d%H%M%S%z")
    reference = write.text(head.value(11)[:MAX_CONTROL_ID])
    first = "BHS" + write.d.field + write.d.encoding
    return write.segment(first, *parties, time, "", "", "", write.text(control_id), reference) + "\r"


def _bts(count: int, found: Report, write: Writer) -> str:
    texts = dict.fromkeys(finding.text for finding in found.findings)
    comment = " ".join(list(texts)[:_MAX_COMMENTS])
    return write.segment("BTS", str(count), write.text(comment)) + "\r"
