"""No false citing: what an element says is made of every source value that it cites, so that what it does not say is lost (invariant 8)."""

import base64
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from gateway.data import data_path
from gateway.mapping import MapContext, compiler
from gateway.mapping.load import read_yaml
from gateway.mapping.times import clock, moment
from gateway.model.report import Conversion
from gateway.stages.map import conversion, map_document
from gateway.standards.hl7v2 import parse
from gateway.standards.hl7v2.source import Hl7Source

GOLDEN = Path(__file__).parents[1] / "standards" / "hl7v2" / "golden"
SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "hl7v2"
MESSAGES = sorted(path for path in GOLDEN.iterdir() if path.suffix in (".hl7", ".er7"))
SITE = MapContext(
    sender="hanbit-hospital",
    zone="Asia/Seoul",
    identifier_systems={"HANBIT": "https://hanbit.example/mrn"},
    code_systems={"99LAB": "https://hanbit.example/lab"},
    national_systems=("https://ieum.example/rrn",),
)
DECLARED = {**SITE.identifier_systems, **SITE.code_systems}
MAPS = compiler("hl7v2", (data_path("mappings"),))
RANGE = re.compile(r"\s*(-?[\d.]+)\s*-\s*(-?[\d.]+)\s*")
WORD = re.compile(r"[^0-9A-Za-z가-힣]+")
HEAD = b"MSH|^~\\&|APP|FAC|||20260101000000+0900||%s|C1|P|2.5.1\r"


def tables() -> dict[str, set[str]]:
    """Each code with what some table makes of it, the start of a system (urn:oid:) included."""
    told: dict[str, set[str]] = {}
    for name in read_yaml((data_path("mappings") / "hl7v2" / "codes" / "tables.yaml").read_bytes(), "tables.yaml"):
        for code, row in MAPS.table(str(name)).rows.items():
            told.setdefault(code.upper(), set()).add(row.target)
    return told


def conditions() -> dict[str, list[Any]]:
    """Each text that a row asks for with `where`, and the constants that it writes then."""
    told: dict[str, list[Any]] = {}
    for path in (data_path("mappings") / "hl7v2").rglob("*.yaml"):
        for row in rows_of(read_yaml(path.read_bytes(), path.name)):
            asked = row.get("where") or {}
            if "const" in row and "from" in row:
                for text in [asked.get("eq", [None, None])[1], *asked.get("in", [None, []])[1]]:
                    told.setdefault(str(text), []).append(row["const"])
    return told


def rows_of(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from rows_of(child)


TABLES, CONDITIONS = tables(), conditions()


def leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict | list):
        for child in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves(child)
    else:
        yield tree


def plain(text: object) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKC", str(text)).casefold() if sign.isalnum())


def says(value: Any, text: str) -> bool:
    """Is the value made of this text: it, in it, a code for it, the time it names?"""
    if value in CONDITIONS.get(text, ()):
        return True
    return any(_says(one, text.strip()) for one in leaves(value))


def _says(value: Any, text: str) -> bool:
    said, own = str(value), plain(text)
    if isinstance(value, bool):
        return text.upper() in ("Y", "N", "0", "1", "TRUE", "FALSE")
    if own == plain(said) or (text in said and (len(own) > 2 or not own)) or own in map(plain, WORD.split(said)):
        return True
    known = TABLES.get(text.upper(), set()) | {f"/v2-{text.removeprefix('HL7')}", DECLARED.get(text, said + "?")}
    if said in known or any(part and part in said for part in known):
        return True
    return _is_number(said, text) or _is_time(said, text) or own in plain(_unpacked(said)) or text in unquote(said)


def _is_number(said: str, text: str) -> bool:
    """The number, or a bound of a range."""
    try:
        return float(said) in [float(part) for part in _bounds(text)]
    except ValueError:
        return False


def _bounds(text: str) -> tuple[str, ...]:
    found = RANGE.fullmatch(text)
    return found.groups() if found else (text,)


def _is_time(said: str, text: str) -> bool:
    made = moment(text, SITE.zone)
    return said == clock(text) or (made is not None and made.text.startswith(said))


