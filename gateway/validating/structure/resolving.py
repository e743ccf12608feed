"""What a reference names inside the document: a contained resource, or an entry of the Bundle around it (FHIR R4, bundle.html 2.36.4.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.validating.structure.scope import Scope


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of a Bundle: by fullUrl, and by `Type/id` of the resource; each 1..* numbers."""

    by_url: dict[str, list[int]] = field(default_factory=dict)
    by_name: dict[str, list[int]] = field(default_factory=dict)


def resolve(reference: str, scope: Scope) -> Scope | None:
    """The scope of the resource a reference names, when it stands in the same document; of several the first."""
    if reference.startswith("#"):
        return _contained(reference[1:], scope.container)
    found = matches(reference, scope)
    bundle = bundle_of(scope)
    return entry_scope(bundle, found[0]) if bundle is not None and found else None


def type_named(reference: str, scope: Scope) -> str:
    """The type of the resource that a reference names inside the document; empty when it is not there."""
    if reference[:1] != "#":
        bundle = bundle_of(scope)
        numbers = entries(bundle).by_url.get(reference) if bundle is not None else None
        if bundle is None or numbers is None:
            return ""
        if len(numbers) == 1:
            resource = _entry(bundle, numbers[0]).get("resource")
            return str(resource.get("resourceType", "")) if type(resource) is dict else ""
    target = resolve(reference, scope)
    return target.type if target else ""


def matches(reference: str, scope: Scope) -> list[int]:
    """The numbers of the entries of the Bundle around that a reference names: 0..1 as it should be, more where it is doubtful."""
    bundle = bundle_of(scope)
    if bundle is None:
        return []
    index = entries(bundle)
    bare, _, version = reference.partition("#")[0].partition("/_history/")
    found = index.by_url.get(bare) or index.by_url.get(absolute(bare, full_url_of(scope)), [])
    if not found and ":" not in bare:
        found = [n for n in index.by_name.get(bare, ()) if not _rest(_entry(bundle, n).get("fullUrl"))]
    return [n for n in found if not version or _version(_entry(bundle, n)) in ("", version)]


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
            url, resource = entry.get("fullUrl"), entry.get("resource")
            if isinstance(url, str):
                index.by_url.setdefault(url.partition("/_history/")[0], []).append(number)
            if isinstance(resource, Mapping):
                index.by_name.setdefault(f"{resource.get('resourceType')}/{resource.get('id')}", []).append(number)
    return index


def entry_scope(bundle: Scope, number: int) -> Scope | None:
    """The scope of the resource of an entry."""
    entry = _entry(bundle, number)
    resource = entry.get("resource")
    return bundle.inside(resource, full_url=entry.get("fullUrl")) if isinstance(resource, Mapping) else None


def _contained(id: str, container: Scope) -> Scope | None:
    if not id:
        return container
    rows = container.resource.get("contained")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping) and row.get("id") == id:
            return container.inside(row, contained=True)
    return None


def _rows(bundle: Scope) -> Iterator[tuple[int, Mapping[str, Any]]]:
    rows = bundle.resource.get("entry")
    yield from ((n, row) for n, row in enumerate(rows if isinstance(rows, list) else ()) if isinstance(row, Mapping))


def _entry(bundle: Scope, number: int) -> Mapping[str, Any]:
    rows = bundle.resource.get("entry")
    row = rows[number] if isinstance(rows, list) and number < len(rows) else None
    return row if isinstance(row, Mapping) else {}


def _version(entry: Mapping[str, Any]) -> str:
    resource = entry.get("resource")
    meta = resource.get("meta") if isinstance(resource, Mapping) else None
    version = meta.get("versionId") if isinstance(meta, Mapping) else None
    return version if isinstance(version, str) else ""


def _rest(url: Any) -> bool:
    return isinstance(url, str) and url.startswith(("http://", "https://")) and url.count("/") >= 4
