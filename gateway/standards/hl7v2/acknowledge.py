"""Acknowledgements: MSH, MSA and ERR out of the header of what came in (HL7 v2.8.2, 2.9.2 and 2.15.8; ERR: 2.15.5).

Everything taken from the sender is read as a value and written as a value, so that no control id can become a segment. What
cannot be read is answered too, with as much of its header as is safe. Wording is constant and comes from gateway.errors.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

from gateway.errors import GatewayError, Malformed, Unsupported, Unusable
from gateway.standards.hl7v2.charset import codec_of
from gateway.standards.hl7v2.escapes import Delimiters, escape
from gateway.standards.hl7v2.header import MAX_CONTROL_ID, known_versions
from gateway.standards.hl7v2.message import Message, read_delimiters, read_message
from gateway.standards.hl7v2.segment import NULL, Form, Repetition, Segment
from gateway.standards.hl7v2.tables import rows

_DEFAULT_VERSION = "2.5.1"
_MAX_HEADER = 4_000
_MAX_ERRORS = 20
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_POSITION = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+)(?:\[(\d+)\])?(?:\.(\d+))?(?:\.(\d+))?)?")


def acknowledge(
    received: Message | bytes, *, control_id: str, at: datetime, error: GatewayError | None = None
) -> bytes:
    """The ACK for a message, or for bytes that could not be read as one.

    `control_id` and `at` (aware) are the acknowledgement's own MSH-10 and MSH-7. Without `error` the code is AA; else it is
    that of the error's class, with one ERR per position (at most 20). A sender that asks for a commit acknowledgement
    (MSH-15, enhanced mode) gets CA, CE or CR instead. Delimiters, version and character set are those of the sender.
    """
    header, form = _header_of(received)
    write = Writer(form.delimiters)
    version = header.value(12) if header.value(12) in known_versions() else _DEFAULT_VERSION
    code = "AA" if error is None else error.ack
    if header.value(15).strip(NULL) not in ("", "NE"):  # table 0155: NE = never
        code = "C" + code[1:]
    segments = [_msh(header, write, (control_id, version), at), _msa(header, write, code)]
    if error is not None:
        segments += _errors(error, write, _number(version))
    return "".join(segment + "\r" for segment in segments).encode(form.codec, "replace")


def _header_of(received: Message | bytes) -> tuple[Segment, Form]:
    try:
        message = read_message(received) if isinstance(received, bytes) else received
    except Unusable:
        return _salvaged(received if isinstance(received, bytes) else b"")
    return message.segments[0], Form(message.delimiters, message.codec)


def _salvaged(received: bytes) -> tuple[Segment, Form]:
    """The first line as far as it is printable ASCII, or an empty header where its delimiters are not sound."""
    start = received[: _MAX_HEADER + 10].lstrip(b"\x0b\x1c\r\n").removeprefix(b"\xef\xbb\xbf")
    line = _UNPRINTABLE.sub("?", re.split(rb"[\r\n]", start, maxsplit=1)[0][:_MAX_HEADER].decode("latin-1"))
    try:
        form = Form(read_delimiters(line)[0], "ascii")
    except Malformed:
        form, line = Form(Delimiters(), "ascii"), "MSH|^~\\&|"
    return Segment(line, 1, form), form


class Writer:
    """Values to fields of one set of delimiters."""

    __slots__ = ("d",)

    def __init__(self, delimiters: Delimiters) -> None:
        self.d = delimiters

    def text(self, value: str) -> str:
        """A value, escaped; explicit null is no value of ours."""
        return "" if value == NULL else escape(_UNCARRIED.sub("", value), self.d)

    def composite(self, *values: str) -> str:
        """Components; trailing empty ones left out."""
        return self.d.component.join(map(self.text, values)).rstrip(self.d.component)

    def copy(self, field: tuple[Repetition, ...]) -> str:
        """The first repetition of a sender's HD field: namespace, universal id, type."""
        return self.composite(*(field[0].value(i)[:MAX_CONTROL_ID] for i in (1, 2, 3))) if field else ""

    def segment(self, *fields: str) -> str:
        """Fields; trailing empty ones left out."""
        return self.d.field.join(fields).rstrip(self.d.field)


_UNCARRIED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def _msh(header: Segment, write: Writer, own: tuple[str, str], at: datetime) -> str:
    control_id, version = own
    event = header.value(9, 1, 2)[:3]
    kind = write.composite("ACK", event, "ACK" if event else "") if _number(version) >= (2, 3, 1) else "ACK"
    sender = [write.copy(header.repetitions(i)) for i in (5, 6, 3, 4)]
    time = at.strftime("%Y%m%d%H%M%S%z")
    processing = write.text(header.value(11)[:1] or "P")
    charset = _charset(header)
    empty = [""] * 5
    first = "MSH" + write.d.field + write.d.encoding
    return write.segment(
        first, *sender, time, "", kind, write.text(control_id), processing, version, *empty, charset
    )  # fmt: skip


def _charset(header: Segment) -> str:
    """MSH-18 as the sender wrote it, when it is a set that is taken."""
    name = header.value(18)
    try:
        return name if codec_of(name) else ""
    except Unsupported:
        return ""


def _msa(header: Segment, write: Writer, code: str) -> str:
    return write.segment("MSA", code, write.text(header.value(10)[:MAX_CONTROL_ID]))


def _errors(error: GatewayError, write: Writer, version: tuple[int, ...]) -> list[str]:
    """One ERR per position: fields 2, 3, 4 and 8 since v2.5, field 1 before."""
    text = _conditions().get(error.condition, "")
    made = []
    for place in error.positions[:_MAX_ERRORS] or ("",):
        where = _location(place)
        if version < (2, 5):
            coded = write.d.subcomponent.join(write.text(part) for part in (error.condition, text, "HL70357"))
            location = [write.text(part) for part in (*where, "", "", "")[:3]]
            made.append(write.segment("ERR", write.d.component.join([*location, coded])))
            continue
        condition = write.composite(error.condition, text, "HL70357")
        made.append(
            write.segment("ERR", "", write.composite(*where), condition, "E", "", "", "", write.text(error.text))
        )
    return made


def _location(place: str) -> tuple[str, ...]:
    """`PID[1]-3[1].1` to the components of ERL: segment, ordinal, field, repetition, component, subcomponent."""
    match = _POSITION.fullmatch(place)
    if match is None:
        return ()
    segment, ordinal, field, repetition, component, subcomponent = (part or "" for part in match.groups())
    return segment, ordinal or "1", field, repetition or ("1" if field else ""), component, subcomponent


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@lru_cache(maxsize=1)
def _conditions() -> dict[str, str]:
    return {row["code"]: row["text"] for row in rows("acknowledgements")}
