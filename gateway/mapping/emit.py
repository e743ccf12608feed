"""The closures that rows become. Each takes a scope, writes, and returns how much: nothing, a constant, something of the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.mapping.codes import Table
from gateway.mapping.functions import CODE, Emitted, Emitter
from gateway.mapping.needs import Row, Rows
from gateway.mapping.origins import Leaf
from gateway.mapping.paths import Reader, Target
from gateway.mapping.predicates import Predicate
from gateway.mapping.rules import Rules
from gateway.mapping.scope import Scope
from gateway.mapping.source import Node, filled

NOTHING, CONSTANT, SOURCED = 0, 1, 2
Filling = tuple[Mapping[str, Any], str]  # what an object gets where it has nothing, and the rule that says so


def value(read: Reader, target: Target, emitter: Emitter, params: Mapping[str, Any], rule: str) -> Row:
    """A typed value; the first that is sound, or one per repetition where the target has `[+]`."""

    def row(scope: Scope) -> int:
        done = NOTHING
        own = scope.given(params) if params else scope
        for node in read(scope):
            made = emitter(node, own, rule)
            if made is None:
                _refused(node, scope, rule)
                continue
            _put(target, scope.body, made, node, rule)
            done = SOURCED
            if not target.many:
                break
        return done

    return row


def _refused(node: Node, scope: Scope, rule: str) -> None:
    if node.text.strip():
        scope.run.because.setdefault(node.leaf, f"not a value that {rule} can take")


def _put(target: Target, body: dict[str, Any], made: Any, node: Node, rule: str) -> None:
    if not isinstance(made, Emitted):
        target.put(body, Leaf(made, (node.leaf,), rule))
        return
    sources = (node.leaf,) if made.sources is None else made.sources
    beside = Leaf(made.beside, sources, rule) if made.beside is not None else None
    target.put(body, Leaf(made.value, sources, rule) if made.value is not None else None, beside)


def looked_up(read: Reader, target: Target, table: Table, emitter: Emitter, rule: str) -> Row:
    """A code through a table, by the table's policy for codes without a row."""

    def row(scope: Scope) -> int:
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

    return row


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


def constant(read: Reader | None, target: Target, fixed: Any, rule: str, *, told: bool = False) -> Row:
    """A fixed value; because of something in the source, or always. `told`: a condition on its text makes it say what stands there."""

    def row(scope: Scope) -> int:
        if read is None:
            target.put(scope.body, Leaf(fixed, (), rule))
            return CONSTANT
        done = NOTHING
        for node in read(scope):
            if filled(node):
                target.put(scope.body, Leaf(fixed, (node.leaf,) if told and node.text else (), rule))
                done = SOURCED
        return done

    return row


def contextual(target: Target, key: str, rule: str) -> Row:
    """What the site declares about this exchange."""

    def row(scope: Scope) -> int:
        declared = getattr(scope.run.context, key)
        if not declared:
            return NOTHING
        target.put(scope.body, Leaf(declared, (), rule))
        return CONSTANT

    return row


def joined(
    read: Reader,
    target: Target,
    parts: Sequence[tuple[Reader, str, str]],
    sep: str,
    rule: str,
    *,
    whole: bool = False,
    written: Callable[[str], str] = str,
) -> Row:
    """Texts side by side, citing each of them; `whole` takes all of a part, separators included; `written` says how."""

    def row(scope: Scope) -> int:
        done = NOTHING
        for node in read(scope):
            inner = scope.at(node, scope.body)
            found = [(part, before, after) for path, before, after in parts for part in path(inner)]
            texts = [
                (str(part.value if whole else part.text).strip(), part, before, after) for part, before, after in found
            ]
            if said := [(f"{before}{text}{after}", part) for text, part, before, after in texts if text]:
                sources = tuple(leaf.leaf for _, part in said for leaf in (part.leaves() if whole else (part,)))
                target.put(scope.body, Leaf(written(sep.join(text for text, _ in said)), sources, rule))
                done = SOURCED
        return done

    return row


