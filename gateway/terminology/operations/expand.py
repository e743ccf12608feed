"""The codes of a value set as a list, a page at a time, and whether it is all of them (FHIR R4, ValueSet/$expand)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from gateway.definitions.canonical import parted
from gateway.definitions.vocabulary import Part, ValueSet
from gateway.errors import NotFound
from gateway.terminology.codes import Membership
from gateway.terminology.content import Named
from gateway.terminology.displays import in_language
from gateway.terminology.membership import Terminology
from gateway.terminology.operations.asked import Asked, Names

NAMES: Names = {
    "url": "uri", "valueSetVersion": "string", "filter": "string", "offset": "integer", "count": "integer",
    "includeDesignations": "boolean", "activeOnly": "boolean", "excludeNested": "boolean", "excludeNotForUI": "boolean",
    "displayLanguage": "code",
}  # fmt: skip
_MOST_ON_A_PAGE = 1_000
_MOST_CODES = 20_000  # that are looked at for one answer
_DEAR = 10
_MAX_NESTING = 16
_EXTENSION = "http://hl7.org/fhir/StructureDefinition/"

Row = tuple[str, str]


def expand(terminology: Terminology, asked: Asked, at: str) -> dict[str, Any]:
    """A ValueSet with an expansion made at a time (dateTime). Raises NotFound when it is not at hand or none of its codes is, Unanswerable.

    An extension says when there may be more codes (`valueset-unclosed`) or too many to be looked at (`valueset-toocostly`).
    """
    asked.needed("url")
    url, version = asked.text("url"), asked.text("valueSetVersion")
    address = f"{parted(url)[0]}|{version}" if version else url
    value_set = terminology.systems.value_set(address)
    if value_set is None:
        raise NotFound("This value set is not at hand.")
    listing = _Listing(terminology, asked)
    rows = list(islice(listing.rows(value_set, address), _MOST_CODES + 1))
    gaps = terminology.expanded(address).gaps
    if not rows and gaps and not asked.text("filter"):
        raise NotFound(gaps[0].reason.value)
    head = {"url": value_set.url, **({"version": value_set.version} if value_set.version else {})}
    expansion = listing.page(rows, at, unclosed=bool(gaps) or listing.cut)
    return {"resourceType": "ValueSet", **head, "status": "active", "expansion": expansion}


class _Listing:
    """One answer under way; `cut` when not every code could be looked at."""

    def __init__(self, terminology: Terminology, asked: Asked) -> None:
        self._terminology = terminology
        self._asked = asked
        self._words = asked.text("filter").casefold().split()
        self._left = _MOST_CODES
        self.cut = False

    def rows(self, value_set: ValueSet, address: str) -> Iterator[Row]:
        """System and code of each member that is asked for, each once."""
        codes = self._terminology.expand(address)
        seen: set[Row] = set()
        for row, sure in self._candidates(value_set, frozenset((address,))):
            if row not in seen:
                seen.add(row)
                if (sure or codes.member(*row) is Membership.IN) and self._wanted(*row):
                    yield row

    def _candidates(self, value_set: ValueSet, within: frozenset[str]) -> Iterator[tuple[Row, bool]]:
        """What may belong: everything that an include names; with whether no other condition is left for it."""
        plain = not value_set.exclude and value_set.inactive and len(within) == 1
        if value_set.expansion is not None and not value_set.include:
            yield from ((row, False) for row in value_set.expansion)
        for part in value_set.include:
            if part.system:
                url = parted(part.system)[0]
                released = self._terminology.systems.content(url) is not None
                yield from (
                    ((url, code), sure) for code, sure in self._codes(part, released, plain and not part.value_sets)
                )
                continue
            for nested in part.value_sets[:1]:  # all of them must hold, so one of them names every candidate
                inner = self._terminology.systems.value_set(nested)
                if inner is not None and nested not in within and len(within) < _MAX_NESTING:
                    yield from self._candidates(inner, within | {nested})

    def _codes(self, part: Part, released: bool, plain: bool) -> Iterator[tuple[str, bool]]:
        """A release has applied the filters itself, and it is dear to ask it about each code once more."""
        cost = _DEAR if released and not plain else 1
        for code in self._of_system(part):
            self._left -= cost
            if self._left < 0:
                self.cut = True
                return
            yield code, released and plain

    def _of_system(self, part: Part) -> Iterator[str]:
        url, pinned = parted(part.system)
        version = part.version or pinned
        systems = self._terminology.systems
        content, concepts = systems.content(url, version), systems.concepts(url, version)
        if part.codes is not None:
            return iter(part.codes)
        if content is not None:
            return content.codes(part.filters, _MOST_CODES + 1, self._asked.text("filter"))
        return concepts.ordered() if concepts is not None else iter(())

    def _wanted(self, system: str, code: str) -> bool:
        if self._asked.one("activeOnly", False) and self._terminology.inactive(system, code):
            return False
        if self._asked.one("excludeNotForUI", False) and self._terminology.abstract(system, code):
            return False
        if not self._words:
            return True
        named = self._terminology.systems.named(system, code) or Named()
        texts = [code, named.display, *(each.value for each in named.designations)]
        return any(all(word in text for word in self._words) for text in map(str.casefold, texts))

    def page(self, rows: list[Row], at: str, *, unclosed: bool) -> dict[str, Any]:
        """R4 ValueSet.expansion of one page of the rows."""
        offset, count = self._asked.one("offset", 0), min(self._asked.one("count", _MOST_ON_A_PAGE), _MOST_ON_A_PAGE)
        costly = self.cut or len(rows) > _MOST_CODES
        marks = [name for name, said in (("valueset-unclosed", unclosed), ("valueset-toocostly", costly)) if said]
        extension = [{"url": _EXTENSION + name, "valueBoolean": True} for name in marks]
        contains = [self._entry(*row) for row in rows[offset : offset + count]]
        return {
            **({"extension": extension} if extension else {}),
            "timestamp": at,
            **({} if costly else {"total": len(rows)}),
            "offset": offset,
            "parameter": list(self._parameters(count)),
            **({"contains": contains} if contains else {}),
        }

    def _parameters(self, count: int) -> Iterator[Mapping[str, Any]]:
        yield {"name": "count", "valueInteger": count}
        for name in ("activeOnly", "excludeNotForUI", "includeDesignations"):
            if (value := self._asked.one(name)) is not None:
                yield {"name": name, "valueBoolean": value}
        if language := self._asked.text("displayLanguage"):
            yield {"name": "displayLanguage", "valueCode": language}

    def _entry(self, system: str, code: str) -> dict[str, Any]:
        """R4 ValueSet.expansion.contains."""
        terminology, named = self._terminology, self._terminology.systems.named(system, code) or Named()
        display = in_language(named, self._asked.text("displayLanguage"))
        marks = {"abstract": terminology.abstract(system, code), "inactive": terminology.inactive(system, code)}
        entry = {"system": system, **{key: True for key, said in marks.items() if said}, "code": code}
        entry |= {"display": display} if display else {}
        if self._asked.one("includeDesignations", False) and named.designations:
            entry["designation"] = [
                {
                    **({"language": d.language} if d.language else {}),
                    **({"use": d.use} if d.use else {}),
                    "value": d.value,
                }
                for d in named.designations
            ]
        return entry
