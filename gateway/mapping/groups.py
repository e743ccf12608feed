"""Rows made of rows: objects by datatype maps and in place, groups, alternatives, conditions, extensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.mapping.emit import always, reading
from gateway.mapping.origins import Leaf
from gateway.mapping.paths import Reader, Target
from gateway.mapping.plan import NOTHING, SOURCED, Row, Rows, ran
from gateway.mapping.predicates import Predicate
from gateway.mapping.rules import Rules
from gateway.mapping.scope import Scope

Filling = Sequence[tuple[str, Leaf]]  # what an object gets where it has nothing


def filling(default: Mapping[str, Any], rule: str) -> Filling:
    """The fixed values of a row's `default`, by element."""
    return tuple([(key, Leaf(fixed, (), rule)) for key, fixed in default.items()])


def apply(rules: Rules, scope: Scope) -> int:
    """All rows of a map at one node."""
    return rules.rows.run(scope)


def objects(reader: Reader, target: Target, used: Sequence[Rules], params: Mapping[str, Any], missing: Filling) -> Row:
    """An object per repetition and datatype map, kept when something of the source is in it."""
    read, put, many = reader.read, target.put, target.many

    def run(scope: Scope) -> int:
        done = NOTHING
        given = {**scope.params, **params} if params else scope.params
        for node in read(scope):
            for rules in used:
                body: dict[str, Any] = {}
                if rules.rows.run(Scope(scope.run, node, body, scope.draft, given)) == SOURCED:
                    _fill(body, missing)
                    put(scope.body, body)
                    done = SOURCED
            if done and not many:
                break
        return done

    return reading(reader, run)


def inline(reader: Reader, target: Target, rows: Rows, by: Reader | None, missing: Filling) -> Row:
    """The same with rows written in place; `by`: one object of all nodes with the same text there."""
    if by is not None:
        return _keyed(reader, target, rows, by, missing)
    read, put, many = reader.read, target.put, target.many

    def run(scope: Scope) -> int:
        done = NOTHING
        for node in read(scope):
            body: dict[str, Any] = {}
            if rows.run(scope.at(node, body)) == SOURCED:
                _fill(body, missing)
                put(scope.body, body)
                if not many:
                    return SOURCED
                done = SOURCED
        return done

    def left(scope: Scope) -> Row | None:
        if reader.vain(scope):
            return None
        if not reader.itself:
            return made
        kept = rows.able(scope)
        return _in_place(target, kept, missing) if any(not row.fixed for row in kept) else None

    made = Row(run, left, reader.asks | rows.asks)
    return made


def _in_place(target: Target, rows: Sequence[Row], missing: Filling) -> Row:
    """An object of the current node by what is left of rows."""

    def run(scope: Scope) -> int:
        body: dict[str, Any] = {}
        if ran(rows, scope.at(scope.node, body)) != SOURCED:
            return NOTHING
        _fill(body, missing)
        target.put(scope.body, body)
        return SOURCED

    return always(run)


def _keyed(reader: Reader, target: Target, rows: Rows, by: Reader, missing: Filling) -> Row:
    def run(scope: Scope) -> int:
        done, made = NOTHING, dict[str, dict[str, Any]]()
        for node in reader.read(scope):
            key = " ".join(part.text for part in by.read(scope.at(node, scope.body)))
            done = max(done, rows.run(scope.at(node, made.setdefault(key, {}))))
        for body in filter(None, made.values()):
            _fill(body, missing)
            target.put(scope.body, body)
        return done

    return reading(reader, run)


def grouped(reader: Reader | None, rows: Rows) -> Row:
    """Rows that share a condition, or a node to read from."""
    if reader is not None:
        read = reader.read
        return reading(
            reader, lambda scope: max((rows.run(scope.at(node, scope.body)) for node in read(scope)), default=NOTHING)
        )

    def left(scope: Scope) -> Row | None:
        kept = rows.able(scope)
        if len(kept) < 2:
            return kept[0] if kept else None
        return always(lambda scope: ran(kept, scope), fixed=all(row.fixed for row in kept))

    return Row(rows.run, left, rows.asks, fixed=all(row.fixed for row in rows.rows))


def first_of(rows: Rows) -> Row:
    """The first alternative that writes."""

    def left(scope: Scope) -> Row | None:
        kept = rows.able(scope)
        if len(kept) < 2:
            return kept[0] if kept else None
        return always(lambda scope: _first(kept, scope), fixed=all(row.fixed for row in kept))

    fixed = all(row.fixed for row in rows.rows)
    return Row(lambda scope: _first(rows.able(scope), scope), left, rows.asks, fixed=fixed)


def _first(rows: Sequence[Row], scope: Scope) -> int:
    for row in rows:
        if done := row.run(scope):
            return done
    return NOTHING


def extended(reader: Reader, inner: Row, url: str, rule: str) -> Row:
    """What the row writes, as an extension per repetition; the source text of a cut time goes beside it."""
    target, named = Target("extension[+]", rule), Leaf(url, (), rule)

    def run(scope: Scope) -> int:
        done = NOTHING
        for node in reader.read(scope):
            body: dict[str, Any] = {"url": named}
            if one := inner.run(scope.at(node, body)):
                done = max(done, one)
                beside = [text for key in list(body) if key.startswith("_") for text in body.pop(key)["extension"]]
                for extension in ([body] if len(body) > 1 else []) + beside:
                    target.put(scope.body, extension)
        return done

    def left(scope: Scope) -> Row | None:
        if reader.vain(scope) or (reader.itself and inner.left(scope) is None):
            return None
        return made

    made = Row(run, left, reader.asks | inner.asks, fixed=inner.fixed)
    return made


def guarded(row: Row, condition: Predicate) -> Row:
    """The row, when the condition holds."""
    run, holds = row.run, condition.holds

    def left(scope: Scope) -> Row | None:
        if (rest := condition.left(scope)) is False or (kept := row.left(scope)) is None:
            return None
        return guarded(kept, rest) if isinstance(rest, Predicate) else kept

    return Row(lambda scope: run(scope) if holds(scope) else NOTHING, left, row.asks | condition.asks, row.fixed)


def ignored(reader: Reader, why: str) -> Row:
    """What the map ignores is noted with its reason."""
    read = reader.read

    def run(scope: Scope) -> int:
        for node in read(scope):
            scope.run.because.setdefault(node.position, why)
        return NOTHING

    return reading(reader, run)


def _fill(body: dict[str, Any], missing: Filling) -> None:
    for key, fixed in missing:
        body.setdefault(key, fixed)
