"""The closures that make resources of their own, join into them, refer to them and copy them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway.mapping.emit import always, reading
from gateway.mapping.groups import apply
from gateway.mapping.origins import Leaf, Pointer
from gateway.mapping.paths import Reader, Target
from gateway.mapping.plan import CONSTANT, NOTHING, SOURCED, Asks, Row
from gateway.mapping.rules import Rules, Seed
from gateway.mapping.scope import Draft, Scope
from gateway.mapping.source import Node


def resources(reader: Reader, target: Target | None, made: Sequence[Rules], rule: str) -> Row:
    """Resources of their own; the target gets references to those that something of the source went into."""
    read = reader.read

    def run(scope: Scope) -> int:
        done = NOTHING
        for node in read(scope):
            for rules in made:
                draft = drafted(rules, node, scope)
                if draft.kept:
                    done = SOURCED
                    if target is not None:
                        target.put(scope.body, Pointer(_to(draft), (), rule))
            if done and target is not None and not target.many:
                break
        return done

    return reading(reader, run)


def drafted(rules: Rules, node: Node, scope: Scope) -> Draft:
    """The resource that a map makes of a node, made once."""
    key = (rules.name, node.position)
    if (known := scope.run.drafts.get(key)) is not None:
        return known
    kind = rules if rules.to != "$same" else replace(rules, to=node.name)  # a copy makes what it reads
    seeds = _seeds(rules, node, scope)
    resource_id = str(node.value["id"]) if rules.ids == "kept" else scope.run.id_of(kind.to, seeds)
    draft = scope.run.drafts[key] = Draft(kind, resource_id, seeds, nodes=[node])
    if rules.derived:
        draft.derived_from.extend(d for d in list(scope.run.drafts.values()) if d.rules.to in rules.derived)
    draft.kept = apply(rules, Scope(scope.run, node, draft.body, draft)) == SOURCED
    draft.open = False
    if draft.kept:
        scope.run.keep(draft)
    return draft


def _seeds(rules: Rules, node: Node, scope: Scope) -> tuple[str, ...]:
    own = Scope(scope.run, node, {})
    for seed in rules.identity:
        for inner in (own,) if seed.nodes is None else [own.at(place, {}) for place in seed.nodes.read(own)]:
            if (seed.where is None or seed.where.holds(inner)) and (texts := _taken(seed, inner)):
                return texts
    return ("\x1e", scope.run.source.seed, rules.name, node.position)


def _taken(seed: Seed, scope: Scope) -> tuple[str, ...]:
    texts: list[str] = []
    for read, optional in seed.take:
        if isinstance(read, Reader):
            found = [" ".join([text.strip() for text in node.texts()]) for node in read.read(scope)]
        else:
            drafts = [scope.run.drafts.get((read.map, node.position)) for node in scope.top.related(read.own)]
            found = [draft.id for draft in drafts if draft is not None and draft.kept][:1]
        text = "\x1d".join(part for part in found if part)
        if not text and not optional:
            return ()
        texts.append(text)
    return tuple(texts)


def _to(draft: Draft) -> Callable[[], str]:
    return lambda: draft.reference


def joined_into(reader: Reader, base: Rules, made: Sequence[Rules]) -> Row:
    """More rows into a resource that was made before from a related node."""

    def run(scope: Scope) -> int:
        done = NOTHING
        for node in reader.read(scope):
            for owner in node.related(base.own)[:1]:
                draft = scope.run.drafts.get((base.name, owner.position))
                if draft is None:
                    continue
                draft.nodes.append(node)
                for rules in made:
                    done = max(done, apply(rules, Scope(scope.run, node, draft.body, draft)))
                draft.kept = draft.kept or done == SOURCED
        return done

    return reading(reader, run)


def linked(links: Sequence[tuple[Rules, Reader]], target: Target, rule: str) -> Row:
    """References to resources of this run, made already or later; those that were not kept vanish."""

    def run(scope: Scope) -> int:
        done = NOTHING
        for rules, reader in links:
            for node in reader.read(scope):
                if (draft := scope.run.drafts.get((rules.name, node.position))) is not None and not (
                    draft.kept or draft.open
                ):
                    continue
                target.put(scope.body, Pointer(_later(rules, node, scope), (), rule))
                done = CONSTANT
                if not target.many:
                    return done
        return done

    def left(scope: Scope) -> Row | None:
        kept = [link for link in links if not link[1].vain(scope)]
        return always(linked(kept, target, rule).run, fixed=True) if kept else None

    return Row(run, left, Asks.of(reader for _, reader in links), fixed=True)


def _later(rules: Rules, node: Node, scope: Scope) -> Callable[[], str]:
    run, key = scope.run, (rules.name, node.position)
    return lambda: run.drafts[key].reference if key in run.drafts else ""


def copied(reader: Reader, target: Target | None, left_out: Sequence[str], rule: str) -> Row:
    """FHIR as it is, leaf by leaf; references to resources of the document follow their new ids."""

    def run(scope: Scope) -> int:
        done = NOTHING
        for node in reader.read(scope):
            tree = _copied(node.value, node.position, scope, rule)
            if target is not None:
                target.put(scope.body, tree)
            else:
                scope.body.update({k: v for k, v in tree.items() if k not in ("id", "resourceType", *left_out)})
            done = SOURCED
        return done

    return reading(reader, run)


def _copied(json: Any, position: str, scope: Scope, rule: str) -> Any:
    if isinstance(json, Mapping):
        sep = "" if position.endswith("#") else "."
        made = {key: _copied(child, f"{position}{sep}{key}", scope, rule) for key, child in json.items()}
        if isinstance(json.get("reference"), str):
            made["reference"] = _Rewritten(scope, json["reference"], f"{position}{sep}reference", rule)
        return made
    if isinstance(json, list):
        return [_copied(child, f"{position}[{n}]", scope, rule) for n, child in enumerate(json)]
    return Leaf(json, (position,), rule)


class _Rewritten(Leaf):
    """A reference as sent, pointing to what this run made of its target."""

    __slots__ = ("scope",)

    def __init__(self, scope: Scope, reference: str, position: str, rule: str) -> None:
        super().__init__(reference, (position,), rule)
        self.scope = scope

    def rendered(self) -> str:
        """`Type/id` of the target in this document, or the reference as it was."""
        run, reference = self.scope.run, str(self.value)
        for node in self.scope.top.related(f"@{reference}"):
            for (_, position), draft in run.drafts.items():
                if position == node.position and draft.kept:
                    return draft.reference
        return reference
