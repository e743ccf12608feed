"""The same message in other hands: what another sender writes differently and means the same comes out the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.mapping import MapContext
from gateway.model.report import Conversion
from gateway.model.wire import write_json
from gateway.stages.map import conversion, map_document
from gateway.standards.hl7v2 import parse

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "hl7v2"
SITE = MapContext(sender="hanbit-hospital", zone="Asia/Seoul", national_systems=("https://ieum.example/rrn",))
VERSIONS = ("2.3", "2.4", "2.6", "2.8.2")
USUAL, OTHER = "|^~\\&", "$;?!#%*@<>=`"
NAMES = dict(zip("FSRET", USUAL, strict=True))
IN_ORDER = ("OBX|", "NTE|", "RXE|")  # repetitions that are the lines of a text
OFFSET = re.compile(r"(?<=\d{2}:\d{2}:\d{2})(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})")
Facts = list[tuple[str, str]]


def texts(path: Path) -> str:
    """The message as text; its segments end in CR."""
    raw = path.read_bytes()
    return raw.decode(parse(raw).tree.codec).replace("\r\n", "\r").replace("\n", "\r")


def converted(text: str, codec: str = "utf-8") -> Conversion:
    return conversion(map_document(parse(text.encode(codec)), context=SITE))


def lines(text: str) -> list[str]:
    return [line for line in text.split("\r") if line.strip()]


def joined(segments: Iterator[str] | list[str]) -> str:
    return "\r".join(segments) + "\r"


def with_field(text: str, field: int, value: str) -> str:
    """The message with another value in this field of MSH."""
    header, *rest = lines(text)
    cells = header.split("|")
    cells += [""] * (field - len(cells))
    cells[field - 1] = value
    return joined(["|".join(cells), *rest])


def in_utf_8(text: str) -> str:
    return with_field(text, 18, "UNICODE UTF-8")


def others(text: str) -> str:
    """Five separators that the message does not use for anything else."""
    return "".join(mark for mark in OTHER if mark not in text)[: len(USUAL)]


def with_delimiters(text: str) -> str:
    """Other separators; what was escaped because it was a separator stands for itself now."""
    marks = others(text)

    def said(found: re.Match[str]) -> str:
        if found[0] in USUAL:
            return marks[USUAL.index(found[0])]
        return NAMES.get(found[1], f"{marks[3]}{found[1]}{marks[3]}")

    header, *rest = lines(text)
    pattern = re.compile(r"\\([^\\|^~&\r]{1,60})\\|[|^~\\&]")
    return joined([f"MSH{marks}{pattern.sub(said, header[8:])}", *(pattern.sub(said, line) for line in rest)])


def with_repetitions_turned(text: str) -> str:
    """The repetitions of each field in the opposite order."""
    header, *rest = lines(text)
    return joined([header, *(line if line.startswith(IN_ORDER) else turned(line) for line in rest)])


def turned(line: str) -> str:
    return "|".join("~".join(reversed(cell.split("~"))) for cell in line.split("|"))


def with_zone(text: str) -> str:
    return re.sub(r"(?<=\d{4})\+0900(?!\d)", "-0500", text)


def with_own_segments(text: str) -> str:
    """A segment of the sender's own after each segment."""
    return joined([line for one in lines(text) for line in (one, "ZHB|1|local remark^x~y")])


def with_trailing_separators(text: str) -> str:
    header, *rest = lines(text)
    return joined([header, *(f"{line}|||" for line in rest)])


def with_line_feeds(text: str) -> str:
    return text.replace("\r", "\r\n")


SAME: dict[str, Callable[[str], str]] = {
    "own segments": with_own_segments,
    "trailing separators": with_trailing_separators,
    "line feeds": with_line_feeds,
    **{version: lambda text, version=version: with_field(text, 12, version) for version in VERSIONS},
}


def facts(made: Conversion) -> Facts:
    """Every value with its place, without the order of lists and without what is derived (ids and references)."""
    found = list(leaves([entry["resource"] for entry in made.content["entry"]], ""))
    return sorted((place, value) for place, value in found if not place.endswith((".id", ".reference")))


def leaves(tree: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(tree, dict):
        for key, child in tree.items():
            yield from leaves(child, f"{place}.{key}")
    elif isinstance(tree, list):
        for child in tree:
            yield from leaves(child, place)
    else:
        yield place, write_json(tree).decode()


MESSAGES = sorted([*GOLDEN.glob("*.hl7"), *GOLDEN.glob("*.er7")])
each = pytest.mark.parametrize("path", MESSAGES, ids=lambda p: p.stem)


@each
def test_what_means_the_same_comes_out_the_same(path: Path) -> None:
    text = in_utf_8(texts(path))
    usual = write_json(converted(text).content)
    assert [hand for hand, vary in SAME.items() if write_json(converted(vary(text)).content) != usual] == []


@each
def test_separators_are_those_of_the_header(path: Path) -> None:
    text = in_utf_8(texts(path))
    usual = str.maketrans(others(text), USUAL)
    told = [(place, value.translate(usual)) for place, value in facts(converted(with_delimiters(text)))]
    assert sorted(told) == [(place, value.translate(usual)) for place, value in facts(converted(text))]


@each
def test_order_of_repetitions_says_nothing_of_what_is_there(path: Path) -> None:
    text = in_utf_8(texts(path))
    assert facts(converted(with_repetitions_turned(text))) == facts(converted(text))


@each
def test_times_keep_the_zone_they_come_with(path: Path) -> None:
    text = in_utf_8(texts(path))
    here, there = facts(converted(text)), facts(converted(with_zone(text)))
    assert sorted((place, OFFSET.sub("", value)) for place, value in there) == sorted(
        (place, OFFSET.sub("", value)) for place, value in here
    )
    assert any("-05:00" in value for _, value in there) == ("+0900" in text)


@each
def test_characters_are_the_same_in_the_korean_set(path: Path) -> None:
    text = in_utf_8(texts(path))
    if text.encode("cp949", "replace").decode("cp949") != text:
        pytest.skip("the message has characters that KS X 1001 does not have")
    korean = converted(with_field(text, 18, "KS X 1001"), "cp949")
    assert write_json(korean.content) == write_json(converted(text).content)


@pytest.mark.long
@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not beside this checkout")
@pytest.mark.parametrize("hand", SAME)
def test_samples_say_the_same_in_other_hands(hand: str) -> None:
    """Repetitions are not turned here: where an element takes one, the first is taken and the rest is in the losses."""
    assert [path.name for path in sorted(SAMPLES.rglob("*.hl7")) if differs(path, SAME[hand])] == []


def differs(path: Path, vary: Callable[[str], str]) -> bool:
    text = in_utf_8(texts(path))
    return facts(converted(vary(text))) != facts(converted(text))
