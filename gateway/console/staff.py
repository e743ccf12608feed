"""`/console/sessions`: who is signed in, and ending a session at once (RFC 6819, 5.1.5.2), for operators and protection officers."""

from __future__ import annotations

from gateway.console.desk import Look
from gateway.console.visit import Page, Visit
from gateway.errors import NotAllowed, NotFound
from gateway.pipeline import sessions


def signed_in(visit: Visit) -> Page:
    """Every session that holds, newest first. Raises NotFound where nobody signs in."""
    if visit.people is None:
        raise NotFound
    rows = sessions.all_now(visit.people.node, visit.people.terms)
    return visit.show(Look("sessions"), "sessions.html", rows=rows, ended=visit.one("ended") == "1")


def end(visit: Visit) -> str:
    """Ends one; the address to go to then. Raises NotFound when there is none (any more)."""
    if visit.people is None or visit.principal is None:
        raise NotAllowed
    if not sessions.end(visit.people.node, visit.form.get("session", ""), visit.principal):
        raise NotFound
    return visit.link("/console/sessions", ended="1")
