"""Where code systems are found: releases on disk, definitions, published lists; with the names of their concepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from gateway.definitions.canonical import fits, parted
from gateway.definitions.vocabulary import CodeSystem, Concept, Part, ValueSet
from gateway.terminology.concepts import Concepts
from gateway.terminology.content import Content, Named
from gateway.terminology.displays import joined, names_in
from gateway.terminology.grammars import published
from gateway.terminology.implied import implied

_ELSEWHERE = ("not-present", "supplement")
_MOST_KEPT = 2_000
Kept = TypeVar("Kept")


class Definitions(Protocol):
    """What is asked for content: gateway.definitions.library.Library, or anything that answers alike."""

    def value_set(self, url: str) -> ValueSet | None: ...
    def code_system(self, url: str) -> CodeSystem | None: ...


class Documents(Protocol):
    """What also gives resources as they were loaded, for names, maps and expansions."""

    def resource(self, kind: str, url: str) -> Mapping[str, Any] | None: ...
    def resources(self, kind: str) -> Iterable[Mapping[str, Any]]: ...


class Systems:
    """The code systems of a library of definitions and 0..* releases, each read once."""

    def __init__(self, definitions: Definitions, contents: Iterable[Content] = ()) -> None:
        self._definitions = definitions
        self._contents: dict[str, list[Content]] = {}
        for content in contents:
            self._contents.setdefault(content.url, []).append(content)
        self._concepts: dict[str, Concepts | None] = {}
        self._names: dict[str, Mapping[str, Named]] = {}
        self._supplements: dict[str, list[Mapping[str, Any]]] | None = None
        self._declared: dict[str, str] | None = None

    def value_set(self, url: str) -> ValueSet | None:
        """A value set that is defined, or that the address of a code system implies."""
        found = self._definitions.value_set(url)
        return found or implied(url) or self._whole(url)

    def content(self, url: str, version: str = "") -> Content | None:
        """The release of a code system: of the version that is asked, else the first."""
        found = self._contents.get(url, ())
        return next((each for each in found if same_version(version, each.version)), next(iter(found), None))

    def concepts(self, url: str, version: str = "") -> Concepts | None:
        """The concepts of a code system in memory, or None when they are not at hand."""
        address = f"{url}|{version}" if version else url
        if address not in self._concepts:
            self._keep(self._concepts, address, self._found(address, url))
        return self._concepts[address]

    def names(self, url: str) -> Mapping[str, Named]:
        """Code → names of a loaded code system and its supplements; empty when it is none."""
        if url not in self._names:
            raw = self.document("CodeSystem", url)
            further = [names_in(each) for each in self._supplementing().get(url, ())]
            self._keep(self._names, url, joined(names_in(raw) if raw else {}, further))
        return self._names[url]

    def named(self, url: str, code: str, version: str = "") -> Named | None:
        """How a concept is called, where that is known."""
        content = self.content(url, version)
        if content is not None:
            return content.named(code)
        concepts = self.concepts(url)
        concept = concepts.concept(code) if concepts else None
        return self.names(url).get(concept.code if concept else code)

    def document(self, kind: str, url: str) -> Mapping[str, Any] | None:
        """A resource as it was loaded, or None (R4 core keeps none)."""
        ask = getattr(self._definitions, "resource", None)
        return ask(kind, url) if ask else None

    def documents(self, kind: str) -> Iterable[Mapping[str, Any]]:
        """Every loaded resource of a type."""
        ask = getattr(self._definitions, "resources", None)
        return ask(kind) if ask else ()

    def _found(self, address: str, url: str) -> Concepts | None:
        system = self._definitions.code_system(address)
        if system is not None and system.content not in _ELSEWHERE:
            return Concepts(system, partial(self._displays, url))
        codes = published(url)
        if codes is None:
            return None
        return Concepts(CodeSystem(url, "fragment", True, {code: Concept(code) for code in sorted(codes)}))

    def _displays(self, url: str) -> Mapping[str, str]:
        return {code: named.display for code, named in self.names(url).items() if named.display}

    def _whole(self, url: str) -> ValueSet | None:
        """The value set of all codes that a loaded code system declares (CodeSystem.valueSet)."""
        if self._declared is None:
            found = {parted(_text(raw, "valueSet"))[0]: _text(raw, "url") for raw in self.documents("CodeSystem")}
            self._declared = {value_set: system for value_set, system in found.items() if value_set}
        system = self._declared.get(parted(url)[0])
        return ValueSet(url, include=(Part(system),)) if system else None

    def _supplementing(self) -> Mapping[str, list[Mapping[str, Any]]]:
        if self._supplements is None:
            self._supplements = {}
            for raw in self.documents("CodeSystem"):
                if raw.get("content") == "supplement":
                    self._supplements.setdefault(parted(_text(raw, "supplements"))[0], []).append(raw)
        return self._supplements

    def _keep(self, cache: dict[str, Kept], key: str, value: Kept) -> None:
        """Documents bring addresses of their own, so the number kept is bounded."""
        if len(cache) >= _MOST_KEPT:
            del cache[next(iter(cache))]
        cache[key] = value


def same_version(asked: str, there: str) -> bool:
    """Whether what is at hand is what was asked; an edition of SNOMED CT is asked by the beginning of its address."""
    return not asked or fits(asked, there) or there.startswith(asked + "/")


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""
