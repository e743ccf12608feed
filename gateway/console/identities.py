"""`/console/identities`: documents whose person nobody could name, with candidates by position, for operators (ARCHITECTURE.md, identify)."""

from __future__ import annotations

from gateway.console.desk import Look
from gateway.console.visit import Page, Visit
from gateway.errors import NotAllowed, NotFound

PAGE = 50


def identities(visit: Visit) -> Page:
    """The worklist. Raises NotAllowed for anybody but an operator."""
    _only_operator(visit)
    waiting = visit.desk.waiting(PAGE)
    return visit.show(Look("identities"), "identities.html", waiting=waiting, linked=visit.one("linked") == "1")


def link(visit: Visit) -> str:
    """Links a waiting exchange to a candidate; the address to go to then. Raises NotAllowed, NotFound."""
    _only_operator(visit)
    position = visit.form.get("position", "")
    if visit.principal is None or not (position.isascii() and position.isdecimal() and len(position) < 4):
        raise NotFound
    visit.desk.link(visit.principal, visit.form.get("exchange", ""), int(position))
    return visit.link("/console/identities", linked="1")


def _only_operator(visit: Visit) -> None:
    if not visit.is_operator:
        raise NotAllowed
