"""`/console/received`: what has come to a caseworker's own organisation, and nothing of what has not (ARCHITECTURE.md, "Roles")."""

from __future__ import annotations

from gateway.console.desk import Look
from gateway.console.visit import Page, Visit
from gateway.errors import NotAllowed

MOST = 100
_CAME = ("delivered", "answered")


def received(visit: Visit) -> Page:
    """The newest exchanges that reached the organisation. What was refused or withheld is not told: that somebody is known elsewhere is
    itself something that was not agreed. Raises NotAllowed for nobody."""
    if visit.principal is None:
        raise NotAllowed
    own = visit.principal.participant
    rows = [row for status in _CAME for row in visit.desk.exchanges({"whom_recipient": own, "status": status}, MOST)]
    newest = sorted(rows, key=lambda row: row.when.received, reverse=True)[:MOST]
    return visit.show(Look("received", asked={"whom.recipient": own}), "received.html", rows=newest, own=own)
