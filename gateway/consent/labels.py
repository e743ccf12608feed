"""From a FHIR R4 resource to the item of a request: its codes, labels, dates, authors, and the prose that nobody has classified.

A code of a system that the site has classified counts; a local, unknown or free-text one is restricted (ARCHITECTURE.md, "Labels").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gateway.consent.codes import Codes, codes
from gateway.consent.marks import Labelling, Marking, labelling
from gateway.consent.shapes import Shape, Shapes, at, ends_in, is_prose, lies_under, named_in, shapes, steps
from gateway.model.document import Resource

_META = frozenset({"meta"})
Known = Mapping[str, Iterable[str]]


def label(
    resource: Resource, register: Mapping[str, Any], known: Known | None = None, *, rules: Labelling | None = None
) -> frozenset[str]:
    """The labels of a resource: one level and 0..* sensitivities. `known` are labels held by reference; they only add.

    `rules` is the register's labelling where the caller has compiled it already (`rules_of`), for many resources at once.
    """
    table, rules = codes(), rules or rules_of(register)
    item = item_of(resource, register, rules=rules)
    marks = Marking(rules, [item], known or {}).of(item["reference"])
    level = next(name for name, rank in table.levels.items() if rank == marks.level)
    return marks.sensitivities | {level}


def rules_of(register: Mapping[str, Any]) -> Labelling:
    """A register's labelling, compiled."""
    return labelling(register, codes())


def item_of(
    resource: Resource,
    register: Mapping[str, Any],
    labels: Iterable[str] = (),
    *,
    subject: str | Sequence[str] | None = None,
    custodian: str = "",
    derived_from: Sequence[str] = (),
    rules: Labelling | None = None,
) -> dict[str, Any]:
    """The request item of a resource. `labels` come beside meta.security and only raise; `subject` is whose it is, None unknown.

    `freeText` is true when a concept of the resource is neither classified nor mapped, its value is prose, or something modifies it.
    Prose that can be taken out (narrative, notes) is not in the item: it has items of its own, see `parts_of`.
    """
    shape, rules = shapes().of(resource["resourceType"]), rules or rules_of(register)
    concepts = list(_concepts(resource, shape))
    item: dict[str, Any] = {
        "reference": f"{resource['resourceType']}/{resource.get('id', '')}",
        "code": [coding for _, codings in concepts for coding in codings],
        "securityLabel": sorted(
            {*labels, *_own_labels(resource, codes(), shapes()), *_aside(resource, concepts, rules)}
        ),
        "refersTo": sorted(set(_references(resource))),
        "subject": subject if _one_person(resource, shape) else _people(resource, shape),
    }
    if any(_open(codings, rules) for _, codings in concepts) or _whole_prose(resource, shape) or _modified(resource):
        item["freeText"] = True
    made = {"date": _first(resource, shape.date), "author": _refs(resource, shape.author)}
    made["custodian"] = custodian or next(iter(_refs(resource, shape.custodian)), None)
    made["derivedFrom"] = [*derived_from, *_refs(resource, shape.derived_from)]
    return item | {name: value for name, value in made.items() if value}


def parts_of(resource: Resource, item: Mapping[str, Any], known: Iterable[str] = ()) -> tuple[dict[str, Any], ...]:
    """Items for the parts of a resource that are decided by themselves, otherwise like the resource's own item.

    Prose that can be taken out (`Condition/x#note.text`, free text), and what carries labels of its own: `known` are the
    references of held labels (`Patient/p#address`).
    """
    shape, own = shapes().of(resource["resourceType"]), item["reference"]
    same = {name: item[name] for name in ("subject", "author", "custodian", "date", "refersTo") if name in item}
    prose = prose_paths(resource, shape)
    held = {path for base, _, path in (reference.partition("#") for reference in known) if base == own and path}
    made = [{**same, "reference": f"{own}#{path}", "code": [], "freeText": True} for path in sorted(prose)]
    return *made, *({**same, "reference": f"{own}#{path}", "code": item["code"]} for path in sorted(held - prose))


