"""What findings say in Korean: every sentence of the sources has one, no translation outlives its sentence, and the page shows them."""

from __future__ import annotations

import ast
import io
import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from gateway import errors
from gateway.cli.documents import Document
from gateway.cli.findings import Page, Words
from gateway.cli.validate import judge_for
from gateway.model.report import Finding, Report
from gateway.terminology.reasons import Reason

GATEWAY = Path(errors.__file__).parent
KOREAN = GATEWAY / "cli" / "texts.ko.json"
SOURCES = sorted(
    [
        *(GATEWAY / "validating").rglob("*.py"),
        *(GATEWAY / "standards" / "hl7v2").glob("*.py"),
        GATEWAY / "standards" / "judge.py",
        GATEWAY / "definitions" / "xml_form.py",
    ]
)
NEAR = " Did you mean `{}`?"
NO_FINDING = {"Misconfigured", "TypeError", "AttributeError"}  # for who sets the gateway up, or calls it wrongly
TEXT_AT = {"error": 2, "warning": 2, "Finding": 3}  # which argument is the text


@cache
def korean() -> dict[str, str]:
    return json.loads(KOREAN.read_text("utf-8"))


def gapped(node: ast.JoinedStr) -> str:
    return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)


def hidden(tree: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, the parts of f-strings, and what is said to others than senders."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield from (part for part in ast.walk(node) if part is not node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NO_FINDING:
            yield from ast.walk(node)


def direct(tree: ast.AST) -> Iterator[ast.AST]:
    """What stands where a finding takes its text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TEXT_AT:
            yield from node.args[TEXT_AT[node.func.id] :][:1]


def sentences_in(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    left_out = set(map(id, hidden(tree)))
    texts = set(map(id, direct(tree)))
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        said = gapped(node) if isinstance(node, ast.JoinedStr) else getattr(node, "value", None)
        if isinstance(said, str) and said and (id(node) in texts or (" " in said and said[-1] in ".?")):
            yield said


@cache
def english() -> frozenset[str]:
    """Every sentence of the sources, `{}` where one has a gap."""
    faults = json.loads((GATEWAY / "validating/positions/faults.json").read_text("utf-8"))["said"].values()
    family = (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.Unusable))
    reasons = (reason.value for reason in Reason if reason.value)
    read = (said for path in SOURCES for said in sentences_in(path.read_text("utf-8")))
    return frozenset([*faults, *reasons, *(kind.said for kind in family), *read])


def fits(sentence: str, form: str) -> bool:
    head, gap, tail = form.partition("{}")
    return sentence == form or (bool(gap) and sentence.startswith(head) and sentence.endswith(tail))


def test_the_sources_are_read():
    source = '''
        """No sentence at all."""
        _SAID = {"a": "One is missing."}
        text = "Two is missing." if x else f"The {y} is missing."
        found = error("value", "rule", "Three") + warning("value", "rule", text + f" Did you mean `{near}`?")
        raise Misconfigured("The site is broken.")
    '''
    lines = "\n".join(line[8:] for line in source.splitlines())
    assert set(sentences_in(lines)) == {
        "One is missing.", "Two is missing.", "The {} is missing.", "Three", NEAR,
    }  # fmt: skip
    assert len(english()) > 250


def test_every_sentence_has_a_korean_one():
    missing = [said for said in sorted(english()) if not any(fits(known, said) for known in korean())]
    assert missing == [], "add them to gateway/cli/texts.ko.json"


def test_no_korean_sentence_is_left_without_an_english_one():
    assert [known for known in korean() if not any(fits(known, said) for said in english())] == []


def test_no_sentence_is_translated_twice():
    names = Counter(name for name, _ in json.loads(KOREAN.read_text("utf-8"), object_pairs_hook=list))
    assert [name for name, number in names.items() if number > 1] == []


def test_korean_sentences_are_whole_polite_and_keep_gaps_and_values():
    for known, said in korean().items():
        assert any("가" <= sign <= "힣" for sign in said), known
        assert said.endswith(("니다.", "십시오.", "나요?")), said
        assert said.count("{}") == known.count("{}") <= 1, said
        assert said.isprintable(), said


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("An unknown sentence.", "An unknown sentence."),
        ("An unknown sentence. Did you mean `name`?", "An unknown sentence. Did you mean `name`?"),
        ("", ""),
        ("There is no such element here.", "여기에는 이런 요소가 없습니다."),
        (
            "There is no such element here. Did you mean `name`?",
            "여기에는 이런 요소가 없습니다. 혹시 `name`을(를) 쓰려고 하셨나요?",
        ),
        ("The value is not of type NM.", "값이 NM 타입의 형식에 맞지 않습니다."),
        ("The value is not of type .", "The value is not of type ."),
        ("The value is not in table 0001.", "값이 HL7 표(table) 0001에 없습니다."),
        ("A segment that ADT_A01 requires is missing.", "ADT_A01에 반드시 있어야 하는 세그먼트가 없습니다."),
        ("The value is less than the profile allows.", "값이 프로파일이 허용하는 최솟값보다 작습니다."),
        ("The value is greater than the profile allows.", "값이 프로파일이 허용하는 최댓값보다 큽니다."),
        (
            "The segment stands more often than the structure allows.",
            "세그먼트가 메시지 구조에서 허용하는 횟수보다 많이 나옵니다.",
        ),
        (
            "The segment stands later than the structure allows.",
            "세그먼트가 메시지 구조에서 정한 위치보다 뒤에 있습니다.",
        ),
    ],
)
def test_a_text_in_korean(said, expected):
    assert Words.of("ko").tell(said) == expected
    assert Words.of("en").tell(said) == said


def shown(report: Report, lang: str) -> str:
    console = Console(record=True, width=200, file=io.StringIO(), highlight=False)
    Page(console, Words.of(lang)).show(Document("a", b""), report)
    return console.export_text()


def test_a_name_in_a_text_cannot_steer_a_terminal():
    said = "There is no such element here. Did you mean `\x1b[31m{}\u202e`?"
    text = shown(Report((Finding("error", "structure", "", said),)), "ko")
    assert "`·[31m{}·`을(를)" in text


BODIES = {
    "an unknown name, a code of no value set, a date that is none":
        b'{"resourceType":"Patient","nam":[{}],"gender":"mal","birthDate":"1980-13-01","contact":[{}]}',
    "no JSON": b'{"resourceType":"Patient",}',
    "XML": b'<Patient xmlns="http://hl7.org/fhir"><gender value="man" x="1"/></Patient>',
    "a message": b"MSH|^~\\&|H|H|I|I|2026||ADT^A01^ADT_A01|1|P|2.5.1\rZZZ|1\rPID|1||||||1980x|F\rPV1|1|?\rEVN|A01\r",
    "nothing": b"",
    "nothing known": b"hello",
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_no_english_is_left_on_a_page(name):
    report = judge_for("")(BODIES[name])
    assert report.findings
    text = shown(report, "ko")
    for finding in report.findings:
        assert finding.text in shown(report, "en")
        assert finding.text not in text
