"""Texts that were put side by side (`join:`), taken apart again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.mapping.back.element import Element
from gateway.mapping.back.rows import Carry, Each, PlaceOf, Spot
from gateway.mapping.back.scope import Back
from gateway.mapping.back.texts import Writer, text
from gateway.mapping.paths import Target
from gateway.mapping.plan import NOTHING, SOURCED


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One part of a join: where it is written, what was put before and behind it, and does its place repeat?"""

    place: PlaceOf
    before: str
    after: str
    repeats: bool


def joined(target: Target, spot: Spot, parts: Sequence[Part], sep: str, write: Writer) -> Carry:
    """A text into its parts: as it stands there already; else divided at the separator, what is marked to its own place."""

    def one(element: Element, back: Back) -> int:
        place = spot.place(back, target.many and not spot.once)
        if place is None:
            return NOTHING
        inner = back.at(place, back.element)
        told = back.run.tried(lambda: _stands(element, parts, sep, inner))
        if not told and not _divided(element, parts, sep, write, inner, spot.rule):
            return NOTHING
        if not told and not parts[0].repeats and not _stands(element, parts, sep, inner):
            return NOTHING  # it would read otherwise
        for part in parts:
            written = part.place(inner, False)
            if written is not None and written.text:
                back.cite(element, written, spot.rule)
        return SOURCED if spot.good(back, place) else NOTHING

    return Each(target, one)


def _stands(element: Element, parts: Sequence[Part], sep: str, back: Back) -> bool:
    """What is written makes this text already."""
    places = [(part, part.place(back, False)) for part in parts]
    said = [
        f"{part.before}{place.text.strip()}{part.after}" for part, place in places if place is not None and place.text
    ]
    return bool(said) and sep.join(said) == element.value


def _divided(element: Element, parts: Sequence[Part], sep: str, write: Writer, back: Back, rule: str) -> bool:
    value = text(element.value)
    if not value:
        return False
    if parts[0].repeats:
        return _repeated(element, value, parts[0], sep, write, back, rule)
    pieces = value.split(sep) if sep else [value]
    chosen = _chosen(pieces, parts, sep)
    if chosen is None:
        return False
    return all(
        place is not None and place.put(piece.removeprefix(part.before).removesuffix(part.after))
        for part, piece in chosen
        for place in (part.place(back, False),)
    )


def _repeated(element: Element, value: str, part: Part, sep: str, write: Writer, back: Back, rule: str) -> bool:
    """One repetition (or segment) per piece."""
    pieces = value.split(sep)
    for piece in pieces if all(piece.strip() for piece in pieces) else [value]:
        place = part.place(back, True)
        if place is None or not write(Element(piece, element.path), place, back, rule):
            return False
    return True


def _chosen(pieces: list[str], parts: Sequence[Part], sep: str) -> list[tuple[Part, str]] | None:
    """Which piece goes where: marked parts take those with their mark, the last of the others the last, the first what is too many."""
    marked = [(part, piece) for part in parts if part.before for piece in pieces[:] if piece.startswith(part.before)][
        : len(parts)
    ]
    for _, piece in marked:
        pieces.remove(piece)
    plain = [part for part in parts if not part.before]
    if not plain:
        return None if pieces else marked
    spare = len(pieces) - len(plain)
    if spare > 0:
        pieces = [sep.join(pieces[: spare + 1]), *pieces[spare + 1 :]]
    chosen = [*plain[: len(pieces) - 1], plain[-1]] if sep else plain[: len(pieces)]
    return marked + (list(zip(chosen, pieces, strict=True)) if pieces else [])
