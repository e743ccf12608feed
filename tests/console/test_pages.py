"""What the pages show to those who may see them, in both languages, and that looking is on record first."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gateway.console.messages import language_of, messages
from gateway.model.questions import Status, What
from tests.console.conftest import NOW, Browser, MemoryDesk, exchange, person, uid
from tests.console.test_refusals import bearer, token_in

Open = Callable[..., Browser]
PAGES = (
    "/console",
    f"/console/exchanges/{uid(0)}",
    f"/console/exchanges/{uid(4)}",
    f"/console/people/{person(0)}",
    "/console/identities",
    "/console/emergencies",
    "/console/enter",
)
TEMPLATES = Path(__file__).parents[2] / "gateway" / "console" / "templates"


def enter(outside: Browser, key: str = "key-of-auditor") -> str:
    answer = outside.post("/console/enter", {"token": token_in(outside.get("/console/enter").text), "key": key})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    return answer.headers["set-cookie"]


def test_a_visit_begins_with_a_key_and_ends(browser: Open, desk: MemoryDesk) -> None:
    outside = browser(peer="203.0.113.9")
    cookie = enter(outside)
    assert {"HttpOnly", "SameSite=strict", "Path=/console", "Max-Age=1800"} <= {
        part.strip() for part in cookie.split(";")
    }
    page = outside.get("/console")
    assert page.status_code == 200
    assert outside.post("/console/leave", {"token": token_in(page.text)}).status_code == 303
    assert outside.get("/console").status_code == 401
    assert [look.page for _, look in desk.looks] == ["exchanges"]


def test_a_visit_over_https_is_for_https_only(browser: Open) -> None:
    outside = browser(peer="203.0.113.9")
    outside.client.base_url = "https://localhost"  # type: ignore[assignment]
    assert "Secure" in enter(outside)


def test_a_visit_ends_when_the_key_is_withdrawn(browser: Open, desk: MemoryDesk) -> None:
    outside = browser(peer="203.0.113.9")
    enter(outside)
    desk.withdrawn.add("key-b")
    assert outside.get("/console").status_code == 401


@pytest.mark.parametrize(
    ("path", "page", "about"),
    [
        ("/console?why.purpose=COC", "exchanges", None),
        (f"/console/exchanges/{uid(0)}", "exchange", person(0)),
        (f"/console/people/{person(1)}", "person", person(1)),
    ],
)
def test_looking_is_recorded_with_whom_it_is_about(
    browser: Open, desk: MemoryDesk, path: str, page: str, about: str | None
) -> None:
    assert browser(peer="203.0.113.9").get(path, **bearer("key-of-auditor")).status_code == 200
    ((principal, look),) = desk.looks
    assert (principal.client, look.page, look.person) == ("key-b", page, about)
    assert dict(look.asked) == ({"why.purpose": "COC"} if page == "exchanges" else {})


def test_the_list_answers_the_filters_and_pages_by_key(browser: Open) -> None:
    here = browser()
    first = here.get("/console?lang=en")
    assert first.text.count('class="when"') == 25
    older = re.search(r'href="([^"]+before=[^"]+)" rel="next"', first.text)
    assert older
    second = here.get(older[1].replace("&amp;", "&"))
    assert exchange(24).id in first.text
    assert exchange(25).id in second.text
    assert second.text.count('class="when"') == 25
    assert f"/console/exchanges/{exchange(24).id}" not in second.text
    found = here.get("/console?what.type=CoverageEligibilityResponse&lang=en").text
    assert found.count('class="when"') == sum(e.why.purpose == "ELIGDTRM" for e in map(exchange, range(60)))


def test_an_exchange_is_a_sheet_with_steps_and_what_was_held_back(browser: Open) -> None:
    text = browser().get(f"/console/exchanges/{uid(0)}?lang=en").text
    for said in (
        "Hanbit Hospital",
        "coordination of care",
        "nurse-041",
        "3 held back",
        "<code>PSY</code>",
        "label-PSY",
        "permit, in part",
        "+40 ms",
        "2026-03-04 15:30:00",
    ):
        assert said in text


def test_a_person_is_a_pseudonym_and_plain_sentences(browser: Open) -> None:
    text = browser().get(f"/console/people/{person(0)}?lang=ko").text
    assert "한빛병원이 마포구 통합돌봄팀에 당사자에 관한" in text
    assert "거절되어 아무것도 보내지 않았습니다" in text


def test_linking_names_exchange_and_position(browser: Open, desk: MemoryDesk) -> None:
    here = browser()
    token = token_in(here.get("/console/identities?lang=en").text)
    answer = here.post("/console/identities?lang=en", {"token": token, "exchange": uid(4), "position": "2"})
    assert (answer.status_code, desk.links) == (303, [("local", uid(4), 2)])
    assert "The link is kept" in here.get(answer.headers["location"]).text


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_page_says_its_language_and_lets_nothing_in(browser: Open, path: str, language: str) -> None:
    answer = browser().get(f"{path}?lang={language}")
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    Strict().feed(answer.text)


class Strict(HTMLParser):
    """Nothing inline, nothing from elsewhere."""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        assert not [name for name in named if name.startswith("on") or name == "style"], (tag, named)
        assert tag != "style"
        for name in ("src", "href", "action"):
            assert not (named.get(name) or "").lower().startswith(("http", "//", "javascript:", "data:")), (tag, named)
        assert tag != "script" or named.get("src")


def test_the_styles_and_scripts_come_from_nowhere_else(browser: Open) -> None:
    for name in ("console.css", "console.js"):
        text = browser().get(f"/console/static/{name}").text
        assert "http" not in text
        assert "@import" not in text
    assert browser().get("/console/static/../desk.py").status_code == 404


@pytest.mark.parametrize(
    ("asked", "accept", "language"),
    [
        ("", "", "ko"),
        ("en", "ko", "en"),
        ("", "en-GB,ko;q=0.5", "en"),
        ("", "fr, en;q=0.2, ko;q=0.9", "ko"),
        ("xx", "de", "ko"),
        ("", "en;q=x", "ko"),
        ("", "en;q=0", "ko"),
    ],
)
def test_the_language_of_the_reader(asked: str, accept: str, language: str) -> None:
    assert language_of(asked, accept) == language


def test_both_languages_say_everything_the_pages_ask_for() -> None:
    korean, english = messages("ko").said, messages("en").said
    assert korean.keys() == english.keys()
    wanted = {
        name
        for file in TEMPLATES.glob("*.html")
        for name in re.findall(r"""\bt\(["']([\w.-]+)["'][,)]""", file.read_text())
    }
    assert wanted
    assert wanted <= korean.keys()
    for code in Status.__args__:  # type: ignore[attr-defined]
        assert f"status:{code}" in korean


def test_an_administrator_lets_an_exchange_go_on_or_gives_it_up(browser: Open, desk: MemoryDesk) -> None:
    waits = replace(exchange(0), status="parked", what=What("ADT^A03", lost=2, lost_at=("ZPI-3.1",)))
    desk.journal[0] = waits
    here, path = browser(), f"/console/exchanges/{waits.id}?lang=en"
    page = here.get(path).text
    assert "ZPI-3.1" in page
    said = {"token": token_in(page), "reason": "the care team knows"}
    went = here.post(path, {**said, "act": "replay", "allow-loss": "1"})
    assert (went.status_code, went.headers["location"]) == (303, f"/console/exchanges/{waits.id}?done=1&lang=en")
    assert here.post(path, {**said, "act": "give-up"}).status_code == 303
    assert [act[1:] for act in desk.acts] == [
        (waits.id, "the care team knows", ("loss",)),
        (waits.id, "the care team knows", "give-up"),
    ]
    without = here.post(path, {"token": said["token"], "act": "replay"})
    assert without.status_code == 422
    assert "missing" in without.text


@pytest.mark.parametrize(("status", "words"), [("delivered", True), ("pending", False), ("kept", False)])
def test_only_what_waits_or_has_ended_can_be_acted_on(
    browser: Open, desk: MemoryDesk, status: Status, words: bool
) -> None:
    desk.journal[0] = replace(exchange(0), status=status)
    page = browser().get(f"/console/exchanges/{uid(0)}?lang=en").text
    assert ("Send again" in page, "Give it up" in page) == (words, False)


def test_times_are_those_of_the_site(browser: Open) -> None:
    assert messages("en").moment(NOW, UTC) == "4 March 2026, 06:30"
    assert "2026년 3월 4일 15:30" in browser().get(f"/console/people/{person(0)}?lang=ko").text


def test_an_emergency_is_shown_with_its_reason_and_its_review_is_closed(browser: Open, desk: MemoryDesk) -> None:
    here = browser()
    page = here.get("/console/emergencies?lang=en").text
    assert "The review is overdue" in page
    assert page.count("unconscious on arrival") == 2
    assert "nobody known here" in page
    said = {
        "token": token_in(page),
        "opening": uid(700),
        "finding": "unjustified",
        "note": "no such patient that night",
    }
    answer = here.post("/console/emergencies", said)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/emergencies?closed=1")
    assert desk.reviews == [("local", uid(700), "unjustified", "no such patient that night")]
    assert uid(700) not in here.get("/console/emergencies").text
    assert here.post("/console/emergencies", said).status_code == 404
