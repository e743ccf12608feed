"""Pages to HTML: autoescaped templates, no inline script or style, headers that let nothing in from elsewhere (CSP level 3)."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.audit.wording import LANGUAGES, wording
from gateway.console.visit import Page, Visit

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def html(page: Page, visit: Visit) -> HTMLResponse:
    """A page in the language of the visit."""
    speaks = visit.messages
    given: dict[str, Any] = {
        "visit": visit,
        "t": speaks.say,
        "term": speaks.term,
        "lang": speaks.language,
        "languages": LANGUAGES,
        "purpose": wording(speaks.language).purpose,
        "stamp": lambda at: _stamp(at, visit),
        "lapse": _lapse,
        "moment": lambda at: speaks.moment(at, visit.zone),
        "day": speaks.day,
        "participant": lambda code: _named(code, visit),
        "names": lambda codes: ", ".join(_named(code, visit) or speaks.say("me.to.other") for code in codes),
        "purposes": lambda codes: ", ".join(wording(speaks.language).purpose(code) for code in codes),
        "kindly": lambda types: ", ".join(wording(speaks.language).types.get(kind, kind) for kind in types),
        "kinds": lambda rows: wording(speaks.language).items(tuple(row["reference"] for row in rows)),
    }
    text = _templates().get_template(page.template).render(given | dict(page.given))
    return HTMLResponse(text, page.status, HEADERS | {"Content-Language": speaks.language})


def _named(code: str, visit: Visit) -> str:
    """A participant's name in the reader's language, for those who may know it."""
    return visit.desk.names(visit.messages.language).get(code, code) if visit.principal else code


def to(address: str) -> Response:
    """On to another page."""
    return RedirectResponse(address, 303, HEADERS)


@cache
def _templates() -> Environment:
    loader = PackageLoader("gateway.console", "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["short"] = _short
    return made


def _short(key: str) -> str:
    """The first eight characters of an id: enough to tell rows apart."""
    return str(key)[:8]


def _stamp(at: datetime, visit: Visit) -> str:
    return f"{at.astimezone(visit.zone):%Y-%m-%d %H:%M:%S}"


def _lapse(start: datetime, at: datetime) -> str:
    """Time since the first step: `+40 ms`, `+3.2 s`, `+1:02:03`."""
    seconds = (at - start).total_seconds()
    if seconds < 1:
        return f"+{round(seconds * 1000)} ms"
    return f"+{seconds:.1f} s" if seconds < 60 else f"+{str(at - start).partition('.')[0]}"
