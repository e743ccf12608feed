"""One agreement's exchange of a prepared document: shaped, decided, released in proof, and everything that is to be kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import structlog

from gateway.consent.succession import may_follow
from gateway.errors import Conflict, Invalid
from gateway.model.agreement import Agreement
from gateway.model.document import Item, Mapped, Received
from gateway.model.duration import later
from gateway.model.questions import Decision, Exchange, How, Status, Step, What, When, Where, Who, Whom, Why
from gateway.model.records import EpochBump, ResourceRecord, Unit
from gateway.model.wire import read_json, write_json
from gateway.pipeline.again import LOSS_BUDGET, Again, missing, over_budget, parked_record
from gateway.pipeline.index import version_of
from gateway.pipeline.node import Node
from gateway.pipeline.onfile import on_file
from gateway.pipeline.person import Whose
from gateway.pipeline.prepare import Prepared, context_of
from gateway.pipeline.withdrawing import with_source
from gateway.pipeline.writing import created_before
from gateway.stages.decide import Asked, decide_items, labelled
from gateway.stages.identify import attributed, readdress, tokenised
from gateway.stages.map import follow
from gateway.stages.record import AuditKind, decision_row, fact_of, gist, outbox_entry, what_of
from gateway.stages.release import release
from gateway.stages.validate import validate_mapped

_log = structlog.get_logger("gateway.line")
DEFECT = "Defect"


def outcome(
    node: Node, received: Received, prepared: Prepared, whose: Whose, agreement: Agreement, again: Again | None = None
) -> tuple[Exchange, Unit]:
    """One agreement's exchange and everything it writes. `again`: one that waited and goes on, or another try of one that ended."""
    sheet = _sheet(node, received, prepared, whose, agreement)
    sheet = again.of(sheet) if again is not None else sheet
    if whose.person is None:
        return _noted(node, sheet, "parked", f"identity-{whose.identity.because}", "identify")
    mapped, steps = _shaped(node, received, prepared, agreement)
    items = attributed(readdress(mapped.items, whose.addresses), whose.person)
    items = tokenised(items, node.site.national_systems, node.keyring.token)
    sheet = replace(sheet, steps=sheet.steps + steps, how=replace(sheet.how, map=", ".join(mapped.map)))
    sheet = replace(sheet, what=missing(sheet.what, mapped.losses))
    if over_budget(sheet, agreement, again.allowed if again else 0):
        return _noted(node, sheet, "parked", LOSS_BUDGET, "map")
    if not (prepared.valid if mapped is prepared.mapped else validate_mapped(mapped, node.rules).ok):
        return _noted(node, sheet, "parked", "invalid-result", "validate")
    if any(not _is_own_consent(item, whose) for item in items):
        raise Invalid("The patient of a Consent cannot be told to be the person of this document.", "Consent.patient")
    if agreement.interaction == "keep":
        return _kept(node, received, sheet, [item for item in items if _is_kept(item, agreement, whose)])
    return _decided(node, received, sheet, items, agreement, whose, again.phase if again else "receipt")


def broken(
    node: Node, received: Received, prepared: Prepared, whose: Whose, agreement: Agreement
) -> tuple[Exchange, Unit]:
    """The exchange of an agreement in which something went wrong on our side: parked, to be seen."""
    return _noted(node, _sheet(node, received, prepared, whose, agreement), "parked", DEFECT, "decide")


