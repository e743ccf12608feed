"""What a question looks at: a person's record under one agreement, opened as far as needed, decided whole before anything of it is used.

What an answer is made of is decided together with what it names: a reference stands only when what it leads to is released as well.
A question that follows references (chains, `_has`, includes, `$everything`) looks at the whole record, and so does a statute's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from gateway.model.agreement import Agreement, domain
from gateway.model.document import Item, PersonKey, Principal, Resource
from gateway.model.questions import Decision, Question
from gateway.model.records import ResourceRecord
from gateway.model.references import references_in
from gateway.model.wire import read_json
from gateway.pipeline.elsewhere import Found, rows_of
from gateway.pipeline.guardians import agreed_birth
from gateway.pipeline.node import Node
from gateway.pipeline.onfile import File, about, asked_under, file_of
from gateway.pipeline.versions import Stamp, all_stamps, current_stamps, unmarked, version_id
from gateway.stages.decide import Acting, Asked, decide_items, labelled, project_of
from gateway.stages.read import MOST_KEPT, MOST_ROWS, rows_held, versions_held, wanted
from gateway.stages.release import domain_of, formed

_HERE: Mapping[str, tuple[Item, ResourceRecord]] = {}
# What policies call the interactions of FHIR (a question's → `how.interaction` of the request that is decided).
_ASKED_AS = {"read": "read", "vread": "read", "history": "read", "search": "search", "everything": "search"}


@dataclass(frozen=True, slots=True)
class World:
    """Items with the rows they are of, in order, and the decision on all of them; `concerned` are the references asked about.

    `costly`: the reader could ask about more than one answer can be made of, and this is the beginning of it.
    Several versions of a resource are several items of one reference: one that is withheld takes the others with it (`decide`).
    """

    items: tuple[Item, ...]
    rows: tuple[ResourceRecord, ...]
    decision: Decision
    concerned: frozenset[str]
    costly: bool = False
    stamps: tuple[Stamp, ...] = ()
    versions: tuple[str, ...] = ()  # what the reader calls the versions of the items

    @property
    def stamped(self) -> tuple[Item, ...]:
        """The items as they are released: each with the name of its version and when that began (R4, Resource.meta)."""
        return tuple(
            Item(_stamped(item.resource, version, stamp), item.labels, item.origin, item.derived_from)
            for item, version, stamp in zip(self.items, self.versions, self.stamps, strict=True)
        )

    def places(self) -> list[int]:
        """The places among the items of what `release` gives, in its order."""
        allowed = set(self.decision.released)
        return [place for place, item in enumerate(self.items) if item.reference in allowed]


def world_of(
    node: Node,
    agreement: Agreement,
    person: PersonKey,
    reader: Principal,
    question: Question,
    acting: Acting | None = None,
    found: Found | None = None,
) -> World:
    """The world of a question under an agreement; `acting` in an emergency. Raises TooCostly for too many versions.

    What the reader's token does not hold is taken out when all has been decided: a narrower question, or a narrower token, must never
    give what a wider one would not.
    """
    file = file_of(node, person, MOST_KEPT)
    held = rows_held(person, agreement.sender, agreement.types, file.rows)
    there = rows_of(node, found, agreement) if found is not None else {}
    held = {**held, **{reference: row for reference, (_, row) in there.items()}}  # as its holder has it now
    about_these = wanted(question, held, domain(reader.participant, project_of(agreement)), node.keyring)
    opened = _opened(node, [held[reference] for reference in sorted(about_these)], person, there)
    if question.interaction in ("vread", "history"):
        opened = [pair for item, row in opened for pair in _versions(node, item, row, person)]
    whole = question.wanted.wide or agreement.basis == "statute" or file.consents is None or _has_data(file.consents)
    beside = (frozenset(held) if whole else _named(held, [item for item, _ in opened])) - about_these
    opened += _opened(node, [held[reference] for reference in sorted(beside)], person, there)
    items, kept = tuple(item for item, _ in opened), tuple(row for _, row in opened)
    present = frozenset(item.reference for item, row in opened if _was(row) in about_these)
    asking = (reader, acting, _ASKED_AS[question.interaction])
    birth = _birth(node, file.rows, found.birth if found is not None else "")
    decision = _held_by(reader, _decided(node, agreement, file, items, birth, asking))
    return World(items, kept, decision, present, len(held) >= MOST_ROWS or len(file.rows) >= MOST_KEPT)


def _named(held: Mapping[str, ResourceRecord], items: Sequence[Item]) -> frozenset[str]:
    """What is decided along with what is asked about: what the items name. Whose they are is known to who asks."""
    named = {name for item in items for name in references_in(item.resource) if not name.startswith("Patient/")}
    return frozenset(named & held.keys())


def _has_data(tree: Any) -> bool:
    """Whether Consents tell data by what it is related to: then only the whole record tells what they reach."""
    if isinstance(tree, Mapping):
        return "data" in tree or any(map(_has_data, tree.values()))
    return isinstance(tree, list) and any(map(_has_data, tree))


def _held_by(reader: Principal, decision: Decision) -> Decision:
    """The decision without what the reader's token, if it has one, does not hold."""
    if reader.scopes is None:
        return decision
    types = {reference: reference.partition("/")[0] for reference in decision.released}
    left = tuple(one for one, kind in types.items() if reader.may(kind, "r") or reader.may(kind, "s"))
    return replace(decision, released=left, answer={**decision.answer, "released": list(left)})


