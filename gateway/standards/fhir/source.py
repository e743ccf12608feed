"""FHIR JSON as a source of maps: a Bundle's resources, or one resource, walked by element name (R4 Bundle, "Resolving references")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from gateway.model.document import Parsed
from gateway.model.wire import write_json


class FhirSource:
    """Resources with the full URLs they came with. Positions are `Type/id#element`, so that a second map can follow a first."""

    shape: str | None = None

    def __init__(self, resources: Sequence[tuple[Mapping[str, Any], str]], seed: str = "", sender: str = "") -> None:
        self.seed = seed
        self.sender = sender
        self.nodes = [FhirNode(self, resource, _place(resource, n), "") for n, (resource, _) in enumerate(resources)]
        self._by_type: dict[str, list[FhirNode]] = {}
        for node in self.nodes:
            self._by_type.setdefault(node.name, []).append(node)
        self._by_reference: dict[str, FhirNode] = {}
        for node, (resource, full_url) in zip(self.nodes, resources, strict=True):
            for reference in (full_url, f"{resource.get('resourceType')}/{resource.get('id')}"):
                if reference:
                    self._by_reference.setdefault(reference, node)

    def every(self, name: str) -> Sequence[FhirNode]:
        """All resources of a type; `Resource` names all."""
        return self.nodes if name == "Resource" else self._by_type.get(name, ())

    def found(self, reference: str) -> Sequence[FhirNode]:
        """The resource that a reference of this document means: by full URL, else by `Type/id`; a version is left out."""
        plain = reference.split("/_history/")[0]
        tail = "/".join(plain.split("/")[-2:])
        node = self._by_reference.get(plain) or (self._by_reference.get(tail) if "://" not in plain else None)
        return (node,) if node is not None else ()

    def close(self) -> None:
        """Resources know their source; they are let go of."""
        self.nodes.clear()
        self._by_type.clear()
        self._by_reference.clear()

    def positions(self) -> Iterable[str]:
        """Every primitive of every resource but its type."""
        for node in self.nodes:
            for leaf in node.leaves():
                if not leaf.position.endswith("#resourceType"):
                    yield leaf.position

    def reasons(self) -> Mapping[str, str]:
        """JSON has no leaves of that kind."""
        return {}


def _place(resource: Mapping[str, Any], number: int) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id') or f'-{number}'}#"


class FhirNode:
    """A resource (`owner` "") or an element of one."""

    __slots__ = ("owner", "position", "source", "top", "value")
    shape: str | None = None

    def __init__(self, source: FhirSource, value: Any, where: str, owner: str, top: FhirNode | None = None) -> None:
        self.source = source
        self.value = value
        self.position = where
        self.owner = owner
        self.top: FhirNode = top or self

    @property
    def name(self) -> str:
        """The resource type."""
        return str(self.top.value.get("resourceType", ""))

    @property
    def leaf(self) -> str:
        """Its own position."""
        return self.position

    @property
    def text(self) -> str:
        """A primitive as text; "" for an object."""
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return "" if self.value is None or isinstance(self.value, dict | list) else str(self.value)

    def step(self, name: str) -> Sequence[FhirNode]:
        """The element of a name, one node per repetition; a reference is followed by `resolve`."""
        if not isinstance(self.value, Mapping):
            return ()
        if name == "resolve":
            return self.source.found(str(self.value.get("reference", "")))
        child = self.value.get(name)
        where = f"{self.position}{'' if self.position.endswith('#') else '.'}{name}"
        if isinstance(child, list):
            return [self._child(item, f"{where}[{n}]") for n, item in enumerate(child) if item is not None]
        return () if child is None else (self._child(child, where),)

    def related(self, name: str) -> Sequence[FhirNode]:
        """Resources of a type in the document; `@reference` means the one that is referred to."""
        return self.source.found(name[1:]) if name.startswith("@") else self.source.every(name)

    def leaves(self) -> Sequence[FhirNode]:
        """All primitives below it."""
        if isinstance(self.value, Mapping):
            return [leaf for key in self.value for child in self.step(key) for leaf in child.leaves()]
        if isinstance(self.value, list):
            return [
                leaf
                for n, item in enumerate(self.value)
                for leaf in self._child(item, f"{self.position}[{n}]").leaves()
            ]
        return [self]

    def texts(self) -> Sequence[str]:
        """Their texts."""
        return [leaf.text for leaf in self.leaves()]

    def _child(self, value: Any, where: str) -> FhirNode:
        return FhirNode(self.source, value, where, self.name, self.top)


class _Mappable:
    """What the stage `map` asks of this standard."""

    def map_name(self, _parsed: Any, _library: Any) -> str:
        """FHIR in is FHIR out: the same resources with ids of this gateway."""
        return "as-is"

    def source(self, parsed: Parsed, _scopes: Mapping[str, Any]) -> FhirSource:
        """A Bundle's resources, or the one resource."""
        seed = parsed.control_id or sha256(write_json(parsed.tree, canonical=True)).hexdigest()
        return FhirSource(resources_of(parsed.tree), seed, "|".join(parsed.sender).strip("|"))


def resources_of(tree: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], str]]:
    """A Bundle's resources with their full URLs ("" without one), or the one resource."""
    if tree.get("resourceType") != "Bundle":
        return [(tree, "")]
    entries = [entry for entry in tree.get("entry") or () if isinstance(entry, Mapping)]
    inside = [(entry.get("resource"), entry.get("fullUrl")) for entry in entries]
    return [
        (resource, url if isinstance(url, str) else "")
        for resource, url in inside
        if isinstance(resource, Mapping) and isinstance(resource.get("resourceType"), str)
    ]


MAPPABLE = _Mappable()
