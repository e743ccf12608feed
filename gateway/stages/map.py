"""The stage `map`: a parsed document to FHIR R4 resources with origins and losses, and those to a Bundle (ARCHITECTURE.md, promises 7, 8, 13).

Items refer to each other as `Type/id` (what the store, the decision and re-keying want). In a Bundle every entry has the fullUrl
`urn:uuid:<id>`, and references to entries are written the same way, so that they resolve inside it (R4 Bundle, 2.36.4.1). Origins
are keyed `Type/id#element` on Mapped, and by the element's path in the Bundle (`Bundle.entry[2].resource.name[0]`) on a Conversion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, Protocol

from gateway.data import data_path
from gateway.errors import Unsupported
from gateway.mapping import Compiler, MapContext, compiler, run
from gateway.mapping.load import Library
from gateway.mapping.origins import Origins
from gateway.mapping.provenance import attested
from gateway.mapping.source import Document
from gateway.model.document import Item, Mapped, Parsed
from gateway.model.report import Conversion, Loss, Origin, Report

_NOTHING = Report()


class Mappable(Protocol):
    """What a standard's `source.py` offers to maps."""

    def map_name(self, parsed: Parsed, library: Any) -> str:
        """The document map for what was parsed; a general one when none is made for it."""
        ...

    def source(self, parsed: Parsed, scopes: Mapping[str, Any]) -> Document:
        """The parsed document as a source."""
        ...


def map_document(parsed: Parsed, *, context: MapContext, second: str = "", most: int = 0) -> Mapped:
    """A parsed document of any mapped standard to items. `second` names a FHIR → FHIR map that runs on the result.

    A field that cannot be taken is a finding and a loss, never a failure. Raises Unsupported for a standard without maps, Misconfigured
    for a broken map, and TooLarge as soon as it becomes more than `most` resources (0: any number).
    """
    try:
        standard: Mappable = import_module(f"gateway.standards.{parsed.standard}.source").MAPPABLE
    except (ModuleNotFoundError, AttributeError):
        raise Unsupported("There are no maps for this standard.") from None
    maps = _compiler(parsed.standard, context)
    name = standard.map_name(parsed, maps.library)
    first = _run(maps, name, standard.source(parsed, maps.rules(name).scopes), context, most)
    return follow(first, second, context) if second else first


def _run(maps: Compiler, name: str, source: Document, context: MapContext, most: int = 0) -> Mapped:
    try:
        return run(maps, name, source, context, most)
    finally:
        source.close()


def library_of(standard: str, context: MapContext) -> Library:
    """The maps that a document of a standard goes by, with the overlays that speak for it."""
    return _compiler(standard, context).library


def attest(mapped: Mapped, document: bytes, context: MapContext, version: str) -> Mapped:
    """The same with a Provenance of the conversion by this version of the gateway (`gateway/mapping/provenance.py`)."""
    return attested(mapped, document, context, {**_envelope(mapped.items), "version": version})


def _compiler(standard: str, context: MapContext) -> Compiler:
    return compiler(standard, (data_path("mappings"), *context.overlays))


def follow(first: Mapped, second: str, context: MapContext) -> Mapped:
    """What a second, FHIR → FHIR map makes of what a first one made; origins and losses still speak of the first source."""
    from gateway.standards.fhir.source import FhirSource

    name = second.removeprefix("fhir/")
    source = FhirSource([(item.resource, "") for item in first.items])
    made = _run(_compiler("fhir", context), name, source, context)
    origins = {path: _traced(origin, first.origins) for path, origin in made.origins.items()}
    places = {item.reference: item.origin for item in first.items}
    items = tuple(replace(item, origin=_places(item.origin, places)) for item in made.items)
    lost = (*first.losses, *_lost(made.losses, first.origins, origins))
    return Mapped(
        items, first.map + made.map, made.bundle_type, origins, lost, first.report + made.report, first.missed
    )


