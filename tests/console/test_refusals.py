"""Who sees nothing: no role, a name that is not ours, a form that is not ours, a view that cannot be recorded."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.console.tokens import sign, unsign
from gateway.model.questions import Who
from tests.console.conftest import NOW, Browser, MemoryDesk, exchange, person, uid

Open = Callable[..., Browser]
PAGES = (
    "/console",
    f"/console/exchanges/{uid(0)}",
    f"/console/people/{person(0)}",
    "/console/identities",
    "/console/emergencies",
)
SECRETS = ("hanbit", "Hanbit", "한빛", "discharge-to", uid(1)[:8], person(3)[:8], "ADT")


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def token_in(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found
    return found[1]


def shows_nothing(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_sees_the_door_only(browser: Open, desk: MemoryDesk, path: str) -> None:
    answer = browser(peer="203.0.113.9").get(path)
    assert answer.status_code == 401
    assert shows_nothing(answer.text)
    assert desk.looks == []
    assert desk.refused == ["caller"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("key", "status"), [("key-of-hospital", 403), ("no-such-key", 401), ("", 401)])
def test_a_key_without_a_role_sees_nothing(browser: Open, desk: MemoryDesk, path: str, key: str, status: int) -> None:
    answer = browser(peer="203.0.113.9").get(path, **bearer(key))
    assert (answer.status_code, desk.looks) == (status, [])
    assert shows_nothing(answer.text)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.2", "[::2]"]
)
def test_another_name_pointing_here_is_refused(browser: Open, desk: MemoryDesk, host: str) -> None:
    answer = browser(host=host).get("/console")
    assert answer.status_code == 403
    assert shows_nothing(answer.text)
    assert browser(host=host, peer="203.0.113.9").get("/console", **bearer("key-of-admin")).status_code == 403
    assert desk.looks == []


def test_one_of_our_names_still_needs_a_key(browser: Open) -> None:
    named = browser(host="ieum.mapo.example")
    assert named.get("/console").status_code == 401
    assert named.get("/console", **bearer("key-of-admin")).status_code == 200


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
def test_what_came_through_a_proxy_is_not_this_machine(browser: Open, header: str) -> None:
    assert browser().get("/console", **{header: "203.0.113.9"}).status_code == 401


def test_this_machine_counts_only_when_the_operator_says_so(browser: Open) -> None:
    assert browser(loopback=False).get("/console").status_code == 401
    assert browser(loopback=True).get("/console", sec_fetch_site="cross-site").status_code == 401
    assert browser(loopback=True, peer="::1", host="[::1]").get("/console").status_code == 200
    assert browser(loopback=True, peer="10.0.0.5").get("/console").status_code == 401


def test_an_auditor_may_not_link(browser: Open, desk: MemoryDesk) -> None:
    outside = browser(peer="203.0.113.9")
    assert outside.get("/console/identities", **bearer("key-of-auditor")).status_code == 403
    token = token_in(outside.get("/console", **bearer("key-of-auditor")).text)
    answer = outside.post(
        "/console/identities", {"token": token, "exchange": uid(4), "position": "1"}, **bearer("key-of-auditor")
    )
    assert (answer.status_code, desk.links) == (403, [])
    assert "/console/identities" not in outside.get("/console", **bearer("key-of-auditor")).text


def test_an_auditor_may_not_review(browser: Open, desk: MemoryDesk) -> None:
    outside, key = browser(peer="203.0.113.9"), bearer("key-of-auditor")
    assert outside.get("/console/emergencies", **key).status_code == 403
    token = token_in(outside.get("/console", **key).text)
    said = {"token": token, "opening": uid(700), "finding": "justified", "note": "so"}
    assert outside.post("/console/emergencies", said, **key).status_code == 403
    assert desk.reviews == []


@pytest.mark.parametrize("act", ["replay", "give-up"])
def test_an_auditor_may_not_let_an_exchange_go_on(browser: Open, desk: MemoryDesk, act: str) -> None:
    outside, key = browser(peer="203.0.113.9"), bearer("key-of-auditor")
    path = f"/console/exchanges/{uid(0)}?lang=en"
    page = outside.get(path, **key).text
    assert "Send again" not in page
    said = {"token": token_in(page), "reason": "so", "act": act}
    assert (outside.post(path, said, **key).status_code, desk.acts) == (403, [])
    assert outside.post(path, {**said, "token": "x"}, **bearer("key-of-admin")).status_code == 403
    assert desk.acts == []


@pytest.mark.parametrize("token", ["", "x", "x.y", "é.ü"])
def test_a_form_without_our_token_is_refused(browser: Open, desk: MemoryDesk, token: str) -> None:
    answer = browser().post("/console/identities", {"token": token, "exchange": uid(4), "position": "1"})
    assert (answer.status_code, desk.links) == (403, [])


def test_a_token_of_somebody_else_or_of_yesterday_is_refused(browser: Open, desk: MemoryDesk) -> None:
    admin, here = browser(peer="203.0.113.9"), browser()
    theirs = token_in(admin.get("/console/identities", **bearer("key-of-admin")).text)
    stale = token_in(browser(clock=lambda: NOW - timedelta(hours=2)).get("/console/identities").text)
    for token in (theirs, stale):
        assert (
            here.post("/console/identities", {"token": token, "exchange": uid(4), "position": "1"}).status_code == 403
        )
    assert desk.links == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"origin": "//"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_sent_from_elsewhere_is_refused(browser: Open, desk: MemoryDesk, headers: dict[str, str]) -> None:
    here = browser()
    token = token_in(here.get("/console/identities").text)
    assert here.post(
        "/console/identities", {"token": token, "exchange": uid(4), "position": "1"}, **headers
    ).status_code in (401, 403)
    assert desk.links == []


@pytest.mark.parametrize("position", ["3", "0", "-1", "one", "", "１", "1e0"])
def test_a_candidate_that_is_not_there_cannot_be_linked(browser: Open, desk: MemoryDesk, position: str) -> None:
    here = browser()
    token = token_in(here.get("/console/identities").text)
    assert (
        here.post("/console/identities", {"token": token, "exchange": uid(4), "position": position}).status_code == 404
    )
    assert desk.links == []


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_shown_when_the_view_cannot_be_recorded(browser: Open, desk: MemoryDesk, path: str) -> None:
    desk.durable = False
    answer = browser().get(path)
    assert answer.status_code == 503
    assert shows_nothing(answer.text)


@pytest.mark.parametrize(
    "asked",
    [
        "foo=1",
        "who.name=x",
        "status=fine",
        "when.from=now",
        "day=tomorrow",
        "status=parked&status=failed",
        "%3Cscript%3E=1",
    ],
)
@pytest.mark.parametrize(("language", "words"), [("ko", "답할 수 없는 조건"), ("en", "not answered here")])
def test_an_unknown_filter_is_refused_in_the_readers_language(
    browser: Open, desk: MemoryDesk, asked: str, language: str, words: str
) -> None:
    answer = browser().get(f"/console?{asked}", accept_language=language)
    assert answer.status_code == 400
    assert words in answer.text
    assert f'<html lang="{language}">' in answer.text
    assert "<script>" not in answer.text
    assert desk.looks == []


@pytest.mark.parametrize("path", ["/console/exchanges/none", "/console/people/none", f"/console/people/{uid(0)}x"])
def test_what_is_not_there_is_not_found(browser: Open, path: str) -> None:
    assert browser().get(path).status_code == 404


def test_markup_in_values_stays_text(browser: Open, desk: MemoryDesk) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    one = exchange(0)
    desk.journal = [
        replace(one, who=Who(evil, evil, evil, evil), agreement=evil, why=replace(one.why, legal=evil, reason=evil))
    ]
    here = browser()
    for path in (
        "/console",
        f"/console/exchanges/{one.id}",
        f"/console/people/{person(0)}",
        "/console?why.purpose=COC&lang=en",
    ):
        text = here.get(path).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "&lt;script&gt;" in text or "why.purpose" in path


def test_too_much_or_another_form_is_refused(browser: Open) -> None:
    here = browser()
    assert here.post("/console/enter", {"key": "x" * 20_000}).status_code == 413
    assert here.get("/console?who.user=" + "x" * 5_000).status_code == 400
    sent = here.loop.run(here.client.post("/console/enter", json={"key": "key-of-admin"}))
    assert sent.status_code == 400


@pytest.mark.parametrize("key", ["wrong", "key-of-hospital"])
def test_a_key_that_opens_nothing_gives_no_cookie(browser: Open, desk: MemoryDesk, key: str) -> None:
    outside = browser(peer="203.0.113.9")
    token = token_in(outside.get("/console/enter").text)
    answer = outside.post("/console/enter", {"token": token, "key": key})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert key not in answer.text
    assert desk.refused == ["caller"]


@pytest.mark.parametrize("cookie", ["", "x", "x.y", "a.b.c", "\x7f"])
def test_a_cookie_we_did_not_sign_is_nobody(browser: Open, cookie: str) -> None:
    assert browser(peer="203.0.113.9").get("/console", cookie=f"console={cookie}").status_code == 401


def test_tokens_serve_one_use_and_one_key() -> None:
    token = sign(b"k", "visit", ("a", "b"), NOW)
    assert unsign(b"k", "visit", token, NOW - timedelta(seconds=1)) == ("a", "b")
    assert unsign(b"k", "visit", token, NOW) is None
    assert unsign(b"k", "form", token, NOW - timedelta(seconds=1)) is None
    assert unsign(b"other", "visit", token, NOW - timedelta(seconds=1)) is None


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "https://]", ""])
def test_an_origin_that_is_none_is_foreign_before_anybody_is_known(
    browser: Open, desk: MemoryDesk, origin: str
) -> None:
    here = browser(peer="203.0.113.9")
    fields = {"token": token_in(here.get("/console/enter").text), "key": "key-of-admin"}
    answer = here.post("/console/enter", fields, origin=origin)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (403, "text/html")
    assert here.post("/console/enter", fields, origin="http://localhost").status_code != 403  # the control


def test_a_defect_is_a_page_without_detail(
    browser: Open, desk: MemoryDesk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("hanbit 750101")

    here = browser()
    assert here.get("/console").status_code == 200  # the control
    monkeypatch.setattr(desk, "exchanges", broken)
    answer = here.get("/console")
    assert answer.status_code == 500
    assert shows_nothing(answer.text)
    assert "defect" in desk.refused
    said = capsys.readouterr()
    assert "750101" not in said.out + said.err + answer.text