def objects(
    read: Reader,
    target: Target,
    used: Sequence[Rules],
    params: Mapping[str, Any],
    default: Mapping[str, Any],
    rule: str,
) -> Row:
    """An object per repetition and datatype map, kept when something of the source is in it."""

    def row(scope: Scope) -> int:
        done = NOTHING
        given = {**scope.params, **params} if params else scope.params
        for node in read(scope):
            for rules in used:
                body: dict[str, Any] = {}
                inner = Scope(scope.run, node, body, scope.draft, given)
                if apply(rules, inner) == SOURCED:
                    _filled(body, default, rule)
                    target.put(scope.body, body)
                    done = SOURCED
            if done and not target.many:
                break
        return done

    return row


def inline(read: Reader, target: Target, rows: Rows, by: Reader | None, filling: Filling) -> Row:
    """The same with rows written in place; `by`: one object of all nodes with the same text there."""
    if by is not None:
        return _keyed(read, target, rows, by, filling)

    def row(scope: Scope) -> int:
        done = NOTHING
        for node in read(scope):
            body: dict[str, Any] = {}
            if _run(rows, scope.at(node, body)) == SOURCED:
                _filled(body, *filling)
                target.put(scope.body, body)
                done = SOURCED
                if not target.many:
                    break
        return done

    return row


def _keyed(read: Reader, target: Target, rows: Rows, by: Reader, filling: Filling) -> Row:

    def row(scope: Scope) -> int:
        done, made = NOTHING, dict[str, dict[str, Any]]()
        for node in read(scope):
            key = " ".join(part.text for part in by(scope.at(node, scope.body)))
            done = max(done, _run(rows, scope.at(node, made.setdefault(key, {}))))
        for body in filter(None, made.values()):
            _filled(body, *filling)
            target.put(scope.body, body)
        return done

    return row


def grouped(read: Reader | None, rows: Rows) -> Row:
    """Rows that share a condition, or a node to read from."""

    def row(scope: Scope) -> int:
        if read is None:
            return _run(rows, scope)
        return max((_run(rows, scope.at(node, scope.body)) for node in read(scope)), default=NOTHING)

    return row


def first_of(rows: Rows) -> Row:
    """The first alternative that writes."""

    def row(scope: Scope) -> int:
        for alternative in rows.able(scope):
            if done := alternative(scope):
                return done
        return NOTHING

    return row


def extended(read: Reader, inner: Row, url: str, rule: str) -> Row:
    """What the row writes, as an extension per repetition; the source text of a cut time goes beside it."""
    target = Target("extension[+]", rule)

    def row(scope: Scope) -> int:
        done = NOTHING
        for node in read(scope):
            body: dict[str, Any] = {"url": Leaf(url, (), rule)}
            if one := inner(scope.at(node, body)):
                done = max(done, one)
                beside = [text for key in list(body) if key.startswith("_") for text in body.pop(key)["extension"]]
                for extension in ([body] if len(body) > 1 else []) + beside:
                    target.put(scope.body, extension)
        return done

    return row


def guarded(row: Row, condition: Predicate) -> Row:
    """The row, when the condition holds."""
    return lambda scope: row(scope) if condition(scope) else NOTHING


def ignored(read: Reader, why: str) -> Row:
    """What the map ignores is noted with its reason."""

    def row(scope: Scope) -> int:
        for node in read(scope):
            scope.run.because.setdefault(node.position, why)
        return NOTHING

    return row


def apply(rules: Rules, scope: Scope) -> int:
    """All rows of a map at one node."""
    return _run(rules.rows, scope)


def _run(rows: Rows, scope: Scope) -> int:
    done = NOTHING
    for row in rows.able(scope):
        if (one := row(scope)) > done:
            done = one
    return done


def _filled(body: dict[str, Any], default: Mapping[str, Any], rule: str) -> None:
    for key, fixed in default.items():
        body.setdefault(key, Leaf(fixed, (), rule))
