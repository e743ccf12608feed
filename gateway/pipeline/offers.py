"""What a person can be asked to allow: the agreements that rest on consent, one offer for each recipient and purpose; and the Consent that says so.

The form and the codes of the Consent are in `mappings/consent.json` (R4 Consent).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from gateway.consent.codes import codes
from gateway.data import data_path
from gateway.errors import Invalid, NotFound
from gateway.model.agreement import Agreement, Site
from gateway.model.wire import read_json

CONSENT = "consent"  # the basis of an agreement that a person can allow
MOST_YEARS = 5


@dataclass(frozen=True, slots=True)
class Offer:
    """Sharing with one recipient for one purpose. `types` can be chosen among, `always` go with whatever is chosen; `label` is the highest
    confidentiality that an agreement covers."""

    id: str
    recipient: str
    purpose: str
    types: tuple[str, ...]
    always: tuple[str, ...]
    label: str
    agreements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person allows: of an offer these types, until the end of a day."""

    offer: Offer
    types: tuple[str, ...]
    until: date


def offers(site: Site, day: date) -> Mapping[str, Offer]:
    """All offers of a site on a day, by id."""
    grouped: dict[tuple[str, str], list[Agreement]] = {}
    for one in site.agreements.values():
        if one.basis == CONSENT and one.state == "active" and one.valid_from <= day <= one.valid_to:
            grouped.setdefault((one.recipient, one.purpose), []).append(one)
    made = (_offer(recipient, purpose, group) for (recipient, purpose), group in grouped.items())
    return {offer.id: offer for offer in made}


def _offer(recipient: str, purpose: str, group: Sequence[Agreement]) -> Offer:
    types = tuple(dict.fromkeys(kind for one in group for kind in one.types))
    always = frozenset(_form()["always"])
    levels = codes().levels
    return Offer(
        id=f"{recipient}.{purpose}",
        recipient=recipient,
        purpose=purpose,
        types=tuple(kind for kind in types if kind not in always),
        always=tuple(kind for kind in types if kind in always),
        label=max((one.label for one in group), key=lambda label: levels[label]),
        agreements=tuple(one.id for one in group),
    )


def wished(site: Site, today: date, id: str, types: Sequence[str], until: str) -> Wish:
    """A wish as somebody wrote it. Raises NotFound for an offer that is none, Invalid for types or a day that cannot be."""
    offer = offers(site, today).get(id)
    if offer is None:
        raise NotFound
    chosen = tuple(kind for kind in offer.types if kind in types)
    if not chosen or set(types) - set(offer.types):
        raise Invalid("At least one of the kinds of information that are offered has to be chosen.", "types")
    try:
        end = date.fromisoformat(until)
    except ValueError as error:
        raise Invalid("The last day is not a date.", "until") from error
    if not today <= end <= latest(today):
        raise Invalid(f"The last day is today or later, and within {MOST_YEARS} years.", "until")
    return Wish(offer, chosen, end)


def latest(day: date) -> date:
    """The last day that can be chosen on a day."""
    return date(day.year + MOST_YEARS, day.month, min(day.day, 28))


def given(site: Site, wish: Wish, id: str, patient: Mapping[str, Any], at: datetime, start: date) -> dict[str, Any]:
    """The Consent that says it. `patient` is a Reference; `id` names the person's statement about this recipient and purpose."""
    form, offer = _form(), wish.offer
    recipient = site.participants[offer.recipient].references[0]
    kinds = (*offer.always, *wish.types)
    return {
        **_own(site, id, patient, at, f"{form['policy']}{offer.recipient}:{offer.purpose}"),
        "status": "active",
        "provision": {
            "type": "permit",
            "period": {"start": start.isoformat(), "end": wish.until.isoformat()},
            "actor": [{"role": deepcopy(form["role"]), "reference": {"reference": recipient}}],
            "securityLabel": [{"system": form["label-system"], "code": offer.label}],
            "purpose": [{"system": form["purpose-system"], "code": offer.purpose}],
            "class": [{"system": form["type-system"], "code": kind} for kind in kinds],
        },
    }


def taken_back(site: Site, id: str, patient: Mapping[str, Any], at: datetime, consent: str) -> dict[str, Any]:
    """The statement that a Consent on file (its id here) does not hold any more: inactive, with that Consent as its source."""
    made = {**_own(site, id, patient, at, _form()["withdrawal"]), "status": "inactive"}
    return {**made, "sourceReference": {"reference": f"Consent/{consent}"}}


def takes_back(consent: Mapping[str, Any]) -> bool:
    """Whether a Consent is such a statement. (Others may have a scan, or a Consent that they follow, as their source.)"""
    uris = [policy.get("uri") for policy in consent.get("policy") or ()]
    return consent.get("status") != "active" and uris == [_form()["withdrawal"]]


def _own(site: Site, id: str, patient: Mapping[str, Any], at: datetime, policy: str) -> dict[str, Any]:
    form = _form()
    organization = site.participants[site.id].references[0]
    return {
        **deepcopy(form["resource"]),
        "id": id,
        "patient": dict(patient),
        "dateTime": at.isoformat(),
        "organization": [{"reference": organization}],
        "policy": [{"uri": policy}],
    }


@cache
def _form() -> Mapping[str, Any]:
    made: Mapping[str, Any] = read_json(data_path("mappings", "consent.json").read_bytes())
    return made
