"""Character sets that MSH-18 names, does not name or names wrongly; refusals first (HL7 v2.8.2, 2.7.2, 2.14.9.18; table 0211)."""

from __future__ import annotations

import pytest

from gateway import convert
from gateway.errors import GatewayError, Malformed, Unsupported
from gateway.standards.hl7v2.message import Message, read_message, write_message

HEADER = "MSH|^~\\&|{application}|HOSP|GW|KR|20261122090000+0900||ADT^A01^ADT_A01|C1|P|2.5.1||||||{declared}"
KOREAN = "김^길동|강남구 언주로"
LONG = "혈압이 조금 높습니다"


def message(field: str, declared: str, codec: str, application: str = "APP") -> bytes:
    text = f"{HEADER.format(application=application, declared=declared)}\rPID|1||x||{field}\r"
    return text.encode(codec, "surrogateescape")


def rules(found: Message) -> list[tuple[str, str, str]]:
    return [(finding.rule, finding.severity, finding.expression) for finding in found.report.findings]


REFUSED: dict[str, tuple[bytes, type[GatewayError]]] = {
    "one syllable proves nothing": (message("김", "UNICODE UTF-8", "cp949"), Malformed),
    "nothing named, one syllable": (message("김", "", "cp949"), Malformed),
    "ASCII over one letter of Latin": (message("é", "ASCII", "latin-1"), Malformed),
    "UTF-8 with half a character": (message("김길\udced\udc95", "UNICODE UTF-8", "utf-8"), Malformed),
    "UTF-8 over Korean": (message(KOREAN, "UNICODE UTF-8", "cp949"), Malformed),
    "UTF-8 over Latin": (message("Müller Ærø", "UNICODE UTF-8", "latin-1"), Malformed),
    "UTF-8 over Japanese": (message("山田 たろう", "UNICODE UTF-8", "shift_jis"), Malformed),
    "UTF-8 over Chinese": (message("张伟住在北京市朝阳区", "UNICODE UTF-8", "gb18030"), Malformed),
    "Korean with half a character": (message("김길동\udcb1", "KS X 1001", "cp949"), Malformed),
    "a set nobody knows before one that is known": (message("김", "X-EVIL~KS X 1001", "cp949"), Unsupported),
}


@pytest.mark.parametrize(("body", "error"), REFUSED.values(), ids=REFUSED)
def test_refuses(body: bytes, error: type[GatewayError]) -> None:
    with pytest.raises(error):
        read_message(body)


@pytest.mark.parametrize(
    ("declared", "codec", "field"),
    [
        *((declared, "utf-8", KOREAN) for declared in ("8859/1", "8859/5", "ASCII", "KS X 1001", "EUC-KR", "BIG-5")),
        *((declared, "utf-8", LONG) for declared in ("8859/15", "GB 18030-2000", "ISO IR14", "ISO IR87", "ISO IR166")),
        ("8859/1", "utf-8", "Müller"),
        ("ASCII", "utf-8", "Ærø"),
        *((declared, "cp949", KOREAN) for declared in ("8859/1", "8859/15", "ASCII", "")),
        *((declared, "cp949", f"{LONG} 똠방") for declared in ("8859/1", "ASCII", "")),
        ("8859/1", "cp1252", "“quoted” – 5 €"),
    ],
)
def test_what_bytes_plainly_are_is_read_and_said(declared: str, codec: str, field: str) -> None:
    body = message(field, declared, codec)
    found = read_message(body)
    assert "|".join(found.value(f"PID-{n}.1") for n in range(5, 5 + len(field.split("|")))) == field.replace(
        "^길동", ""
    )
    assert rules(found) == [("hl7v2-msh-18", "warning", "MSH-18")]
    assert (found.codec, write_message(found)) == (codec, body)
    assert field not in str(found.report.findings)


@pytest.mark.parametrize(
    ("declared", "codec", "field"),
    [
        ("8859/1", "latin-1", "Müller, Ærø, ÄÖÜ, ¿Él? ¼½ ····"),
        ("8859/1", "latin-1", "°°°°°°"),
        ("8859/15", "iso8859-15", "Ärzte Änderung Äpfel 5 €"),
        ("8859/5", "iso8859-5", "УД ТА"),
        ("8859/5", "iso8859-5", "ИВАН ПАВЛОВ"),
        ("8859/7", "iso8859-7", "ΓΙΑΝΝΑ ΠΑΠΑ"),
        ("8859/7", "iso8859-7", "Γιώργος"),
        ("KS X 1001", "cp949", "차 찬"),
        ("GB 18030-2000", "gb18030", "联通"),
        ("UNICODE UTF-8", "utf-8", "é"),
        ("", "utf-8", KOREAN),
        ("ks_c_5601-1987", "cp949", KOREAN),
        ("x-windows-949", "cp949", KOREAN),
        ("windows-1252", "cp1252", "5 € – “quoted”"),
    ],
)
def test_a_claim_that_may_be_true_is_believed(declared: str, codec: str, field: str) -> None:
    found = read_message(message(field, declared, codec))
    assert found.value("PID-5") == field.partition("^")[0]
    assert rules(found) == []


