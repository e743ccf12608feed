"""The Validator: a document in, what is wrong with it out (FHIR R4, validation.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.definitions.held import Shelf
from gateway.definitions.library import Library, core, library
from gateway.definitions.xml_form import read_fhir
from gateway.errors import Malformed, TooLarge, Unusable
from gateway.fhirpath import Compiler
from gateway.model.report import Finding, Report
from gateway.model.wire import Exact
from gateway.terminology.content import Content
from gateway.terminology.membership import Terminology
from gateway.terminology.remote import Remote
from gateway.validating.structure.asking import environment
from gateway.validating.structure.coded import UNCHECKED
from gateway.validating.structure.compiled import Catalogue
from gateway.validating.structure.context import lineage
from gateway.validating.structure.finding import ENOUGH, MOST, NONE, Findings, below, error, more, unsound, warning
from gateway.validating.structure.profiled import Profile, Profiles, supported
from gateway.validating.structure.scope import Scope, Tools


class Validator:
    """R4 core and whatever a caller adds, compiled as documents need it; one instance may be kept and used for many documents.

    `packages` are the paths of 0..* FHIR packages (.tgz, or folders), `resources` 0..* definitions (bytes of JSON or XML, mappings, or
    paths of files). Resources win over packages, packages over core. `installed` are 0..* compiled packages, `contents` releases of
    terminologies, `remote` a terminology server that is asked last. Raises Unusable when something cannot be read.
    """

    def __init__(
        self,
        packages: Sequence[Path | str] = (),
        resources: Sequence[bytes | Mapping[str, Any] | Path] = (),
        *,
        installed: Sequence[Shelf] = (),
        contents: Sequence[Content] = (),
        remote: Remote | None = None,
    ) -> None:
        self._library = _library(packages, resources, installed)
        terminology = Terminology(self._library, contents, remote)
        compiler = Compiler(self._library)
        self._required: Mapping[str, Sequence[str]] = {}
        self._profiles = Profiles(self._library, terminology, compiler)
        self._catalogue = Catalogue(self._library, terminology, compiler)
        self._tools = Tools(self._library, terminology, compiler, self._profiles, environment, _now)

    def requiring(self, profiles: Mapping[str, Sequence[str]]) -> Validator:
        """The same validator, for which every document of a type keeps these profiles as well."""
        made = copy(self)
        made._required = profiles
        return made

    @property
    def terminology(self) -> Terminology:
        """The value sets and code systems that it knows."""
        return self._tools.terminology

    def type_of(self, profile: str) -> str:
        """The type of resource that a profile is about; empty when it, or the version asked for, is not at hand."""
        return self._profiles.type_of(profile) if self._library.version_known(profile) else ""

    def validate(self, document: bytes | Mapping[str, Any], profiles: Sequence[str] = ()) -> dict[str, Any]:
        """A document to an R4 OperationOutcome with 1..* issues; what cannot be read gives one fatal issue, never an exception."""
        return self.report(document, profiles).as_outcome()

    def report(self, document: bytes | Mapping[str, Any], profiles: Sequence[str] = ()) -> Report:
        """The same as findings; expressions start with the resource type (`Patient.name[0].given[1]`)."""
        try:
            if not isinstance(document, bytes | Mapping):
                raise TypeError("A document is given as bytes or as a mapping.")
            resource, read = read_fhir(document, core()) if isinstance(document, bytes) else (plain(document), NONE)
            if not isinstance(resource, Mapping) or not isinstance(resource.get("resourceType"), str):
                text = "The document is not a FHIR resource."
                return Report(_placed(error("structure", "resource-type", text, expected="resourceType"), document))
            scope = Scope(resource, self._tools)
            findings = self._catalogue.resource.check(resource, scope) + self._profiled(scope, profiles)
        except Unusable as unusable:
            return Report((_explained(unusable, document),))
        except RecursionError:  # only a mapping can be so deep; bytes are read within limits
            return Report((Finding("fatal", TooLarge.issue, "", TooLarge.said, "readable"),))
        found = read + _told_once(below(findings, resource["resourceType"])) if findings else read
        return Report(_placed(found, document) if found else NONE)

    def _profiled(self, scope: Scope, profiles: Sequence[str]) -> Findings:
        findings: Findings = NONE
        for url in dict.fromkeys((*profiles, *self._required.get(scope.type, ()))):
            findings += self._against(scope, url)
        for step, inner in _claiming(scope):
            for url in supported(inner.resource.get("meta")):
                if found := self._against(inner, url):
                    findings = more(findings, below(found, step) if step else found)
                    if len(findings) > ENOUGH:
                        return findings
        return findings

    def _against(self, scope: Scope, url: str) -> Findings:
        profile = self._profiles.get(url) if "#" not in url else None  # a part of a profile is nothing to claim
        if profile is None and self._library.resource("StructureDefinition", url) is not None:
            text = "This profile is at hand, but it cannot be read as one; the document was not checked against it."
            return error(
                "invalid", "profile-unreadable", text, found=url, expected="a StructureDefinition with elements"
            )
        if profile is None:
            text = "This profile is not at hand; the document was not checked against it."
            return warning("not-found", "profile-unknown", text, found=url, expected="a loaded profile")
        if profile.type not in lineage(self._library, scope.type):
            text = "This profile is about another type of resource."
            return error("structure", "profile-type", text, expected=profile.type, found=scope.type)
        found = tuple(f if f.source else replace(f, source=url) for f in profile.check(scope.node, scope))
        if not self._library.version_known(url):
            text = "Another version of this profile is at hand; the document was checked against that."
            found += warning("not-found", "profile-version", text, found=url)
        return found + self._gaps(url, profile)

    def _gaps(self, url: str, profile: Profile) -> Findings:
        """What of a profile was not judged, and why."""
        structure, found = self._library.structure(url), NONE
        if structure is not None and structure.strays:
            text = "The profile speaks of elements that its base does not have; that part of it was not checked."
            found += warning("invalid", "profile-strays", text, found=", ".join(structure.strays[:5]), expected=url)
        if profile.incomplete:
            text = "Something this profile stands on is not at hand; it was checked in part."
            missing = ", ".join(structure.missing[:5]) if structure else ""
            found += (Finding("information", "informational", "", text, "profile-partial", missing, url),)
        return found


def _placed(findings: Findings, document: bytes | Mapping[str, Any]) -> Findings:
    """With line and column, where the document came as bytes."""
    if not isinstance(document, bytes):
        return findings
    from gateway.validating.positions import located  # here, because most documents are sound

    return located(findings, document)


def _explained(unusable: Unusable, document: bytes | Mapping[str, Any]) -> Finding:
    """What is wrong with bytes that cannot be read, and where."""
    if not isinstance(document, bytes):
        return Finding("fatal", unusable.issue, "", unusable.text, "readable")
    from gateway.validating.positions import why

    return why(document)


def _claiming(scope: Scope, step: str = "") -> Iterator[tuple[str, Scope]]:
    """The resource and those inside it (contained, entries, parameters) that claim profiles, each with its step from the outermost."""
    if "meta" in scope.resource:
        yield step, scope
    start = f"{step}." if step else ""
    for place, held in _held(scope, scope.resource, start):
        yield from _claiming(held, place)


def _held(scope: Scope, holder: Mapping[str, Any], start: str) -> Iterator[tuple[str, Scope]]:
    """The resources directly inside a resource, or inside the parts of a parameter."""
    for key in _INNER:
        rows = holder.get(key)
        for number, row in enumerate(rows if isinstance(rows, list) else ()):
            if not isinstance(row, Mapping):
                continue
            place = f"{start}{key}[{number}]"
            child = row if key == "contained" else row.get("resource")
            if isinstance(child, Mapping):
                url = row.get("fullUrl") if key == "entry" else None
                inner = scope.inside(child, full_url=url, contained=key == "contained")
                yield (place if key == "contained" else f"{place}.resource"), inner
            if key in ("parameter", "part"):
                yield from _held(scope, row, f"{place}.")


_INNER = ("contained", "entry", "parameter", "part")


def _told_once(findings: Findings) -> Findings:
    """Each finding once with its worst severity, what is said of a code system once for the document; when they are too many, errors
    before others."""
    once: dict[tuple[str, ...], Finding] = {}
    for each in findings:
        place = "" if each.rule == UNCHECKED else each.expression
        mark = (each.rule, place, each.expected if place else "", each.found)
        known = once.setdefault(mark, each)
        if unsound((each,)) and not unsound((known,)):
            once[mark] = each
    kept = tuple(once.values())
    if len(kept) <= MOST:
        return kept
    worst = sorted(kept, key=lambda each: not unsound((each,)))[:MOST]
    text = "There are more findings; only the first are given."
    return (*worst, Finding("information", "too-costly", "", text, "more-findings"))


_MOST_NODES = 5_000_000


def plain(value: Any) -> Any:
    """A document of mappings and sequences of any kind as one of dicts and lists; one that is so already is itself."""
    if not isinstance(value, Mapping) or (type(value) is dict and _is_plain(value)):
        return value
    return _copied(value)


def _is_plain(value: Any) -> bool:
    waiting = [value]
    seen = 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > _MOST_NODES:  # or it holds itself
            raise TooLarge
        for child in node.values() if type(node) is dict else node:
            kind = type(child)
            if kind is dict or kind is list:
                waiting.append(child)
            elif kind not in _SCALARS and isinstance(child, Mapping | tuple):
                return False
    return True


_SCALARS = frozenset((str, int, bool, float, Exact, type(None)))


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list | tuple) else value


def _now() -> datetime:
    return datetime.now(UTC)


def _library(
    packages: Sequence[Path | str], resources: Sequence[bytes | Mapping[str, Any] | Path], installed: Sequence[Shelf]
) -> Library:
    if not packages and not resources and not installed:
        return core()
    return library([_definition(each) for each in resources], [Path(each) for each in packages], installed)


def _definition(given: bytes | Mapping[str, Any] | Path) -> Mapping[str, Any]:
    """A definition that a caller gives. Raises Malformed for what is no resource, TypeError for another kind of object."""
    body = given.read_bytes() if isinstance(given, Path) else given
    if not isinstance(body, bytes | Mapping):
        raise TypeError("A definition is given as bytes, as a mapping, or as the path of its file.")
    read = read_fhir(body, core())[0] if isinstance(body, bytes) else body
    if not isinstance(read, Mapping):
        raise Malformed("A definition is not a FHIR resource.")
    return read
