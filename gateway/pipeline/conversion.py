"""A document converted alone: by what a site declares of its sender, with a Provenance on request, or laid out with every rule at work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from gateway import __version__
from gateway.errors import Misconfigured, Unsupported
from gateway.mapping import MapContext, provenance
from gateway.mapping.context import DEVELOPMENT_KEY
from gateway.mapping.explain import written
from gateway.mapping.overlay import layers
from gateway.model.agreement import Participant, Site
from gateway.model.document import Mapped, Parsed
from gateway.model.report import Conversion
from gateway.stages.map import attest, conversion, library_of, map_document
from gateway.standards import Standard, sniffed, standards
from gateway.standards.fhir.source import resources_of

_IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Terms:
    """How a document is converted: `source` names its standard ("" recognises it), `site` declares systems and has overlays, `sender` is
    a participant of it ("" the one whose facility the document names), `id_key` makes ids, `provenance` asks for a Provenance.

    `receiver` is the participant that a document of another standard is written for.
    Raises Misconfigured for a sender without a site, or one that it does not have.
    """

    source: str = ""
    site: Site | None = None
    sender: str = ""
    id_key: bytes = field(default=DEVELOPMENT_KEY, repr=False)
    provenance: bool = False
    receiver: str = ""

    def __post_init__(self) -> None:
        for one in (self.sender, self.receiver):
            if one and (self.site is None or one not in self.site.participants):
                raise Misconfigured(f"There is no such participant, or no site that has it: {one}")


@dataclass(frozen=True, slots=True)
class Converted:
    """A document, what was read of it, and what it became."""

    document: bytes = field(repr=False)
    parsed: Parsed
    mapped: Mapped
    context: MapContext

    @property
    def conversion(self) -> Conversion:
        """The Bundle with origins, losses and findings."""
        return conversion(self.mapped, self.parsed.report)

    def explained(self) -> dict[str, Any]:
        """All that a page needs to draw lines between a document and what it became: `input` (segments or resources with their values by
        position), `output` (the Bundle), `origins` (element, positions, rule), `rules` (by id: where, source, row), `losses`, `findings`.
        """
        made = self.conversion
        origins = [
            {"element": path, "from": one.source.split(), "rule": one.rule} for path, one in made.origins.items()
        ]
        known = {**provenance.rules(), **written(library_of(self.parsed.standard, self.context))}
        named = dict.fromkeys(rule for one in made.origins.values() for rule in one.rule.split(" > "))
        losses = [
            {"from": loss.source, "reason": loss.reason, "ignored": loss.reason.startswith(_IGNORED)}
            for loss in made.losses
        ]
        return {
            "standard": self.parsed.standard, "trigger": self.parsed.trigger, "version": self.parsed.version,
            "maps": list(self.mapped.map), "input": _layout(self.parsed, self.document), "output": made.content,
            "origins": origins, "rules": {rule: _rule(rule, known) for rule in named},
            "losses": losses, "findings": made.report,
        }  # fmt: skip


def converted(document: bytes, terms: Terms) -> Converted:
    """A document of any standard as FHIR R4. Raises Unsupported for a standard that is not spoken, and what is Unusable."""
    parsed = standard_for(document, terms.source).parse(document)
    return mapped_by(document, parsed, context_for(parsed, terms), with_provenance=terms.provenance)


def returned(document: bytes, terms: Terms, target: str) -> Conversion:
    """A document of any standard as one of another (`hl7v2`, or `hl7v2:ORU^R01` for a message of that event), by way of FHIR R4.

    Losses are those of the way there and those of the way back. Raises Unsupported where that standard is not written.
    """
    name, _, trigger = target.partition(":")
    if name not in standards() or find_spec(f"gateway.standards.{name}.back") is None:
        raise Unsupported("Documents of this standard are not written here.")
    parsed = standard_for(document, terms.source).parse(document)
    there = None if parsed.standard == "fhir" else mapped_by(document, parsed, context_for(parsed, terms)).conversion
    tree = parsed.tree if there is None else there.content
    made: Conversion = import_module(f"gateway.standards.{name}.back").document_of(
        resources_of(tree), _receiving(terms), trigger, _recipient(terms), str(tree.get("timestamp", ""))
    )
    return made if there is None else replace(made, losses=(*there.losses, *made.losses))


def _recipient(terms: Terms) -> Participant | None:
    return terms.site.participants[terms.receiver] if terms.site is not None and terms.receiver else None


def _receiving(terms: Terms) -> MapContext:
    """The names that a recipient gives to systems, and the maps that speak for it."""
    recipient = _recipient(terms)
    if terms.site is None or recipient is None:
        return MapContext(id_key=terms.id_key)
    overlays = layers(terms.site.root / "mappings", "", recipient.id)
    return MapContext(
        identifier_systems=recipient.identifier_systems, code_systems=recipient.code_systems, overlays=overlays
    )


def standard_for(document: bytes, name: str = "") -> Standard:
    """The standard of that name, "" the one that a document looks like. Raises Unsupported."""
    if name and name not in standards():
        raise Unsupported("This standard is not spoken here.")
    return standards()[name] if name else sniffed(document)


def mapped_by(
    document: bytes, parsed: Parsed, context: MapContext, *, with_provenance: bool = False, most: int = 0
) -> Converted:
    """What was read of a document, mapped by what is declared of its sender. Raises TooLarge over `most` resources (0: any number)."""
    mapped = map_document(parsed, context=context, most=most)
    return Converted(
        document, parsed, attest(mapped, document, context, __version__) if with_provenance else mapped, context
    )


def context_for(parsed: Parsed, terms: Terms) -> MapContext:
    """What the maps may know: without a site nothing but the key of ids."""
    if terms.site is None:
        return MapContext(id_key=terms.id_key)
    from gateway.pipeline.prepare import declared

    return declared(terms.site, _sender(terms.site, parsed, terms.sender), terms.id_key)


def _sender(site: Site, parsed: Parsed, name: str) -> Participant | None:
    """The participant of that name, else the only one that may write the facility which the document names."""
    if name:
        return site.participants[name]
    application, facility = parsed.sender
    said = {facility, f"{application}/{facility}"}
    found = [one for one in site.participants.values() if said & set(one.facilities)]
    return found[0] if len(found) == 1 else None


def _rule(rule: str, known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A rule as it is written; `table` is the row of a code table that it went by (`administrative-sex#F`)."""
    name, _, table = rule.partition(" ")
    return {**known.get(name, {}), **({"table": table} if table else {})}


def _layout(parsed: Parsed, document: bytes) -> list[dict[str, Any]]:
    """By the plug-in's `layout.py`; nothing where it has none."""
    name = f"gateway.standards.{parsed.standard}.layout"
    if find_spec(name) is None:
        return []
    made: list[dict[str, Any]] = import_module(name).layout(parsed, document)
    return made
