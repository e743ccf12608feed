"""The rows of a library compiled the other way. What a row needs to say for that is under its `back:` (mappings/README.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway.errors import Misconfigured
from gateway.mapping import systems
from gateway.mapping.back import codings, groups, joins, rows, visits
from gateway.mapping.back.asking import list_of, mark_of, rank, told, turn
from gateway.mapping.back.place import Place
from gateway.mapping.back.reaching import elsewhere, walked, within
from gateway.mapping.back.rows import BackRules, Carry, Each, PlaceOf, Rows, Spot
from gateway.mapping.back.scope import Back
from gateway.mapping.back.solving import Holds, solved
from gateway.mapping.back.writers import WRITERS
from gateway.mapping.blocks import plain, unique
from gateway.mapping.compile import Compiler
from gateway.mapping.emitters import EMITTERS
from gateway.mapping.load import Block
from gateway.mapping.paths import Target

_HEAD = re.compile(r"(\$|[A-Za-z][A-Za-z0-9]*)((?:[-.][A-Za-z0-9]+)*)", re.ASCII)


class BackCompiler:
    """Compiles the maps of one library the other way, each once; tables are those of the way there."""

    def __init__(self, compiler: Compiler) -> None:
        self.forward = compiler
        self._made: dict[str, BackRules] = {}

    def rules(self, name: str) -> BackRules:
        """The map of a name. Raises Misconfigured."""
        if name not in self._made:
            block = self.forward.library.block(name)
            made = self._made[name] = BackRules(name, str(block.get("from") or "$"), str(block.get("to") or ""))
            blocks = block.get("rows") or []
            made.marks = tuple(mark_of(one) for one in blocks if told(one).get("mark"))
            made.rows = self._rows(blocks, made, block, name)
        return self._made[name]

    def _rows(self, blocks: Sequence[Block], rules: BackRules, parent: Block, rule: str) -> Rows:
        chosen = [block for block in unique(blocks, parent) if not isinstance(block.get("back"), str)]
        early: list[Carry] = []
        late: list[Carry] = []
        competing: dict[str, list[Each]] = {}
        for block in sorted(chosen, key=turn):
            row, made = self.row(block, rules, rule), late if rank(block) > 1 else early
            if isinstance(row, Each) and row.target.many:
                of = list_of(block)
                if of not in competing:
                    competing[of] = []
                    made.append(lambda back, of=of: rows.shared(competing[of], back))  # type: ignore[misc]
                competing[of].append(replace(row, turn=rank(block)))
            else:
                made.append(row)
        return Rows(tuple(early), tuple(late))

    def row(self, block: Block, rules: BackRules, parent: str) -> Carry:
        """One row."""
        rule = f"{parent}/{block['id']}" if "id" in block else parent
        made = self._extension(block, rules, rule) if "extension" in block else self._action(block, rules, rule)
        if "when" in block:
            made = groups.guarded(made, self._solved(block["when"], rules, block))
        if "when" in told(block):
            made = groups.guarded(made, self._solved(told(block)["when"], rules, block))
        for path, text in (told(block).get("set") or {}).items():
            made = groups.guarded(made, self._set(str(path), str(text), rules, block, rule))
        return made

    def _set(self, path: str, value: str, rules: BackRules, block: Block, rule: str) -> Holds:
        """`back: {set: …}`: what the row leaves unsaid on the way there, written where nothing stands."""
        place = self._place(path, rules, block)

        def holds(back: Back, _place: Place) -> bool:
            spot = place(back, False)
            if spot is None or spot.text:
                return spot is not None
            back.run.meant(back.element.path, spot, rule)
            return spot.put(value)

        return holds

    def _solved(self, condition: Any, rules: BackRules, block: Block) -> Holds:
        def at(path: str) -> Callable[[Back], Place | None]:
            own = path.split("-")[0].split(".")[0] in (rules.own, "$")
            found = self._place(path, rules, block)
            return (lambda back: found(back, False)) if own else (lambda _back: None)

        return solved(condition, rules.own, block.where, at)

    def _action(self, block: Block, rules: BackRules, rule: str) -> Carry:
        for key, build in _ACTIONS:
            if key in block:
                return build(self, block, rules, rule)
        return self._value(block, rules, rule)

    def _spot(self, block: Block, rules: BackRules, rule: str) -> Spot:
        asked = [one["where"] for one in (block, told(block)) if "where" in one]
        holds = self._solved({"all": asked}, rules, block) if asked else None
        once = block.get("limit") == 1 or bool(told(block).get("once"))
        said = bool(told(block).get("said"))
        path = str(block.get("from", "$"))
        own, assume = path in (rules.own, "$"), bool(told(block).get("assume"))
        return Spot(
            self._place(path, rules, block), holds, rule, once, said, own, assume, bool(told(block).get("same"))
        )

    def _place(self, path: str, rules: BackRules, block: Block) -> PlaceOf:
        found = _HEAD.fullmatch(path)
        if found is None:
            raise Misconfigured(f"{block.where}: {path!r} is not a path")
        head, steps = found[1], tuple(re.split(r"[-.]", found[2])[1:])
        if head == "$":
            return lambda back, many: walked(back.place, steps, many)
        if head == rules.own:
            return lambda back, many: walked(back.top, steps, many)
        return lambda back, many: elsewhere(back, head, steps, many)

    def _value(self, block: Block, rules: BackRules, rule: str) -> Carry:
        kind = str(block.get("as", "code" if "table" in block else "string"))
        target, spot = Target(str(block["to"]), block.where), self._spot(block, rules, rule)
        params = self._params(block, kind)
        if "table" in block and kind not in ("codingOf", "translated", "tableSystem"):
            return rows.value(target, spot, codings.looked_up(params["table"]), None)
        made = rows.value(target, spot, WRITERS[kind], None if kind in _STRUCTURED else EMITTERS[kind])
        return _given(made, params)

    def _params(self, block: Block, kind: str = "") -> dict[str, Any]:
        params: dict[str, Any] = {}
        if "table" in block:
            params["table"] = self.forward.table(str(block["table"]))
        return params | {f"${name}": self.forward.table(name) for name in systems.ASKED.get(kind, ())}

    def use(self, block: Block, rules: BackRules, rule: str) -> Carry:
        """`use`."""
        names = block["use"] if isinstance(block["use"], list) else [block["use"]]
        used = [self.rules(str(name)) for name in names]
        target = Target(str(block["to"]), block.where)
        return rows.objects(
            target, self._spot(block, rules, rule), used, plain(block.get("default") or {}), self._params(block)
        )

    def nested(self, block: Block, rules: BackRules, rule: str) -> Carry:
        """`rows`."""
        inner = self._rows(block["rows"], rules, block, rule)
        spot = self._spot(block, rules, rule) if "from" in block else None
        if "to" not in block:
            path = str(block.get("from", ""))
            return groups.grouped(spot, inner, each=path.isalnum() and path != rules.own)
        marks = [mark_of(one) for one in block["rows"] if "const" in one and not {"from", "when"} & one.keys()]
        musts = [Target(str(one["to"]), one.where) for one in block["rows"] if told(one).get("same")]
        asked = groups.Asked(marks, musts)
        return groups.inline(
            Target(str(block["to"]), block.where), spot, inner, asked, plain(block.get("default") or {})
        )

    def first(self, block: Block, rules: BackRules, rule: str) -> Carry:
        """`first`: alternatives that write nothing are tried before the others."""
        shared = {key: block[key] for key in ("from", "to", "table", "as", "default") if key in block}
        made = []
        for number, alternative in enumerate(block["first"], 1):
            if isinstance(alternative.get("back"), str):
                continue
            merged = Block({**shared, **alternative})
            merged.where = getattr(alternative, "where", block.where)
            fixed = "const" in alternative and "from" not in alternative
            place = (rank(merged), 0 if fixed else 1, number)
            made.append((place, self.row(merged, rules, rule if "id" in alternative else f"{rule}#{number}")))
        made.sort(key=lambda pair: pair[0])
        return groups.first_of([one for _, one in made], [place[0] for place, _ in made])

    def const(self, block: Block, rules: BackRules, rule: str) -> Carry:
        """`const`."""
        spot = self._spot(block, rules, rule) if "from" in block else None
        return rows.constant(Target(str(block["to"]), block.where), plain(block["const"]), spot)

    def join(self, block: Block, rules: BackRules, rule: str) -> Carry:
        """`join`."""
        sep, parts = str(block.get("sep", " ")), []
        alone = len(block["join"]) == 1 and sep == "\n"
        for part in block["join"]:
            about: Mapping[str, Any] = part if isinstance(part, Mapping) else {"from": part}
            place = self._place(str(about["from"]), rules, block)
            if "take" in about:
                place = within(place, str(about["take"][-1]))
            parts.append(joins.Part(place, str(about.get("before", "")), str(about.get("after", "")), alone))
        write = WRITERS[str(block.get("as", "string"))]
        return joins.joined(Target(str(block["to"]), block.where), self._spot(block, rules, rule), parts, sep, write)

    def make(self, block: Block, rules: BackRules, rule: str) -> Carry:
        """`make` with `to`: what a reference means."""
        names = [str(n) for n in (block["make"] if isinstance(block["make"], list) else [block["make"]])]
        maps = [self.rules(name) for name in names]
        spot, again = self._spot_of_made(block, maps, rules, rule), bool(told(block).get("again"))
        return visits.made(Target(str(block["to"]), block.where), spot, maps, again=again)

    def _spot_of_made(self, block: Block, maps: Sequence[BackRules], rules: BackRules, rule: str) -> Spot:
        if "from" in block or "where" in block or maps[0].own not in (rules.own, "$"):
            return self._spot(block, rules, rule)
        return Spot(lambda back, _many: back.top, None, rule)

    def link(self, block: Block, _rules: BackRules, rule: str) -> Carry:
        """`link`."""
        names = [str(n) for n in (block["link"] if isinstance(block["link"], list) else [block["link"]])]
        return visits.linked(Target(str(block["to"]), block.where), names, rule)

    def nothing(self, _block: Block, _rules: BackRules, _rule: str) -> Carry:
        """`context`, `copy`: nothing of theirs is in a message."""
        return lambda _back: 0

    def _extension(self, block: Block, rules: BackRules, rule: str) -> Carry:
        inner = Block(
            {k: v for k, v in block.items() if k not in ("extension", "from", "where", "limit", "when", "back")}
        )
        inner.where = block.where
        if "from" in block:
            inner["from"] = "$"
        spot = self._spot(block, rules, rule) if "from" in block else None
        return groups.extended(str(block["extension"]), spot, self._action(inner, rules, rule))


_STRUCTURED = frozenset({"codingOf", "translated", "codeSystem", "tableSystem", "nationalSystem"})
_ACTIONS: Sequence[tuple[str, Callable[[BackCompiler, Block, BackRules, str], Carry]]] = (
    ("first", BackCompiler.first),
    ("make", BackCompiler.make),
    ("link", BackCompiler.link),
    ("use", BackCompiler.use),
    ("rows", BackCompiler.nested),
    ("const", BackCompiler.const),
    ("context", BackCompiler.nothing),
    ("join", BackCompiler.join),
    ("copy", BackCompiler.nothing),
)


def _given(row: Carry, params: Mapping[str, Any]) -> Carry:
    """A row with parameters of its own, the tables it looks in."""
    if not params:
        return row
    if isinstance(row, Each):
        inner = row.one
        return replace(row, one=lambda element, back: inner(element, back.given(params)))
    return lambda back: row(back.given(params))