def prose_paths(resource: Resource, shape: Shape) -> frozenset[str]:
    """The paths where a resource has prose that can be taken out without the rest."""
    return frozenset(path for path, value in steps(resource) if is_prose(path, value, shape))


def _concepts(resource: Resource, shape: Shape) -> Iterator[tuple[str, tuple[Mapping[str, Any], ...]]]:
    """Each coded element with its codings (translations of each other); a concept in words only has none."""
    systems = shapes().quantity_systems
    for path, node in steps(resource):
        if not isinstance(node, Mapping) or _uncounted(path, node, shape):
            continue
        if isinstance(node.get("coding"), list):
            yield path, tuple(node["coding"])
        elif _is_coding(path, node, systems):
            yield path, (node,)
        elif "text" in node and not _harmless_text(f"{path}.text", shape):
            yield path, ()


def _aside(resource: Resource, concepts: Sequence[tuple[str, Any]], rules: Labelling) -> Iterator[str]:
    """The labels of the codings that are no concept of the resource (a body site, a category, a unit): they only add."""
    counted = {id(coding) for _, codings in concepts for coding in codings}
    for path, node in steps(resource):
        if not isinstance(node, Mapping) or id(node) in counted or not isinstance(node.get("code"), str):
            continue
        if lies_under(path, _META):
            continue
        marks, _ = rules.coding((node.get("system"), node["code"]))
        yield from marks.sensitivities
        yield from (name for name, rank in rules.codes.levels.items() if rank == marks.level)


def _harmless_text(path: str, shape: Shape) -> bool:
    """The text of a name or address, or prose that is an item of its own."""
    return path in shape.prose_apart or ends_in(path, shape.plain_text)


def _uncounted(path: str, node: Mapping[str, Any], shape: Shape) -> bool:
    if path in shape.prose_apart and not is_prose(path, node, shape):
        return False
    return lies_under(path, shape.structural | shape.prose_apart) or ends_in(path, shape.structural_anywhere)


def _is_coding(path: str, node: Mapping[str, Any], quantities: frozenset[str]) -> bool:
    if path.endswith(".coding") or not isinstance(node.get("code"), str) or "value" in node:
        return False
    return ("system" in node or "display" in node or len(node) == 1) and node.get("system") not in quantities


def _open(codings: tuple[Mapping[str, Any], ...], rules: Labelling) -> bool:
    """Nobody has classified any of the codings of a concept."""
    return rules.classifies and not any(rules.coding((c.get("system"), c.get("code")))[1] for c in codings)


def _whole_prose(resource: Resource, shape: Shape) -> bool:
    """The resource has prose that is its very content: a text value, an attachment."""
    return any(
        path.rpartition(".")[2] in shape.prose_whole
        for path, value in steps(resource)
        if value and not lies_under(path, shape.prose_apart | {"meta"})
    )


def _modified(resource: Resource) -> bool:
    """Something modifies what the rest means, and nobody here can say how: it can neither leave nor be left out (R4, modifierExtension)."""
    return any(path.rpartition(".")[2] == "modifierExtension" for path, _ in steps(resource))


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


def _references(resource: Resource) -> Iterator[str]:
    for path, value in steps(resource):
        if path.rpartition(".")[2] == "reference" and isinstance(value, str) and not value.startswith("#"):
            yield named_in(value)


def _refs(resource: Resource, paths: Iterable[str]) -> list[str]:
    nodes = (node for path in paths for node in at(resource, path) if isinstance(node, Mapping))
    named = (named_in(str(node["reference"])) for node in nodes if "reference" in node)
    return list(dict.fromkeys(reference for reference in named if reference))


def _first(resource: Resource, paths: Iterable[str]) -> Any:
    return next((value for path in paths for value in at(resource, path)), None)


def _people(resource: Resource, shape: Shape) -> list[str]:
    """The people, and groups of people, that the resource itself says it is about."""
    return [ref for ref in _refs(resource, shape.subject) if ref.startswith(("Patient/", "Group/"))]


def _one_person(resource: Resource, shape: Shape) -> bool:
    people = _people(resource, shape)
    return len(people) < 2 and not any(ref.startswith("Group/") for ref in people)
