"""What a library of maps reads: every row followed from the segments (or resources) down through the datatypes it uses.

Nothing is run and no document is needed; `maps explain` and `maps coverage` are made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from gateway.data import data_path
from gateway.errors import Misconfigured
from gateway.mapping.load import Block, Library, read_yaml
from gateway.mapping.wording import said

Role = Literal["value", "use", "condition", "identity", "ignored"]
_SPLIT = re.compile(r"[-.]")
DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Reading:
    """One row that reads one position. `whole`: with everything below it; `kind`: its type, or the maps that a `use` goes on with;
    `chain`: the rules that led to the map of this one.
    """

    rule: str
    where: str
    position: str
    role: Role
    to: str = ""
    kind: str = ""
    table: str = ""
    const: bool = False
    whole: bool = False
    when: tuple[str, ...] = ()
    because: str = ""
    source: str = ""
    chain: tuple[str, ...] = ()

    def covers(self, asked: str) -> bool:
        """Does it read the asked position, a part of it, or a whole that it is the first (or any) part of."""
        here = self.position
        if here == asked or here.startswith((f"{asked}.", f"{asked}-")):
            return True
        if not asked.startswith((f"{here}.", f"{here}-")):
            return False
        return self.whole or (self.role != "use" and set(_SPLIT.split(asked[len(here) + 1 :])) == {"1"})


@dataclass(frozen=True, slots=True)
class _At:
    """Where the walk is: the map, its node, the current node, what is written to, and under which conditions."""

    map: str
    own: str
    top: str
    node: str
    to: str
    rule: str
    source: str
    when: tuple[str, ...] = ()
    table: str = ""
    chain: tuple[str, ...] = ()


def readings(library: Library) -> tuple[Reading, ...]:
    """Every reading of every map that starts at a segment or a resource, and of datatype maps by themselves (`XPN.1`)."""
    made: dict[Reading, None] = {}
    for stem in library.names():
        block = library.block(stem)
        own = str(block.get("from") or "$")
        at = _at(block, own, str(block.get("to") or ""))
        made.update(dict.fromkeys(_map(library, block, at)))
    return tuple(made)


def _at(block: Block, node: str, to: str) -> _At:
    name, own = str(block["map"]), str(block.get("from") or "$")
    return _At(name, own, node, node, own if to == "$same" else to, name, str(block.get("source", "")))


def _map(library: Library, block: Block, at: _At) -> Iterator[Reading]:
    for seed in block.get("identity") or []:
        yield from _identity(seed, block.where, at)
    for path, why in (block.get("ignore") or {}).items():
        because = str(why["because"]) if isinstance(why, Mapping) else str(why)
        when = (_said(why["where"], replace(at, node=_resolved(path, at))),) if isinstance(why, Mapping) else ()
        rule = f"{at.map}/ignore"
        yield Reading(
            rule, block.where, _resolved(path, at), "ignored", because=because, whole=True, when=at.when + when
        )
    for row in block.get("rows") or []:
        yield from _row(library, row, at)


def _identity(seed: Any, where: str, at: _At) -> Iterator[Reading]:
    about = seed if isinstance(seed, Mapping) else {"take": seed}
    inner = replace(at, node=_resolved(str(about.get("of", "$")), at))
    for part in about["take"]:
        if isinstance(part, str):
            position = _resolved(part.rstrip("?"), inner)
            yield Reading(
                f"{at.map}/identity", getattr(seed, "where", where), position, "identity", to=at.to, chain=at.chain
            )
    yield from _asked(about.get("where"), inner, f"{at.map}/identity", where)


def _row(library: Library, block: Block, at: _At) -> Iterator[Reading]:
    rule = f"{at.rule}/{block['id']}" if "id" in block else at.rule
    here = replace(at, rule=rule, source=str(block.get("source", at.source)), table=str(block.get("table", at.table)))
    if "when" in block:
        yield from _asked(block["when"], here, rule, block.where)
        here = replace(here, when=(*here.when, _said(block["when"], here)))
    if "each" in block:
        here = replace(here, own=str(block["each"]), top=str(block["each"]), node=str(block["each"]))
    elif "from" in block:
        here = replace(here, node=_resolved(str(block["from"]), here))
    if "where" in block:
        yield from _asked(block["where"], here, rule, block.where)
        here = replace(here, when=(*here.when, _said(block["where"], here)))
    if "extension" in block:
        here = replace(here, to=f"{here.to}.extension({str(block['extension']).rpartition('/')[2]})")
    yield from _done(library, block, here)


def _done(library: Library, block: Block, at: _At) -> Iterator[Reading]:
    if "first" in block:
        yield from _first(library, block, at)
        return
    inner = replace(at, to=_joined(at.to, str(block["to"]))) if "to" in block else at
    for key in ("use", "make"):
        if key in block:
            yield from _used(library, block, inner, key)
            return
    if "rows" in block:
        for row in block["rows"]:
            yield from _row(library, row, inner)
    elif "join" in block:
        for part in block["join"]:
            about: Mapping[str, Any] = part if isinstance(part, Mapping) else {"from": part}
            each = replace(inner, node=_resolved(str(about["from"]), inner))
            yield from _taken(block, about.get("take") or ["$"], each)
    elif ("from" in block or "copy" in block or at.node != at.top or "." in at.node) and "link" not in block:
        yield _value(block, inner)


def _taken(block: Block, paths: Sequence[Any], at: _At) -> Iterator[Reading]:
    """Each of these is taken where those before it are empty."""
    for number, path in enumerate(paths):
        empty = (_said({"empty": str(earlier)}, at) for earlier in paths[:number])
        yield _value(block, replace(at, node=_resolved(str(path), at), when=(*at.when, *empty)))


def _first(library: Library, block: Block, at: _At) -> Iterator[Reading]:
    shared = {key: block[key] for key in ("to", "table", "as") if key in block}
    for alternative in block["first"]:
        made = Block({**shared, **alternative})
        made.where = getattr(alternative, "where", block.where)
        yield from _row(library, made, at)


def _used(library: Library, block: Block, at: _At, key: str) -> Iterator[Reading]:
    """Down into datatype maps, and into what is made of a field; a segment's own map starts by itself."""
    if key == "make" and (is_top(at.node) or at.node == "$"):
        return
    names = [str(name) for name in (block[key] if isinstance(block[key], list) else [block[key]])]
    yield replace(_value(block, at), role="use", kind=" and ".join(names), table=at.table, whole=False)
    for name in names:
        if len(at.chain) < DEEPEST:
            inner = library.block(name)
            to = at.to if key == "use" else str(inner.get("to") or "")
            made = replace(_at(inner, at.node, to), when=at.when, table=at.table, chain=(*at.chain, at.rule))
            yield from _map(library, inner, made)


