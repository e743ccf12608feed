"""Where resources keep dates, authors, codes and prose, read once from validators/policies/item-elements.json (R4, FiveWs pattern)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from gateway.data import data_path
from gateway.model.document import Resource
from gateway.model.wire import read_json

Step = tuple[str, Any]
_PATHS = ("date", "author", "custodian", "subject", "derivedFrom")
_META = frozenset({"meta"})
_MANY = (list, tuple)
_MOST_PLACES = 5_000  # of one shape; a document can make up names without end


@dataclass(frozen=True, slots=True)
class Place:
    """What the tables say of one path of a type, looked up once. `name` is its last element.

    `structural`: no label is read from there; `apart`: prose that can be taken out; `under_apart`: that, or below it; `plain_text`: a
    `text` below it says nothing that has to be classified; `whole`: prose that is the very content of the resource; `meta`: in meta.
    """

    name: str
    structural: bool
    apart: bool
    under_apart: bool
    plain_text: bool
    whole: bool
    meta: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """The element paths of one type: dotted names without indices; a type without a row has the general ones."""

    date: tuple[str, ...]
    author: tuple[str, ...]
    custodian: tuple[str, ...]
    subject: tuple[str, ...]
    derived_from: tuple[str, ...]
    structural: frozenset[str]
    structural_anywhere: frozenset[str]
    plain_text: frozenset[str]
    prose_apart: frozenset[str]
    prose_whole: frozenset[str]
    required: frozenset[str]
    required_concepts: frozenset[str]
    places: dict[str, Place] = field(default_factory=dict, compare=False, repr=False)

    def at(self, path: str) -> Place:
        """What the tables say of a path."""
        found = self.places.get(path)
        if found is None:
            found = _place(path, self)
            if len(self.places) < _MOST_PLACES:
                self.places[path] = found
        return found


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes of all types and what holds for each of them."""

    types: Mapping[str, Shape]
    ignored_label_systems: frozenset[str]
    quantity_systems: frozenset[str]
    always_allowed: frozenset[str]
    identifying: frozenset[str]
    identifying_anywhere: frozenset[str]
    instants: frozenset[str]
    extensions: frozenset[str]
    mute_values: frozenset[str]
    absent_reasons: frozenset[str]

    def of(self, resource_type: str) -> Shape:
        """The shape of a type."""
        return self.types.get(resource_type) or self.types["*"]


@cache
def shapes() -> Shapes:
    """The shipped table. Raises Misconfigured when it is missing."""
    data = read_json(data_path("validators", "policies", "item-elements.json").read_bytes())
    rows = {row["id"]: row for row in data["types"]}
    named = frozenset(rows) | {t for row in data["required"] for t in row["types"]}
    return Shapes(
        types={name: _shape(name, rows.get(name, {}), rows["*"], data["required"]) for name in named},
        ignored_label_systems=frozenset(data["ignoredLabelSystems"]),
        quantity_systems=frozenset(data["quantitySystems"]),
        always_allowed=frozenset(data["alwaysAllowed"]),
        identifying=frozenset(data["identifying"]),
        identifying_anywhere=frozenset(data["identifyingAnywhere"]),
        instants=frozenset(data["instants"]),
        extensions=_extensions(),
        mute_values=frozenset(data["muteValues"]),
        absent_reasons=frozenset(data["absentReasons"]),
    )


def _extensions() -> frozenset[str]:
    """The addresses of the extensions that R4 publishes."""
    found = read_json(data_path("profiles", "fhir", "r4-core", "structures.json").read_bytes())
    return frozenset(row["url"] for row in found.values() if row["type"] == "Extension")


def _shape(name: str, row: Mapping[str, Any], general: Mapping[str, Any], required: list[Mapping[str, Any]]) -> Shape:
    one = {key: tuple(row.get(key, general[key])) for key in _PATHS}
    both = {
        key: frozenset(general[key]) | frozenset(row.get(key, ()))
        for key in ("structural", "plainText", "proseApart", "proseWhole")
    }
    needed = (path for rule in required for path in rule["paths"] if name in rule["types"] or "*" in rule["types"])
    return Shape(
        date=one["date"],
        author=one["author"],
        custodian=one["custodian"],
        subject=one["subject"],
        derived_from=one["derivedFrom"],
        structural=both["structural"],
        structural_anywhere=frozenset(general["structuralAnywhere"]),
        plain_text=both["plainText"],
        prose_apart=both["proseApart"],
        prose_whole=both["proseWhole"],
        required=frozenset(needed),
        required_concepts=frozenset(row.get("requiredConcepts", ())),
    )


def _place(path: str, shape: Shape) -> Place:
    text = f"{path}.text"
    name = path.rpartition(".")[2]
    return Place(
        name=name,
        structural=lies_under(path, shape.structural) or ends_in(path, shape.structural_anywhere),
        apart=path in shape.prose_apart,
        under_apart=lies_under(path, shape.prose_apart),
        plain_text=text in shape.prose_apart or ends_in(text, shape.plain_text),
        whole=name in shape.prose_whole and not lies_under(path, shape.prose_apart | _META),
        meta=lies_under(path, _META),
    )


def steps(resource: Mapping[str, Any]) -> list[Step]:
    """Every value below a resource with its path (`code.coding.system`), parents before children."""
    found: list[Step] = []
    _step(resource, "", found)
    return found


def _step(node: Mapping[str, Any], before: str, found: list[Step]) -> None:
    for name, child in node.items():
        path = before + name
        for one in child if isinstance(child, _MANY) else (child,):
            found.append((path, one))
            if is_object(one):
                _step(one, f"{path}.", found)


def is_object(value: Any) -> bool:
    """Whether a value has members; asked of every value of every resource, and nearly all of them are dicts or texts."""
    kind = value.__class__
    return kind is dict or (kind is not str and isinstance(value, Mapping))


def at(resource: Resource, path: str) -> tuple[Any, ...]:
    """The values at a path, 0..*."""
    first, _, rest = path.partition(".")
    if first not in resource:
        return ()
    found = _many(resource[first])
    for name in rest.split(".") if rest else ():
        nearer = (node.get(name) for node in found if is_object(node))
        found = tuple(one for child in nearer if child is not None for one in _many(child))
    return found


def _many(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, _MANY) else (value,)


def named_in(reference: str) -> str:
    """`Type/id` of a reference in any form: relative, absolute, versioned; a urn stays as it is."""
    plain = reference.partition("/_history/")[0]
    return plain if plain.startswith("urn:") else "/".join(plain.partition("#")[0].split("/")[-2:])


def is_prose(path: str, value: Any, shape: Shape) -> bool:
    """Prose that can be taken out; an element of that name that holds a code is none (Goal.description)."""
    return path in shape.prose_apart and not (isinstance(value, Mapping) and value.get("coding"))


def tells(name: str) -> bool:
    """Whether an element of this name holds words that could say anything (`valueString`, `note`, `div`)."""
    return name.endswith(("String", "Markdown")) or name in shapes().types["*"].prose_whole


def ends_in(path: str, endings: frozenset[str]) -> bool:
    """Whether a path is one of the endings or ends in one of them (`contact.name.text` ends in `name.text`)."""
    parts = path.split(".")
    return any(".".join(parts[place:]) in endings for place in range(len(parts)))


def lies_under(path: str, roots: frozenset[str]) -> bool:
    """Whether a path is one of the roots or below one of them."""
    parts = path.split(".")
    return any(".".join(parts[: place + 1]) in roots for place in range(len(parts)))
