"""Where definitions are looked up: what a caller loaded first, then the committed index of R4 core; every answer is kept.

`core()` is the library of R4 core alone, shared by the whole process. Nothing is read before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

from gateway.data import data_path
from gateway.definitions.archive import members
from gateway.definitions.facts import Facts, facts_of
from gateway.definitions.search import SearchParameter, search_from
from gateway.definitions.shelves import row, shelf
from gateway.definitions.structure import Structure, structure_from
from gateway.definitions.vocabulary import CodeSystem, ValueSet, code_system_from, value_set_from
from gateway.model.wire import read_json

FHIR = "http://hl7.org/fhir/StructureDefinition/"
Made = TypeVar("Made")
_MOST_KEPT = 20_000
_CONFORMANCE = ("StructureDefinition", "ValueSet", "CodeSystem")


class Shelf(Protocol):
    """One place definitions come from; each call gives facts (facts.py) or None."""

    def structure(self, url: str) -> Facts | None: ...
    def value_set(self, url: str) -> Facts | None: ...
    def code_system(self, url: str) -> Facts | None: ...


class Index:
    """The committed index below a folder (see build.py)."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[str, str] = {}

    def structure(self, url: str) -> Facts | None:
        """The facts of one structure."""
        name = self._addresses().get(url)
        return read_json((self._root / "structures" / f"{name}.json").read_bytes()) if name else None

    def _addresses(self) -> Mapping[str, str]:
        """Canonical address → file name; a document's address never becomes a file name itself."""
        if not self._names:
            self._names = {row["url"]: name for name, row in self.listing().items()}
        return self._names

    def value_set(self, url: str) -> Facts | None:
        """The facts of one value set."""
        return row(self._root / "value-sets" / f"{shelf(url)}.json", url)

    def code_system(self, url: str) -> Facts | None:
        """The facts of one code system."""
        return row(self._root / "code-systems" / f"{shelf(url)}.json", url)

    def search(self, base: str) -> Mapping[str, Facts]:
        """The search parameters by url that are defined on exactly this type."""
        path = self._root / "search" / f"{base}.json"
        return read_json(path.read_bytes()) if _plain(base) and path.is_file() else {}

    def listing(self) -> Mapping[str, Facts]:
        """Every structure: id → url, kind, type, derivation, abstract."""
        listing: Mapping[str, Facts] = read_json((self._root / "structures.json").read_bytes())
        return listing

    def compartment(self, code: str) -> Mapping[str, Sequence[str]] | None:
        """Resource type → search parameters that put it into the compartment."""
        return row(self._root / "compartments.json", code)


class Loaded:
    """Definitions that came as resources: packages and single documents of a caller."""

    def __init__(self, resources: Iterable[Mapping[str, Any]]) -> None:
        self._by_type: dict[str, dict[str, Mapping[str, Any]]] = {kind: {} for kind in _CONFORMANCE}
        for resource in resources:
            known = self._by_type.get(resource.get("resourceType", ""))
            if known is not None and isinstance(resource.get("url"), str):
                known.setdefault(resource["url"], resource)
                known.setdefault(f"{resource['url']}|{resource.get('version', '')}", resource)

    def structure(self, url: str) -> Facts | None:
        """The facts of one loaded StructureDefinition."""
        return self._facts("StructureDefinition", url)

    def value_set(self, url: str) -> Facts | None:
        """The facts of one loaded ValueSet."""
        return self._facts("ValueSet", url)

    def code_system(self, url: str) -> Facts | None:
        """The facts of one loaded CodeSystem."""
        return self._facts("CodeSystem", url)

    def _facts(self, kind: str, url: str) -> Facts | None:
        resource = self._by_type[kind].get(url)
        return None if resource is None else facts_of(resource)


