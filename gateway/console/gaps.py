"""`/console/gaps`: codes and fields that met no rule, by sender, for those who write maps; no person and no exchange is in it."""

from __future__ import annotations

from gateway.console.desk import Look
from gateway.console.visit import Page, Visit

MOST = 200


def gaps(visit: Visit) -> Page:
    """What met no rule, the most frequent first."""
    rows = sorted(visit.desk.gaps(), key=lambda row: -row.count)[:MOST]
    return visit.show(Look("gaps"), "gaps.html", rows=rows)
