"""Meet the obligations of a decision on a released resource, and read the result again to prove it (attack notes A39 to A41).

Nothing is changed in place. What is withheld leaves no trace: an optional reference goes, a required one is masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.consent.codes import codes
from gateway.consent.shapes import Shape, is_prose, named_in, shapes, steps
from gateway.model.document import Resource

_GONE = object()


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one released resource.

    `withheld`: references (`Type/id`) that the recipient must not learn of; `elements`: top-level names let out, None for all;
    `prose`: paths of prose that was permitted; `duties`: obligation codes; `national`: identifier systems that stay at home;
    `named`: the only references that may stand, None for all that are not withheld;
    `without`: paths of this resource that were withheld by themselves (`address`).
    """

    withheld: frozenset[str] = frozenset()
    elements: tuple[str, ...] | None = None
    prose: frozenset[str] = frozenset()
    duties: frozenset[str] = frozenset()
    national: frozenset[str] = frozenset()
    named: frozenset[str] | None = None
    without: frozenset[str] = frozenset()


def terms_of(decision: Mapping[str, Any], reference: str, national: Iterable[str] = ()) -> Terms:
    """The terms for one released reference of a decision (the form of `decide`). Raises KeyError when it was not released."""
    if reference not in decision["released"]:
        raise KeyError("not released")
    redacted = frozenset(row["reference"] for row in decision["redacted"])
    released = (other.partition("#") for other in decision["released"])
    hidden = (other.partition("#") for other in redacted)
    allowed = decision.get("elements", {}).get(reference)
    return Terms(
        withheld=frozenset(other for other in redacted if "#" not in other),
        elements=None if allowed is None else tuple(allowed),
        prose=frozenset(path for base, _, path in released if base == reference and path),
        duties=frozenset(decision["obligations"]),
        national=frozenset(national),
        without=frozenset(path for base, _, path in hidden if base == reference and path),
    )


def redact(resource: Resource, terms: Terms) -> dict[str, Any]:
    """The resource as it may leave: a new object with the duties as meta.security labels."""
    shape = shapes().of(resource["resourceType"])
    kept = {
        name: value
        for name, value in resource.items()
        if _allowed(name, terms) and name.removeprefix("_") not in terms.without
    }
    made = _kept(kept, "", shape, terms)
    return _labelled(_without_orphans(made), terms)


def may_be_named(reference: str, terms: Terms) -> bool:
    """Whether a reference may stand in an output; one to a contained resource may."""
    known = named_in(reference)
    return known not in terms.withheld and (terms.named is None or reference.startswith("#") or known in terms.named)


def duty_labels(duties: Iterable[str]) -> tuple[dict[str, str], ...]:
    """The meta.security codings of obligations that travel with the data, sorted."""
    table = codes()
    systems = {"v3": table.systems["duty"], "local": table.systems["localDuty"]}
    made = ((_duty(code), code) for code in sorted(duties))
    return tuple({"system": systems[row["where"]], "code": code} for row, code in made if row.get("kind") == "mark")


def _duty(code: str) -> Mapping[str, Any]:
    rows = codes().duty_codes.items()
    return next((row for name, row in rows if code == name or (row.get("prefix") and code.startswith(name))), {})


def _allowed(name: str, terms: Terms) -> bool:
    known = shapes()
    plain = name.removeprefix("_")
    if "PSEUD" in terms.duties and plain in known.identifying:
        return False
    return terms.elements is None or plain in terms.elements or plain in known.always_allowed


def _kept(node: Mapping[str, Any], path: str, shape: Shape, terms: Terms) -> Any:
    """A node without what must not leave, or _GONE when nothing of it may stay."""
    made: dict[str, Any] = {}
    for name, value in node.items():
        below = f"{path}.{name}" if path else name
        left = _cut(value, below, shape, terms)
        if left is not _GONE:
            made[name] = left
        elif below in shape.required and path:
            return _GONE
        elif below in shape.required:
            made[name] = _masked(isinstance(value, list))
    if path and (not made or _empty_extension(path, made)):
        return _GONE
    return made


def _cut(value: Any, path: str, shape: Shape, terms: Terms) -> Any:
    if path in terms.without:
        return _GONE
    if isinstance(value, list | tuple):
        left = [one for one in (_cut(one, path, shape, terms) for one in value) if one is not _GONE]
        return left or (_GONE if value else [])
    if is_prose(path, value, shape) and not _prose_permitted(path, terms):
        return _GONE
    if not isinstance(value, Mapping):
        return value
    if _points_to_withheld(value, terms) or (value.get("system") in terms.national and "value" in value):
        return _GONE
    return _kept(_beside_code(value), path, shape, terms)


def _prose_permitted(path: str, terms: Terms) -> bool:
    return any(path == said or path.startswith(said + ".") or said.startswith(path + ".") for said in terms.prose)


def _points_to_withheld(node: Mapping[str, Any], terms: Terms) -> bool:
    said = node.get("reference")
    return isinstance(said, str) and not may_be_named(said, terms)


def _beside_code(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A concept with codings without its words: the codes were classified, the words were not."""
    if not node.get("coding") or "text" not in node:
        return node
    return {name: value for name, value in node.items() if name not in ("text", "_text")}


def _empty_extension(path: str, node: Mapping[str, Any]) -> bool:
    return path.rpartition(".")[2] in ("extension", "modifierExtension") and node.keys() <= {"url", "id"}


def _masked(many: bool) -> Any:
    said = {"extension": [{"url": codes().systems["absentReason"], "valueCode": "masked"}]}
    return [said] if many else said


def _without_orphans(resource: dict[str, Any]) -> dict[str, Any]:
    """Without contained resources that nothing refers to any more (R4, contained resources are referred to)."""
    contained = resource.get("contained")
    if not contained:
        return resource
    used = {value[1:] for path, value in steps(resource) if path.endswith("reference") and str(value).startswith("#")}
    left = [inner for inner in contained if inner.get("id") in used]
    return {name: value for name, value in resource.items() if name != "contained"} | (
        {"contained": left} if left else {}
    )


def _labelled(resource: dict[str, Any], terms: Terms) -> dict[str, Any]:
    marks = duty_labels(terms.duties)
    if not marks:
        return resource
    meta = dict(resource.get("meta") or {})
    own = [coding for coding in meta.get("security", ()) if dict(coding) not in marks]
    return {**resource, "meta": {**meta, "security": [*own, *marks]}}