def _value(block: Block, at: _At) -> Reading:
    kind = str(block.get("as", ""))
    whole = kind in ("whole", "linesAsBase64") or "const" in block or "copy" in block
    table = at.table if "table" in block or kind in ("translated", "codingOf", "tableSystem") else ""
    return Reading(
        at.rule, block.where, at.node, "value", to=at.to, kind=kind, table=table, const="const" in block, whole=whole,
        when=at.when, source=at.source, chain=at.chain,
    )  # fmt: skip


def _asked(predicate: Any, at: _At, rule: str, where: str) -> Iterator[Reading]:
    for path in _paths(predicate):
        yield Reading(
            rule, where, _resolved(path, at), "condition", to=at.to, chain=at.chain, when=(_said(predicate, at),)
        )


def _said(predicate: Any, at: _At) -> str:
    return said(predicate, lambda path: _resolved(path, at))


def _paths(predicate: Any) -> Iterator[str]:
    if isinstance(predicate, str):
        yield predicate
    elif isinstance(predicate, Mapping):
        for kind, about in predicate.items():
            if kind in ("all", "any", "not"):
                for part in about if isinstance(about, list) else [about]:
                    yield from _paths(part)
            elif kind not in ("owner", "context"):
                yield str(about[0] if isinstance(about, list) else about)


def _resolved(path: str, at: _At) -> str:
    head, *steps = _SPLIT.split(path)
    if head == "others":
        head = steps.pop(0)
    start = at.node if head == "$" else at.top if head == at.own else head
    for step in steps:
        start = f"{start}-{step}" if step.isdigit() and is_top(start) else f"{start}.{step}"
    return start


def _joined(to: str, below: str) -> str:
    return f"{to}.{below}" if to else below


def is_top(name: str) -> bool:
    """Is this the name of a segment (and not of a datatype or of something below)."""
    return re.fullmatch(r"[A-Z][A-Z0-9]{2}", name) is not None and (name[0] == "Z" or bool(fields(name)))


@cache
def fields(segment: str) -> Mapping[str, str]:
    """The fields of a segment with their names, as the grammar has them: `PID-5` → `Patient name`; empty for what is none."""
    return {f"{segment}-{row['field']}": str(row["name"]) for row in _grammar(segment)}


@cache
def types(segment: str) -> Mapping[str, str]:
    """The fields of a segment with their datatypes: `PID-5` → `XPN`; empty for what is none."""
    return {f"{segment}-{row['field']}": str(row["type"]) for row in _grammar(segment)}


def _grammar(segment: str) -> Sequence[Mapping[str, Any]]:
    try:
        path = data_path("validators", "hl7v2", "segments", f"{segment}.yaml")
    except Misconfigured:
        return ()
    rows: Sequence[Mapping[str, Any]] = read_yaml(path.read_bytes(), path.name)["fields"]
    return rows
