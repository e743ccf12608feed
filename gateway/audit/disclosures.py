"""The person's report: what went to whom, why, and that something was held back, refusals included (PIPA art. 35; 45 CFR 164.528).

Labels of what was held back are in it only for auditors: the label itself tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.audit import agents
from gateway.audit.facts import Entry
from gateway.audit.wording import Language, Wording, wording

DISCLOSED = ("sent", "answered", "in-doubt", "underway")

# The word for what happened, by the outcome on the row; anything else is a refusal, never a disclosure.
BY_OUTCOME = {
    "delivered": "sent",
    "answered": "answered",
    "kept": "kept",
    "failed": "failed",
    "pending": "underway",
    "parked": "parked",
    "dry": "shadowed",
    "shadowed": "shadowed",
    "in-doubt": "in-doubt",
    "unknown-after-crash": "in-doubt",
}
BY_KIND = {"intent": "underway", "identity": "identity", "admin": "admin", "refusal": "refused", "count": "refused"}
# What the status of the exchange says better than the kind of row: nothing leaves in a trial, and who waits was not refused.
BY_STATUS = {"shadowed": "shadowed", "dry": "shadowed", "parked": "parked"}


@dataclass(frozen=True, slots=True)
class Told:
    """For whom the report is: the language, the operator's own participant id, the names of participants in that language, and
    whether labels may be seen (auditors only). The person is `you`; for `staff`, `this person`."""

    language: Language = "ko"
    site: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    labels: bool = False
    staff: bool = False


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One thing that happened with a person's information. `what` is one of the words of BY_OUTCOME and BY_KIND."""

    at: datetime
    exchange: str
    what: str
    recipient: str
    purpose: str
    items: tuple[str, ...]
    withheld: int
    labels: tuple[str, ...]
    sentences: tuple[str, ...]

    @property
    def disclosed(self) -> bool:
        """Whether information left, or may have left."""
        return self.what in DISCLOSED


def report(entries: Iterable[Entry], told: Told) -> tuple[Disclosure, ...]:
    """All entries of one person, in their order, to one disclosure per exchange and one per other row, 0..*.

    An intent is told only while no outcome follows it: then it counts as disclosed, for nobody can say that it did not arrive.
    """
    kept: dict[str, Entry] = {}
    for entry in entries:
        key = entry.exchange if entry.exchange and entry.kind in ("intent", "outcome") else entry.row.id
        if entry.kind != "intent" or key not in kept:
            kept[key] = entry
    return tuple(disclosure(entry, told) for entry in kept.values())


def disclosure(entry: Entry, told: Told) -> Disclosure:
    """One entry in words."""
    labels = tuple(str(label) for label in entry.many("what", "withheld_labels")) if told.labels else ()
    return Disclosure(
        at=entry.at,
        exchange=entry.exchange,
        what=_what(entry),
        recipient=agents.recipient(entry),
        purpose=entry.text("why", "purpose"),
        items=_items(entry),
        withheld=entry.withheld,
        labels=labels,
        sentences=tuple(_sentences(entry, told, labels)),
    )


def _what(entry: Entry) -> str:
    if entry.kind in ("admin", "read") and entry.is_of_log:
        return "log"
    if told := entry.text("what", "emergency"):
        return f"emergency-{told}"
    if entry.kind == "read":
        return "answered" if entry.outcome == "answered" else "read"
    if entry.kind in ("intent", "refusal"):
        return "shadowed" if entry.outcome == "dry-run" else BY_STATUS.get(entry.status, BY_KIND[entry.kind])
    if entry.kind != "outcome":
        return BY_KIND[entry.kind]
    what = BY_OUTCOME.get(entry.outcome, "refused")
    return "nothing" if what == "sent" and not _items(entry) else what


def _items(entry: Entry) -> tuple[str, ...]:
    return tuple(released["reference"] for released in entry.many("what", "released"))


def _sentences(entry: Entry, told: Told, labels: tuple[str, ...]) -> Iterable[str]:
    words, what = wording(told.language), _what(entry)
    yield words.say(_refusal(entry) if what == "refused" else what, **_gaps(entry, told, words))
    if what in ("log", "identity", "admin") or what.startswith("emergency-"):
        return
    if purpose := entry.text("why", "purpose"):
        yield words.say("why", purpose=words.purpose(purpose))
    if what != "refused":
        yield from _basis(entry, told, words)
    yield from _withheld(entry, words, labels)
    if what in DISCLOSED and (until := entry.text("when", "keep_until")):
        yield words.say("keep", until=until)


def _refusal(entry: Entry) -> str:
    if agents.pulled(entry) and agents.recipient(entry):
        return "refused-pull"
    return "refused-push" if entry.said("who", "participant") and agents.recipient(entry) else "refused-unknown"


def _gaps(entry: Entry, told: Told, words: Wording) -> dict[str, str]:
    sender = told.site if agents.pulled(entry) else entry.text("who", "participant")
    recipient = agents.recipient(entry)
    actor = entry.text("who", "user") or told.names.get(entry.text("who", "participant"), "")
    if "guardian" in entry.text("who", "role").split(","):
        actor = words.word("guardian")
    return {
        "from": told.names.get(sender, sender) or words.word("nobody"),
        "to": told.names.get(recipient, recipient) or words.word("nobody"),
        "items": words.items(_items(entry)),
        "actor": actor or words.word("somebody"),
        "finding": words.words.get(f"finding-{entry.text('what', 'finding')}", ""),
        **_person(told, words),
    }


def _person(told: Told, words: Wording) -> dict[str, str]:
    """How the person is called in the sentences."""
    you, your = ("person", "person-s") if told.staff else ("you", "your")
    return {"you": words.word(you), "your": words.word(your)}


def _basis(entry: Entry, told: Told, words: Wording) -> Iterable[str]:
    basis = f"basis-{entry.text('why', 'basis')}"
    if basis in words.sentences:
        yield words.say(basis, legal=entry.text("why", "legal") or words.word("unstated"), **_person(told, words))


def _withheld(entry: Entry, words: Wording, labels: tuple[str, ...]) -> Iterable[str]:
    if entry.withheld:
        yield words.say("withheld-one" if entry.withheld == 1 else "withheld", count=entry.withheld)
    if labels:
        yield words.say("labels", labels=words.word("list").join(labels))
