"""Which rules read a position, in plain sentences: from, to, condition, table, source, and of overlays which file wins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gateway.mapping.load import Block, Library
from gateway.mapping.readings import Reading, readings

POSITION = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-.][A-Za-z0-9]+)*")
_BELOW = ("rows", "first", "source")  # what is told apart from the row itself
_ORDER = ("use", "value", "ignored", "identity", "condition")


@dataclass(frozen=True, slots=True)
class Explained:
    """One rule at one position. `wins_over`: the places (`file:line`) of the same row that do not hold because this one does."""

    reading: Reading
    sentence: str
    wins_over: tuple[str, ...] = ()
    in_force: bool = True

    def as_json(self) -> dict[str, Any]:
        """For machines; the same facts as the sentence."""
        one = self.reading
        made: dict[str, Any] = {
            "rule": one.rule, "at": one.where, "reads": one.position, "as": one.role, "to": one.to, "when": list(one.when),
            "type": one.kind, "table": one.table, "source": one.source, "because": one.because, "through": list(one.chain),
            "winsOver": list(self.wins_over), "inForce": self.in_force, "said": self.sentence,
        }  # fmt: skip
        return {key: value for key, value in made.items() if value not in ("", [], None)}


def explained(library: Library, position: str, *, deep: bool = False) -> tuple[Explained, ...]:
    """0..* rules that read a position (`PID-5`, `PID-5.1`, `XPN.2`, `Patient.name`), what writes first, what is out of force last.

    `deep`: also the rows of the datatype maps that are used there; without it they are told by the map's name.
    """
    found = _at(library, position, deep)
    places = {one: _others(library, one) for one in found}
    made = [Explained(one, _sentence(one, places[one]), places[one]) for one in found]
    return tuple(made) + tuple(_out_of_force(library, position, found, deep))


@lru_cache(maxsize=8)
def written(library: Library) -> Mapping[str, Mapping[str, Any]]:
    """Every rule by its id as origins name it: where it stands (`at`), the guide's row (`source`), and the row without those below it."""
    made: dict[str, Mapping[str, Any]] = {}
    for stem in library.names():
        block = library.block(stem)
        name, source = str(block["map"]), str(block.get("source", ""))
        made[name] = {"at": block.where, "source": source}
        made.update(_written(block.get("rows") or [], name, source))
    return made


def _written(rows: Sequence[Block], parent: str, source: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for row in rows:
        rule = f"{parent}/{row['id']}" if "id" in row else parent
        own = str(row.get("source", source))
        if "id" in row:
            text = {key: value for key, value in row.items() if key not in _BELOW}
            yield rule, {"at": getattr(row, "where", ""), "source": own, "row": text}
        yield from _written(row.get("rows") or [], rule, own)
        for number, alternative in enumerate(row.get("first") or [], 1):
            named = Block({"id": f"{rule.rpartition('/')[2]}#{number}", **alternative})
            named.where = getattr(alternative, "where", row.where)
            yield from _written([named], rule if "id" in alternative else rule.rpartition("/")[0], own)


def _at(library: Library, position: str, deep: bool) -> list[Reading]:
    found = [one for one in readings(library) if one.covers(position)]
    folded = {one.rule for one in found if one.role == "use"} if not deep else set()
    told: dict[object, Reading] = {}
    for one in found:
        if not folded & set(one.chain):  # a condition is told once, however often it asks
            told.setdefault((one.rule, one.when, one.chain) if one.role == "condition" else one, one)
    found = list(told.values())
    return sorted(found, key=lambda one: _ORDER.index(one.role))  # stable: the order of the maps otherwise


def _out_of_force(library: Library, position: str, found: Sequence[Reading], deep: bool) -> Iterator[Explained]:
    """What the shipped maps read there and an overlay has replaced or taken out."""
    if len(library.roots) < 2:
        return
    here = {(one.rule, one.position, one.role, one.chain) for one in found}
    for one in _at(Library(library.standard, library.roots[:1]), position, deep):
        if (one.rule, one.position, one.role, one.chain) not in here:
            by = [place for place in _places(library, one) if place != one.where][-1:]
            yield Explained(
                one, f"{_sentence(one, ())} NOT IN FORCE: {by[0] if by else 'an overlay'} has replaced it.", (), False
            )


def _others(library: Library, one: Reading) -> tuple[str, ...]:
    return tuple(place for place in _places(library, one) if place != one.where)


def _places(library: Library, one: Reading) -> list[str]:
    """Where the row of the map that the reading is in stands, in every layer, weakest first."""
    name, _, below = one.rule.partition("/")
    wanted = below.partition("/")[0]
    if wanted in ("ignore", "identity", "") or not library.has(name):
        return []
    layers = [layer.get("rows") or [] for layer in library.layers(name)]
    if one.where not in [place for rows in layers for row in rows for place in _inside(row)]:
        return []  # the row comes from the map that this one is like
    return [
        row.where for rows in layers for row in rows if str(row["id"]) == wanted and one.where not in _inside(row)[1:]
    ]


def _inside(row: Any) -> list[str]:
    """The places of a row and of what is in it."""
    if isinstance(row, Mapping):
        return [str(getattr(row, "where", "")), *(place for value in row.values() for place in _inside(value))]
    return [place for value in row for place in _inside(value)] if isinstance(row, list) else []


def _sentence(one: Reading, wins_over: Sequence[str]) -> str:
    said = f"{_does(one)}{_condition(one)}."
    if one.source:
        said += f" Source: {one.source}."
    if one.chain:
        said += f" Through {', '.join(one.chain)}."
    return said + (f" It wins over {', '.join(wins_over)}." if wins_over else "")


def _does(one: Reading) -> str:
    if one.role == "ignored":
        return f"{one.position} is left out because: {one.because}"
    if one.role == "identity":
        return f"{one.position} names the {one.to or 'thing'} that is made"
    if one.role == "condition":
        return f"{one.position} is asked before {one.to or 'anything'} is written"
    if one.const:
        return f"When {one.position} is there, {one.to} gets a fixed value"
    kind = f" {'by' if one.role == 'use' else 'as'} {one.kind}" if one.kind else ""
    table = f", by the code table {one.table}" if one.table else ""
    return f"{one.position} becomes {one.to}{kind}{table}"


def _condition(one: Reading) -> str:
    if not one.when:
        return ""
    return f": {'; and '.join(one.when)}" if one.role == "condition" else f", if {'; and '.join(one.when)}"
