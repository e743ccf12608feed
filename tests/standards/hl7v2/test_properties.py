"""What holds of every message: written and read again it is the same, whatever its delimiters; any bytes are read or refused."""

from __future__ import annotations

import io
from collections.abc import Sequence

from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.errors import Unusable
from gateway.standards.hl7v2.batch import messages_in
from gateway.standards.hl7v2.message import (
    Delimiters,
    Limits,
    Message,
    escape,
    read_message,
    unescape,
    write_message,
)

_SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
DELIMITERS = st.lists(st.sampled_from(_SIGNS), min_size=5, max_size=6, unique=True).map(lambda s: Delimiters(*s))
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc",)) | st.sampled_from(_SIGNS + "\nXFE0"), max_size=8
)
COMPONENT = st.lists(TEXT, min_size=1, max_size=3)
REPETITION = st.lists(COMPONENT, min_size=1, max_size=3)
FIELD = st.lists(REPETITION, min_size=1, max_size=3)
FIELDS = st.lists(FIELD, min_size=1, max_size=4)
NAMES = st.from_regex(r"[A-Z][A-Z0-9]{2}", fullmatch=True).filter(lambda name: name != "MSH")
SEGMENTS = st.lists(st.tuples(NAMES, FIELDS), max_size=4)
ENDS = st.sampled_from(["\r", "\n", "\r\n", "\r\r", "\n \r"])
Field = Sequence[Sequence[Sequence[str]]]


def written_field(field: Field, d: Delimiters) -> str:
    repetitions = (
        d.component.join(d.subcomponent.join(escape(part, d) for part in component) for component in repetition)
        for repetition in field
    )
    return d.repetition.join(repetitions)


def written(segments: Sequence[tuple[str, Sequence[Field]]], d: Delimiters, end: str = "\r") -> bytes:
    header = d.field.join(
        ("MSH" + d.field + d.encoding, "APP", "HOSP", *[""] * 4, f"ADT{d.component}A01", "C1", "P", "2.7")
    )
    rows = (d.field.join((name, *(written_field(field, d) for field in fields))) for name, fields in segments)
    return "".join(row + end for row in (header, *rows)).encode()


def leaves(message: Message) -> list[list[tuple[int, int, int, int, str]]]:
    return [list(segment.positions()) for segment in message.segments]


@given(SEGMENTS, DELIMITERS, ENDS)
def test_read_written_and_read_again_is_the_same(
    segments: list[tuple[str, list[Field]]], delimiters: Delimiters, end: str
) -> None:
    first = read_message(written(segments, delimiters, end))
    assert [segment.name for segment in first.segments] == ["MSH", *(name for name, _ in segments)]
    again = read_message(write_message(first))
    assert again == first
    assert hash(again) == hash(first)
    assert leaves(again) == leaves(first)
    assert write_message(again) == write_message(first)


@given(SEGMENTS, DELIMITERS)
def test_every_value_is_where_it_was_put(segments: list[tuple[str, list[Field]]], delimiters: Delimiters) -> None:
    message = read_message(written(segments, delimiters))
    for (_, fields), segment in zip(segments, message.segments[1:], strict=True):
        for number, field in enumerate(fields, 1):
            for place, repetition in enumerate(field, 1):
                for component, parts in enumerate(repetition, 1):
                    found = [segment.value(number, place, component, part) for part in range(1, len(parts) + 1)]
                    assert found == parts


@given(SEGMENTS, DELIMITERS)
def test_every_way_to_ask_gives_the_same(segments: list[tuple[str, list[Field]]], delimiters: Delimiters) -> None:
    body = written(segments, delimiters)
    for name in {name for name, _ in segments}:
        for place in ("1", "2[2]", "1.2", "1[2].2.2", "3[1].1.3"):
            path = f"{name}-{place}"
            fresh, message = read_message(body), read_message(body)
            number, numbers = int(place[0]), _numbers(place)
            asked = [segment.value(number, *numbers) for segment in message.all(name)]
            by_part = [_by_repetition(segment.repetitions(number), numbers) for segment in message.all(name)]
            assert asked == by_part == fresh.values(path) == message.values(path)
            each = [f"{name}[{n}]-{place}" for n in range(1, len(asked) + 1)]
            assert asked == [fresh.value(one) for one in each] == [message.value(one) for one in each]
            assert fresh.value(path) == asked[0]


