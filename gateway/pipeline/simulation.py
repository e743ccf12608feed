"""Which of a person's last exchanges would come out differently with other Consents: decided again, today, over the questions as they were put.

Nothing is read, released or kept. Both answers are today's, so that they differ by the Consents alone; of the questions only references and
kinds of information are told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.consent import decide
from gateway.consent.guardianship import guardianships, with_performers
from gateway.model.document import PersonKey
from gateway.model.questions import Exchange
from gateway.model.records import DecisionRecord
from gateway.model.wire import read_json
from gateway.pipeline.citizen import exchanges, keys_of
from gateway.pipeline.guardians import related_of
from gateway.pipeline.node import Node
from gateway.pipeline.onfile import consents_of

LAST, MOST_ITEMS = 20, 1_000  # exchanges that are decided again, and items of them; one exchange always is
Consents = Sequence[Mapping[str, Any]]
Change = Callable[[Consents], Consents]


@dataclass(frozen=True, slots=True)
class Difference:
    """One exchange that would come out differently: the kinds of information it would give as well, and those it would not give any more."""

    exchange: Exchange
    more: tuple[str, ...]
    less: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Simulated:
    """Of `looked` exchanges those that would be different; the others would be the same."""

    looked: int
    different: tuple[Difference, ...]


def adding(consent: Mapping[str, Any], person: PersonKey) -> Change:
    """With one more Consent, about the person."""
    return lambda on_file: [*on_file, {**consent, "patient": {"reference": f"Patient/{person}"}}]


def without(id: str) -> Change:
    """Without one of them."""
    return lambda on_file: [one for one in on_file if one.get("id") != id]


def simulate(node: Node, person: PersonKey, change: Change) -> Simulated:
    """The last exchanges about the person that were decided, again with changed Consents: of `LAST` as many as `MOST_ITEMS` allows."""
    related = related_of(node, person)
    powers = guardianships(related, f"Patient/{person}")
    now = [consent for _, consent in consents_of(node, person)[1]]
    then = [with_performers(consent, related) for consent in change(now)]
    own = {f"Patient/{key}": f"Patient/{person}" for key in keys_of(node, person)}
    made, looked, items = [], 0, 0
    for exchange in exchanges(node, person, most=LAST):
        if (row := _decided(node, exchange)) is None:
            continue
        question = _question(node, row, own)
        items += len(question["what"])
        if looked and items > MOST_ITEMS:
            break
        looked += 1
        before, after = (_released(node, question, consents, powers) for consents in (now, then))
        if before != after:
            made.append(Difference(exchange, _kinds(after - before), _kinds(before - after)))
    return Simulated(looked, tuple(made))


def _question(node: Node, row: DecisionRecord, own: Mapping[str, str]) -> Mapping[str, Any]:
    """A question as it was put, about the person who remained."""
    made: Mapping[str, Any] = _renamed(read_json(node.keyring.open(row.request)), own)
    return made


def _renamed(tree: Any, new: Mapping[str, str]) -> Any:
    """A question about somebody who was merged since, about whoever remained."""
    if isinstance(tree, Mapping):
        return {key: _renamed(child, new) for key, child in tree.items()}
    if isinstance(tree, list):
        return [_renamed(child, new) for child in tree]
    return new.get(tree, tree) if isinstance(tree, str) else tree


def _decided(node: Node, exchange: Exchange) -> DecisionRecord | None:
    rows = node.store.decisions(exchange.id)
    return rows[-1] if rows else None


def _released(node: Node, question: Mapping[str, Any], consents: Consents, powers: Consents) -> frozenset[str]:
    """The references that would be released today."""
    return frozenset(decide(*_today(node, question, consents, powers), node.site.register)["released"])


def _today(
    node: Node, question: Mapping[str, Any], consents: Consents, powers: Consents
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """A question put now, and what is on file for it. Labels that stuck since count."""
    since = node.store.labels([str(item["reference"]) for item in question["what"]])
    known = {
        str(item["reference"]): sorted({*(item.get("securityLabel") or ()), *since.get(str(item["reference"]), ())})
        for item in question["what"]
    }
    given = {
        "implicitPolicy": node.site.implicit_policy, "consents": list(consents), "guardianships": list(powers), "knownLabels": known,
    }  # fmt: skip
    return {**question, "when": node.clock().isoformat()}, given


def _kinds(references: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted({reference.partition("/")[0] for reference in references}))
