"""From a FHIR R4 resource to the item of a request: its codes, labels, dates, authors, and the prose that nobody has classified.

A code of a system that the site has classified counts; a local, unknown or free-text one is restricted (ARCHITECTURE.md, "Labels").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.consent.codes import Codes, codes
from gateway.consent.marks import Labelling, Marking, labelling
from gateway.consent.shapes import Shape, Shapes, Step, at, is_object, is_prose, named_in, shapes, steps
from gateway.model.document import Resource

Known = Mapping[str, Iterable[str]]
Codings = tuple[Mapping[str, Any], ...]
_SITES = 8  # whose rules are kept compiled


@dataclass(frozen=True, slots=True)
class Traits:
    """What a decision asks of a resource and the resource itself says, read in one walk by the rules of one register.

    `code`: the codings of its concepts; `labels`: its own, and of the codings beside its concepts; `open`: something in it nobody has
    classified; `prose`: the paths of what can be taken out; the rest as in a request item.
    """

    resource: Resource
    rules: Labelling
    code: Codings
    labels: frozenset[str]
    open: bool
    prose: frozenset[str]
    refers_to: tuple[str, ...]
    people: tuple[str, ...]
    date: Any
    author: tuple[str, ...]
    custodian: tuple[str, ...]
    derived_from: tuple[str, ...]


def label(
    resource: Resource, register: Mapping[str, Any], known: Known | None = None, *, traits: Traits | None = None
) -> frozenset[str]:
    """The labels of a resource: one level and 0..* sensitivities. `known` are labels held by reference; they only add.

    `traits` where the caller has read the resource already.
    """
    table, traits = codes(), traits or traits_of(resource, labelling(register, codes()))
    item = item_of(resource, register, traits=traits)
    marks = Marking(traits.rules, [item], known or {}).of(item["reference"])
    level = next(name for name, rank in table.levels.items() if rank == marks.level)
    return marks.sensitivities | {level}


_compiled: dict[int, tuple[Mapping[str, Any], Labelling]] = {}


def rules_of(register: Mapping[str, Any]) -> Labelling:
    """The labelling of a site's register, which is never changed in place: compiled once for each.

    What is remembered of codes is new with each call: nothing of a document outlives what it was looked at for.
    """
    kept = _compiled.get(id(register))
    if kept is None:
        if len(_compiled) >= _SITES:
            _compiled.clear()
        kept = _compiled[id(register)] = register, labelling(register, codes())  # held, so that no other gets its id
    return replace(kept[1], seen={}, named={})


def traits_of(resource: Resource, rules: Labelling, known: object = None) -> Traits:
    """What a resource says of itself; `known` where it was read before, which counts for this very resource and these rules alone."""
    if isinstance(known, Traits) and known.resource is resource and known.rules.rows is rules.rows:
        return known
    shape, found = shapes().of(resource["resourceType"]), steps(resource)
    concepts = list(_concepts(found, shape))
    return Traits(
        resource=resource,
        rules=rules,
        code=tuple(coding for codings in concepts for coding in codings),
        labels=frozenset((*_own_labels(resource, codes(), shapes()), *_aside(found, shape, concepts, rules))),
        open=any(_open(codings, rules) for codings in concepts)
        or _whole_prose(found, shape)
        or _modified(found, shape),
        prose=_prose(found, shape),
        refers_to=tuple(sorted(set(_references(found, shape)))),
        people=_people(resource, shape),
        date=_first(resource, shape.date),
        author=_refs(resource, shape.author),
        custodian=_refs(resource, shape.custodian),
        derived_from=_refs(resource, shape.derived_from),
    )


def item_of(
    resource: Resource,
    register: Mapping[str, Any],
    labels: Iterable[str] = (),
    *,
    subject: str | Sequence[str] | None = None,
    custodian: str = "",
    derived_from: Sequence[str] = (),
    traits: Traits | None = None,
) -> dict[str, Any]:
    """The request item of a resource. `labels` come beside meta.security and only raise; `subject` is whose it is, None unknown.

    `freeText` is true when a concept of the resource is neither classified nor mapped, its value is prose, or something modifies it.
    Prose that can be taken out (narrative, notes) is not in the item: it has items of its own, see `parts_of`.
    """
    read = traits or traits_of(resource, labelling(register, codes()))
    item: dict[str, Any] = {
        "reference": f"{resource['resourceType']}/{resource.get('id', '')}",
        "code": list(read.code),
        "securityLabel": sorted({*labels, *read.labels}),
        "refersTo": list(read.refers_to),
        "subject": subject if _one_person(read.people) else list(read.people),
    }
    if read.open:
        item["freeText"] = True
    made = {"date": read.date, "author": list(read.author)}
    made["custodian"] = custodian or next(iter(read.custodian), None)
    made["derivedFrom"] = [*derived_from, *read.derived_from]
    return item | {name: value for name, value in made.items() if value}


def parts_of(
    resource: Resource, item: Mapping[str, Any], known: Iterable[str] = (), *, traits: Traits | None = None
) -> tuple[dict[str, Any], ...]:
    """Items for the parts of a resource that are decided by themselves, otherwise like the resource's own item.

    Prose that can be taken out (`Condition/x#note.text`, free text), and what carries labels of its own: `known` are the
    references of held labels (`Patient/p#address`).
    """
    own = item["reference"]
    same = {name: item[name] for name in ("subject", "author", "custodian", "date", "refersTo") if name in item}
    prose = traits.prose if traits else _prose(steps(resource), shapes().of(resource["resourceType"]))
    held = {path for base, _, path in (reference.partition("#") for reference in known) if base == own and path}
    made = [{**same, "reference": f"{own}#{path}", "code": [], "freeText": True} for path in sorted(prose)]
    return *made, *({**same, "reference": f"{own}#{path}", "code": item["code"]} for path in sorted(held - prose))


def _prose(found: Sequence[Step], shape: Shape) -> frozenset[str]:
    """The paths where a resource has prose that can be taken out without the rest."""
    return frozenset(path for path, value in found if shape.at(path).apart and is_prose(path, value, shape))


def _concepts(found: Sequence[Step], shape: Shape) -> Iterator[Codings]:
    """The codings of each coded element (translations of each other); a concept in words only has none."""
    systems = shapes().quantity_systems
    for path, node in found:
        if not is_object(node) or _uncounted(path, node, shape):
            continue
        if isinstance(node.get("coding"), list):
            yield tuple(node["coding"])
        elif _is_coding(path, node, systems):
            yield (node,)
        elif "text" in node and not shape.at(path).plain_text:
            yield ()


def _aside(found: Sequence[Step], shape: Shape, concepts: Sequence[Codings], rules: Labelling) -> Iterator[str]:
    """The labels of the codings that are no concept of the resource (a body site, a category, a unit): they only add."""
    counted = {id(coding) for codings in concepts for coding in codings}
    for path, node in found:
        if not is_object(node) or id(node) in counted or not isinstance(node.get("code"), str):
            continue
        if shape.at(path).meta:
            continue
        marks, _ = rules.coding((node.get("system"), node["code"]))
        yield from marks.sensitivities
        yield from (name for name, rank in rules.codes.levels.items() if rank == marks.level)


def _uncounted(path: str, node: Mapping[str, Any], shape: Shape) -> bool:
    place = shape.at(path)
    if place.apart and not is_prose(path, node, shape):
        return False
    return place.structural or place.under_apart


def _is_coding(path: str, node: Mapping[str, Any], quantities: frozenset[str]) -> bool:
    if path.endswith(".coding") or not isinstance(node.get("code"), str) or "value" in node:
        return False
    return ("system" in node or "display" in node or len(node) == 1) and node.get("system") not in quantities


def _open(codings: Codings, rules: Labelling) -> bool:
    """Nobody has classified any of the codings of a concept."""
    return rules.classifies and not any(rules.coding((c.get("system"), c.get("code")))[1] for c in codings)


def _whole_prose(found: Sequence[Step], shape: Shape) -> bool:
    """The resource has prose that is its very content: a text value, an attachment."""
    return any(shape.at(path).whole for path, value in found if value)


def _modified(found: Sequence[Step], shape: Shape) -> bool:
    """Something modifies what the rest means, and nobody here can say how: it can neither leave nor be left out (R4, modifierExtension)."""
    return any(shape.at(path).name == "modifierExtension" for path, _ in found)


def _own_labels(resource: Resource, table: Codes, known: Shapes) -> Iterator[str]:
    """Labels in meta.security, without the handling instructions and the purposes that stand beside them."""
    for coding in at(resource, "meta.security"):
        code = coding.get("code")
        if coding.get("system") in known.ignored_label_systems or _is_duty(code, table):
            continue
        yield code or str(coding.get("display", ""))


def _is_duty(code: Any, table: Codes) -> bool:
    return any(
        code == name or (row.get("prefix") and str(code).startswith(name)) for name, row in table.duty_codes.items()
    )


def _references(found: Sequence[Step], shape: Shape) -> Iterator[str]:
    for path, value in found:
        if isinstance(value, str) and shape.at(path).name == "reference" and not value.startswith("#"):
            yield named_in(value)


def _refs(resource: Resource, paths: Iterable[str]) -> tuple[str, ...]:
    nodes = (node for path in paths for node in at(resource, path) if is_object(node))
    named = (named_in(str(node["reference"])) for node in nodes if "reference" in node)
    return tuple(dict.fromkeys(reference for reference in named if reference))


def _first(resource: Resource, paths: Iterable[str]) -> Any:
    return next((value for path in paths for value in at(resource, path)), None)


def _people(resource: Resource, shape: Shape) -> tuple[str, ...]:
    """The people, and groups of people, that the resource itself says it is about."""
    return tuple(ref for ref in _refs(resource, shape.subject) if ref.startswith(("Patient/", "Group/")))


def _one_person(people: Sequence[str]) -> bool:
    return len(people) < 2 and not any(ref.startswith("Group/") for ref in people)
