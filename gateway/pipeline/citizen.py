"""A person's own affairs as they stand: what the Consents on file mean, and what was refused for want of one. Nothing here decides anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from gateway.consent.codes import codes
from gateway.model.agreement import Site
from gateway.model.document import PersonKey
from gateway.model.questions import Exchange
from gateway.pipeline import offers
from gateway.pipeline.node import Node
from gateway.pipeline.offers import CONSENT, Offer
from gateway.pipeline.onfile import consents_of

DECLINED = "declined"  # kind of the generic records that a person does not want to be asked about an offer again
NEWEST = 60  # exchanges that are looked at
_UNSAID = frozenset({"default-deny", "outside-consent"})  # no rule said yes, and nobody said no
_TOLD = frozenset({"type", "period", "actor", "purpose", "class", "securityLabel"})


@dataclass(frozen=True, slots=True)
class Standing:
    """What one Consent on file means. `recipients` are participants ("" = somebody not of this site), none means everybody; no purpose or
    type means any. `sensitive`: it reaches beyond ordinary information. `limited`: parts of it say more than is told here, or cannot be
    told. `state`: in-force, later, over, taken-back, void (a draft, an error)."""

    id: str
    source: str
    permits: bool
    recipients: tuple[str, ...]
    purposes: tuple[str, ...]
    types: tuple[str, ...]
    given: datetime
    until: str
    sensitive: bool
    limited: bool
    state: str


@dataclass(frozen=True, slots=True)
class Unasked:
    """An exchange that did not happen because the person has not said anything: of which kinds of information it would have been."""

    offer: Offer
    exchange: Exchange
    types: tuple[str, ...]
    pulled: bool


def keys_of(node: Node, person: PersonKey) -> tuple[PersonKey, ...]:
    """The person's own key first, then those that were merged into it, as far as anything is kept under them."""
    rows = [*node.store.consents(person)[1], *node.store.resources(person)]
    return tuple(dict.fromkeys((person, *(row.person for row in rows))))


def standings(node: Node, person: PersonKey) -> tuple[Standing, ...]:
    """Every Consent on file about the person, those in force first, then the newest; what only takes another one back is seen there."""
    today = node.day(node.clock())
    rows = [(row, consent) for row, consent in consents_of(node, person)[1] if not offers.takes_back(consent)]
    made = [_standing(node.site, consent, row.source, row.at, today) for row, consent in rows]
    return tuple(sorted(made, key=lambda one: (one.state != "in-force", -one.given.timestamp())))


def _standing(site: Site, consent: Mapping[str, Any], source: str, at: datetime, today: date) -> Standing:
    root = consent.get("provision") or {}
    period = root.get("period") or {}
    base, levels = _base(consent, site), codes().levels
    ordinary = levels[codes().defaults["permitWithoutLabelCovers"]]
    labels = [str(one.get("code", "")) for one in root.get("securityLabel") or ()]
    own = {reference: one.id for one in site.participants.values() for reference in one.references}
    actors = [str(((one.get("reference") or {}).get("reference")) or "") for one in root.get("actor") or ()]
    return Standing(
        id=str(consent.get("id", "")),
        source=source,
        permits=base == "permit",
        recipients=tuple(dict.fromkeys(own.get(actor, "") for actor in actors)),
        purposes=tuple(str(one.get("code", "")) for one in root.get("purpose") or ()),
        types=tuple(str(one.get("code", "")) for one in root.get("class") or ()),
        given=_instant(consent.get("dateTime"), at),
        until=str(period.get("end", "")),
        sensitive=any(levels.get(code, len(levels)) > ordinary for code in labels),
        limited=base is None or bool(set(root) - _TOLD),
        state=_state(consent, period, today),
    )


def _base(consent: Mapping[str, Any], site: Site) -> str | None:
    """permit or deny: of the root, else of its policy rule, else of its policies; None when that is not clear."""
    named = (consent.get("provision") or {}).get("type")
    rules = [one.get("code") for one in (consent.get("policyRule") or {}).get("coding") or ()]
    found = {codes().base_rules.get(code) for code in rules} - {None}
    policies = site.register.get("basePolicies", {})
    found = found or {policies.get(one.get("uri")) for one in consent.get("policy") or ()} - {None}
    return str(named) if named else found.pop() if len(found) == 1 else None


def _instant(said: Any, otherwise: datetime) -> datetime:
    try:
        made = datetime.fromisoformat(str(said))
    except ValueError:
        return otherwise
    return made if made.tzinfo else otherwise


def _state(consent: Mapping[str, Any], period: Mapping[str, Any], today: date) -> str:
    if consent.get("status") != "active":
        return "taken-back" if consent.get("status") == "inactive" else "void"
    day = today.isoformat()
    if str(period.get("start", ""))[:10] > day:
        return "later"
    end = str(period.get("end", ""))[:10]
    return "over" if end and end < day[: len(end)] else "in-force"


def unasked(node: Node, person: PersonKey) -> tuple[Unasked, ...]:
    """The newest exchange of each offer that did not happen because nothing was said, unless the person has answered since."""
    there = offers.offers(node.site, node.day(node.clock()))
    by_agreement = {id: offer for offer in there.values() for id in offer.agreements}
    said = [one for one in standings(node, person) if one.state not in ("over", "void")]
    found: dict[str, Unasked] = {}
    for exchange in exchanges(node, person, "refused", "withheld"):
        offer = by_agreement.get(exchange.agreement)
        if offer is None or offer.id in found or any(_speaks(one, offer) for one in said):
            continue
        if (
            _UNSAID.issuperset(exchange.why.reason.split("+"))
            and node.store.record(DECLINED, question_key(person, offer)) is None
        ):
            found[offer.id] = Unasked(
                offer, exchange, _types(node, exchange, offer), exchange.how.interaction == "read"
            )
    return tuple(found.values())


def _speaks(one: Standing, offer: Offer) -> bool:
    return offer.recipient in (one.recipients or (offer.recipient,)) and offer.purpose in (
        one.purposes or (offer.purpose,)
    )


def exchanges(node: Node, person: PersonKey, *statuses: str, most: int = NEWEST) -> Sequence[Exchange]:
    """The newest exchanges about the person, of these statuses or of any."""
    wanted = statuses or ("",)
    rows = [
        row
        for key in keys_of(node, person)
        for status in wanted
        for row in node.store.exchanges({"whom_person": key, **({"status": status} if status else {})}, most)
    ]
    return sorted(rows, key=lambda row: row.when.received, reverse=True)[:most]


def _types(node: Node, exchange: Exchange, offer: Offer) -> tuple[str, ...]:
    decided = node.store.decisions(exchange.id)
    named = {reference.partition("/")[0] for row in decided[-1:] for reference, _ in row.redacted}
    return tuple(kind for kind in offer.types if kind in named)


def question_key(person: PersonKey, offer: Offer) -> str:
    """The key of the record that a person does not want to be asked about an offer."""
    return f"{person} {offer.id}"


__all__ = ["CONSENT", "DECLINED", "Standing", "Unasked", "exchanges", "keys_of", "question_key", "standings", "unasked"]
