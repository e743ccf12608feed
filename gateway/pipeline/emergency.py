"""Emergency access: a record opened with a reason, for an hour, to be read; the person can see it, and somebody has to review it within a day.

Whoever has an agreement for it (purpose BTG) opens first and asks afterwards: the opening is durable before the first answer. What it lets
out is decided like everything else, by the rules of the site (`breakGlass` of the policies).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from gateway.consent.codes import codes
from gateway.errors import Conflict, GatewayError, Invalid, NotAllowed, NotFound
from gateway.model.agreement import Agreement
from gateway.model.document import PersonKey, Principal
from gateway.model.questions import Question
from gateway.model.records import AuditFact, DataKey, Record, RecordGone, Sealed, Unit
from gateway.model.wire import read_json, write_json
from gateway.pipeline.acts import act
from gateway.pipeline.node import Node
from gateway.site import reading_agreements
from gateway.stages.decide import Acting
from gateway.stages.read import may_name, person_asked

# kinds of the generic records: a record that is open, a review that is not closed, one that is
OPEN, REVIEW, REVIEWED = "emergency", "emergency-review", "emergency-reviewed"
LASTS, REVIEWED_WITHIN = timedelta(hours=1), timedelta(hours=24)
FINDINGS = ("justified", "unjustified")
MOST_SAID = 500  # characters of a reason or a finding in words


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller says when it opens: whom the record is about, for which of its people, in which role, and why."""

    about: Question
    user: str
    role: str
    justification: str


@dataclass(frozen=True, slots=True)
class Opening:
    """A record that is, or was, open. `person` is None when nobody of that name is known here; who asks is not told.

    `user` is an account or a keyed token; `named` is what the caller wrote, for whoever reviews, and sealed like the reason.
    """

    id: str
    participant: str
    client: str
    user: str
    role: str
    authn_level: int
    person: PersonKey | None
    at: datetime
    until: datetime
    review: datetime
    named: str
    justification: str

    @property
    def acting(self) -> Acting:
        """Who acts, as the decision asks for it."""
        return Acting(self.role, self.authn_level, self.justification)


def said(text: Any, name: str) -> str:
    """A reason in words. Raises Invalid when it is empty, too long, or not one line."""
    line = text.strip() if isinstance(text, str) else ""
    if not 0 < len(line) <= MOST_SAID or not line.isprintable():
        raise Invalid(f"A reason of one line is needed, of at most {MOST_SAID} characters.", name)
    return line


def for_emergencies(agreement: Agreement) -> bool:
    """Whether an agreement is for emergencies, and for nothing else."""
    return agreement.purpose in codes().purpose_classes["break-glass"]


def opened(node: Node, caller: Principal, wanted: Wanted) -> tuple[Opening | None, Unit]:
    """The opening and what is to be committed for it; None, and the refusal on record, for a caller that may not.

    Whether the person is known here makes no difference to either.
    """
    at = node.clock()
    try:
        _entitled(node, caller, wanted, at)
    except NotAllowed:
        return None, Unit((_fact(node, caller, None, "refusal", "refused", {"emergency": "refused"}),))
    agreements = reading_agreements(node.site_now(), caller.participant, node.day(at))
    named = any(may_name(node.site, wanted.about, agreement) for agreement in filter(for_emergencies, agreements))
    person = person_asked(wanted.about, caller.participant, node.store, node.keyring) if named else None
    one = Opening(
        node.ids(), caller.participant, caller.client, node.account(caller.user or wanted.user), wanted.role, caller.authn_level,
        person, at, at + LASTS, at + REVIEWED_WITHIN, caller.user or wanted.user, wanted.justification,
    )  # fmt: skip
    return one, _kept(node, caller, one)


def _entitled(node: Node, caller: Principal, wanted: Wanted, at: datetime) -> None:
    """Raises NotAllowed without an agreement, the role or the proof that emergencies need, or in the name of somebody else."""
    participant, rules = node.participant(caller.participant), node.site.register.get("breakGlass") or {}
    agreements = reading_agreements(node.site_now(), caller.participant, node.day(at))
    roles = set(rules.get("roles", ())) & set(participant.staff_roles)
    proved = caller.authn_level >= rules.get("minAuthnLevel", caller.authn_level + 1)
    another = bool(caller.user) and wanted.user != caller.user
    if (
        not any(for_emergencies(one) and caller.claims(one.purpose) for one in agreements)
        or wanted.role not in roles
        or not proved
        or another
    ):
        raise NotAllowed


