"""Where definitions are looked up: what a caller loaded first, then the committed index of R4 core; every answer is kept.

`core()` is the library of R4 core alone, shared by the whole process. Nothing is read before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from gateway.data import data_path
from gateway.definitions.canonical import parted
from gateway.definitions.facts import Facts
from gateway.definitions.held import Held, Raw, Shelf, ranked
from gateway.definitions.index import Index
from gateway.definitions.loaded import Loaded
from gateway.definitions.search import SearchParameter, search_from
from gateway.definitions.structure import Structure, structure_from
from gateway.definitions.vocabulary import CodeSystem, ValueSet, code_system_from, value_set_from
from gateway.errors import GatewayError

FHIR = "http://hl7.org/fhir/StructureDefinition/"
CORE_VERSION = "4.0.1"
Made = TypeVar("Made")
_MOST_KEPT = 5_000
_LONGEST_KEPT = 500  # characters of an address
_MOST_FACTS = 64
_DEEPEST = 16
_PLAIN_RESOURCES = ("Bundle", "Binary", "Parameters")
_MISSHAPEN = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, GatewayError)


class Library:
    """Lookups over shelves in order: the version that is asked, else one that fits (`1.x`), else what is there under the address."""

    def __init__(self, index: Index, shelves: Sequence[Shelf] = ()) -> None:
        self._index = index
        self._shelves: tuple[Shelf, ...] = (*shelves, index)
        self._structures: dict[str, Structure | None] = {}
        self._value_sets: dict[str, ValueSet | None] = {}
        self._code_systems: dict[str, CodeSystem | None] = {}
        self._whole: dict[str, Facts] = {}
        self._versions: dict[str, bool | None] = {}

    def structure(self, url: str) -> Structure | None:
        """The structure of a canonical address, or of a bare type name of R4 (`Patient`), with a snapshot.

        A profile that is only a differential gets one made; `Structure.missing` says what was not at hand for it.
        """
        address = _address(url)
        return _kept(self._structures, address, lambda: _shaped(structure_from, self._snapshot(address, ())))

    def value_set(self, url: str) -> ValueSet | None:
        """The value set of a canonical address."""
        return _kept(self._value_sets, url, lambda: self._first("ValueSet", url, value_set_from))

    def code_system(self, url: str) -> CodeSystem | None:
        """The code system of a canonical address."""
        return _kept(self._code_systems, url, lambda: self._first("CodeSystem", url, code_system_from))

    def resource(self, kind: str, url: str) -> Raw | None:
        """A resource that was loaded, of a type and a canonical address; R4 core holds facts only, so None for what only it knows."""
        return next((raw for held, _ in self._ranked(kind, url) if (raw := held.raw()) is not None), None)

    def resources(self, kind: str) -> Iterator[Raw]:
        """Every loaded resource of a type (0..*), one per address."""
        urls = dict.fromkeys(url for shelf in self._shelves for url in shelf.urls(kind))
        return (raw for url in urls if (raw := self.resource(kind, url)) is not None)

    def version_known(self, url: str, kind: str = "StructureDefinition") -> bool:
        """Whether an address is at hand in the version it names, or in one that fits it; one without version: whether it is at hand."""
        address = _address(url)

        def first() -> bool | None:
            return next((asked for _, asked in self._ranked(kind, address)), None)

        known = _kept(self._versions, f"{kind} {address}", first)
        return known is True

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

    def _ranked(self, kind: str, url: str) -> Iterator[tuple[Held, bool]]:
        return ranked(self._shelves, kind, *parted(url))

    def _first(self, kind: str, url: str, make: Callable[[Facts], Made]) -> Made | None:
        """The best of what is held that has the shape it should; the others count as unknown."""
        made = (_shaped(make, _facts(held)) for held, _ in self._ranked(kind, url))
        return next((one for one in made if one is not None), None)

    def _snapshot(self, url: str, making: tuple[str, ...]) -> Facts | None:
        """The facts of a structure with a snapshot. `making` are the profiles that wait for this one: none is made inside itself."""
        address = _address(url)
        if address in self._whole:
            return self._whole[address]
        if address in making or len(making) > _DEEPEST:
            return None
        made = self._first("StructureDefinition", address, lambda facts: self._completed(facts, (*making, address)))
        if made is not None:
            if len(self._whole) >= _MOST_FACTS:
                del self._whole[next(iter(self._whole))]
            self._whole[address] = made
        return made

    def _completed(self, facts: Facts, making: tuple[str, ...]) -> Facts:
        if facts["snapshot"] or "baseDefinition" not in facts:
            return facts
        from gateway.definitions.snapshot import snapshot_of  # rarely needed: profiles are mostly published whole

        return snapshot_of(facts, lambda url: self._snapshot(url, making), frozenset(making))


def _address(url: str) -> str:
    return url if ":" in url else FHIR + url


def _kept(cache: dict[str, Made | None], key: str, make: Callable[[], Made | None]) -> Made | None:
    """The kept answer, or a new one; documents bring addresses of their own, so the number kept is bounded."""
    if key in cache:
        return cache[key]
    made = make()
    if len(cache) >= _MOST_KEPT or len(key) > _LONGEST_KEPT:
        return made
    cache[key] = made
    return made


def _facts(held: Held) -> Facts | None:
    try:
        return held.facts()
    except _MISSHAPEN:
        return None


def _shaped(make: Callable[[Facts], Made], facts: Facts | None) -> Made | None:
    """What is made of facts; a loaded resource that is not shaped as one counts as unknown."""
    try:
        return make(facts) if facts else None
    except _MISSHAPEN:
        return None


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


def library(
    resources: Iterable[Mapping[str, Any]] = (), packages: Iterable[Path] = (), installed: Sequence[Shelf] = ()
) -> Library:
    """R4 core with a caller's resources before packages before installed packages before core.

    Raises Unusable for a package that cannot be read.
    """
    return Library(_core_index(), (Loaded(resources), *map(_opened, packages), *installed))


def _opened(path: Path) -> Shelf:
    from gateway.definitions.package import opened  # heavy: archives

    return opened(path).shelf


@cache
def _core_index() -> Index:
    return Index(data_path("profiles", "fhir", "r4-core"), CORE_VERSION)
