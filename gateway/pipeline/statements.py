"""What a person states here, or a guardian for somebody: a Consent given, one taken back, a question answered with no.

A statement is a document like any other: it goes through the line under the operator's own agreement, is checked, kept, on record, and
holds from that commit on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from gateway.consent.guardianship import is_too_young as younger
from gateway.errors import Conflict, GatewayError, NotFound, TooYoung
from gateway.model.document import PersonKey, Principal, Received
from gateway.model.records import Record, Unit
from gateway.model.wire import write_json
from gateway.pipeline import carry, offers
from gateway.pipeline.acts import act
from gateway.pipeline.citizen import DECLINED, question_key, standings
from gateway.pipeline.guardians import Ward, patient_facts, wards
from gateway.pipeline.node import Node
from gateway.pipeline.offers import Offer, Wish
from gateway.pipeline.sessions import Session, identifier_of, person_of

GUARDIAN = "guardian"  # the role in the log of somebody who speaks for another one
_PAGE = {"transport": "console"}


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whose affairs these are, and who speaks: the person of the session, or a guardian for a `ward`."""

    session: Session
    person: PersonKey
    ward: Ward | None = None

    @property
    def principal(self) -> Principal:
        """Who speaks, as the log names it."""
        by = self.session.principal
        return by if self.ward is None else replace(by, roles=(*by.roles, GUARDIAN))


def speaker(node: Node, session: Session, ward: str = "") -> Speaker:
    """The signed-in person, or with the id of a RelatedPerson a guardian for whoever that one is about. Raises NotFound for somebody
    nobody here knows, and for anybody for whom the person may not act today."""
    if ward:
        found = [one for one in wards(node, session.identifier) if one.id == ward]
        if not found:
            raise NotFound
        return Speaker(session, found[0].person, found[0])
    person = person_of(node, session)
    if person is None:
        raise NotFound
    return Speaker(session, person)


def is_too_young(node: Node, who: Speaker) -> bool:
    """Whether the signed-in person, also as somebody's guardian, is known to be younger than those who decide alone (the site's
    `ages.ownConsentFrom`)."""
    person = who.person if who.ward is None else person_of(node, who.session)
    if person is None:
        return False
    whom = {"reference": f"Patient/{person}", "birthDate": patient_facts(node, person).birth_date}
    return younger(whom, node.clock().isoformat(), node.site.register)


async def check_age(node: Node, who: Speaker, what: str) -> None:
    """Raises TooYoung, once that is on record: `what` somebody wanted who does not decide alone."""
    if is_too_young(node, who):
        fact = act(node, who.principal, "too-young", {"asked": what}, person=who.person, kind="refusal", how=_PAGE)
        await asyncio.wrap_future(node.store.commit(Unit((fact,))))
        raise TooYoung


def declined(node: Node, who: Speaker, offer: Offer) -> Unit:
    """That the person was asked and does not want it, on record: nothing changes, and nobody asks again."""
    at = node.clock()
    fact = act(node, who.principal, "declined", {"question": offer.id}, person=who.person, how=_PAGE)
    return Unit((Record(DECLINED, question_key(who.person, offer), {}, at), fact))


def draft(node: Node, who: Speaker, wish: Wish) -> dict[str, Any]:
    """The Consent of a wish. One statement for each recipient and purpose: a new one takes the place of the last."""
    named = identifier_of(node, who.session) if who.ward is None else who.ward.identifier
    id = node.keyring.token("own-consent", f"{node.keyring.token(*named)}|{wish.offer.id}")[:60]
    at = node.clock()
    made = offers.given(node.site, wish, id, _identified(named), at, at.astimezone(ZoneInfo(node.site.zone)).date())
    return _signed(node, made, who)


async def give(node: Node, who: Speaker, wish: Wish) -> None:
    """The wish, in force when this returns. Raises TooYoung, and what the line refuses it for."""
    await check_age(node, who, "give")
    await _stated(node, who, draft(node, who, wish))


async def take_back(node: Node, who: Speaker, id: str) -> None:
    """A Consent in force about the person, whoever brought it, taken back. Raises TooYoung, NotFound for any other."""
    await check_age(node, who, "take-back")
    mine = standings(node, who.person)
    if not any(one.id == id and one.state in ("in-force", "later") for one in mine):
        raise NotFound
    named = identifier_of(node, who.session) if who.ward is None else who.ward.identifier
    own = node.keyring.token("withdrawal", id)[:60]
    made = offers.taken_back(node.site, own, _identified(named), node.clock(), id)
    await _stated(node, who, _signed(node, made, who))


def _identified(named: tuple[str, str]) -> dict[str, Any]:
    return {"identifier": dict(zip(("system", "value"), named, strict=True))}


def _signed(node: Node, consent: dict[str, Any], who: Speaker) -> dict[str, Any]:
    """With the guardian as the one who signed; a person's own needs no word about that (R4 Consent.performer)."""
    if who.ward is None:
        return consent
    return {**consent, "performer": [{"type": "RelatedPerson", **_identified(identifier_of(node, who.session))}]}


async def _stated(node: Node, who: Speaker, consent: Mapping[str, Any]) -> None:
    """A statement through the line, kept. Raises its refusal; Conflict when it was not kept."""
    person = who.person
    by = replace(who.principal, participant=node.site.id)
    received = Received(node.ids(), by, write_json(consent), "application/fhir+json", "me", node.clock())
    receipt = await carry(node, received)
    error: GatewayError | None = receipt.error
    if error is not None:
        raise error
    kept = [node.store.exchange(id) for id, _ in receipt.exchanges]
    if not any(one is not None and one.status == "kept" and one.whom.person == person for one in kept):
        raise Conflict("The statement was not kept.")


__all__ = ["GUARDIAN", "Speaker", "check_age", "declined", "draft", "give", "is_too_young", "speaker", "take_back"]
