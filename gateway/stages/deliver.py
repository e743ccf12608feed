"""The stage `deliver`: a Released in its recipient's standard, validated as rendered. Rendering can lose, never add (ARCHITECTURE.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.errors import GiveUp
from gateway.model.agreement import Agreement
from gateway.model.released import Released
from gateway.standards import standards


@dataclass(frozen=True, slots=True)
class Rendered:
    """What goes over the wire to one endpoint; made of a Released, never stored."""

    body: bytes
    headers: Mapping[str, str]


def render(released: Released, agreement: Agreement, exchange: str, at: datetime, recipient: str) -> Rendered:
    """The bytes for the agreement's standard and interaction. Raises GiveUp when they would not be valid there."""
    standard = standards()[agreement.standard.partition("-")[0]]
    body, content_type = standard.render(released, agreement.interaction, exchange, at, recipient)
    report = standard.check(standard.parse(body))
    if not report.ok:
        raise GiveUp(
            "What was rendered is not valid in the recipient's standard.", *(f.expression for f in report.findings[:5])
        )
    return Rendered(body, {"Content-Type": content_type, "X-Request-Id": exchange})