class Library:
    """Lookups over shelves in order; a `|version` not at hand gives what is there under the address."""

    def __init__(self, index: Index, loaded: Sequence[Loaded] = ()) -> None:
        self._index = index
        self._shelves: tuple[Shelf, ...] = (*loaded, index)
        self._structures: dict[str, Structure | None] = {}
        self._value_sets: dict[str, ValueSet | None] = {}
        self._code_systems: dict[str, CodeSystem | None] = {}

    def structure(self, url: str) -> Structure | None:
        """The structure of a canonical address, or of a bare type name of R4 (`Patient`)."""
        address = url if ":" in url else FHIR + url
        lookups = [s.structure for s in self._shelves]
        return _kept(self._structures, address, lambda: _first(structure_from, lookups, address))

    def value_set(self, url: str) -> ValueSet | None:
        """The value set of a canonical address."""
        lookups = [s.value_set for s in self._shelves]
        return _kept(self._value_sets, url, lambda: _first(value_set_from, lookups, url))

    def code_system(self, url: str) -> CodeSystem | None:
        """The code system of a canonical address."""
        lookups = [s.code_system for s in self._shelves]
        return _kept(self._code_systems, url, lambda: _first(code_system_from, lookups, url))

    def search_parameters(self, type_name: str) -> tuple[SearchParameter, ...]:
        """The 0..* search parameters of a resource type, one per code, those of Resource and DomainResource included."""
        bases = ("Resource",) if type_name in _PLAIN_RESOURCES else ("Resource", "DomainResource")
        rows = {facts["code"]: facts for base in (*bases, type_name) for facts in self._index.search(base).values()}
        return tuple(search_from(facts) for facts in rows.values())

    def compartment(self, code: str) -> Mapping[str, Sequence[str]]:
        """`Patient` → {resource type: search parameters that make it part of a person's compartment}."""
        return self._index.compartment(code) or {}

    @property
    def resource_types(self) -> frozenset[str]:
        """The names of the R4 resource types that can be sent (not abstract)."""
        return _resource_types(self._index)


def _kept(cache: dict[str, Made | None], key: str, make: Callable[[], Made | None]) -> Made | None:
    """The kept answer, or a new one; documents bring addresses of their own, so the number kept is bounded."""
    if key in cache:
        return cache[key]
    made = make()
    if len(cache) < _MOST_KEPT:
        cache[key] = made
    return made


def _first(make: Callable[[Facts], Made], lookups: Iterable[Callable[[str], Facts | None]], url: str) -> Made | None:
    """The first shelf that knows the address, with its `|version` before without.

    A loaded resource that is not shaped as one counts as unknown.
    """
    for address in dict.fromkeys((url, url.partition("|")[0])):
        for lookup in lookups:
            try:
                if facts := lookup(address):
                    return make(facts)
            except (KeyError, TypeError, ValueError, AttributeError, IndexError):
                continue
    return None


_PLAIN_RESOURCES = ("Bundle", "Binary", "Parameters")


@cache
def _resource_types(index: Index) -> frozenset[str]:
    rows = index.listing().values()
    return frozenset(
        r["type"]
        for r in rows
        if r["kind"] == "resource" and not r["abstract"] and r.get("derivation") == "specialization"
    )


@cache
def core() -> Library:
    """The library of R4 core alone."""
    return Library(_core_index())


def library(resources: Iterable[Mapping[str, Any]] = (), packages: Iterable[Path] = ()) -> Library:
    """R4 core with a caller's resources before packages before core. Raises Unusable for a package that cannot be read."""
    given = Loaded(resources)
    packed = [Loaded(_package(path)) for path in packages]
    return Library(_core_index(), (given, *packed))


def _package(path: Path) -> Iterable[Mapping[str, Any]]:
    for name, body in members(path):
        if name.startswith(_CONFORMANCE):
            yield read_json(body)


@cache
def _core_index() -> Index:
    return Index(data_path("profiles", "fhir", "r4-core"))


def _plain(name: str) -> bool:
    """Whether a name from a document may become a file name: the R4 `id` characters, no dot at the start."""
    return (
        0 < len(name) <= 128
        and name.isascii()
        and name.replace("-", "").replace(".", "").replace("_", "").isalnum()
        and name[0] != "."
    )
