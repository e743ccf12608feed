"""A Consent's tree of provisions, compiled once per call and walked per item (R4 Consent.provision).

The deepest matching provision decides, a deny among siblings wins, a nested provision inherits each dimension it does not restate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.consent.asked import Asked
from gateway.consent.dimensions import INHERITED, Stated, Test, awake, purposes_of, tests
from gateway.consent.period import contains, period
from gateway.consent.question import Question


class Indeterminate(ValueError):
    """What cannot be understood does not permit; the text is the part of the reason after `indeterminate:`."""


@dataclass(frozen=True, slots=True)
class Node:
    """One provision. `awake`: it speaks to this question now; `tests`: what an item must pass; `path`: where it stands; `living`: those
    of its children by which it, or something below, may speak."""

    permit: bool
    awake: bool
    tests: tuple[Test, ...]
    children: tuple[Node, ...]
    living: tuple[Node, ...]
    purposes: frozenset[str]
    path: str

    def vote(self, met: Callable[[Node], bool]) -> Node | None:
        """The provision that decides an item, None when the tree is silent about it; `met` says whether it meets one of them."""
        found: Node | None = None
        for child in self.living:
            said = child.vote(met)
            if said is not None and not said.permit:
                return said
            found = found or said
        if found is not None or not self.awake:
            return found
        return self if met(self) else None

    def meets(self, item: Asked) -> bool:
        """Whether an item passes its tests; looked at in their order, and no further than needed."""
        return all(test.met(item) for test in self.tests)

    @property
    def lives(self) -> bool:
        """Whether it, or a provision below it, speaks to this question at all."""
        return self.awake or bool(self.living)

    def nodes(self) -> Iterator[Node]:
        """This provision and all below it."""
        yield self
        for child in self.children:
            yield from child.nodes()


def tree(consent: Mapping[str, Any], question: Question) -> Node:
    """The compiled tree of one Consent. Raises Indeterminate, or one of UNREADABLE for a Consent that cannot be read."""
    root = consent.get("provision") or {}
    return _node(root, base_rule(consent, question), {}, True, question, "provision")


def base_rule(consent: Mapping[str, Any], question: Question) -> bool:
    """True for permit. Root type, else policyRule, else basePolicies by policy uri; a deny among several wins."""
    root = consent.get("provision") or {}
    if root.get("type") is not None:
        return _permits(root["type"], "no-base-rule")
    rule = consent.get("policyRule") or {}
    found = {question.codes.base_rules.get(coding.get("code")) for coding in rule.get("coding", ())} - {None}
    if not found:
        policies = question.register.get("basePolicies", {})
        found = {policies.get(policy.get("uri")) for policy in consent.get("policy", ())} - {None}
    if not found:
        raise Indeterminate("no-base-rule")
    return all(_permits(kind, "no-base-rule") for kind in sorted(found, key=str))


def _permits(kind: Any, reason: str) -> bool:
    if kind not in ("permit", "deny"):
        raise Indeterminate(reason)
    return bool(kind == "permit")


def _node(
    provision: Mapping[str, Any], permit: bool, above: Stated, in_force: bool, question: Question, path: str
) -> Node:
    stated = {**above, **{name: provision[name] for name in INHERITED if provision.get(name)}}
    in_force = in_force and contains(period(provision.get("period") or {}, question.zone), question.now)
    children = []
    for place, child in enumerate(provision.get("provision") or ()):
        below = f"{path}.provision[{place}]"
        if below.count(".") > _deepest(question):
            raise Indeterminate("provision-too-deep")
        kind = _permits(child.get("type"), "provision-type-missing")
        children.append(_node(child, kind, stated, in_force, question, below))
    living = tuple(child for child in children if child.lives)
    return Node(
        permit=permit,
        awake=in_force and awake(stated, permit, question),
        tests=tests(stated, permit, question),
        children=tuple(children),
        living=living,
        purposes=purposes_of(stated),
        path=path,
    )


def _deepest(question: Question) -> int:
    limits = question.register.get("limits", {})
    return int(limits.get("maxProvisionDepth", question.codes.defaults["maxProvisionDepth"]))
