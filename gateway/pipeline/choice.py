"""Of a person's released record what a question asks for: a resource, its versions, or a page of a search, with links and entity tag."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.model.agreement import Agreement
from gateway.model.document import Principal
from gateway.model.questions import Exchange, Question
from gateway.model.released import Page, Released
from gateway.model.search import Picked, Search
from gateway.model.wire import write_json
from gateway.pipeline.node import Node
from gateway.pipeline.pages import PAGE, Mark, address, link
from gateway.pipeline.world import World
from gateway.searching import select, shown_of


@dataclass(frozen=True, slots=True)
class Asking:
    """One question under one agreement, by whom, and where it goes on from."""

    sheet: Exchange
    question: Question
    agreement: Agreement
    principal: Principal
    mark: Mark | None

    @property
    def start(self) -> int:
        """How many matches were given on earlier pages."""
        return self.mark.start if self.mark else 0

    @property
    def asked(self) -> datetime:
        """When the first page was asked for."""
        return self.mark.asked if self.mark else self.sheet.when.received


@dataclass(frozen=True, slots=True)
class Chosen:
    """Places among what was released, which elements of each type are shown, and what the answer says beside them."""

    places: tuple[int, ...]
    shown: Mapping[str, Collection[str] | None]
    page: Page


def chosen(node: Node, asking: Asking, world: World, whole: Released) -> Chosen:
    """What of `whole`, which is the world as it was released, answers the question."""
    question = asking.question
    if question.interaction in ("search", "everything"):
        return _searched(node, asking, world, whole)
    inside = [place for place in world.places() if world.stamps[place].shown]
    asked = [at for at in inside if world.items[at].reference in world.concerned and _is_version(world, at, asking)]
    places = tuple(place for place, at in enumerate(world.places()) if at in set(asked))
    if question.interaction == "history" or not places:
        own = (("self", f"{address(question.type, '', 'read', ())}/{question.id}/_history"),)
        return Chosen(places, {}, Page(len(places), own, len(places)))
    shown = {question.type: shown_of(question.wanted, question.type)}
    return Chosen(places[:1], shown, _tagged(node, whole, places[0], question.wanted))


def _is_version(world: World, place: int, asking: Asking) -> bool:
    """By the name that it has for the reader; who wrote it may also say the number it was told."""
    row, asked = world.rows[place], asking.question.version
    own = row.source == asking.principal.participant and str(row.version) == asked
    return asking.question.interaction != "vread" or world.versions[place] == asked or own


def _tagged(node: Node, whole: Released, place: int, search: Search) -> Page:
    """The entity tag and the time are of what this reader gets, not of what is kept: they tell nothing of what was withheld or moved."""
    said = [whole.recipient, search.elements, search.summary, whole.resources[place]]
    tag = node.keyring.digest(write_json(said, canonical=True))[:32]
    return Page(1, tag=f'W/"{tag}"', changed=_changed(whole.resources[place]))


def _changed(released: Mapping[str, Any]) -> str:
    """The HTTP-date of a released resource's own `meta.lastUpdated`; "" where that was taken away."""
    said = (released.get("meta") or {}).get("lastUpdated", "")
    at = datetime.fromisoformat(said) if "T" in said else None
    return format_datetime(at.astimezone(UTC), usegmt=True) if at is not None and at.tzinfo else ""


def _searched(node: Node, asking: Asking, world: World, whole: Released) -> Chosen:
    search = asking.question.wanted
    found = select(whole.resources, search, asking.start, ZoneInfo(node.site.zone))
    places = (*found.matches, *found.included)
    shown = {kind: shown_of(search, kind) for kind in {whole.resources[place]["resourceType"] for place in places}}
    links = (("self", own_address(asking.question)), *_following(node, asking, world, found))
    return Chosen(places, shown, Page(len(found.matches), links, found.total if search.total else None))


def own_address(question: Question) -> str:
    """The address of a search as it was asked, whichever way it came in."""
    pairs = ((PAGE, question.page),) if question.page else question.wanted.pairs
    return address(question.type, question.id, question.interaction, pairs)


def _following(node: Node, asking: Asking, world: World, found: Picked) -> tuple[tuple[str, str], ...]:
    if not found.more:
        return ()
    question, agreement = asking.question, asking.agreement
    person = str(asking.sheet.whom.person)
    who = asking.principal
    mark = Mark(
        who.participant, who.client, agreement.id, agreement.purpose, person, world.decision.epoch, question.type,
        question.id if question.interaction == "everything" else "", question.interaction, question.wanted.pairs,
        asking.start + len(found.matches), asking.asked,
    )  # fmt: skip
    return (("next", link(node, mark)),)
