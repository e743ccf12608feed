"""The stage `decide`: the seven questions of one exchange to a Decision; the agreement first, then consent and law.

The agreement bounds what is asked: types outside it are not part of the question, items labelled above it are withheld by it. What
remains is put to `gateway.consent.decide`. There is no default: whatever cannot be decided is a no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.consent import decide
from gateway.consent.codes import codes
from gateway.consent.labels import item_of, label, parts_of, rules_of, traits_of
from gateway.consent.marks import Labelling, marks_of
from gateway.consent.reach import widest
from gateway.consent.reporting import Hit, hit_of, reportable, with_hits
from gateway.definitions.library import core
from gateway.model.agreement import Agreement, Participant, Site
from gateway.model.document import Item, PersonKey
from gateway.model.duration import later
from gateway.model.questions import Decision, Request
from gateway.model.references import references_in

Json = Mapping[str, Any]
OVER_LABEL = "agreement-label"
KEEP_UNTIL = "KEEP-UNTIL-"
_LEAST = "U"  # v3-Confidentiality, the lowest of its levels
_ADULT = "1900-01-01"  # where no birth date is on file yet, of age or a child: nothing is let out by it


@dataclass(frozen=True, slots=True)
class OnFile:
    """What is known of the person when the question is put: consents (R4), their epoch, labels already given, birth date, guardians."""

    person: PersonKey
    consents: Sequence[Json] | None  # None: the store could not be asked
    epoch: int
    known_labels: Mapping[str, Sequence[str]]
    birth_date: str = ""
    reported: Mapping[str, Sequence[str]] = field(default_factory=dict)  # reference → rules it was reported by before
    guardianships: Sequence[Json] = ()  # who may consent for the person, and until when


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts for the recipient in an emergency: the role, how well the caller proved who it is, and why, in words."""

    role: str
    authn_level: int
    justification: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Under which agreement, how and when. `received` is when the document came in: deadlines run from it.

    `acting` is there in an emergency; otherwise the recipient's own role acts, and gives no reason.
    `purposes` are those that the one who asks may claim now, where a token narrows them; None: all of the recipient's.
    """

    agreement: Agreement
    recipient: Participant
    interaction: str
    channel: str
    at: datetime
    received: datetime
    acting: Acting | None = None
    purposes: Sequence[str] | None = None


def project_of(agreement: Agreement) -> str:
    """The project that an agreement is for, which is the agreement itself; "" where its purpose is no research."""
    research = codes().purpose_classes["research"]
    return "" if research.isdisjoint(codes().purposes.get(agreement.purpose, ())) else agreement.id


def labelled(items: Sequence[Item], site: Site, known: Mapping[str, Sequence[str]]) -> tuple[Item, ...]:
    """Every item with its labels: by code lists, by what the sender set (only ever raising), by what was known before."""
    rules = rules_of(site.register)
    return tuple(_labelled(item, site.register, rules, known) for item in items)


def _labelled(item: Item, register: Json, rules: Labelling, known: Mapping[str, Sequence[str]]) -> Item:
    held = {item.reference: (*item.labels, *known.get(item.reference, ()))}
    traits = traits_of(item.resource, rules)
    labels = label(item.resource, register, held, traits=traits)
    return Item(item.resource, item.labels | labels, item.origin, item.derived_from, traits)


def decide_items(items: Sequence[Item], asked: Asked, site: Site, on_file: OnFile) -> Decision:
    """One agreement's question about labelled items of one person; every item of the agreement's types is in the answer once."""
    agreement = asked.agreement
    inside = [item for item in items if item.resource["resourceType"] in agreement.types]
    highest = marks_of([agreement.label], codes()).level
    over = [item for item in inside if marks_of(item.labels, codes()).level > highest]
    held = {item.reference for item in over}
    left = [item for item in inside if item.reference not in held]
    hits = {item.reference: hits for item in left if (hits := _hits(item, asked, site, on_file))}
    rules = rules_of(site.register)
    request = _request(_questions(left, hits, site, rules, on_file), asked, on_file)
    given = given_of(site, on_file, {item.reference: sorted(item.labels) for item in items})
    answer = _kept_for(decide(request.as_json(), given, site.register, rules=rules), asked, site)
    dues = [later(asked.received, hit.deadline) for reference in answer["released"] for hit in hits.get(reference, ())]
    return _decision(answer, request, over, items, on_file, dues)


def reached(types: Sequence[str], asked: Asked, site: Site, on_file: OnFile) -> frozenset[str]:
    """Of these types those of which something could be let out, before anything of the record is known.

    By a statute, all of them: what it lets out is told by what is there. Else those of which the least of items, of the lowest label,
    would be released with the Consents read as wide as they go (`gateway/consent/reach.py`).
    """
    if asked.agreement.basis == "statute":
        return frozenset(types)
    person = f"Patient/{on_file.person}"
    references = {person if kind == "Patient" else f"{kind}/any": kind for kind in types}
    least = {"code": [], "securityLabel": [_LEAST], "refersTo": [], "subject": person}
    what = tuple({"reference": reference, **least} for reference in references)
    consents = None if on_file.consents is None else widest(on_file.consents)
    released: set[str] = set()
    for birth in [on_file.birth_date] if on_file.birth_date else [_ADULT, asked.at.date().isoformat()]:
        wide = replace(on_file, consents=consents, birth_date=birth)
        answer = decide(_request(what, asked, wide).as_json(), given_of(site, wide, {}), _least_of(site.register))
        released |= {references[one] for one in answer["released"]}
    return frozenset(released)


_least: dict[int, tuple[Json, Json]] = {}


def _least_of(register: Json) -> Json:
    """The policies with no type restricted for want of a code: one for each register, which is held so that no other gets its id."""
    kept = _least.get(id(register))
    if kept is None:
        kept = _least[id(register)] = register, {**register, "uncodedNormal": sorted(core().resource_types)}
    return kept[1]


def given_of(site: Site, on_file: OnFile, labels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What a decision is given beside the request: what is on file of the person, and the labels known of each reference."""
    return {
        "implicitPolicy": site.implicit_policy,
        "consents": None if on_file.consents is None else list(on_file.consents),
        "guardianships": list(on_file.guardianships),
        "knownLabels": {**on_file.known_labels, **labels},
    }