def _numbers(place: str) -> tuple[int, int, int]:
    repetition = int(place[2]) if "[" in place else 1
    below = [int(part) for part in place.split(".")[1:]]
    return (repetition, *[*below, 1, 1][:2])  # type: ignore[return-value]


def _by_repetition(repetitions: Sequence[object], numbers: tuple[int, int, int]) -> str:
    found = repetitions[numbers[0] - 1 : numbers[0]]
    return found[0].value(*numbers[1:]) if found else ""  # type: ignore[attr-defined]


@given(TEXT, DELIMITERS)
def test_escape_is_undone_for_all_delimiters(text: str, delimiters: Delimiters) -> None:
    assert unescape(escape(text, delimiters), delimiters) == text
    assert not set(escape(text, delimiters).replace(delimiters.escape, "")) & {delimiters.field, delimiters.component}


TWISTS = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from([b"\r", b"\n", b"|", b"\\", b"\\X00\\", b"\0", b"\x1c", b"\xff", b"MSH|", b"\xef\xbb\xbf", b""])),
    max_size=4,
)  # fmt: skip


@given(SEGMENTS, DELIMITERS, TWISTS, st.sampled_from(["", "cp949", "latin-1", "no such set"]))
def test_twisted_bytes_are_read_or_refused(
    segments: list[tuple[str, list[Field]]], delimiters: Delimiters, twists: list[tuple[int, bytes]], charset: str
) -> None:
    body = written(segments, delimiters)
    for at, what in twists:
        body = body[:at] + what + body[at + 1 :]
    try:
        first = read_message(body, charset)
    except Unusable as refused:
        assert refused.text
        return
    again = read_message(write_message(first), charset)
    assert leaves(again) == leaves(first)


@given(SEGMENTS, DELIMITERS, st.integers(1, 60))
def test_bounds_hold_before_anything_is_split(
    segments: list[tuple[str, list[Field]]], delimiters: Delimiters, bound: int
) -> None:
    body = written(segments, delimiters)
    message = read_message(body)
    lowered = Limits(segments=bound, fields=bound, repetitions=bound, components=bound, delimiters=10 * bound)
    d = delimiters
    signs = {d.field, d.component, d.repetition, d.subcomponent} | ({d.truncation} - {""})
    within = len(message.segments) <= bound and sum(body.decode().count(sign) for sign in signs) <= 10 * bound
    for line in message.lines:
        counts = line.count(d.field), line.count(d.repetition), line.count(d.component) + line.count(d.subcomponent)
        within = within and max(counts) <= bound
    try:
        read_message(body, limits=lowered)
        assert within
    except Unusable:
        assert not within


@given(st.lists(SEGMENTS, min_size=1, max_size=4), DELIMITERS, st.sampled_from(["\r", "\n", "\r\n"]))
def test_a_batch_holds_the_messages_that_were_put_in(
    messages: list[list[tuple[str, list[Field]]]], delimiters: Delimiters, end: str
) -> None:
    envelope = {"FHS", "BHS", "BTS", "FTS"}
    assume(not any(name in envelope for segments in messages for name, _ in segments))
    bodies = [written(segments, delimiters, end) for segments in messages]
    head = f"FHS|^~\\&|A{end}BHS|^~\\&|A{end}".encode()
    stream = io.BytesIO(head + b"".join(bodies) + f"BTS|{len(bodies)}{end}FTS|1{end}".encode())
    found = list(messages_in(stream))
    assert [entry.message for entry in found] == [read_message(body) for body in bodies]
