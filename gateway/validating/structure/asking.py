"""What an expression may ask while it is evaluated: what a reference names, whether a code is a member, whether a profile is kept
(FHIR R4, fhirpath.html, additional functions)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.fhirpath import Environment, Node, Purse
from gateway.terminology import ucum
from gateway.terminology.membership import Membership, Terminology
from gateway.validating.structure.claims import keeps
from gateway.validating.structure.narrative import NarrativeRule
from gateway.validating.structure.resolving import resolve
from gateway.validating.structure.scope import Scope


def environment(scope: Scope) -> Environment:
    """What expressions about one resource may ask."""

    def resolved(reference: str) -> Node | None:
        target = resolve(reference, scope)
        return target.node if target else None

    def member_of(asked: Any, value_set: str) -> bool | None:
        return _member(scope.tools.terminology, asked, value_set)

    def conforms_to(node: Node, url: str) -> bool | None:
        profile = scope.tools.profiles.get(url)
        if profile is None:
            return None
        return profile.of_type(node.type) and keeps(profile, node, scope)

    def html(text: str) -> bool:
        return not _NARRATIVE.check(text, scope)

    def subsumes(above: Any, code: Any) -> bool | None:
        pairs = ((a, c) for a in _codes(above) for c in _codes(code) if a[0] and a[0] == c[0])
        answers = [scope.tools.terminology.subsumes(str(a[0]), a[1], c[1]) for a, c in pairs]
        return next((each for each in answers if each is not None), None)

    return Environment(
        resource=scope.node,
        root=scope.container.node,
        resolve=resolved,
        member_of=member_of,
        conforms_to=conforms_to,
        subsumes=subsumes,
        units=ucum,
        html=html,
        now=scope.tools.clock(),
        steps=_MOST_STEPS,
        purse=scope.document.kept.setdefault("purse", Purse(_MOST_STEPS_OF_A_DOCUMENT)),
    )


_NARRATIVE = NarrativeRule()
_MOST_STEPS = 1_000_000  # of one evaluation: a quarter of a second
_MOST_STEPS_OF_A_DOCUMENT = 5_000_000


def _member(terminology: Terminology, asked: Any, value_set: str) -> bool | None:
    """One of the codes is a member: True; none is: False; cannot be told: None."""
    answers = {terminology.member(value_set, code, system) for system, code in _codes(asked)}
    if Membership.IN in answers:
        return True
    return None if Membership.UNKNOWN in answers else False


def _codes(asked: Any) -> Iterator[tuple[str | None, str]]:
    value = asked.value if isinstance(asked, Node) else asked
    if isinstance(value, str):
        yield None, value
    elif isinstance(value, Mapping):
        codings = value.get("coding") if isinstance(value.get("coding"), list) else [value]
        for coding in codings or ():
            code, system = (coding.get("code"), coding.get("system")) if isinstance(coding, Mapping) else (None, None)
            if isinstance(code, str):
                yield (system if isinstance(system, str) else ""), code
