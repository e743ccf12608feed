"""Who and what a site names: the agreements of a push or a pull, the participant behind a key. Pure functions of the site."""

from __future__ import annotations

import hmac
from datetime import date

from gateway.model.agreement import Agreement, Client, Endpoint, Key, Participant, Site

READ = "read"
KEEP = "keep"
_PUSHED = ("active", "shadow")


def agreements_for(site: Site, participant: str, trigger: str, on: date) -> tuple[Agreement, ...]:
    """0..* agreements under which a document of this trigger travels, by id: active or in shadow, in their period.

    Both sides must be switched on. Drafts, ended agreements and those of a pull never match.
    """
    return tuple(
        agreement
        for agreement in _in_force(site, on)
        if agreement.sender == participant and trigger in agreement.triggers
        if agreement.state in _PUSHED and agreement.interaction != READ
    )


def reading_agreements(site: Site, recipient: str, on: date) -> tuple[Agreement, ...]:
    """0..* agreements under which a participant may ask, by id: interaction `read`, in their period, active.

    An agreement in shadow gives nothing to a caller, so a pull never finds it.
    """
    return tuple(
        agreement
        for agreement in _in_force(site, on)
        if agreement.recipient == recipient and agreement.interaction == READ and agreement.state == "active"
    )


def keeps(site: Site, agreement: Agreement) -> frozenset[str]:
    """The types that are kept here under an agreement."""
    kept = agreement.types if agreement.interaction == KEEP else ()
    return frozenset(kind for kind in kept if kind in (*site.kept_types, "Consent"))


def written_types(site: Site, participant: str, on: date) -> frozenset[str]:
    """The types that a participant may write resource by resource: kept here under an agreement that their name triggers."""
    mine = (a for a in _in_force(site, on) if a.sender == participant and a.state in _PUSHED)
    return frozenset(kind for agreement in mine for kind in keeps(site, agreement) if kind in agreement.triggers)


def _in_force(site: Site, on: date) -> list[Agreement]:
    return [site.agreements[name] for name in sorted(site.agreements) if in_force(site, site.agreements[name], on)]


def in_force(site: Site, agreement: Agreement, on: date) -> bool:
    """In its period, both sides switched on, and the recipient may claim its purpose."""
    sides = [site.participants.get(name) for name in (agreement.sender, agreement.recipient)]
    there = all(side is not None and side.active for side in sides)
    recipient = sides[1]
    claimed = recipient is not None and agreement.purpose in recipient.purposes
    return there and claimed and agreement.valid_from <= on <= agreement.valid_to


def participant_of_key(site: Site, sha256_hex: str) -> tuple[Participant, Key] | None:
    """Whose key has this digest; compared in constant time, over all keys, whether or not one fits."""
    found: tuple[Participant, Key] | None = None
    wanted = sha256_hex.lower().encode("ascii", "replace")
    for participant in site.participants.values():
        for key in participant.keys:
            if hmac.compare_digest(key.sha256.encode(), wanted):
                found = participant, key
    return found


def client_of(site: Site, id: str) -> tuple[Participant, Client] | None:
    """Whose client this is, when both are switched on."""
    found = ((p, client) for p in site.participants.values() for client in p.clients if client.id == id)
    return next(((p, client) for p, client in found if p.active and client.active), None)


def listeners(site: Site) -> tuple[Participant, ...]:
    """0..* participants that have a plain MLLP port of their own and are switched on, by port."""
    found = [(p.mllp.port, p) for p in site.participants.values() if p.mllp is not None and p.active]
    return tuple(participant for _, participant in sorted(found, key=lambda pair: pair[0]))


def endpoint_of(site: Site, agreement: Agreement) -> Endpoint | None:
    """Where a delivery under this agreement goes; None when it goes nowhere (kept here, or asked for)."""
    return site.participants[agreement.recipient].endpoints.get(agreement.endpoint)