@pytest.mark.parametrize("field", ["김".encode("cp949"), b"\x81\x8d"])
def test_what_looks_wrong_and_proves_nothing_is_read_as_it_says_and_said(field: bytes) -> None:
    found = read_message(message("@", "8859/1", "ascii").replace(b"@", field))
    assert found.value("PID-5") == field.decode("latin-1")
    assert rules(found) == [("hl7v2-charset-doubt", "warning", "MSH-18")]


def test_the_channel_is_asked_where_the_header_is_silent_and_corrected_as_well() -> None:
    found = read_message(message(KOREAN, "", "utf-8"), "latin-1")
    assert (found.value("PID-5.2"), rules(found)) == ("길동", [("hl7v2-msh-18", "warning", "MSH-18")])
    with pytest.raises(Malformed):
        read_message(message(KOREAN, "", "cp949"), "utf-8")


def test_who_converts_is_told() -> None:
    (said, *_) = convert(message(KOREAN, "8859/1", "utf-8"), source="hl7v2").report["issue"]
    assert (said["severity"], said["expression"]) == ("warning", ["MSH-18"])


@pytest.mark.parametrize("declared", ["8859/1", ""])
def test_hexadecimal_data_are_in_the_set_that_was_found(declared: str) -> None:
    assert read_message(message(f"\\XB1E8\\^{LONG}", declared, "cp949")).value("PID-5") == "김"


TRAILS = [("BIG-5", "big5", "|\\^~"), ("GB 18030-2000", "gb18030", "|\\^~"), ("ISO IR14", "shift_jis", "|\\^~")]


@pytest.mark.parametrize(("declared", "codec", "signs"), TRAILS)
def test_trail_bytes_that_are_delimiters_split_neither_header_nor_body(declared: str, codec: str, signs: str) -> None:
    for sign in signs.encode():
        letters = [c for c in map(chr, range(0x4E00, 0x9FFF)) if c.encode(codec, "ignore")[1:] == bytes([sign])][:3]
        text = "".join(letters)
        body = message(f"{text}^{letters[0]}", declared, codec, application=f"{text}^{letters[0]}")
        found = read_message(body)
        places = ("MSH-3.1", "MSH-3.2", "PID-5.1", "PID-5.2")
        assert [found.value(place) for place in places] == [text, letters[0]] * 2
        assert (found.codec, found.value("MSH-18"), rules(found)) == (codec, declared, [])
        assert write_message(found) == body


@pytest.mark.parametrize(
    ("declared", "codec", "text"),
    [
        ("~ISO IR87", "iso2022_jp", "山田 太郎"),
        ("ASCII~ISO IR87", "iso2022_jp", "山田 太郎"),
        ("ISO IR14~ISO IR87", "iso2022_jp", "山田 太郎"),
        ("~KS X 1001", "cp949", "김길동"),
        ("ISO IR6~X-EVIL~ISO IR149", "cp949", "김길동"),
        ("~UNICODE UTF-8", "utf-8", "김길동"),
        ("8859/1~X-EVIL", "iso8859-1", "é"),
    ],
)
def test_an_alternate_set_that_holds_the_first_one_reads_both(declared: str, codec: str, text: str) -> None:
    body = message(f"Kim~{text}", declared, codec, application=text)
    found = read_message(body)
    assert [found.value(p) for p in ("MSH-3", "PID-5", "PID-5[2]")] == [text, "Kim", text]
    assert (rules(found), write_message(found)) == ([], body)


@pytest.mark.parametrize(
    ("declared", "written", "read"),
    [
        ("~ISO IR87", b"\\M2442\\;3ED\\C2842\\^\\M2442\\B@O:\\C284A\\ A", "山田/太郎 A"),
        ("~KS X 1001", b"\x1b$)C\xb1\xe8^\\M242943\\\xb1\xe6\xb5\xbf", "김/길동"),
    ],
)
def test_escapes_that_switch_the_set(declared: str, written: bytes, read: str) -> None:
    found = read_message(message("@", declared, "ascii").replace(b"@", written))
    assert "/".join(found.value(f"PID-5.{number}") for number in (1, 2)) == read
    assert rules(found) == []


@pytest.mark.parametrize("written", ["\x1b$B;3ED\x1b(B", "\\M2442\\;3ED\\C2842\\"])
def test_a_switch_that_is_not_followed_is_said_and_stands_as_written(written: str) -> None:
    found = read_message(message(written, "8859/1~ISO IR87", "latin-1"))
    assert found.value("PID-5") == written
    assert rules(found) == [("hl7v2-charset-switch", "warning", "MSH-18")]
