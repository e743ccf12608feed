"""The pages in a real browser: accessible to axe-core, usable at 360 px, with the keyboard, in the dark and on paper."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

from gateway.console import routes
from tests.console.chromium import Chromium, missing
from tests.console.conftest import MemoryDesk, access, person, uid, worklist

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(missing()), reason=missing() or "chromium")]

AXE = "axe-core@4.10.3"
CACHE = Path(__file__).parents[2] / "var" / "cache"
PAGES = {
    "exchanges": "/console",
    "found": "/console?why.purpose=COC&status=delivered",
    "exchange": f"/console/exchanges/{uid(0)}",
    "parked": f"/console/exchanges/{uid(4)}",
    "person": f"/console/people/{person(0)}",
    "identities": "/console/identities",
    "emergencies": "/console/emergencies",
    "gaps": "/console/gaps",
    "enter": "/console/enter",
    "problem": "/console?foo=1",
}
CHECK = """
const done = arguments[arguments.length - 1];
axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
  .then(found => done(found.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.target.join(" ") + " " + n.failureSummary).join("; "))));
"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core, fetched once by npm into the cache of the checkout; never part of the project."""
    file = CACHE / f"{AXE}.js"
    if not file.exists():
        if shutil.which("npm") is None:
            pytest.skip("axe-core is fetched with npm, which is not installed")
        CACHE.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=CACHE) as own:  # of this process: others fetch at the same time
            packed = subprocess.run(
                ["npm", "pack", AXE, "--silent"], cwd=own, capture_output=True, text=True, timeout=120
            )
            if packed.returncode:
                pytest.skip("axe-core could not be fetched from npm")
            with tarfile.open(Path(own) / packed.stdout.strip().splitlines()[-1]) as package:
                source = package.extractfile("package/axe.min.js")
                assert source is not None
                (Path(own) / file.name).write_bytes(source.read())
            (Path(own) / file.name).replace(file)
    return file.read_text()


@contextmanager
def serving() -> Iterator[str]:
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=routes(MemoryDesk(worklist=worklist()), access())), port=0, log_level="error")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.02)
            assert thread.is_alive()
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def window() -> Iterator[Chromium]:
    with Chromium() as opened:
        yield opened


def go(window: Chromium, base: str, name: str, language: str = "en") -> None:
    path = PAGES[name]
    window.open(f"{base}{path}{'&' if '?' in path else '?'}lang={language}")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    ("width", "scheme", "language"), [(360, "light", "ko"), (1280, "dark", "en"), (1280, "light", "ko")]
)
def test_axe_finds_nothing(
    window: Chromium, base: str, axe: str, name: str, width: int, scheme: str, language: str
) -> None:
    window.size(width)
    window.scheme(scheme)
    go(window, base, name, language)
    window.run(axe)
    assert window.later(CHECK) == []


def test_axe_would_find_something(window: Chromium, base: str, axe: str) -> None:
    go(window, base, "enter")
    window.run(
        "document.querySelector('label').remove(); document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x>');"
    )
    window.run(axe)
    assert {found.partition(":")[0] for found in window.later(CHECK)} >= {"label", "image-alt"}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_is_wider_than_the_screen(window: Chromium, base: str, name: str, width: int) -> None:
    window.size(width)
    for language in ("ko", "en"):
        go(window, base, name, language)
        assert window.run("return document.documentElement.scrollWidth") <= width


def test_the_keyboard_reaches_everything_with_a_visible_focus(window: Chromium, base: str) -> None:
    window.size(1280)
    go(window, base, "exchanges")
    reached: list[Any] = []
    for _ in range(15):
        window.press("\ue004")  # Tab
        focus = "const e = document.activeElement, s = getComputedStyle(e); return [e.textContent.trim(), s.outlineStyle, parseFloat(s.outlineWidth)]"
        reached.append(window.run(focus))
    assert reached[0][0] == "Skip to content"
    assert [text for text, style, width in reached if style != "solid" or width < 2] == []
    assert "Ask by the seven questions" in [text for text, *_ in reached]


def test_the_filters_work_without_a_mouse_and_leave_out_empty_fields(window: Chromium, base: str) -> None:
    window.size(1280)
    go(window, base, "exchanges")
    window.run("document.querySelector('details').open = true; document.getElementById('f-why.purpose').value = 'COC';")
    window.run("document.querySelector('form[data-clean] button').click();")
    asked = window.run("return location.search")
    assert "why.purpose=COC" in asked
    assert "who.user" not in asked


def test_rows_become_cards_on_a_phone_and_stay_a_table_to_a_screen_reader(window: Chromium, base: str) -> None:
    window.size(360)
    go(window, base, "exchanges")
    assert window.run("return getComputedStyle(document.querySelector('table.exchanges tbody tr')).display") == "block"
    assert window.run("return document.querySelectorAll('table.exchanges [role=cell]').length") > 25
    window.size(1280)
    assert (
        window.run("return getComputedStyle(document.querySelector('table.exchanges tbody tr')).display") == "table-row"
    )


def test_nothing_is_refused_by_the_content_security_policy(window: Chromium, base: str) -> None:
    for name in PAGES:
        go(window, base, name)
        loaded = "return performance.getEntriesByType('resource').map(e => new URL(e.name).origin).filter(o => o !== location.origin)"
        assert window.run(loaded) == []
        assert window.run("return document.styleSheets.length") == 1
        assert window.run("return getComputedStyle(document.querySelector('.top')).display") == "flex"


def test_on_paper_the_facts_remain(window: Chromium, base: str) -> None:
    window.size(1280)
    go(window, base, "exchange")
    window.devtools("Emulation.setEmulatedMedia", {"media": "print"})
    shown = "return [...document.querySelectorAll('nav, .tools, h1, .sheet')].map(e => getComputedStyle(e).display === 'none')"
    assert window.run(shown) == [True, True, False, False]
    window.devtools("Emulation.setEmulatedMedia", {"media": ""})