def _was(row: ResourceRecord) -> str:
    return f"{row.type}/{row.person if row.type == 'Patient' else row.id}"


def _opened(
    node: Node,
    rows: Iterable[ResourceRecord],
    person: PersonKey,
    there: Mapping[str, tuple[Item, ResourceRecord]] = _HERE,
) -> list[tuple[Item, ResourceRecord]]:
    """Rows as items about the person, also those kept under whoever was merged into it; `there`: what is held elsewhere, by reference."""
    found = []
    for row in rows:
        if (at := there.get(_was(row))) is not None and at[1] is row:
            found.append(at)
            continue
        item = Item(read_json(node.keyring.open(row.content)), frozenset(row.labels))
        found.append((about([item], row.person, person)[0], row))
    return found


def _versions(node: Node, item: Item, row: ResourceRecord, person: PersonKey) -> Sequence[tuple[Item, ResourceRecord]]:
    """Every version of what is current, newest first; each is decided for what it says itself, too."""
    found = _opened(node, versions_held(row, node.store), person)
    return [(one, held) for one, held in found if one.reference == item.reference]


def _decided(
    node: Node,
    agreement: Agreement,
    file: File,
    items: Sequence[Item],
    birth: str,
    by: tuple[Principal, Acting | None, str],
) -> Decision:
    reader, acting, interaction = by
    known = file.known({item.reference for item in items})
    known = asked_under(node, known, birth, items, agreement)
    marked = labelled(items, node.site, known.known_labels)
    at = node.clock()
    asked = Asked(
        agreement, node.participant(agreement.recipient), interaction, "fhir", at, at, acting, reader.purposes
    )
    return decide_items(marked, asked, node.site, known)


def _birth(node: Node, rows: Sequence[ResourceRecord], elsewhere: str) -> str:
    """The birth date that all Patients of a person agree on, here and at their holder's, else nothing."""
    here = [read_json(node.keyring.open(row.content)) for row in rows if row.type == "Patient"]
    return agreed_birth([*here, {"birthDate": elsewhere}])


def _stamped(resource: Mapping[str, Any], version: str, stamp: Stamp) -> dict[str, Any]:
    if not version:  # held elsewhere: its times there would tell of what is hidden
        return unmarked(resource)
    meta = {**(resource.get("meta") or {}), "versionId": version, "lastUpdated": instant(stamp.since)}
    return {**resource, "meta": meta}


def with_versions(node: Node, world: World, recipient: str, person: PersonKey, *, together: bool) -> World:
    """The world with the versions that its items are to this reader; `together`: all versions of a resource stand in it."""
    pairs = list(zip(world.items, world.rows, strict=True))
    allowed = set(world.decision.released)

    def form(some: Sequence[Item]) -> Sequence[Resource]:
        return formed(some, world.items, world.decision, recipient, node.site, node.keyring.rekey)

    def earlier(row: ResourceRecord) -> Iterator[tuple[Item, ResourceRecord]]:
        older = (one for one in node.store.versions(row.type, row.id) if one.version < row.version)
        return (
            pair
            for one in older
            if not one.deleted and one.source == row.source
            for pair in _opened(node, [one], person)
        )

    made = all_stamps(pairs, allowed, form) if together else current_stamps(pairs, allowed, earlier, form)
    reader, key = domain_of(world.decision, recipient), node.keyring.id_key
    names = [
        version_id(key, reader, item.reference, one.since) if row.version else ""
        for (item, row), one in zip(pairs, made, strict=True)
    ]
    return replace(world, stamps=tuple(made), versions=tuple(names))


def instant(at: datetime) -> str:
    """A FHIR instant in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
