"""The part of the line that needs no store: receive → parse → validate → map → validate, and what a dry run may echo of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.errors import NotAgreed
from gateway.mapping import MapContext
from gateway.mapping.overlay import layers
from gateway.model.agreement import Participant, Site
from gateway.model.document import Mapped, Parsed, Received
from gateway.model.questions import Step
from gateway.pipeline.node import Node
from gateway.stages.map import conversion, map_document
from gateway.stages.parse import parse_document
from gateway.stages.validate import validate_document, validate_mapped
from gateway.validating.rulebook import Rulebook, Rules, rules_of

MAX_ITEMS = 2_000  # resources of one document: what is decided one by one must stay a matter of seconds


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document read, checked and mapped: all that needs no store."""

    parsed: Parsed
    mapped: Mapped
    notes: tuple[tuple[str, str], ...]  # (stage, note) of what was done
    findings: Mapping[str, Any]
    valid: bool  # what it became, by the FHIR R4 core

    def steps(self, received: Received, at: datetime) -> tuple[Step, ...]:
        """The stages so far, for the journal."""
        return (
            Step("receive", received.at, note=_interaction(received)),
            *(Step(stage, at, note=note) for stage, note in self.notes),
        )

    def echo(self) -> Mapping[str, Any]:
        """What a dry run tells the sender of its own document."""
        made = conversion(self.mapped)
        losses = [{"source": loss.source, "reason": loss.reason} for loss in made.losses]
        origins = {path: {"source": o.source, "rule": o.rule} for path, o in made.origins.items()}
        return {"content": made.content, "losses": losses, "origins": origins, "findings": self.findings}


def _interaction(received: Received) -> str:
    """What of FHIR a document is: `create`, `update` or `transaction`; "" for one that is taken as a document."""
    if len(received.writes) > 1:
        return "transaction"
    return "".join({"POST": "create", "PUT": "update"}[one.method] for one in received.writes)


def prepare(received: Received, sender: Participant, context: MapContext, rules: Rules | None = None) -> Prepared:
    """receive → parse → validate → map → validate. Pure: needs no node and no store, so that it can run in a process of its own.

    Raises what is Unusable (TooLarge: over MAX_ITEMS), NotAgreed when the document names another sender.
    """
    parsed = parse_document(received)
    _agrees(sender, parsed)
    report = validate_document(parsed)
    mapped = map_document(parsed, context=context, most=MAX_ITEMS)
    notes = (("parse", ""), ("validate", f"{len(report.findings)} findings"), ("map", ", ".join(mapped.map)))
    made = validate_mapped(mapped, rules)
    findings = (report + mapped.report + made).as_outcome()
    return Prepared(replace(parsed, tree=None), mapped, notes, findings, made.ok)


def prepare_apart(received: Received, sender: Participant, context: MapContext, rulebook: Rulebook) -> Prepared:
    """The same in a process of its own, which opens the rules of the site for itself."""
    return prepare(received, sender, context, rules_of(rulebook))


def _agrees(sender: Participant, parsed: Parsed) -> None:
    """MSH-3/4 must agree with who is calling; they never prove who is calling. A resource of FHIR names no sender."""
    application, facility = parsed.sender
    named = parsed.standard == "hl7v2" or application or facility
    if (
        named
        and sender.facilities
        and facility not in sender.facilities
        and f"{application}/{facility}" not in sender.facilities
    ):
        raise NotAgreed("The sending facility does not belong to this caller.", "MSH-3", "MSH-4")


def context_of(node: Node, sender: Participant, recipient: Participant | None = None) -> MapContext:
    """What the maps may know of a sender (and, for a second map, of a recipient)."""
    return declared(node.site, sender, node.keyring.id_key, recipient)


def declared(site: Site, sender: Participant | None, id_key: bytes, recipient: Participant | None = None) -> MapContext:
    """What a site declares of a sender, and what it says for all of them where nobody knows who sent."""
    to = recipient.id if recipient else ""
    common = MapContext(
        national_systems=site.national_systems, id_key=id_key, recipient=to,
        recipient_reference=recipient.references[0] if recipient else "",
        overlays=layers(site.root / "mappings", sender.id if sender else "", to),
    )  # fmt: skip
    if sender is None:
        return common
    return replace(
        common, sender=sender.id, zone=sender.zone, identifier_systems=sender.identifier_systems,
        code_systems=sender.code_systems,
    )  # fmt: skip
