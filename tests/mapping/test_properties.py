"""What holds of every conversion: nothing of one document is in another, also between threads; any bytes give a result or a clear refusal."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import convert
from gateway.data import data_path
from gateway.errors import Unusable
from gateway.mapping import MapContext, run
from gateway.mapping.compile import Compiler
from gateway.mapping.load import Library
from gateway.standards.hl7v2 import parse
from gateway.standards.hl7v2.source import Hl7Source

GOLDEN = sorted((Path(__file__).parents[1] / "standards" / "hl7v2" / "golden").glob("*.[he][lr]7"))
HEADER = "MSH|^~\\&|APP^1.2.3^ISO|HOSP|GW|KR|20261122090000+0900||%s|C1|P|2.5.1\r"
TRIGGERS = [
    "ADT^A01",
    "ADT^A40",
    "ORU^R01",
    "ORM^O01",
    "VXU^V04",
    "SIU^S12",
    "MDM^T02",
    "DFT^P03",
    "RDE^O11",
    "ZZZ^Z99",
]


@cache
def lines() -> Sequence[str]:
    """Segments as the golden messages have them."""
    texts = [path.read_bytes().decode("utf-8", "replace").replace("\n", "\r") for path in GOLDEN]
    return sorted({line for text in texts for line in text.split("\r") if line and not line.startswith("MSH")})


def twisted(line: str, at: int, text: str) -> str:
    fields = line.split("|")
    return "|".join([*fields[: at + 1], text, *fields[at + 2 :]])


TEXTS = st.sampled_from(['""', "", "^", "^^^&&", "~", "A^B&C~D", "\\X0D\\", "20261399", "1.5.", "김^길동", "x" * 300, "\\F\\", "urn:x"]) | st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12
)  # fmt: skip
SEGMENTS = st.lists(
    st.deferred(lambda: st.sampled_from(lines())) | st.builds(twisted, st.deferred(lambda: st.sampled_from(lines())), st.integers(0, 30), TEXTS),
    max_size=8,
)  # fmt: skip
MESSAGES = st.builds(
    lambda trigger, segments: (HEADER % trigger + "".join(f"{line}\r" for line in segments)).encode(),
    st.sampled_from(TRIGGERS),
    SEGMENTS,
)


def told(document: bytes, source: str | None = "hl7v2") -> Any:
    """All that a conversion gives, or what the refusal says."""
    try:
        made = convert(document, source=source)
    except Unusable as refused:
        assert refused.text
        return type(refused), refused.text, refused.positions
    return made.content, dict(made.origins), made.losses, made.report


@settings(max_examples=60, deadline=None)
@given(MESSAGES, MESSAGES)
def test_nothing_of_one_message_is_in_the_next(one: bytes, other: bytes) -> None:
    first = told(one)
    told(other)
    assert told(one) == first


@settings(max_examples=60, deadline=None)
@given(MESSAGES)
def test_every_value_is_cited_or_listed_and_every_element_has_an_origin(document: bytes) -> None:
    made = convert(document, source="hl7v2")
    parsed = parse(document)
    positions = set(Hl7Source(parsed.tree, {}).positions())
    cited = {place for origin in made.origins.values() for place in origin.source.split()}
    lost = {loss.source for loss in made.losses}
    assert positions == (cited & positions) | lost
    assert not cited & lost
    assert cited <= positions, "an origin names a place that the message does not have"
    assert all(loss.reason for loss in made.losses)


@settings(max_examples=15, deadline=None)
@given(st.lists(MESSAGES, min_size=2, max_size=5))
def test_threads_do_not_meet(documents: list[bytes]) -> None:
    alone = [told(document) for document in documents]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(told, documents * 3))
    assert together == alone * 3


def test_threads_may_compile_the_same_maps_at_once() -> None:
    documents = [parse(path.read_bytes()) for path in GOLDEN[:6]]

    def mapped(compiler: Compiler) -> list[Any]:
        rules = compiler.rules("message")
        return [
            run(compiler, "message", Hl7Source(document.tree, rules.scopes), MapContext()) for document in documents
        ]

    def fresh() -> Compiler:
        return Compiler(Library("hl7v2", (data_path("mappings"),)))

    shared = fresh()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(mapped, [shared] * 4))
    assert results == [mapped(fresh())] * 4


STARTS = st.sampled_from([b"", b"MSH|^~\\&|", b"{", b"<", b"FHS|^~\\&|\r", b"\xef\xbb\xbfMSH|"])
BYTES = st.builds(bytes.__add__, STARTS, st.binary(max_size=200))
SIGNS = st.sampled_from([b"\r", b"|", b"^", b"&", b"~", b"\\", b"\\X", b"\xff", b"\xb0\xa1", b'""', b""])


@settings(max_examples=200, deadline=None)
@given(BYTES, st.sampled_from(["hl7v2", None]))
def test_any_bytes_are_converted_or_refused(document: bytes, source: str | None) -> None:
    told(document, source)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(GOLDEN), st.lists(st.tuples(st.integers(0, 3000), SIGNS), max_size=6))
def test_twisted_messages_are_converted_or_refused(path: Path, twists: list[tuple[int, bytes]]) -> None:
    body = path.read_bytes()
    for at, what in twists:
        at %= len(body)
        body = body[:at] + what + body[at + 1 :]
    assert told(body) == told(body)
