"""The closures of rows that write a value. Each takes a scope, writes, and returns how much: nothing, a constant, something of the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.mapping.codes import Table
from gateway.mapping.functions import CODE, Emitted, Emitter
from gateway.mapping.origins import Leaf
from gateway.mapping.paths import Read, Reader, Target
from gateway.mapping.plan import CONSTANT, NOTHING, SOURCED, Asks, Row, Run
from gateway.mapping.scope import Scope
from gateway.mapping.source import Node, filled


def reading(read: Reader, run: Run) -> Row:
    """A row that does nothing where its path leads nowhere."""
    made = Row(run, lambda scope: None if read.vain(scope) else made, read.asks)
    return made


def always(run: Run, *, fixed: bool = False) -> Row:
    """A row that no shape keeps from running."""
    made = Row(run, lambda _: made, fixed=fixed)
    return made


def value(reader: Reader, target: Target, emitter: Emitter, params: Mapping[str, Any], rule: str) -> Row:
    """A typed value; the first that is sound, or one per repetition where the target has `[+]`."""
    read, put, many = reader.read, target.put, target.many

    def run(scope: Scope) -> int:
        done = NOTHING
        own = scope.given(params) if params else scope
        for node in read(scope):
            made = emitter(node, own, rule)
            if made is None:
                _refused(node, scope, rule)
                continue
            if isinstance(made, Emitted):
                _put_more(target, scope.body, made, node, rule)
            else:
                put(scope.body, Leaf(made, (node.leaf,), rule))
            if not many:
                return SOURCED
            done = SOURCED
        return done

    return reading(reader, run)


def _refused(node: Node, scope: Scope, rule: str) -> None:
    if node.text.strip():
        scope.run.because.setdefault(node.leaf, f"not a value that {rule} can take")


def _put_more(target: Target, body: dict[str, Any], made: Emitted, node: Node, rule: str) -> None:
    sources = (node.leaf,) if made.sources is None else made.sources
    beside = Leaf(made.beside, sources, rule) if made.beside is not None else None
    target.put_beside(body, Leaf(made.value, sources, rule) if made.value is not None else None, beside)


def looked_up(reader: Reader, target: Target, table: Table, emitter: Emitter, rule: str) -> Row:
    """A code through a table, by the table's policy for codes without a row."""
    read = reader.read

    def run(scope: Scope) -> int:
        done = NOTHING
        for node in read(scope):
            if not node.text.strip():
                continue
            made = _looked_up(node, scope, table, emitter, rule)
            if made is not None:
                target.put(scope.body, made)
                done = SOURCED
                if not target.many:
                    break
        return done

    return reading(reader, run)


def _looked_up(node: Node, scope: Scope, table: Table, emitter: Emitter, rule: str) -> Leaf | None:
    found = scope.run.row_of(table, node.text.strip())
    if found is not None:
        return Leaf(found.target, (node.leaf,), f"{rule} {table.name}#{found.id}") if found.target else None
    scope.run.find("warning", "code-invalid", node.leaf, f"The code has no row in the table {table.name}.", rule)
    scope.run.because.setdefault(node.leaf, f"no row in the table {table.name}")
    if table.unmapped == "default":
        return Leaf(table.default, (), rule)
    if table.unmapped == "keep" and CODE.fullmatch(node.text.strip()):
        return Leaf(emitter(node, scope, rule), (node.leaf,), rule)
    return None


def constant(reader: Reader | None, target: Target, fixed: Any, rule: str, *, told: bool = False) -> Row:
    """A fixed value; because of something in the source, or always. `told`: a condition on its text makes it say what stands there."""
    plain, put = Leaf(fixed, (), rule), target.put
    if reader is None:

        def write(scope: Scope) -> int:
            put(scope.body, plain)
            return CONSTANT

        return always(write, fixed=True)
    read = reader.read

    def run(scope: Scope) -> int:
        done = NOTHING
        for node in read(scope):
            if filled(node):
                put(scope.body, Leaf(fixed, (node.leaf,), rule) if told and node.text else plain)
                done = SOURCED
        return done

    return reading(reader, run)


def contextual(target: Target, key: str, rule: str) -> Row:
    """What the site declares about this exchange."""

    def run(scope: Scope) -> int:
        declared = getattr(scope.run.context, key)
        if not declared:
            return NOTHING
        target.put(scope.body, Leaf(declared, (), rule))
        return CONSTANT

    return always(run, fixed=True)


Joint = tuple[Reader, str, str]  # where a text is read, what goes before and after it


def joined(
    reader: Reader,
    target: Target,
    parts: Sequence[Joint],
    sep: str,
    rule: str,
    *,
    whole: bool = False,
    written: Callable[[str], str] = str,
) -> Row:
    """Texts side by side, citing each of them; `whole` takes all of a part, separators included; `written` says how."""
    read, paths = reader.read, [(path.read, before, after) for path, before, after in parts]

    def run(scope: Scope) -> int:
        done = NOTHING
        for node in read(scope):
            if said := _said(paths, scope.at(node, scope.body), whole=whole):
                sources = tuple([leaf.leaf for _, part in said for leaf in (part.leaves() if whole else (part,))])
                target.put(scope.body, Leaf(written(sep.join([text for text, _ in said])), sources, rule))
                done = SOURCED
        return done

    def left(scope: Scope) -> Row | None:
        if reader.vain(scope):
            return None
        if not reader.itself:
            return made
        kept = [part for part in parts if not part[0].vain(scope)]
        if len(kept) == len(parts):
            return made
        return joined(reader, target, kept, sep, rule, whole=whole, written=written) if kept else None

    asks = Asks.of(path for path, _, _ in parts) if reader.itself else Asks.NOBODY
    made = Row(run, left, reader.asks | asks)
    return made


def _said(paths: Sequence[tuple[Read, str, str]], scope: Scope, *, whole: bool) -> list[tuple[str, Node]]:
    """The texts that there are, and where."""
    said = []
    for read, before, after in paths:
        for part in read(scope):
            if text := str(part.value if whole else part.text).strip():
                said.append((f"{before}{text}{after}", part))
    return said
