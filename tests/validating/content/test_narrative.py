"""Markdown with tags in it, and narratives as a profile wants them (CommonMark, raw HTML; narrative-language-control, narrative-source-control)."""

import pytest

from gateway.validating.structure.content.control import controlled, controls_of
from gateway.validating.structure.content.markdown import check
from tests.effort import bounded

EXTENSION = "http://hl7.org/fhir/StructureDefinition/"


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("run <script>x</script>", "error"),
        ("run <SCRIPT>x", "error"),
        ("load <iframe src='x'>", "error"),
        ("**<b>bold</b>** and <object>", "error"),
        ("`code` and <script>", "error"),
        ("\\\\<script>", "error"),
        ("~ ```\n<script>", "error"),
        ("</script>", "error"),
        ("send <patient number> first", "warning"),
        ("</nothing>", "warning"),
        ("a <x y='1' z=2 w />", "warning"),
        ("two lines <u\nv>", "warning"),
        ("`code` and <tag>", "warning"),
        ("\\\\<tag>", "warning"),
        ("line<br/>break", "warning"),
        ("**<b>bold</b>**", "warning"),
        ("less <5 mg/L or > 3", None),
        ("a < b and c > d", None),
        ("<http://example.org/x> <mail@example.org>", None),
        ("\\<tag>", None),
        ("\\<script>", None),
        ("`<tag>` and ``a ` <tag>``", None),
        ("```\n<tag>\n```", None),
        ("~ ```\n<tag>", "warning"),
        ("`<script>`", None),
        ("```\n<script>", None),
        ("```\n<tag>", None),
        ("<tag", None),
        ("<tag =>", None),
        ("</tag x>", None),
        ("<-tag>", None),
        (3, None),
    ],
)
def test_markdown(text, severity):
    assert [f.severity for f in check(text)] == ([severity] if severity else [])


@pytest.mark.parametrize(
    "text",
    ['<a b="' * 20_000, "`" * 100_000 + "<", "`<" * 50_000, "` ``" * 30_000, "<" * 100_000, "\\" * 99_999 + "<x>"],
)
def test_markdown_in_linear_time(text):
    with bounded(200):
        check(text)


def div(content):
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{content}</div>'}


def profile(*controls, path="Patient.text"):
    rows = [{"url": EXTENSION + name, "valueCode": code} for name, code in controls]
    return {"resourceType": "StructureDefinition", "differential": {"element": [{"path": path, "extension": rows}]}}


KOREAN, ENGLISH = '<div lang="ko">가</div>', '<div xml:lang="en-US">a</div>'


@pytest.mark.parametrize(
    ("code", "language", "content", "refused"),
    [
        ("_no", "ko", KOREAN, True),
        ("_no", "ko", "가", False),
        ("_yes", "ko", "가", True),
        ("_yes", "ko", ENGLISH, False),
        ("_resource", "ko", ENGLISH, True),
        ("_resource", "ko", ENGLISH + KOREAN, False),
        ("_resource", "en", ENGLISH, False),
        ("_resource", "", ENGLISH, False),
        ("ko", "en", ENGLISH, True),
        ("ko", "en", KOREAN, False),
    ],
)
def test_languages(code, language, content, refused):
    resource = {"resourceType": "Patient", "language": language, "text": div(content)}
    found = controlled(controls_of(profile(("narrative-language-control", code))), resource)
    assert [(f.rule, f.expression) for f in found] == ([("narrative-language", "text")] if refused else [])


@pytest.mark.parametrize(
    ("content", "pieces"),
    [
        ("bare", 1),
        ("<p>bare</p> <p class='generated'>made</p> and bare", 2),
        ("<p class='x original'>a <b>b</b> c</p><h1 class='boilerplate'>d</h1>", 0),
        ("<p>not <", 0),
    ],
)
def test_sources(content, pieces):
    controls = controls_of(profile(("narrative-source-control", "error")))
    assert len(controlled(controls, {"resourceType": "Patient", "text": div(content)})) == pieces


def test_sections_and_damaged_narratives():
    controls = controls_of(profile(("narrative-language-control", "_yes"), path="Composition.section.text"))
    resource = {"section": [{"text": div(KOREAN)}, {"text": div("x")}, {"text": {"div": 3}}, 4, {}]}
    assert [f.expression for f in controlled(controls, resource)] == ["section[1].text"]


def test_profiles_that_ask_nothing():
    assert controls_of({"differential": {"element": [{"path": "Patient.text"}, 3]}, "snapshot": 4}) == ()
