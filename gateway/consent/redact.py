"""Meet the obligations of a decision on a released resource, and read the result again to prove it.

Nothing is changed in place. What is withheld leaves no trace: an optional reference goes, a required one is masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.consent.coarsen import GONE, capped, coarse, is_day, masked, moved
from gateway.consent.codes import codes
from gateway.consent.shapes import Shape, is_object, is_prose, named_in, shapes, steps, tells
from gateway.model.document import Resource

_HOLDERS = frozenset(
    {"contained", "resource", "outcome"}
)  # where R4 has a resource inside another (DomainResource, Bundle, Parameters)
_MANY = (list, tuple)
_NONE: frozenset[str] = frozenset()
Change = tuple[str, str, str]  # type of resource (`*`: any), path in it, how (gateway/consent/coarsen.py)


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one released resource.

    `withheld`: references (`Type/id`) that the recipient must not learn of; `elements`: top-level names let out, None for all;
    `prose`: paths of prose that was permitted; `duties`: obligation codes; `national`: identifier systems that stay at home;
    `named`: the only references that may stand, None for all that are not withheld;
    `without`: paths of this resource that were withheld by themselves (`address`);
    `changes`: what is said less exactly, here and in every resource inside; `shift`: days by which all dates are earlier (PSEUD), 0 none.
    """

    withheld: frozenset[str] = frozenset()
    elements: tuple[str, ...] | None = None
    prose: frozenset[str] = frozenset()
    duties: frozenset[str] = frozenset()
    national: frozenset[str] = frozenset()
    named: frozenset[str] | None = None
    without: frozenset[str] = frozenset()
    changes: tuple[Change, ...] = ()
    shift: int = 0

    @property
    def pseudonymous(self) -> bool:
        """Nothing may tell whose it is."""
        return "PSEUD" in self.duties

    def how(self, kind: str, path: str) -> str:
        """How a path of a type is changed, or an empty text; the first row that names it."""
        return next((how for types, where, how in self.changes if where == path and types in (kind, "*")), "")


def terms_of(decision: Mapping[str, Any], national: Iterable[str] = ()) -> dict[str, Terms]:
    """The terms of each released reference of a decision (the form of `decide`)."""
    hidden = [row["reference"] for row in decision["redacted"]]
    prose, without = _parts(decision["released"]), _parts(hidden)
    allowed, changes = decision.get("elements", {}), decision.get("changes", {})
    common = Terms(
        withheld=frozenset(reference for reference in hidden if "#" not in reference),
        duties=frozenset(decision["obligations"]),
        national=frozenset(national),
    )
    return {
        reference: replace(
            common,
            elements=tuple(allowed[reference]) if reference in allowed else None,
            prose=prose.get(reference, _NONE),
            without=without.get(reference, _NONE),
            changes=tuple((row["type"], row["path"], row["how"]) for row in changes.get(reference, ())),
        )
        for reference in decision["released"]
    }


def _parts(references: Iterable[str]) -> dict[str, frozenset[str]]:
    """The paths of each resource in references of parts: `Condition/x#note` → {`Condition/x`: {`note`}}."""
    made: dict[str, set[str]] = {}
    for base, part, path in (reference.partition("#") for reference in references):
        if part and path:
            made.setdefault(base, set()).add(path)
    return {base: frozenset(paths) for base, paths in made.items()}


def redact(resource: Resource, terms: Terms) -> dict[str, Any]:
    """The resource as it may leave: a new object with the duties as meta.security labels.

    Resources inside it (contained, entries of a Bundle, Parameters) are redacted as what they are. An allow-list names elements of one
    type, so nothing else stands inside what it lets out.
    """
    if terms.elements is not None and resource.get("contained"):
        terms = replace(
            terms, withheld=terms.withheld | {f"#{inner.get('id')}" for inner in resource.get("contained", ())}
        )
    return _labelled(_without_orphans(_resource(resource, "", terms)), terms)


def may_be_named(reference: str, terms: Terms) -> bool:
    """Whether a reference may stand in an output; one to a contained resource may."""
    known = named_in(reference)
    return terms.withheld.isdisjoint((known, reference)) and (
        terms.named is None or reference.startswith("#") or known in terms.named
    )


def duty_labels(duties: Iterable[str]) -> tuple[dict[str, str], ...]:
    """The meta.security codings of obligations that travel with the data, sorted."""
    table = codes()
    systems = {"v3": table.systems["duty"], "local": table.systems["localDuty"]}
    made = ((_duty(code), code) for code in sorted(duties))
    return tuple({"system": systems[row["where"]], "code": code} for row, code in made if row.get("kind") == "mark")


def _duty(code: str) -> Mapping[str, Any]:
    rows = codes().duty_codes.items()
    return next((row for name, row in rows if code == name or (row.get("prefix") and code.startswith(name))), {})


