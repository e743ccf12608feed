"""What a reference names inside the document: a contained resource, or an entry of the Bundle around it (FHIR R4, bundle.html 2.36.4.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.validating.structure.scope import Scope


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of a Bundle that hold a resource, by address (a fullUrl, or `=Type/id`) and by address and version; 1..* numbers."""

    by_address: dict[str, list[int]] = field(default_factory=dict)
    by_version: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    types: dict[str, str] = field(
        default_factory=dict
    )  # the type of what stands under a whole address, the first of several


_NAME = "="  # before a `Type/id`, which is no address of its own


def resolve(reference: str, scope: Scope) -> Scope | None:
    """The scope of the resource a reference names, when it stands in the same document; of several the first."""
    if reference.startswith("#"):
        return _contained(reference[1:], scope.container)
    found = matches(reference, scope)
    bundle = bundle_of(scope)
    return entry_scope(bundle, found[0]) if bundle is not None and found else None


def type_named(reference: str, scope: Scope) -> str:
    """The type of the resource that a reference names inside the document; empty when it is not there."""
    types: dict[str, str] | None = scope.kept.get("types")
    if types is None:
        bundle = bundle_of(scope)
        types = scope.kept["types"] = entries(bundle).types if bundle is not None else {}
    named = types.get(reference)
    if named is not None:
        return named
    target = resolve(reference, scope) if reference[:1] == "#" or types else None
    return target.type if target else ""


def matches(reference: str, scope: Scope) -> list[int]:
    """The numbers of the entries of the Bundle around that a reference names: 0..1 as it should be, 2 where it is doubtful."""
    bundle = bundle_of(scope)
    address = address_of(reference, scope)
    if bundle is None or not address:
        return []
    index = entries(bundle)
    version = reference.partition("#")[0].partition("/_history/")[2]
    if not version:
        return index.by_address[address][:2]
    return (index.by_version.get((address, version), []) + index.by_version.get((address, ""), []))[:2]


def address_of(reference: str, scope: Scope) -> str:
    """The address under which the Bundle around has what a reference names, whatever its version; empty when it has nothing."""
    bundle = bundle_of(scope)
    if bundle is None:
        return ""
    known = entries(bundle).by_address
    bare = reference.partition("#")[0].partition("/_history/")[0]
    if bare in known and (":" in bare or bare[:1] == _NAME):
        return bare
    if ":" in bare:
        return ""
    candidates = (absolute(bare, full_url_of(scope)), _NAME + bare)
    return next((each for each in candidates if each in known), "")


def addresses_of(scope: Scope) -> tuple[str, ...]:
    """The addresses of the entry that a resource stands in: its fullUrl, and its name where that is no REST address."""
    url = scope.full_url.partition("/_history/")[0]
    name = () if _rest(url) else (f"{_NAME}{scope.type}/{scope.resource.get('id')}",)
    return (url, *name) if url else name


def bundle_of(scope: Scope) -> Scope | None:
    """The nearest Bundle around."""
    if "bundle" not in scope.kept:
        at = scope.container.outer
        while at is not None and at.type != "Bundle":
            at = at.outer
        scope.kept["bundle"] = at
    found: Scope | None = scope.kept["bundle"]
    return found


def full_url_of(scope: Scope) -> str:
    """The fullUrl of the entry that the resource stands in."""
    at: Scope | None = scope
    while at is not None and not at.full_url:
        at = at.outer if at.outer is not None and at.outer.type != "Bundle" else None
    return at.full_url if at else ""


def absolute(reference: str, full_url: str) -> str:
    """`Patient/1` seen from `http://host/fhir/Observation/2`: `http://host/fhir/Patient/1`; else empty."""
    if ":" in reference or not _rest(full_url):
        return ""
    return full_url.partition("/_history/")[0].rsplit("/", 2)[0] + "/" + reference


def entries(bundle: Scope) -> Entries:
    """The index of a Bundle, made once."""
    index: Entries | None = bundle.kept.get("entries")
    if index is None:
        index = bundle.kept["entries"] = Entries()
        for number, entry in _rows(bundle):
            scope = entry_scope(bundle, number)
            for address in addresses_of(scope) if scope else ():
                index.by_address.setdefault(address, []).append(number)
                if scope is not None and address[:1] != _NAME:
                    index.types.setdefault(address, scope.type)
                index.by_version.setdefault((address, version_of(entry)), []).append(number)
    return index


def entry_scope(bundle: Scope, number: int) -> Scope | None:
    """The scope of the resource of an entry."""
    entry = _entry(bundle, number)
    resource = entry.get("resource")
    return bundle.inside(resource, full_url=entry.get("fullUrl")) if isinstance(resource, Mapping) else None


def _contained(id: str, container: Scope) -> Scope | None:
    if not id:
        return container
    known: dict[str, Mapping[str, Any]] | None = container.kept.get("contained")
    if known is None:
        known = container.kept["contained"] = {}
        rows = container.resource.get("contained")
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, Mapping) and isinstance(row.get("id"), str):
                known.setdefault(row["id"], row)
    return container.inside(known[id], contained=True) if id in known else None


def _rows(bundle: Scope) -> Iterator[tuple[int, Mapping[str, Any]]]:
    rows = bundle.resource.get("entry")
    yield from ((n, row) for n, row in enumerate(rows if isinstance(rows, list) else ()) if isinstance(row, Mapping))


def _entry(bundle: Scope, number: int) -> Mapping[str, Any]:
    rows = bundle.resource.get("entry")
    row = rows[number] if isinstance(rows, list) and number < len(rows) else None
    return row if isinstance(row, Mapping) else {}


def version_of(entry: Mapping[str, Any]) -> str:
    """The version that the resource of an entry says it is, or empty."""
    resource = entry.get("resource")
    meta = resource.get("meta") if isinstance(resource, Mapping) else None
    version = meta.get("versionId") if isinstance(meta, Mapping) else None
    return version if isinstance(version, str) else ""


def _rest(url: Any) -> bool:
    return isinstance(url, str) and url.startswith(("http://", "https://")) and url.count("/") >= 4
