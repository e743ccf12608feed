"""The whole story of a citizen in a real browser: asked, shown, allowed, gone out, taken back, withheld; accessible on every page of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.messages import cases, consent, discharge
from gateway.demo.people import people
from tests.console.chromium import Chromium, missing
from tests.console.test_browser import CHECK, axe
from tests.flows.conftest import REFERRAL, Served
from tests.flows.signing import providing, registered

__all__ = ["axe"]
pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(missing()), reason=missing() or "chromium")]
OFFER = "/me/allow/mapo-care-team.COC"
HERE = "return location.pathname"


@pytest.fixture
def store_url(sqlite_url: str) -> str:
    """One kind of database is enough to look at pages; test_me.py asks both."""
    return sqlite_url


@pytest.fixture
def here(flow: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    with registered(flow, monkeypatch, tmp_path) as made, providing(made):
        yield made


@pytest.fixture
def window() -> Iterator[Chromium]:
    with Chromium() as opened:
        yield opened


def discharged(here: Served) -> Any:
    flow = here.flow
    here.posts(discharge(people()["silent"], flow.moment(), cases()["discharges"]["silent"]))
    here.runs(flow.drains())
    return flow.newest(REFERRAL)


def signs_in(window: Chromium, here: Served, account: str, language: str) -> None:
    window.open(f"{here.base}/login?lang={language}")
    window.run(f"document.getElementById('{account}').click()")


def clicks(window: Chromium, selector: str) -> None:
    """Presses Enter where the keyboard is put: what a mouse can do, a keyboard can."""
    window.run(f"document.querySelector({selector!r}).focus()")
    window.press("\ue007")


class Seen:
    """Pages as they went by: each one judged by axe-core, none wider than the screen, and kept as a picture when asked for."""

    def __init__(self, window: Chromium, axe: str, name: str) -> None:
        self._window = window
        self._axe = axe
        self._name = name
        self._number = 0

    def __call__(self, path: str, *words: str) -> None:
        window = self._window
        self._number += 1
        for _ in range(100):  # a page that a form leads to is there when it is there
            text = window.run("return document.readyState === 'complete' ? document.body.innerText : ''")
            if window.run(HERE) == path and text and all(word in text for word in words):
                break
            time.sleep(0.05)
        assert (window.run(HERE), [word for word in words if word not in text]) == (path, [])
        if folder := os.environ.get("PICTURES"):
            window.picture(Path(folder) / f"{self._name}-{self._number}.png")
        window.run(self._axe)
        assert window.later(CHECK) == []
        assert window.run("return document.documentElement.scrollWidth <= innerWidth")
        origins = "return performance.getEntriesByType('resource').map(e => new URL(e.name).origin).filter(o => o !== location.origin)"
        assert window.run(origins) == []


@pytest.mark.parametrize(
    ("language", "width", "scheme", "words"),
    [
        ("en", 360, "light", ("A question for you", "would come out differently", "holds now", "taken back")),
        ("ko", 1100, "dark", ("여쭙습니다", "달라집니다", "지금 유효", "철회함")),
    ],
)
def test_the_whole_story(
    here: Served, window: Chromium, axe: str, language: str, width: int, scheme: str, words: tuple[str, ...]
) -> None:
    question, differs, holds, over = words
    window.size(width)
    window.scheme(scheme)
    assert discharged(here).status == "refused"
    seen = Seen(window, axe, f"{language}-{width}")
    signs_in(window, here, "park-virtual", language)
    seen("/me", question)
    clicks(window, ".question a.button")
    seen(OFFER)
    assert window.run("return document.querySelectorAll('input:checked').length") == 0
    assert window.run("return document.getElementById('until').value") == ""
    window.run("document.getElementById('until').value = '2027-01-31'")
    clicks(window, "form.panel button")
    seen("/me/simulate")
    for kind in ("Condition", "Encounter"):
        window.run(f"document.getElementById('t-{kind}').focus()")
        window.press(" ")
    clicks(window, "form.panel button")
    seen("/me/simulate", differs)
    assert here.flow.newest(REFERRAL).status == "refused"
    clicks(window, "form.actions button")
    seen("/me", holds)
    assert question not in window.run("return document.body.innerText")
    assert discharged(here).status == "delivered"
    clicks(window, "a[href^='/me/withdraw/']")
    held = here.flow.node.store.consents(here.flow.newest(REFERRAL).whom.person)[1][0].id
    seen(f"/me/withdraw/{held}", differs)
    clicks(window, "form.actions button")
    seen("/me", over)
    assert discharged(here).status == "refused"
    clicks(window, "footer form button")
    seen("/logout")
    window.open(f"{here.base}/me?lang={language}")
    assert question not in window.run("return document.body.innerText")
    seen("/me")


@pytest.mark.parametrize("width", [360, 1100])
def test_pages_of_staff(here: Served, window: Chromium, axe: str, width: int) -> None:
    window.size(width)
    assert here.posts(consent(people()["silent"], here.flow.moment(), "Organization/mapo-care-team")).is_success
    assert discharged(here).status == "delivered"
    seen = Seen(window, axe, f"staff-{width}")
    for account, path in (
        ("han-caseworker", "/console/received"), ("moon-integrator", "/console/gaps"), ("seo-auditor", "/console"),
        ("jung-nobody", "/me"), ("bae-nothing", "/login/callback"),
    ):  # fmt: skip
        signs_in(window, here, account, "en")
        seen(path)
    signs_in(window, here, "yoon-protection", "ko")
    window.open(f"{here.base}/console/sessions?lang=ko")
    seen("/console/sessions", "yoon-protection")