@dataclass(frozen=True, slots=True)
class _Inside:
    """The resource around a node, and the path that leads to it from the outermost one (`contained.`)."""

    kind: str
    shape: Shape
    before: str
    terms: Terms


def _resource(resource: Mapping[str, Any], before: str, terms: Terms) -> Any:
    kind = str(resource["resourceType"])
    inside = _Inside(kind, shapes().of(kind), before, terms)
    return _kept({n: v for n, v in resource.items() if _allowed(n, inside)}, "", inside)


def _allowed(name: str, inside: _Inside) -> bool:
    known, terms, plain = shapes(), inside.terms, name.removeprefix("_")
    if terms.pseudonymous and plain in known.identifying:
        return False
    if inside.before:
        return True
    return plain not in terms.without and (
        terms.elements is None or plain in terms.elements or plain in known.always_allowed
    )


def _kept(node: Mapping[str, Any], path: str, inside: _Inside) -> Any:
    """A node without what must not leave, or GONE when nothing of it may stay."""
    made: dict[str, Any] = {}
    shape = inside.shape
    for name, value in node.items():
        below = f"{path}.{name}" if path else name
        hidden, how = _said_of(below, inside)
        if how == "mask":
            made |= _mask(name, value)
            continue
        left = GONE if hidden or (how and name.startswith("_")) else _cut(value, below, inside)
        left = coarse(left, _possible(how, inside.kind, below)) if how and left is not GONE else left
        if left is not GONE:
            made[name] = left
        elif below in shape.required and path:
            return GONE
        elif below in shape.required:
            made[name] = masked(isinstance(value, list))
        elif _holds_a_resource(value) and name == "resource":
            return GONE  # an entry, or a parameter, goes with what it is about
    if path and (not made or _empty_extension(path, made)):
        return GONE
    return made


def _said_of(path: str, inside: _Inside) -> tuple[bool, str]:
    """Whether a path is withheld by itself, which leaves no trace, not even a mask; else how it is changed."""
    terms = inside.terms
    if not terms.without and not terms.changes:
        return False, ""
    plain = path.replace("_", "")
    hidden = inside.before + plain in terms.without
    return hidden, "" if hidden else terms.how(inside.kind, plain)


def _mask(name: str, value: Any) -> dict[str, Any]:
    """A primitive value is masked beside its place, another one in it."""
    many = isinstance(value, list)
    first = (value[0] if value else None) if isinstance(value, list) else value
    plain = name if isinstance(first, Mapping) and not name.startswith("_") else f"_{name.removeprefix('_')}"
    return {plain: masked(many)}


def _possible(how: str, kind: str, path: str) -> str:
    """An instant cannot be a year: it goes (R4 instant)."""
    known = shapes().instants
    return "drop" if how in ("year", "month") and (f"{kind}.{path}" in known or f"*.{path}" in known) else how


def _holds_a_resource(value: Any) -> bool:
    return is_object(value) and "resourceType" in value


def _cut(value: Any, path: str, inside: _Inside) -> Any:
    terms = inside.terms
    if isinstance(value, _MANY):
        left = [one for one in (_cut(one, path, inside) for one in value) if one is not GONE]
        return left or (GONE if value else [])
    if terms.pseudonymous:
        value = _unnamed(value, path.rpartition(".")[2], terms)
    if value is GONE or (is_prose(path, value, inside.shape) and not _prose_permitted(inside.before + path, terms)):
        return GONE
    if not is_object(value):
        named = terms.withheld and isinstance(value, str) and named_in(value) in terms.withheld
        return GONE if named else value
    if _points_to_withheld(value, terms) or _stays_home(value, terms):
        return GONE
    if "resourceType" not in value:
        return _kept(_beside_code(value), path, inside)
    return _nested(value, path, inside) if path.rpartition(".")[2] in _HOLDERS else GONE


def _stays_home(node: Mapping[str, Any], terms: Terms) -> bool:
    system = node.get("system")
    return isinstance(system, str) and system in terms.national


def _nested(resource: Mapping[str, Any], path: str, inside: _Inside) -> Any:
    terms = inside.terms
    own = f"{resource['resourceType']}/{resource.get('id', '')}"
    if terms.elements is not None or own in terms.withheld:
        return GONE
    return _resource(resource, f"{inside.before}{path}.", terms)


def _unnamed(value: Any, name: str, terms: Terms) -> Any:
    """Under a pseudonym: no words, nothing that names, dates moved, the very old not told apart."""
    if tells(name) or name == "text" or name in shapes().identifying_anywhere:
        return GONE
    if (name == "value" and isinstance(value, str)) or (
        isinstance(value, Mapping) and isinstance(value.get("value"), str)
    ):
        return GONE  # an Identifier or a ContactPoint, whatever its element is called; or what is left of one
    if is_day(name, value):
        return moved(value, terms.shift)
    return capped(name, value) if isinstance(value, Mapping) else value


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
