"""Rows to closures: each writes into the object of its scope and says whether anything of the source got there.

What a row may hold is listed in ROW_KEYS and explained in mappings/README.md; everything wrong is found here, with file and line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import RLock
from typing import Any

from gateway.errors import Misconfigured
from gateway.mapping import choosing, emit, functions, groups, resources, systems
from gateway.mapping.blocks import known, plain, reading, unique
from gateway.mapping.codes import Table
from gateway.mapping.emitters import EMITTERS
from gateway.mapping.load import Block, Library
from gateway.mapping.paths import Reader, Target, every, reader
from gateway.mapping.plan import Row, Rows
from gateway.mapping.predicates import predicate
from gateway.mapping.rules import MAP_KEYS, ROW_KEYS, Made, Rules, Seed
from gateway.model.report import IGNORED


class Compiler:
    """Compiles the maps of one library, each once."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._made: dict[str, Rules] = {}
        self._tables: dict[str, Table] = {}
        self._needs: dict[str, set[str]] = {}
        self._open: list[str] = []
        self._owns: dict[str, str] = {}
        self._versions: dict[str, str] = {}
        self._lock = RLock()  # a map is known by name before its rows are there

    def rules(self, name: str) -> Rules:
        """The compiled map of a name. Raises Misconfigured."""
        with self._lock:
            return self._rules(name)

    def _rules(self, name: str) -> Rules:
        self._needed(name)
        if name not in self._made:
            self._versions.clear()  # of what reached less files before
            block = self.library.block(name)
            made = self._made[name] = self._frame(name, block)
            self._open.append(name)
            try:
                made.rows = Rows([*self._ignored(block, made), *self._rows(block, made, name)])
            except BaseException:
                del self._made[name]
                raise
            finally:
                self._open.pop()
        return self._made[name]

    def version(self, name: str) -> str:
        """A digest of every file that the map of this name was compiled from."""
        with self._lock:
            return self._version(name)

    def _version(self, name: str) -> str:
        if (known := self._versions.get(name)) is not None:
            return known
        reached, ahead = set(), [name]
        while ahead:
            if (one := ahead.pop()) not in reached:
                reached.add(one)
                ahead.extend(self._needs.get(one, ()))
        made = self._versions[name] = self.library.version(reached)
        return made

    def _needed(self, name: str) -> None:
        if self._open:
            self._needs.setdefault(self._open[-1], set()).add(name)

    def table(self, name: str) -> Table:
        """The code table of a name."""
        with self._lock:
            self._needed(f"{name}.csv")
            if name not in self._tables:
                self._tables[name] = self.library.table(name)
            return self._tables[name]

    def _frame(self, name: str, block: Block) -> Rules:
        known(block, MAP_KEYS)
        own, to = str(block.get("from") or "$"), str(block.get("to") or "")
        if block.get("map") != name:
            raise Misconfigured(f"{block.where}: this is {block.get('map')}, {name} was expected by the file's name")
        if not block.get("source"):
            raise Misconfigured(f"{block.where}: a map needs a source")
        same = block.get("same", "separate")
        if same not in ("merge", "separate"):
            raise Misconfigured(f"{block.where}: same is merge or separate")
        return Rules(
            name=name,
            own=own,
            to=to,
            identity=tuple(self._seed(seed, own, block.where) for seed in block.get("identity") or []),
            merges=same == "merge",
            tests=tuple(block.get("tests") or ()),
            ids=str(block.get("ids") or "keyed"),
            derived=tuple(block.get("derived") or ()),
            agree=tuple(block.get("agree") or ()),
            scopes=block.get("scopes") or {},
        )

    def _ignored(self, block: Block, rules: Rules) -> Iterator[Row]:
        for path, why in (block.get("ignore") or {}).items():
            read = reader(path, rules.own, block.where)
            about = why if isinstance(why, Mapping) else {"because": why}
            if "where" in about:
                read = choosing.filtered(read, predicate(about["where"], rules.own, block.where))
            yield groups.ignored(read, f"{IGNORED}{about['because']}")

    def _rows(self, block: Block, rules: Rules, parent: str) -> Iterator[Row]:
        for row in unique(block.get("rows") or [], block):
            yield self.row(row, rules, parent)

    def _seed(self, seed: Any, own: str, where: str) -> Seed:
        if isinstance(seed, list):
            seed = {"take": seed}
        where = getattr(seed, "where", where) if isinstance(seed, Block) else where
        take: list[tuple[Reader | Made, bool]] = []
        for part in seed["take"]:
            if isinstance(part, Mapping):
                take.append((self._made_by(str(part["made"])), False))
            else:
                take.append((reader(str(part).rstrip("?"), own, where), str(part).endswith("?")))
        condition = predicate(seed["where"], own, where) if "where" in seed else None
        return Seed(reader(seed["of"], own, where) if "of" in seed else None, condition, tuple(take))

    def _made_by(self, name: str) -> Made:
        if name not in self._owns:
            self._owns[name] = str(self.library.block(name)["from"])
        return Made(name, self._owns[name])

    def row(self, block: Any, rules: Rules, parent: str) -> Row:
        """One row."""
        if not isinstance(block, Block):
            raise Misconfigured(f"{parent}: a row is a mapping")
        try:
            return self._row(block, rules, parent)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise Misconfigured(f"{block.where}: a value in this row has the wrong form") from None

    def _row(self, block: Block, rules: Rules, parent: str) -> Row:
        known(block, ROW_KEYS)
        rule = f"{parent}/{block['id']}" if "id" in block else parent
        made = (self._extension if "extension" in block else self._action)(block, rules, rule)
        if "when" in block:
            made = groups.guarded(made, predicate(block["when"], rules.own, block.where))
        return made

    def _action(self, block: Block, rules: Rules, rule: str) -> Row:
        for key, build in _ACTIONS:
            if key in block:
                return build(self, block, rules, rule)
        if "from" in block and "to" in block:
            return self._value(block, rules, rule)
        raise Misconfigured(f"{block.where}: this row does nothing")

    def _extension(self, block: Block, rules: Rules, rule: str) -> Row:
        """`extension`: what the row writes becomes the value of an extension, one per repetition of `from`."""
        inner = Block({k: v for k, v in block.items() if k not in ("extension", "from", "where", "limit", "when")})
        inner.where = block.where
        if "from" in block:
            inner["from"] = "$"
        return groups.extended(
            self._from(block, rules), self._action(inner, rules, rule), str(block["extension"]), rule
        )

    def _target(self, block: Block) -> Target:
        if "to" not in block:
            raise Misconfigured(f"{block.where}: `to` is missing")
        return Target(str(block["to"]), block.where)

    def _from(self, block: Block, rules: Rules) -> Reader:
        read = reader(str(block.get("from", "$")), rules.own, block.where)
        if "where" in block:
            read = choosing.filtered(read, predicate(block["where"], rules.own, block.where))
        if "limit" in block:
            read = choosing.limited(read, int(block["limit"]))
        return read

    def _value(self, block: Block, rules: Rules, rule: str) -> Row:
        kind = str(block.get("as", "code" if "table" in block else "string"))
        if kind not in EMITTERS:
            raise Misconfigured(f"{block.where}: there is no type {kind}")
        read, target = self._from(block, rules), self._target(block)
        if "table" in block and kind not in ("codingOf", "translated", "tableSystem"):
            return emit.looked_up(read, target, self.table(str(block["table"])), EMITTERS[kind], rule)
        params: dict[str, Any] = {"table": self.table(str(block["table"]))} if "table" in block else {}
        params |= {f"${name}": self.table(name) for name in systems.ASKED.get(kind, ())}
        if "edition" in block:
            params["$edition"] = reader(str(block["edition"]), rules.own, block.where)
        return emit.value(read, target, EMITTERS[kind], params, rule)

    def use(self, block: Block, rules: Rules, rule: str) -> Row:
        """`use`: each repetition becomes an object by one or more datatype maps."""
        names = block["use"] if isinstance(block["use"], list) else [block["use"]]
        params: dict[str, Any] = {"table": self.table(str(block["table"]))} if "table" in block else {}
        used = [self.rules(str(name)) for name in names]
        missing = groups.filling(block.get("default") or {}, rule)
        return groups.objects(self._from(block, rules), self._target(block), used, params, missing)

    def nested(self, block: Block, rules: Rules, rule: str) -> Row:
        """`rows`: an object per repetition (with `to`), or rows that share a condition (without)."""
        rows = Rows(self._rows(block, rules, rule))
        if "to" not in block:
            return groups.grouped(self._from(block, rules) if "from" in block else None, rows)
        by = reader(str(block["by"]), rules.own, block.where) if "by" in block else None
        missing = groups.filling(block.get("default") or {}, rule)
        return groups.inline(self._from(block, rules), self._target(block), rows, by, missing)

    def first(self, block: Block, rules: Rules, rule: str) -> Row:
        """`first`: the alternatives in order, until one writes something."""
        shared = {key: block[key] for key in ("from", "to", "table", "as", "default") if key in block}
        rows = []
        for number, alternative in enumerate(block["first"], 1):
            merged = Block({**shared, **alternative})
            merged.where = getattr(alternative, "where", block.where)
            rows.append(self.row(merged, rules, rule if "id" in alternative else f"{rule}#{number}"))
        return groups.first_of(Rows(rows))

    def const(self, block: Block, rules: Rules, rule: str) -> Row:
        """`const`: a fixed value; with `from` only when that exists; citing it when `where` asks what it is."""
        read = self._from(block, rules) if "from" in block else None
        return emit.constant(read, self._target(block), plain(block["const"]), rule, told="where" in block)

    def from_context(self, block: Block, _rules: Rules, rule: str) -> Row:
        """`context`: a value that the site declares."""
        return emit.contextual(self._target(block), str(block["context"]), rule)

    def join(self, block: Block, rules: Rules, rule: str) -> Row:
        """`join`: texts side by side."""
        parts = []
        for part in block["join"]:
            about: Mapping[str, Any] = part if isinstance(part, Mapping) else {"from": part}
            read = reader(str(about["from"]), rules.own, block.where)
            if "take" in about:
                read = choosing.first_in(read, [reader(str(path), rules.own, block.where) for path in about["take"]])
            parts.append((read, str(about.get("before", "")), str(about.get("after", ""))))
        return emit.joined(
            self._from(block, rules),
            self._target(block),
            parts,
            str(block.get("sep", " ")),
            rule,
            whole=block.get("as") in ("whole", "linesAsBase64"),
            written=functions.as_base64 if block.get("as") == "linesAsBase64" else str,
        )

    def make(self, block: Block, rules: Rules, rule: str) -> Row:
        """`make`: a resource of its own by another map, and a reference to it where `to` says; `into`: into one made before."""
        names = [str(n) for n in (block["make"] if isinstance(block["make"], list) else [block["make"]])]
        made = [self.rules(name) for name in names]
        read = self._each(block) if "each" in block else self._from(block, rules)
        target = self._target(block) if "to" in block else None
        into = block.get("into")
        if into is not None:
            return resources.joined_into(read, self.rules(str(into)), made)
        return resources.resources(read, target, made, rule)

    def _each(self, block: Block) -> Reader:
        name = str(block["each"])
        condition = predicate(block["where"], name, block.where) if "where" in block else None
        return every(name) if condition is None else choosing.filtered(every(name), condition, whole=True)

    def link(self, block: Block, rules: Rules, rule: str) -> Row:
        """`link`: a reference to what another map makes of the related nodes."""
        names = [str(n) for n in (block["link"] if isinstance(block["link"], list) else [block["link"]])]
        linked = [(self.rules(name), self._linked(block, name, rules)) for name in names]
        return resources.linked(linked, self._target(block), rule)

    def _linked(self, block: Block, name: str, rules: Rules) -> Reader:
        if "from" in block or self.rules(name).own == "$":
            return self._from(block, rules)
        return self._from(reading(block, self.rules(name).own), rules)

    def copy(self, block: Block, rules: Rules, rule: str) -> Row:
        """`copy`: a FHIR resource or element as it is, with the ids and references of this run."""
        target = self._target(block) if "to" in block else None
        left_out = tuple(block["copy"].get("without", ())) if isinstance(block["copy"], Mapping) else ()
        return resources.copied(self._from(block, rules), target, left_out, rule)


_ACTIONS: Sequence[tuple[str, Callable[[Compiler, Block, Rules, str], Row]]] = (
    ("first", Compiler.first),
    ("make", Compiler.make),
    ("link", Compiler.link),
    ("use", Compiler.use),
    ("rows", Compiler.nested),
    ("const", Compiler.const),
    ("context", Compiler.from_context),
    ("join", Compiler.join),
    ("copy", Compiler.copy),
)
