"""The Validator: a document in, what is wrong with it out (FHIR R4, validation.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.definitions.library import Library, core, library
from gateway.definitions.xml_form import read_fhir
from gateway.errors import TooLarge, Unusable
from gateway.model.report import Finding, Report
from gateway.terminology.membership import Terminology
from gateway.validating.structure.compiled import Catalogue
from gateway.validating.structure.finding import MOST, NONE, Findings, below, error, warning
from gateway.validating.structure.profiled import Profiles, supported


class Validator:
    """R4 core and whatever a caller adds, compiled as documents need it; one instance may be kept and used for many documents.

    `packages` are 0..* FHIR packages (.tgz), `resources` 0..* conformance resources (JSON or XML bytes, or mappings). Resources
    win over packages, packages over core. Raises Unusable when one of them cannot be read.
    """

    def __init__(self, packages: Sequence[Path] = (), resources: Sequence[bytes | Mapping[str, Any]] = ()) -> None:
        self._library = _library(packages, resources)
        terminology = Terminology(self._library)
        self._profiles = Profiles(self._library, terminology)
        self._catalogue = Catalogue(self._library, terminology, self._profiles.get)

    def validate(self, document: bytes | Mapping[str, Any], profiles: Sequence[str] = ()) -> dict[str, Any]:
        """A document to an R4 OperationOutcome with 1..* issues; what cannot be read gives one fatal issue, never an exception."""
        return self.report(document, profiles).as_outcome()

    def report(self, document: bytes | Mapping[str, Any], profiles: Sequence[str] = ()) -> Report:
        """The same as findings; expressions start with the resource type (`Patient.name[0].given[1]`)."""
        try:
            resource, read = read_fhir(document, core()) if isinstance(document, bytes) else (document, NONE)
            if not isinstance(resource, Mapping) or not isinstance(resource.get("resourceType"), str):
                text = "The document is not a FHIR resource."
                return Report(error("structure", "resource-type", text, expected="resourceType"))
            findings = self._catalogue.resource.check(resource) + self._profiled(resource, profiles)
        except Unusable as unusable:
            return Report((Finding("fatal", unusable.issue, "", unusable.text, "readable"),))
        except RecursionError:  # only a mapping can be so deep; bytes are read within limits
            return Report((Finding("fatal", TooLarge.issue, "", TooLarge.said, "readable"),))
        return Report(read + _shortened(below(findings, resource["resourceType"])) if findings else read)

    def _profiled(self, resource: Mapping[str, Any], profiles: Sequence[str]) -> Findings:
        findings: Findings = NONE
        for url in profiles:
            findings += self._against(resource, url)
        for step, each in resources_in(resource):
            for url in supported(each.get("meta")):
                if found := self._against(each, url):
                    findings += below(found, step) if step else found
                    if len(findings) > MOST:
                        return findings
        return findings

    def _against(self, resource: Mapping[str, Any], url: str) -> Findings:
        profile = self._profiles.get(url)
        if profile is None:
            text = "This profile is not at hand; the document was not checked against it."
            return warning("not-found", "profile-unknown", text, found=url, expected="a loaded profile")
        if profile.type != resource.get("resourceType"):
            text = "This profile is about another type of resource."
            return error("structure", "profile-type", text, expected=profile.type, found=resource.get("resourceType"))
        found = profile.check(resource)
        if not profile.partial:
            return found
        text = "Slices and invariants of this profile were not checked."
        return (*found, Finding("information", "informational", "", text, "profile-partial", "", url))


def resources_in(resource: Mapping[str, Any], step: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The resource and those inside it (contained, entries, parameters), each with its step from the outermost."""
    yield step, resource
    start = f"{step}." if step else ""
    for key, inner in (("contained", ""), ("entry", "resource"), ("parameter", "resource"), ("part", "resource")):
        rows = resource.get(key)
        for place, row in enumerate(rows if isinstance(rows, list) else ()):
            if not isinstance(row, Mapping):
                continue
            child = row.get(inner) if inner else row
            if isinstance(child, Mapping):
                yield from resources_in(child, f"{start}{key}[{place}]" + (f".{inner}" if inner else ""))


def _shortened(findings: Findings) -> Findings:
    if len(findings) <= MOST:
        return findings
    text = "There are more findings; only the first are given."
    return (*findings[:MOST], Finding("information", "too-costly", "", text, "more-findings"))


def _library(packages: Sequence[Path], resources: Sequence[bytes | Mapping[str, Any]]) -> Library:
    if not packages and not resources:
        return core()
    given = [read_fhir(r, core())[0] if isinstance(r, bytes) else r for r in resources]
    return library([r for r in given if isinstance(r, Mapping)], packages)
