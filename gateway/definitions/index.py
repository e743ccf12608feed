"""The index of a package below a folder: R4 core as it is committed, or a package as it was installed (layout: profiles/README.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gateway.definitions.facts import Facts
from gateway.definitions.held import Held, Raw
from gateway.definitions.shelves import row, shelf
from gateway.errors import Unusable
from gateway.model.wire import read_json

_FOLDERS = {"ValueSet": "value-sets", "CodeSystem": "code-systems"}
_NOTHING: Mapping[str, Any] = {}


class Index:
    """One index. `version` is that of structures whose listing names none (all of R4 core)."""

    def __init__(self, root: Path, version: str = "") -> None:
        self._root = root
        self._version = version
        self._names: dict[str, tuple[str, str]] = {}
        self._resources: Mapping[str, Mapping[str, Sequence[str]]] | None = None

    def held(self, kind: str, url: str) -> Sequence[Held]:
        """The one version under an address."""
        if kind == "StructureDefinition":
            return self._structure(url)
        raw = partial(self._raw, kind, url)
        if kind in _FOLDERS:
            facts = row(self._root / _FOLDERS[kind] / f"{shelf(url)}.json", url)
            return [] if facts is None else [Held(facts.get("version", ""), partial(_given, facts), raw)]
        listed = self._listed(kind).get(url)
        return [] if listed is None else [Held(listed[0], _none, raw)]

    def urls(self, kind: str) -> Iterable[str]:
        """The addresses of a type whose resource is kept; none for R4 core."""
        return self._listed(kind).keys()

    def _structure(self, url: str) -> Sequence[Held]:
        """A document's address never becomes a file name itself."""
        if not self._names:
            self._names = {r["url"]: (name, r.get("version", self._version)) for name, r in self.listing().items()}
        if url not in self._names:
            return []
        name, version = self._names[url]
        path = self._root / "structures" / f"{name}.json"
        return [Held(version, partial(_read, path), partial(self._raw, "StructureDefinition", url))]

    def _listed(self, kind: str) -> Mapping[str, Sequence[str]]:
        """Address → (version, file) of the resources kept beside the facts."""
        if self._resources is None:
            path = self._root / "resources.json"
            self._resources = read_json(path.read_bytes()) if path.is_file() else _NOTHING
        return self._resources.get(kind, _NOTHING)

    def _raw(self, kind: str, url: str) -> Raw | None:
        listed = self._listed(kind).get(url)
        return _read(self._root / "resources" / listed[1]) if listed else None

    def search(self, base: str) -> Mapping[str, Facts]:
        """The search parameters by url that are defined on exactly this type."""
        path = self._root / "search" / f"{base}.json"
        return read_json(path.read_bytes()) if plain(base) and path.is_file() else {}

    def listing(self) -> Mapping[str, Facts]:
        """Every structure: id → url, kind, type, derivation, abstract."""
        listing: Mapping[str, Facts] = read_json((self._root / "structures.json").read_bytes())
        return listing

    def compartment(self, code: str) -> Mapping[str, Sequence[str]] | None:
        """Resource type → search parameters that put it into the compartment."""
        return row(self._root / "compartments.json", code)


def _read(path: Path) -> Any:
    try:
        return read_json(path.read_bytes())
    except (OSError, Unusable):
        return None


def _given(facts: Facts) -> Facts:
    return facts


def _none() -> None:
    return None


def plain(name: str) -> bool:
    """Whether a name from a document may become a file name: the R4 `id` characters, no dot at the start."""
    return (
        0 < len(name) <= 128
        and name.isascii()
        and name.replace("-", "").replace(".", "").replace("_", "").isalnum()
        and name[0] != "."
    )