def _kept(node: Node, caller: Principal, one: Opening) -> Unit:
    sealed, keys = _sealed(node, one, {})
    value = {
        "id": one.id, "participant": one.participant, "client": one.client, "user": one.user, "role": one.role,
        "authn-level": one.authn_level, "person": one.person or "", "until": one.until.isoformat(),
        "review": one.review.isoformat(),
    }  # fmt: skip
    review = Record(REVIEW, one.id, value, one.at, sealed=sealed)
    box = Record(OPEN, _box(node, caller, one.person or one.id), value, one.at, one.until, sealed)
    return Unit((*keys, review, box, _fact(node, caller, one, "admin", "opened", {"emergency": "opened"})))


def _sealed(node: Node, one: Opening, more: dict[str, str]) -> tuple[Sealed, tuple[DataKey, ...]]:
    owner = f"person:{one.person}" if one.person else f"exchange:{one.id}"
    return node.keyring.seal(owner, write_json({"user": one.named, "justification": one.justification, **more}))


def _box(node: Node, caller: Principal, person: str) -> str:
    """A record is open for one caller, and for nobody else of the same organisation."""
    return node.keyring.token(OPEN, "\x1f".join((caller.participant, caller.client, caller.user, person)))


def open_for(node: Node, caller: Principal, person: PersonKey) -> Opening | None:
    """The opening by which a caller may read about a person right now, or None."""
    row = node.store.record(OPEN, _box(node, caller, person))
    if row is None or row.expires is None or row.expires <= node.clock():
        return None
    return _read(node, row)


def reviews(node: Node, limit: int = 1000) -> Sequence[Opening]:
    """0..* openings whose review is not closed, oldest first."""
    return [_read(node, row) for row in node.store.records(REVIEW, limit)]


def reviewed(node: Node, caller: Principal, opening: str, finding: Any, note: Any) -> Unit:
    """Closes a review. Raises NotFound for one that is not open, Invalid for another finding, Conflict for one's own opening."""
    row = node.store.record(REVIEW, opening)
    if row is None:
        raise NotFound
    if finding not in FINDINGS:
        raise Invalid(f"The finding is {' or '.join(FINDINGS)}.", "finding")
    why, one = said(note, "note"), _read(node, row)
    if caller.participant == one.participant or (caller.user and node.account(caller.user) == one.user):
        raise Conflict("Nobody reviews what they opened themselves.")
    sealed, keys = _sealed(node, one, {"note": why})
    kept = Record(REVIEWED, one.id, {**row.value, "finding": finding}, node.clock(), sealed=sealed)
    fact = _fact(node, caller, one, "admin", finding, {"emergency": "reviewed", "finding": finding})
    return Unit((*keys, kept, fact), (RecordGone(REVIEW, one.id),))


def _read(node: Node, row: Record) -> Opening:
    v, told = row.value, _told(node, row)
    return Opening(
        v["id"], v["participant"], v["client"], v["user"], v["role"], v["authn-level"], PersonKey(v["person"]) if v["person"] else None,
        row.at, datetime.fromisoformat(v["until"]), datetime.fromisoformat(v["review"]), told.get("user", ""), told.get("justification", ""),
    )  # fmt: skip


def _told(node: Node, row: Record) -> Mapping[str, str]:
    """What the caller wrote; nothing when the person's key was erased: such an opening lets nothing out, and is still to be reviewed."""
    try:
        told: Mapping[str, str] = read_json(node.keyring.open(row.sealed)) if row.sealed is not None else {}
    except GatewayError:
        return {}
    return told


def _fact(
    node: Node, caller: Principal, one: Opening | None, kind: Literal["admin", "refusal"], outcome: str, what: dict[str, str]
) -> AuditFact:  # fmt: skip
    """Who did what about an opening: `opened` tells for whom it was, `reviewed` what was found."""
    by = replace(caller, user=node.account(caller.user))
    if one is not None and what["emergency"] == "opened":
        by = replace(caller, user=one.user, roles=(one.role,))
    return act(
        node, by, outcome, what | ({"opening": one.id} if one is not None else {}), kind=kind,
        person=one.person if one is not None else None, why={"purpose": "BTG"}, how={"interaction": "read"},
        when={"until": one.until.isoformat(), "review": one.review.isoformat()} if one is not None else {},
    )  # fmt: skip
