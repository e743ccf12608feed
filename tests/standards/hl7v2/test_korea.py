"""Korean messages: names, character sets, codes, resident numbers and times, as golden pairs and by rule (mappings/hl7v2).

`python tests/standards/hl7v2/test_korea.py` writes what the messages give now beside them: to be read and judged before it is kept.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

from gateway.errors import GatewayError, Malformed
from gateway.mapping import MapContext
from gateway.model.report import Conversion
from gateway.model.wire import read_json, write_json
from gateway.stages.identify import tokenised
from gateway.stages.map import conversion, map_document
from gateway.standards.hl7v2 import parse

GOLDEN = Path(__file__).parent / "golden"
MESSAGES = sorted(GOLDEN.glob("kr_*.er7"))
RESIDENT = "https://hanul.example/resident-number"
EDI = {
    "EDI-ACT": "http://www.hl7korea.or.kr/CodeSystem/hira-edi-procedure",
    "EDI-DRUG": "http://www.hl7korea.or.kr/CodeSystem/hira-edi-medication",
}
SITE = MapContext(
    sender="hanul-hospital",
    zone="Asia/Seoul",
    identifier_systems={
        **{f"HANUL{end.upper()}": f"https://hanul.example/{end[1:] or 'mrn'}" for end in ("", "-staff", "-visit")},
        "MOIS": RESIDENT,
    },
    code_systems={"99HNL": "https://hanul.example/codes", **EDI},
    national_systems=(RESIDENT,),
)
KCD_8, OWN = "http://www.hl7korea.or.kr/CodeSystem/kostat-kcd-8", "urn:ieum:code-system:hanul-hospital:{}"
UTF_8, KOREAN = "UNICODE UTF-8", ("KS X 1001", "ISO IR149", "KS C 5601", "EUC-KR", "CP949", "UHC")
HEADER = "MSH|^~\\&|HIS|{facility}|IEUM|MAPO|20260310091500||ADT^A31^ADT_A05|KR9|P|2.5.1||||||{charset}\r"
NUMBER = re.compile(r"\b[0-9]{6}-?[1-8][0-9]{6}\b")
each = pytest.mark.parametrize("path", MESSAGES, ids=lambda p: p.stem)


def converted(body: bytes, context: MapContext = SITE) -> Conversion:
    return conversion(map_document(parse(body), context=context))


def shown(made: Conversion) -> dict[str, Any]:
    return {"content": made.content, "losses": [f"{loss.source}: {loss.reason}" for loss in made.losses]}


def resources(made: Conversion, kind: str) -> list[dict[str, Any]]:
    return [e["resource"] for e in made.content["entry"] if e["resource"]["resourceType"] == kind]


def leaves(tree: object, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for key, child in tree.items():
            yield from leaves(child, f"{path}.{key}")
    elif isinstance(tree, list):
        for number, child in enumerate(tree):
            yield from leaves(child, f"{path}[{number}]")
    else:
        yield path, tree


def patient(segment: str, charset: str = UTF_8, codec: str = "utf-8", facility: str = "HANUL") -> bytes:
    return (HEADER.format(charset=charset, facility=facility) + segment + "\r").encode(codec)


def names(field: str) -> list[dict[str, Any]]:
    made = converted(patient(f"PID|1||1^^^HANUL^MR||{field}"))
    return [{k: v for k, v in name.items() if k != "extension"} for name in resources(made, "Patient")[0]["name"]]


def resident_numbers(path: Path) -> set[str]:
    return set(NUMBER.findall(path.read_bytes().decode(parse(path.read_bytes()).tree.codec)))


# Golden pairs


@each
def test_message_gives_its_bundle(path: Path) -> None:
    made = shown(converted(path.read_bytes()))
    expected = read_json(path.with_suffix(".json").read_bytes())
    assert write_json(made["content"], canonical=True) == write_json(expected["content"], canonical=True)
    assert made["losses"] == expected["losses"]


@each
def test_bundle_is_r4(path: Path) -> None:
    from fhir.resources.R4B import get_fhir_model_class

    for entry in converted(path.read_bytes()).content["entry"]:
        resource = json.loads(json.dumps(entry["resource"]))
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@each
def test_every_element_has_an_origin_and_references_resolve(path: Path) -> None:
    made = converted(path.read_bytes())
    inside = {entry["fullUrl"] for entry in made.content["entry"]}
    for where, value in leaves(made.content["entry"], "Bundle.entry"):
        if where.endswith(".reference"):
            assert value in inside, where
        if ".resource." in where and not where.endswith((".resource.id", ".resourceType")):
            assert any(where == known or where.startswith((f"{known}.", f"{known}[")) for known in made.origins), where


def test_the_messages_are_of_many_kinds_and_of_both_character_sets() -> None:
    parsed = [parse(path.read_bytes()).tree for path in MESSAGES]
    assert len(parsed) >= 20
    assert len({message.trigger for message in parsed}) >= 14
    assert {message.value("MSH-18") for message in parsed} == {UTF_8, "KS X 1001", "ISO IR149", "8859/1", "ASCII"}
    found = {(message.value("MSH-18"), message.codec) for message in parsed if message.report.findings}
    assert found == {("KS X 1001", "utf-8"), ("8859/1", "utf-8"), ("8859/1", "cp949"), ("ASCII", "cp949")}
    assert [message.codec for message in parsed].count("cp949") >= 10


# Character sets


@each
def test_every_character_set_gives_the_same(path: Path) -> None:
    body = path.read_bytes()
    message = parse(body).tree
    text, named = body.decode(message.codec), message.value("MSH-18")
    expected = write_json(shown(converted(body)))
    for charset, codec in ((UTF_8, "utf-8"), *((name, "cp949") for name in KOREAN)):
        other = text.replace(f"|{named}|", f"|{charset}|", 1).encode(codec)
        assert write_json(shown(converted(other))) == expected, charset


@pytest.mark.parametrize(("charset", "codec"), [(UTF_8, "cp949"), ("UTF-8", "euc-kr"), ("KS X 1001", "utf-16-le")])
def test_a_claim_that_is_false_is_refused_and_never_read_as_other_letters(charset: str, codec: str) -> None:
    with pytest.raises(GatewayError) as refused:
        parse(patient("PID|1||1^^^HANUL^MR||김^길동", charset, codec))
    assert "김" not in str(refused.value)


@each
def test_a_claim_that_was_never_thought_of_changes_nothing(path: Path) -> None:
    """Sets that engines write by default over bytes that plainly are in another one: the same, and a warning."""
    body = path.read_bytes()
    message = parse(body).tree
    text, named = body.decode(message.codec), message.value("MSH-18")
    expected = write_json(shown(converted(body)))
    claims = [("8859/1", "utf-8"), ("ASCII", "utf-8"), ("KS X 1001", "utf-8"), ("8859/1", "cp949"), ("ASCII", "cp949")]
    for charset, codec in claims:
        other = parse(text.replace(f"|{named}|", f"|{charset}|", 1).encode(codec))
        assert [finding.rule for finding in other.report.findings] == ["hl7v2-msh-18"], charset
        assert write_json(shown(conversion(map_document(other, context=SITE)))) == expected, charset


def test_no_syllable_splits_a_field() -> None:
    syllables = [chr(code) for code in range(0xAC00, 0xD7A4)]
    rows = [syllables[at : at + 200] for at in range(0, len(syllables), 200)]
    for row in rows:
        body = patient(f"PID|1||1|{'|'.join(row)}\rNTE|1||{'^'.join(row)}~{'&'.join(row)}", "KS X 1001", "cp949")
        message = parse(body).tree
        assert [message.value(f"PID-{number}") for number in range(4, 4 + len(row))] == row
        assert [message.value(f"NTE-3.{number}") for number in range(1, 1 + len(row))] == row
        assert [message.value(f"NTE-3[2].1.{number}") for number in range(1, 1 + len(row))] == row


@pytest.mark.parametrize(
    ("charset", "codec", "trail"),
    [("BIG-5", "big5", "\\|^~"), ("GB 18030-2000", "gb18030", "\\|^~"), ("ISO IR14", "shift_jis", "\\|^~")],
)
def test_a_trail_byte_that_is_a_delimiter_splits_nothing(charset: str, codec: str, trail: str) -> None:
    for byte in trail.encode():
        letter = next(c for c in map(chr, range(0x4E00, 0x9FFF)) if c.encode(codec, "ignore")[1:] == bytes([byte]))
        message = parse(patient(f"PID|1||1|{letter}|{letter}^{letter}", charset, codec)).tree
        assert [message.value(p) for p in ("PID-4", "PID-5.1", "PID-5.2")] == [letter] * 3


@pytest.mark.parametrize("delimiter", [b"|", b"^", b"~", b"&", b"\\", b"\r"])
def test_half_a_character_swallows_no_delimiter(delimiter: bytes) -> None:
    start = HEADER.format(charset="KS X 1001", facility="HANUL").encode()
    with pytest.raises(Malformed):
        parse(start + b"PID|1||1||" + "김".encode("cp949")[:1] + delimiter + b"A\r")


@pytest.mark.parametrize(("written", "read"), [("\\XB1E8\\^\\XB1E6B5BF\\", "김"), ("\\XB1\\^\\XE8\\", "\\XB1\\")])
def test_hexadecimal_escapes_are_in_the_character_set_of_the_message(written: str, read: str) -> None:
    assert parse(patient(f"PID|1||1||{written}", "KS X 1001", "cp949")).tree.value("PID-5.1") == read


# Names


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("김^길동^^^^^L", [{"use": "official", "text": "김길동", "family": "김", "given": ["길동"]}]),
        ("김길동^^^^^^L", [{"use": "official", "text": "김길동"}]),
        ("김길동", [{"text": "김길동"}]),
        ("김 길동", [{"text": "김 길동"}]),
        ("김^길^동", [{"text": "김길동", "family": "김", "given": ["길", "동"]}]),
        ("황보^미라", [{"text": "황보미라", "family": "황보", "given": ["미라"]}]),
        ("金^吉童", [{"text": "金吉童", "family": "金", "given": ["吉童"]}]),
        ("金吉童", [{"text": "金吉童"}]),
        ("Kim^Gildong^^^^^L", [{"use": "official", "family": "Kim", "given": ["Gildong"]}]),
        ("김길동B", [{"text": "김길동B"}]),
        ("김길동(2)", [{"text": "김길동(2)"}]),
        ("A김길동", [{"text": "A김길동"}]),
        ("김길동 (Kim Gildong)", [{"text": "김길동 (Kim Gildong)"}]),
        ("김^길동B", [{"text": "김길동B", "family": "김", "given": ["길동B"]}]),
        ("김^Gildong", [{"text": "김 Gildong", "family": "김", "given": ["Gildong"]}]),
        (normalize("NFD", "김길동"), [{"text": normalize("NFD", "김길동")}]),
        ("ﾡﾲﾩ", [{"text": "ﾡﾲﾩ"}]),
        ("𠮷田", [{"text": "𠮷田"}]),
        ("金吉童(김길동)", [{"text": "金吉童(김길동)"}]),
        ("HONG GILDONG", [{"text": "HONG GILDONG"}]),
        ("Kim, Gildong^^^^^^L", [{"use": "official", "text": "Kim, Gildong"}]),
        ("Kim,Gildong", [{"text": "Kim,Gildong"}]),
        ("van der Berg^Ann", [{"family": "van der Berg", "given": ["Ann"]}]),
        ("Hong^^Gildong", [{"family": "Hong", "given": ["Gildong"]}]),
        ("Hong", [{"family": "Hong"}]),
        (
            "김^길동~Kim^Gildong",
            [{"text": "김길동", "family": "김", "given": ["길동"]}, {"family": "Kim", "given": ["Gildong"]}],
        ),
    ],
)
def test_names_in_all_forms(field: str, expected: list[dict[str, Any]]) -> None:
    assert names(field) == expected


@pytest.mark.parametrize(("letter", "code"), [("A", "ABC"), ("I", "IDE"), ("P", "SYL")])
def test_the_representation_of_a_name_is_kept(letter: str, code: str) -> None:
    made = converted(patient(f"PID|1||1^^^HANUL^MR||김^길동^^^^^L^{letter}"))
    (extension,) = resources(made, "Patient")[0]["name"][0]["extension"]
    assert extension["valueCode"] == code


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("^이^의사", {"text": "이의사", "family": "이", "given": ["의사"]}),
        ("^이의사", {"text": "이의사"}),
        ("^이의사(내과)", {"text": "이의사(내과)"}),
        ("^金^醫師", {"text": "金醫師", "family": "金", "given": ["醫師"]}),
        ("^金醫師", {"text": "金醫師"}),
        ("^Park Minsu MD", {"text": "Park Minsu MD"}),
        ("^Park^Minsu^^^Dr", {"family": "Park", "given": ["Minsu"], "prefix": ["Dr"]}),
    ],
)
def test_practitioners_are_named_like_patients(written: str, expected: dict[str, Any]) -> None:
    made = converted(patient(f"PID|1||1^^^HANUL^MR\rPV1|1|I|||||D1{written}"))
    assert resources(made, "Practitioner")[0]["name"] == [expected]


@pytest.mark.parametrize(
    ("segment", "kind", "named"),
    [
        ("PID|1||1^^^HANUL^MR|||박^순자", "Patient", "박순자"),
        ("PID|1||1^^^HANUL^MR|||Park^Soonja", "Patient", "Soonja Park"),
        ("ORC|NW|1^HANUL\rRXO|1^정^99HNL|||||||||||||^이^의사^^^Dr", "MedicationRequest", "이의사"),
        ("ORC|NW|1^HANUL\rRXO|1^정^99HNL|||||||||||||^Lee^Ann^^^Dr", "MedicationRequest", "Dr Ann Lee"),
        ("IAM|1|DA|1^땅콩^99HNL|||A||||||||김^어머니", "AllergyIntolerance", "김어머니"),
    ],
)
def test_a_name_in_one_text_is_in_the_order_of_its_language(segment: str, kind: str, named: str) -> None:
    made = converted(patient(segment if segment.startswith("PID") else f"PID|1||1^^^HANUL^MR\r{segment}"))
    assert named in {value for _, value in leaves(resources(made, kind))}


# Words


@pytest.mark.parametrize("segment", ["RXE||1^정^99HNL|1||정|", "RXO|1^정^99HNL|1||정||"])
@pytest.mark.parametrize(
    ("written", "text", "coded"),
    [
        ("하루 한 번", "하루 한 번", []),
        ("^하루 한 번", "하루 한 번", []),
        ("^하루 한 번~^식후 30분", "하루 한 번\n식후 30분", []),
        ("QD^하루 한 번^99HNL", "하루 한 번", [{"code": "QD", "display": "하루 한 번"}]),
        ("QD^하루 한 번", "하루 한 번", [{"code": "QD", "display": "하루 한 번"}]),
        ("^^^^^^^^하루에 한 번만", "하루에 한 번만", []),
        ("^소금 & 물", "소금 & 물", []),
    ],
)
def test_instructions_are_read_as_they_are_meant(segment: str, written: str, text: str, coded: list[Any]) -> None:
    made = converted(patient(f"PID|1||1^^^HANUL^MR\rORC|NW|1^HANUL\r{segment}|{written}"))
    (dosage,) = resources(made, "MedicationRequest")[0]["dosageInstruction"]
    codings = [coding for one in dosage.get("additionalInstruction", []) for coding in one["coding"]]
    assert dosage["text"] == text
    assert [{k: v for k, v in coding.items() if k != "system"} for coding in codings] == coded
    assert not [loss for loss in made.losses if "-7[" in loss.source]


@pytest.mark.parametrize(
    ("written", "name", "parts"),
    [
        ("소아청소년과", "소아청소년과", []),
        ("방문접종실^2^^마포보건소", "방문접종실 2", ["마포보건소"]),
        ("^^^마포보건소", "마포보건소", []),
    ],
)
def test_where_a_vaccine_was_given_is_a_place_with_a_name(written: str, name: str, parts: list[str]) -> None:
    made = converted(patient(f"PID|1||1^^^HANUL^MR\rRXA|0|1|20260401||150^독감^CVX|999|||||{written}"))
    places = {f"urn:uuid:{place['id']}": place for place in resources(made, "Location")}
    place = places[resources(made, "Immunization")[0]["location"]["reference"]]
    assert (place["name"], [places[place[key]["reference"]]["name"] for key in ("partOf",) if key in place]) == (
        name,
        parts,
    )


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("목이 붓고 열이 남", {"text": "목이 붓고 열이 남"}),
        ("J00^감기^KCD8", {"coding": [{"system": KCD_8, "code": "J00", "display": "감기"}]}),
        ("J00^감기^KCD^^^^8", {"coding": [{"system": KCD_8, "version": "8", "code": "J00", "display": "감기"}]}),
        ("J00^감기^KCD", {"coding": [{"system": OWN.format("KCD"), "code": "J00", "display": "감기"}]}),
        (
            "J00^감기^KCD^^^^9",
            {"coding": [{"system": OWN.format("KCD"), "version": "9", "code": "J00", "display": "감기"}]},
        ),
        ("J00^감기^KCD-9", {"coding": [{"system": OWN.format("KCD-9"), "code": "J00", "display": "감기"}]}),
    ],
)
def test_a_diagnosis_is_of_the_edition_that_the_sender_says(written: str, code: dict[str, Any]) -> None:
    made = converted(patient(f"PID|1||1^^^HANUL^MR\rDG1|1||{written}||20260313|F"))
    assert resources(made, "Condition")[0]["code"] == code


def test_a_site_says_which_edition_it_means() -> None:
    site = replace(SITE, code_systems={"KCD": "https://hanul.example/kcd", "KCD-9": "https://hanul.example/kcd-9"})
    for version, system in (("", "https://hanul.example/kcd"), ("9", "https://hanul.example/kcd-9")):
        made = converted(patient(f"PID|1||1^^^HANUL^MR\rDG1|1||J00^감기^KCD^^^^{version}||20260313|F"), site)
        assert resources(made, "Condition")[0]["code"]["coding"][0]["system"] == system


# Resident numbers


@each
def test_no_number_could_be_somebodys(path: Path) -> None:
    for number in resident_numbers(path):
        digits = [int(c) for c in number if c.isdigit()]
        right = (11 - sum(d * w for d, w in zip(digits, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), strict=False)) % 11) % 10
        assert digits[12] != right


@each
def test_a_resident_number_is_an_identifier_and_stands_nowhere_else(path: Path) -> None:
    made = converted(path.read_bytes())
    numbers = resident_numbers(path)
    known = dict(leaves(made.content))
    found = {where: value for where, value in known.items() if any(n in str(value) for n in numbers)}
    assert set(found.values()) == numbers
    assert {known[where.removesuffix("value") + "system"] for where in found} <= {RESIDENT}
    assert not any(n in write_json(made.report).decode() for n in numbers)


@each
def test_a_later_stage_leaves_only_its_token(path: Path) -> None:
    mapped = map_document(parse(path.read_bytes()), context=SITE)
    kept = tokenised(mapped.items, SITE.national_systems, lambda system, value: "token")
    text = b"".join(write_json(item.resource) for item in kept).decode()
    assert not NUMBER.search(text)


@pytest.mark.parametrize(
    "segment",
    ["PID|1||{}^^^MOIS^NNKOR", "PID|1||{}^^^MOIS^NI", "PID|1||{}^^^MOIS", "PID|1||{}^^^^NNKOR", "PID|1|{}^^^MOIS"],
)
def test_a_number_is_national_by_its_type_or_its_assigner(segment: str) -> None:
    made = converted(patient(segment.format("450101-1000002")))
    assert resources(made, "Patient")[0]["identifier"][0]["system"] == RESIDENT


# Codes, results and times


def test_codes_are_in_the_systems_that_the_site_declares() -> None:
    bodies = [path.read_bytes() for path in MESSAGES]
    systems = {
        str(value) for body in bodies for where, value in leaves(converted(body).content) if where.endswith("system")
    }
    assert set(SITE.code_systems.values()) <= systems
    assert "http://www.hl7korea.or.kr/CodeSystem/kostat-kcd-8" in systems
    elsewhere = converted((GOLDEN / "kr_rde_o11_tablets.er7").read_bytes(), MapContext(sender="hanul-hospital"))
    (order,) = resources(elsewhere, "MedicationRequest")
    assert order["medicationCodeableConcept"]["coding"][0]["system"] == "urn:ieum:code-system:hanul-hospital:EDI-DRUG"


def test_a_corrected_result_is_the_same_observation() -> None:
    first, corrected = (
        converted((GOLDEN / f"kr_oru_r01_chemistry{end}.er7").read_bytes()) for end in ("", "_corrected")
    )
    (after,) = resources(corrected, "Observation")
    before = next(o for o in resources(first, "Observation") if o["id"] == after["id"])
    assert (before["status"], after["status"]) == ("final", "corrected")
    assert write_json(after["valueQuantity"]["value"]) == b"4.90"


@pytest.mark.parametrize(
    ("written", "zone", "read"),
    [
        ("20260310091500+0900", "", "2026-03-10T09:15:00+09:00"),
        ("20260310091500", "Asia/Seoul", "2026-03-10T09:15:00+09:00"),
        ("202603100915", "Asia/Seoul", "2026-03-10T09:15:00+09:00"),
        ("20260310091500", "", "2026-03-10"),
        ("20260310", "Asia/Seoul", "2026-03-10"),
    ],
)
def test_times_with_and_without_zone(written: str, zone: str, read: str) -> None:
    body = patient(f"PID|1||1^^^HANUL^MR\rPV1|1|O{'|' * 42}{written}")
    (visit,) = resources(converted(body, MapContext(zone=zone)), "Encounter")
    assert visit["period"]["start"] == read


if __name__ == "__main__":
    for message in MESSAGES:
        text = write_json(shown(converted(message.read_bytes())), pretty=True)
        message.with_suffix(".json").write_bytes(text + b"\n")