def _sheet(node: Node, received: Received, prepared: Prepared, whose: Whose, agreement: Agreement) -> Exchange:
    """The exchange as far as it is known before any decision."""
    parsed, principal = prepared.parsed, received.principal
    by = later(received.at, agreement.due) if agreement.due else None
    steps = (
        *prepared.steps(received, node.clock()),
        Step("identify", node.clock(), "ok" if whose.person else "parked"),
    )
    return Exchange(
        id=node.ids(), received_id=received.id, agreement=agreement.id, status="pending", site_revision=node.site.revision,
        who=Who(**principal.who(node.account(parsed.user or principal.user))),
        whom=Whom(whose.person, agreement.recipient),
        when=When(received.at, due=by, keep_until=_keep_until(node, received, agreement)),
        where=Where(agreement.jurisdiction, principal.network, agreement.endpoint),
        what=What(parsed.trigger),
        why=Why(agreement.purpose, agreement.basis, agreement.statute),
        how=How(parsed.standard, received.transport, agreement.interaction, ", ".join(prepared.mapped.map), agreement.profile),
        steps=steps,
    )  # fmt: skip


def _keep_until(node: Node, received: Received, agreement: Agreement) -> str:
    return node.day(later(received.at, agreement.keep)).isoformat() if agreement.keep else ""


def _shaped(
    node: Node, received: Received, prepared: Prepared, agreement: Agreement
) -> tuple[Mapped, tuple[Step, ...]]:
    """The second map (FHIR → FHIR) that the agreement names."""
    if not agreement.map:
        return prepared.mapped, ()
    sender, recipient = node.participant(received.principal.participant), node.participant(agreement.recipient)
    mapped = follow(prepared.mapped, agreement.map, context_of(node, sender, recipient))
    return mapped, (Step("map", node.clock(), note=agreement.map),)


def _noted(node: Node, sheet: Exchange, status: Status, reason: str, stage: str) -> tuple[Exchange, Unit]:
    """An exchange that ends (for now) without a decision; one that waits for an operator has a record that only one of them takes."""
    at = node.clock()
    step = Step(stage, at, status, reason)
    noted = replace(sheet, status=status, why=replace(sheet.why, reason=reason), steps=(*sheet.steps, step))
    unit = Unit((noted, fact_of(noted, "refusal", reason, at, node.ids)))
    if status == "parked":
        _log.warning("parked", exchange=noted.id, agreement=noted.agreement, reason=reason, lost=noted.what.lost)
    return noted, unit + (Unit((parked_record(noted),)) if stage != "identify" else Unit())


def _is_kept(item: Item, agreement: Agreement, whose: Whose) -> bool:
    """A type that the agreement names, and of Patients and Consents only the person's own: not the one merged away, no third party."""
    kind, own = item.resource["resourceType"], f"Patient/{whose.person}"
    if kind not in agreement.types:
        return False
    return kind != "Patient" or item.reference == own


def _is_own_consent(item: Item, whose: Whose) -> bool:
    patient = item.resource.get("patient", {}) if item.resource["resourceType"] == "Consent" else None
    return patient is None or patient.get("reference") == f"Patient/{whose.person}"


def _kept(node: Node, received: Received, sheet: Exchange, items: Sequence[Item]) -> tuple[Exchange, Unit]:
    """The gateway itself is the recipient: Consents take effect with this commit, the rest is indexed in `drain`."""
    at = node.clock()
    labels = labelled(items, node.site, {})
    kept = replace(sheet, status="kept", when=replace(sheet.when, decided=at), steps=(*sheet.steps, Step("keep", at)))
    unit = Unit((kept, fact_of(kept, "outcome", "kept", at, node.ids)))
    consents = [item for item in labels if item.resource["resourceType"] == "Consent"]
    for item in consents:
        unit += _consent(node, kept, item) + with_source(node, kept, item)
    rest = [i for i in labels if i not in consents and i.resource["resourceType"] in node.site.kept_types]
    source = received.principal.participant
    if received.writes:  # its sender is told the version
        before = created_before(node, received)
        unit = sum((version_of(node, kept, item, source) for item in rest if item.reference not in before), unit)
    elif rest:
        unit += outbox_entry(kept, "index", "store", rest, {"source": source}, at, node.keyring, node.ids)
    return kept, unit


