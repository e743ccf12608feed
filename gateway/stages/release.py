"""The stage `release`: what a Decision lets out, redacted, re-keyed for its recipient, and read again to prove it (ARCHITECTURE.md).

The only place that makes a Released. Nothing here decides; an obligation that cannot be proven met means that nothing leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from gateway.consent.codes import codes
from gateway.consent.hidden import Hidden
from gateway.consent.proof import violations
from gateway.consent.redact import Terms, redact, terms_of
from gateway.consent.words import speech_of, spoken, without_words
from gateway.errors import Defect
from gateway.model.agreement import Site, domain
from gateway.model.document import Item, Resource
from gateway.model.questions import Decision
from gateway.model.references import rewritten
from gateway.model.released import Page, Released, take_maker

_make = take_maker()
Rekey = Callable[[str, str], str]  # (recipient, id) → the recipient's id


def release(items: Sequence[Item], decision: Decision, recipient: str, site: Site, rekey: Rekey) -> Released:
    """The items that the decision released, in their order. Raises Defect when the output would break an obligation.

    Ids, and references to anything that came in, become the recipient's own (under a pseudonym: the project's), so that two of them
    cannot join a person by id.
    """
    allowed = set(decision.released)
    let_out = [item for item in items if item.reference in allowed]
    return _make(formed(let_out, items, decision, recipient, site, rekey), decision, recipient, None)


def formed(
    some: Sequence[Item], items: Sequence[Item], decision: Decision, recipient: str, site: Site, rekey: Rekey
) -> tuple[Resource, ...]:
    """What a recipient is given of some items, in their order, where the decision was on `items`: proved, and not yet let out.

    Other versions of what was released are of the same reference. Raises KeyError for what was not released, Defect as `release` does.
    """
    person = str(decision.request.whom.get("reference", ""))
    terms = _terms(items, decision, recipient, site, rekey)
    speech = speech_of(site.register, _identifier_systems(site))
    clean = [redact(without_words(item.resource, speech), terms[item.reference]) for item in some]
    hidden = Hidden(next((one.withheld for one in terms.values()), frozenset()))
    broken = [
        found
        for item, resource in zip(some, clean, strict=True)
        for found in violations(resource, terms[item.reference], item.resource, hidden)
    ]
    words = [place for resource in clean for place in spoken(resource, speech)]
    if broken or words:
        raise Defect(
            "What was to be released would break an obligation; nothing leaves.",
            *(f.expression for f in broken),
            *words,
        )
    inside = {item.reference for item in items}
    whose = domain_of(decision, recipient)
    new = {reference: _rekeyed(reference, whose, rekey) for reference in {*inside, person} if reference}
    return tuple(_addressed(resource, new) for resource in clean)


def cut(
    released: Released,
    places: Sequence[int],
    shown: Mapping[str, Collection[str] | None],
    decision: Decision,
    page: Page,
) -> Released:
    """Of what was released as much as a question asks for: these places in their order, of each type the elements of `shown` (None: all).

    Nothing can be added here; `decision` is that of the whole, narrowed to what the question is about.
    """
    left = tuple(_shown(released.resources[place], shown) for place in places)
    return _make(left, decision, released.recipient, page)


def _shown(resource: Resource, shown: Mapping[str, Collection[str] | None]) -> Resource:
    """The resource with these elements alone, marked as incomplete (R4, search.html#elements)."""
    names = shown.get(resource["resourceType"])
    if names is None:
        return resource
    meta = dict(resource.get("meta") or {})
    meta["tag"] = [*meta.get("tag", ()), codes().systems["incomplete"]]
    return {**{name: value for name, value in resource.items() if name in names}, "meta": meta}


def _identifier_systems(site: Site) -> frozenset[str]:
    """The systems whose identifiers may leave: those that participants declare, and never a national one."""
    declared = {system for one in site.participants.values() for system in one.identifier_systems.values()}
    return frozenset(declared - set(site.national_systems))


def _terms(items: Sequence[Item], decision: Decision, recipient: str, site: Site, rekey: Rekey) -> Mapping[str, Terms]:
    """The decision's terms; what the agreement held back or did not ask for is withheld like what consent held back."""
    allowed, present = frozenset(decision.released), frozenset(item.reference for item in items)
    parties = {reference for participant in site.participants.values() for reference in participant.references}
    named = allowed | parties | {str(decision.request.whom.get("reference", ""))}
    withheld = (present - allowed) | {reference for reference, _ in decision.redacted if "#" not in reference}
    shift = _shift(decision, recipient, rekey)
    found = terms_of(decision.answer, site.national_systems)
    return {name: replace(one, withheld=withheld, named=named, shift=shift) for name, one in found.items()}


def domain_of(decision: Decision, recipient: str) -> str:
    """Whose form of an id it is: the recipient's, or of one project's (and under a pseudonym), so that two projects cannot be joined either."""
    project = str(decision.request.why.get("project", ""))
    return domain(recipient, project) if project or "PSEUD" not in decision.obligations else f"project:{recipient}:"


def _shift(decision: Decision, recipient: str, rekey: Rekey) -> int:
    """1 to 365 days by which this person's dates are earlier in this project, always the same; 0 when they need not be."""
    if "PSEUD" not in decision.obligations:
        return 0
    person = str(decision.request.whom.get("reference", "")).partition("/")[2]
    return int(rekey(f"shift:{domain_of(decision, recipient)}", person)[:8], 16) % 365 + 1


def _reference(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _rekeyed(reference: str, recipient: str, rekey: Rekey) -> str:
    kind, _, id = reference.partition("/")
    return f"{kind}/{rekey(recipient, id)}"


def _addressed(resource: Resource, new: Mapping[str, str]) -> Resource:
    return {**rewritten(resource, new), "id": new[_reference(resource)].partition("/")[2]}
