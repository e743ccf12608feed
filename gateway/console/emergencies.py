"""`/console/emergencies`: records that were opened in an emergency and wait for a review, to be closed."""

from __future__ import annotations

from gateway.console.desk import Look
from gateway.console.visit import Page, Visit
from gateway.errors import NotAllowed


def emergencies(visit: Visit) -> Page:
    """What waits, oldest first, with the reasons that were given."""
    waiting, now = visit.desk.emergencies(), visit.access.clock()
    late = frozenset(one.id for one in waiting if one.review <= now)
    return visit.show(
        Look("emergencies"), "emergencies.html", waiting=waiting, late=late, closed=visit.one("closed") == "1"
    )


def close(visit: Visit) -> str:
    """Closes one review; the address to go to then. Raises NotAllowed, NotFound, Invalid, Conflict."""
    if visit.principal is None:
        raise NotAllowed
    form = visit.form
    visit.desk.review(visit.principal, form.get("opening", ""), form.get("finding", ""), form.get("note", ""))
    return visit.link("/console/emergencies", closed="1")
