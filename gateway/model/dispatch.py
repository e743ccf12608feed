"""What a standard is told of one delivery besides what is released, and what it gives back (ARCHITECTURE.md, "Nouns")."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gateway.model.agreement import Agreement, Participant
from gateway.model.report import Loss


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One delivery: under which agreement, from whom to whom, for which event (`ADT^A03`, as it came in), when it was received.

    `overlays`: folders of maps that speak for this recipient, weakest first.
    """

    exchange: str
    at: datetime
    trigger: str
    agreement: Agreement
    operator: Participant
    recipient: Participant
    overlays: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendition:
    """The bytes in the recipient's standard, their content type, and the elements that have no place there."""

    body: bytes = field(repr=False)
    content_type: str
    losses: tuple[Loss, ...] = ()