def _unpacked(said: str) -> str:
    try:
        return base64.b64decode(said, validate=True).decode()
    except ValueError:
        return ""


def at(made: Conversion, path: str) -> Any:
    found = made.content
    for name, number in re.findall(r"\.([A-Za-z_]+)|\[(\d+)\]", path.removeprefix("Bundle")):
        found = found[name] if name else found[int(number)]
    return found


def told_falsely(body: bytes, context: MapContext = SITE) -> list[str]:
    """What is cited without being said, and what is neither cited nor lost."""
    parsed = parse(body)
    made = conversion(map_document(parsed, context=context))
    parts = (part for node in Hl7Source(parsed.tree, {}).nodes for parts in node.fields.values() for part in parts)
    texts = {position: text for part in parts for _, _, position, text in part.below}
    cited = [(path, origin.source, origin.rule) for path, origin in made.origins.items()]
    false = [
        f"{position} by {path} ({rule})"
        for path, sources, rule in cited
        for position in sources.split()
        if not says(at(made, path), texts[position])
    ]
    known = {loss.source for loss in made.losses} | {one for _, sources, _ in cited for one in sources.split()}
    return [*false, *(f"{position} by nothing" for position in texts if position not in known)]


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_every_element_says_what_it_cites(path: Path) -> None:
    assert told_falsely(path.read_bytes()) == []


@pytest.mark.long
@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared samples are not here")
def test_every_element_of_the_samples_says_what_it_cites() -> None:
    samples = sorted(SAMPLES.rglob("*.hl7"))
    assert {path.name: false for path in samples if (false := told_falsely(path.read_bytes(), MapContext()))} == {}


def losses(segments: bytes, event: bytes = b"ADT^A01", context: MapContext = SITE) -> dict[str, str]:
    made = map_document(parse(HEAD % event + segments), context=context)
    return {loss.source: loss.reason for loss in made.losses}


def test_a_constant_says_the_code_that_it_was_asked_for_and_not_its_name() -> None:
    lost = losses(b"RXA|0|1|20260401||94^influenza^CVX|0.5|||00^new record^NIP001\r", b"VXU^V04")
    assert {place: reason.partition(":")[0] for place, reason in lost.items() if "RXA[1]-9" in place} == {
        "RXA[1]-9[1].2": "ignored",
        "RXA[1]-9[1].3": "ignored",
    }


def test_a_constant_that_needs_no_particular_value_cites_none() -> None:
    made = map_document(parse(HEAD % b"ADT^A40" + b"PID|||1^^^FAC\rMRG|2^^^FAC\r"), context=SITE)
    kinds = [origin.source for path, origin in made.origins.items() if path.endswith("#link[0].type")]
    assert kinds
    assert set(kinds) == {""}


@pytest.mark.parametrize(
    ("authority", "lost"),
    [
        ("HOSP&1.2.3&ISO", set()),
        ("HOSP&1.2.3&HCD", {"PID[1]-3[1].4.3"}),
        ("HOSP&hosp.example&DNS", {"PID[1]-3[1].4.3"}),
        ("HANBIT&1.2.3&ISO", {"PID[1]-3[1].4.2", "PID[1]-3[1].4.3"}),
        ("HOSP&426d2726-51fc-89fe-a946-8596e80a80eb&guid", set()),
    ],
)
def test_an_authority_is_cited_as_far_as_the_system_says_it(authority: str, lost: set[str]) -> None:
    found = losses(f"PID|||1^^^{authority}^MR\r".encode())
    assert {place for place in found if "PID[1]-3" in place} == lost


def test_an_element_said_twice_comes_from_both_places() -> None:
    made = map_document(parse(HEAD % b"ADT^A01" + b"PID|||1^^^FAC\rPV1||I|||||7^Lee|7^Lee\r"), context=SITE)
    sources = {
        origin.source for path, origin in made.origins.items() if path.startswith("Practitioner/") and ".value" in path
    }
    assert sources == {"PV1[1]-7[1].1 PV1[1]-8[1].1"}