def _traced(origin: Origin, earlier: Mapping[str, Origin]) -> Origin:
    """The origin of an element of the second map in the document that came in."""
    known = [earlier[source] for source in origin.source.split() if source in earlier]
    if not known:
        return origin
    sources = dict.fromkeys(part for one in known for part in one.source.split())
    return Origin(" ".join(sources), f"{known[0].rule} > {origin.rule}")


def _lost(losses: Sequence[Loss], earlier: Mapping[str, Origin], now: Mapping[str, Origin]) -> list[Loss]:
    """What the second map lost, by its place in the document; a value that another element still carries is not lost."""
    carried = {part for origin in now.values() for part in origin.source.split()}
    found = {
        part: Loss(part, loss.reason)
        for loss in losses
        for part in (earlier[loss.source].source.split() if loss.source in earlier else [loss.source])
        if part not in carried
    }
    return list(found.values())


def _places(origin: str, places: Mapping[str, str]) -> str:
    return " ".join(dict.fromkeys(part for place in origin.split() for part in places.get(place, place).split()))


def to_bundle(mapped: Mapped) -> dict[str, Any]:
    """The items as one Bundle of the mapped type: MessageHeader first in a message, full URLs and references `urn:uuid:<id>`."""
    inside = {item.reference: f"urn:uuid:{item.resource['id']}" for item in mapped.items}
    entries = [
        {"fullUrl": inside[item.reference], "resource": _pointing(item.resource, inside)} for item in mapped.items
    ]
    bundle: dict[str, Any] = {"resourceType": "Bundle", **_envelope(mapped.items), "type": mapped.bundle_type}
    return {**bundle, "entry": entries} if entries else bundle


def _envelope(items: Sequence[Item]) -> dict[str, Any]:
    """Bundle.identifier and timestamp from the MessageHeader's extensions of those names."""
    made: dict[str, Any] = {}
    for item in items[:1]:
        for extension in item.resource.get("extension", ()):
            name = str(extension["url"]).rpartition("/")[2]
            if name == "message-identifier" and "valueIdentifier" in extension:
                made["identifier"] = extension["valueIdentifier"]
            if name == "message-timestamp" and len(str(extension.get("valueDateTime", ""))) > len("2026-01-01"):
                made["timestamp"] = extension["valueDateTime"]
    return made


def _pointing(tree: Mapping[str, Any], inside: Mapping[str, str]) -> dict[str, Any]:
    """A copy that points inside the Bundle."""
    made: dict[str, Any] = {}
    for key, child in tree.items():
        if isinstance(child, str):
            made[key] = inside.get(child, child) if key == "reference" else child
        elif isinstance(child, dict):
            made[key] = _pointing(child, inside)
        else:
            made[key] = _each_pointing(child, inside) if isinstance(child, list) else child
    return made


def _each_pointing(items: list[Any], inside: Mapping[str, str]) -> list[Any]:
    return [
        _pointing(one, inside)
        if isinstance(one, dict)
        else _each_pointing(one, inside)
        if isinstance(one, list)
        else one
        for one in items
    ]


def conversion(mapped: Mapped, read: Report = _NOTHING) -> Conversion:
    """What `convert()` gives: the Bundle, the origins by element path in it, the losses, the findings as an OperationOutcome.

    `read` is what was odd about the document as it was read.
    """
    starts = [f"Bundle.entry[{number}].resource." for number in range(len(mapped.items))]
    origins = mapped.origins
    if isinstance(origins, Origins):
        origins = origins.starting(starts)
    else:
        entries = dict(zip((item.reference for item in mapped.items), starts, strict=True))
        parted = ((path.partition("#"), origin) for path, origin in origins.items())
        origins = {entries[reference] + element: origin for (reference, _, element), origin in parted}
    return Conversion(to_bundle(mapped), origins, mapped.losses, (read + mapped.report).as_outcome())