def _kept_for(answer: Json, asked: Asked, site: Site) -> Json:
    """The answer with how long the recipient may keep it, when the agreement says so: a duty that travels with the data."""
    if not asked.agreement.keep or not answer["released"]:
        return answer
    until = later(asked.received.astimezone(ZoneInfo(site.zone)), asked.agreement.keep).date()
    return {**answer, "obligations": sorted({*answer["obligations"], f"{KEEP_UNTIL}{until.isoformat()}"})}


def _hits(item: Item, asked: Asked, site: Site, on_file: OnFile) -> tuple[Hit, ...]:
    """The report rules an item meets; one that was reported before is reported again, even when it now says the opposite."""
    if asked.agreement.basis != "statute":
        return ()
    met = reportable(item.resource, site.report_rules, asked.at)
    before = on_file.reported.get(item.reference, ())
    return met or tuple(hit_of(rule) for rule in site.report_rules if rule["id"] in before)


def _questions(
    left: Sequence[Item], hits: Mapping[str, tuple[Hit, ...]], site: Site, rules: Labelling, on_file: OnFile
) -> tuple[Json, ...]:
    """An item of the request per resource, and one per part of it that is decided by itself (prose, fields with own labels)."""
    made: list[Json] = []
    for item in left:
        whose = _whose(item, f"Patient/{on_file.person}")
        traits = traits_of(item.resource, rules, item.traits)
        bare = item_of(
            item.resource, site.register, item.labels, subject=whose, derived_from=item.derived_from, traits=traits
        )
        asked_for = with_hits(bare, hits.get(item.reference, ()))
        made += [asked_for, *parts_of(item.resource, asked_for, on_file.known_labels, traits=traits)]
    return tuple(made)


def _whose(item: Item, person: str) -> str | list[str]:
    """The person, unless the resource itself is, or names, another one: that is never the same person's."""
    if item.resource["resourceType"] == "Patient":
        return item.reference
    named = {reference for reference in references_in(item.resource) if reference.startswith("Patient/")}
    return sorted(named | {person}) if named - {person} else person


def _request(what: tuple[Json, ...], asked: Asked, on_file: OnFile) -> Request:
    agreement, recipient = asked.agreement, asked.recipient
    acting = asked.acting or Acting(recipient.role, 1, "")
    why: dict[str, Any] = {"purposeOfUse": [agreement.purpose]}
    if agreement.basis == "statute":
        why["legalBasis"] = agreement.statute
    if acting.justification:
        why["justification"] = acting.justification
    if project := project_of(agreement):
        why["project"] = project
    return Request(
        who={
            "references": list(recipient.references), "role": acting.role, "organizationType": recipient.kind,
            "authorizedPurposes": list(recipient.purposes if asked.purposes is None else asked.purposes), "authnLevel": acting.authn_level,
        },
        whom={"reference": f"Patient/{on_file.person}", **({"birthDate": on_file.birth_date} if on_file.birth_date else {})},
        when=asked.at.isoformat(),
        where={"jurisdiction": agreement.jurisdiction.partition("-")[0], "network": "partner"},
        what=what,
        why=why,
        how={"action": "disclose", "interaction": asked.interaction, "channel": asked.channel},
    )  # fmt: skip


def _decision(
    answer: Json,
    request: Request,
    over: Sequence[Item],
    items: Sequence[Item],
    on_file: OnFile,
    dues: Sequence[datetime],
) -> Decision:
    redacted = tuple((row["reference"], row["because"]) for row in answer["redacted"])
    redacted += tuple((item.reference, OVER_LABEL) for item in over)
    released = tuple(answer["released"])
    return Decision(
        decision="permit-with-redaction" if over and released else answer["decision"],
        reason=OVER_LABEL if over and not request.what else answer["reason"],
        released=released,
        redacted=redacted,
        obligations=tuple(answer["obligations"]),
        consents_used=tuple(answer["consentsUsed"]),
        labels={item.reference: tuple(sorted(item.labels)) for item in items},
        answer=answer,
        epoch=on_file.epoch,
        request=request,
        due=min(dues, default=None),
    )