def _consent(node: Node, kept: Exchange, item: Item) -> Unit:
    """A Consent, in force from this commit on; the person's epoch makes every older decision stale."""
    person = kept.whom.person
    assert person is not None  # noqa: S101 parked otherwise
    versions = node.store.versions("Consent", str(item.resource["id"]))
    before = versions[0] if versions else None
    if before is not None and (node.store.survivor(before.person) != person or before.source != kept.who.participant):
        raise Conflict("This Consent is on file about somebody else, or from somebody else.")
    dated = {"dateTime": kept.when.received.isoformat(timespec="seconds"), **item.resource}
    if versions and not may_follow(dated, [read_json(node.keyring.open(row.content)) for row in versions]):
        raise Conflict("This Consent was withdrawn or replaced; a new one has a later date of its own.")
    body = write_json(dated, canonical=True)
    sealed, keys = node.keyring.seal(f"person:{person}", body)
    version = before.version + 1 if before else 1
    row = ResourceRecord(
        "Consent", str(item.resource["id"]), version, person, kept.who.participant, tuple(sorted(item.labels)),
        node.keyring.digest(body), kept.when.received, sealed,
    )  # fmt: skip
    return Unit((*keys, row), (EpochBump(person),))


def _decided(
    node: Node,
    received: Received,
    sheet: Exchange,
    items: Sequence[Item],
    agreement: Agreement,
    whose: Whose,
    phase: Literal["receipt", "replay"],
) -> tuple[Exchange, Unit]:
    """decide → release → record: yes goes to the outbox, no is on record, shadow and dry runs stop here."""
    person = whose.person
    assert person is not None  # noqa: S101 parked otherwise
    at, recipient = node.clock(), node.participant(agreement.recipient)
    known = on_file(node, person, whose.identity.birth_date, items, agreement)
    marked = labelled(items, node.site, known.known_labels)
    asked = Asked(agreement, recipient, "push", sheet.how.standard, at, received.at)
    decision = decide_items(marked, asked, node.site, known)
    steps = (*sheet.steps, Step("decide", at, decision.decision, decision.reason))
    decided = _answered(node, sheet, decision, marked, steps)
    if decision.decision == "deny":
        no = replace(decided, status="refused")
        rows = decision_row(no.id, phase, decision, at, node.site.revision, node.keyring, node.ids)
        return no, Unit((no, fact_of(no, "refusal", decision.reason, at, node.ids))) + rows
    release(marked, decision, recipient.id, node.site, node.keyring.rekey)  # proves now that the obligations can be met
    yes = replace(decided, steps=(*decided.steps, Step("release", node.clock())), status=_status(received, agreement))
    kind: AuditKind = "intent" if yes.status == "pending" else "outcome"  # nothing will leave in shadow or in a dry run
    unit = Unit((yes, fact_of(yes, kind, yes.status, at, node.ids)))
    unit += decision_row(yes.id, phase, decision, at, node.site.revision, node.keyring, node.ids)
    if yes.status == "pending":
        lost = {"lost": yes.what.lost, "lostAt": list(yes.what.lost_at)}
        extra = {"birthDate": whose.identity.birth_date, "answer": gist(decision), **lost}
        unit += outbox_entry(yes, "deliver", recipient.id, marked, extra, at, node.keyring, node.ids)
    return yes, unit


def _status(received: Received, agreement: Agreement) -> Status:
    if received.dry_run:
        return "dry"
    return "shadowed" if agreement.state == "shadow" else "pending"


def _answered(
    node: Node, sheet: Exchange, decision: Decision, items: Sequence[Item], steps: tuple[Step, ...]
) -> Exchange:
    at = steps[-1].at
    by = min((d for d in (sheet.when.due, decision.due) if d), default=None)
    return replace(
        sheet, steps=steps,
        when=replace(sheet.when, decided=at, due=by),
        what=what_of(sheet.what, decision, items, node.keyring.digest),
        why=replace(sheet.why, reason=decision.reason),
        how=replace(sheet.how, obligations=decision.obligations),
    )  # fmt: skip
