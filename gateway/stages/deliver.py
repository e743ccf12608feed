"""The stage `deliver`: a Released in its recipient's standard, validated as rendered. Rendering can lose, never add (ARCHITECTURE.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import Defect, Unusable
from gateway.model.agreement import Agreement
from gateway.model.dispatch import Dispatch
from gateway.model.released import Released
from gateway.model.report import Loss
from gateway.standards import Standard, standards


@dataclass(frozen=True, slots=True)
class Rendered:
    """What goes over the wire to one endpoint; made of a Released, never stored."""

    body: bytes
    headers: Mapping[str, str]
    losses: tuple[Loss, ...] = ()  # what the recipient's standard has no place for


def render(released: Released, dispatch: Dispatch) -> Rendered:
    """The bytes for the agreement's standard and interaction. Raises Defect when a door of that standard would not take them."""
    standard = _standard(dispatch.agreement)
    made = standard.render(released, dispatch)
    try:
        standard.admit(standard.parse(made.body))
    except Unusable as error:
        raise Defect("What was rendered is not valid in the recipient's standard.", *error.positions[:5]) from error
    return Rendered(made.body, {"Content-Type": made.content_type, "X-Request-Id": dispatch.exchange}, made.losses)


def accept(rendered: Rendered, answer: bytes, agreement: Agreement) -> None:
    """The recipient's answer, in its standard. Raises what is Undeliverable when it does not say that the document was taken."""
    _standard(agreement).accepted(rendered.body, answer)


def _standard(agreement: Agreement) -> Standard:
    """`fhir-r4` is spoken by `fhir`."""
    return standards()[agreement.standard.partition("-")[0]]
