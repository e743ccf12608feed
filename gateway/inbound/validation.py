"""`$validate`: the findings on the caller's own document of any standard, nothing kept (FHIR R4, resource-operation-validate.html).

What can be read is answered with 200, whatever is wrong with it; what cannot be read with 400. Both are an OperationOutcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gateway.definitions.library import core
from gateway.definitions.xml_form import read_fhir
from gateway.errors import NotFound, Unanswerable, Unusable
from gateway.inbound.dialect import media_type
from gateway.model.door import Call, Door
from gateway.model.released import Echo, Egress
from gateway.model.report import Finding, Report
from gateway.pipeline.node import Node
from gateway.standards import standard_of
from gateway.standards.judge import FHIR, judge_of, judged, pointed

if TYPE_CHECKING:
    from gateway.validating import Validator

_FHIR_TYPES = frozenset({
    "application/fhir+json", "application/json", "application/json+fhir", "text/json",
    "application/fhir+xml", "application/xml", "application/xml+fhir", "text/xml",
})  # fmt: skip
_UNTOLD = frozenset({"", "application/octet-stream", "text/plain"})  # the content tells
_MODES = ("create", "update")  # `delete` and `profile` are about what a server keeps
_MANY_PROFILES = 20
_MOST_BYTES = 20_000_000
_INVOCATION = ("resource", "profile", "mode")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants to know: the type in the address ("" without one), profiles, and what is going to be done with it."""

    kind: str = ""
    profiles: tuple[str, ...] = ()
    mode: str = ""

    def told(self, name: str, value: Any) -> Asked:
        """The same with one parameter more. Raises Unanswerable for one that is unknown, given twice or has no sound value."""
        if not isinstance(value, str) or not value or name not in ("profile", "mode"):
            raise Unanswerable(None, name)
        if name == "mode":
            if self.mode or value not in _MODES:
                raise Unanswerable("The mode is `create` or `update`; no other is answered here.", "mode")
            return replace(self, mode=value)
        if len(self.profiles) >= _MANY_PROFILES:
            raise Unanswerable("There are too many profiles.", "profile")
        return replace(self, profiles=(*self.profiles, value))


async def validate(node: Node, call: Call) -> Egress:
    """`POST [base]/$validate` and `[base]/{type}/$validate`. Raises Unanswerable for an unknown parameter, NotFound for an unknown type."""
    asked = Asked(call.path.get("type", ""))
    if asked.kind and asked.kind not in core().resource_types:
        raise NotFound
    for name, value in call.query:
        asked = asked.told(name, value)
    standard, charset = standard_named(call.headers.get("content-type", ""))
    with node.cpu.holding(len(call.body)):
        report = await node.cpu.run(_report, validator_of(node), call.body, asked, (standard, charset))
    unreadable = any(finding.severity == "fatal" for finding in report.findings)
    return Echo(report.as_outcome(), 400 if unreadable else 200)


def validator_of(node: Node) -> Validator:
    """The Validator of a node."""
    return node.rules.validator


def standard_named(header: str) -> tuple[str, str]:
    """The standard a Content-Type names ("" when the content is to tell it) and its charset. Raises Unsupported."""
    kind = media_type(header)
    pairs = (part.strip().lower().partition("=") for part in header.partition(";")[2].split(";"))
    charset = next((value.strip('"') for name, _, value in pairs if name == "charset"), "")
    if kind in _UNTOLD:
        return "", charset
    return (FHIR if kind in _FHIR_TYPES else standard_of(kind).NAME), charset


def _report(validator: Validator, body: bytes, asked: Asked, form: tuple[str, str]) -> Report:
    """The findings on the body, or on the resource inside it where it is Parameters for this operation."""
    return judged(body, lambda document: _fhir(validator, document, asked), *form)


def _fhir(validator: Validator, body: bytes, asked: Asked) -> Report:
    wrapped = b"Parameters" in body or b"\\u" in body or b"\0" in body[:4]  # or written so that the word is not seen
    document = _read(body) if asked.kind or asked.mode or wrapped else None
    place = _place(document)
    if document is None or not place:
        report = judge_of(lambda: validator, asked.profiles)(body)
        return report if document is None else report + pointed(Report(_wrong(document, asked)), body)
    inner = document["parameter"][place[0]]["resource"]
    for row in document["parameter"]:
        if row.get("name") != "resource":
            asked = asked.told(str(row.get("name")), _value(row))
    report = validator.report(inner, asked.profiles) + Report(_wrong(inner, asked))
    return pointed(report, body, f"parameter[{place[0]}].resource")


def _read(body: bytes) -> Mapping[str, Any] | None:
    """The document, or None for what is no resource or cannot be read, which the validator says better."""
    try:
        document, _ = read_fhir(body, core())
    except Unusable:
        return None
    return document if isinstance(document, Mapping) else None


def _place(document: Mapping[str, Any] | None) -> tuple[int, ...]:
    """The place of the one parameter `resource` in Parameters for this operation, nothing for any other document.

    Parameters that hold no parameter of the operation are a resource to be judged like any other. Raises Unanswerable where the
    resource is missing or there are several.
    """
    rows = document.get("parameter") if document and document.get("resourceType") == "Parameters" else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        return ()
    if not any(row.get("name") in _INVOCATION for row in rows):
        return ()
    places = [place for place, row in enumerate(rows) if row.get("name") == "resource"]
    if len(places) != 1 or not isinstance(rows[places[0]].get("resource"), Mapping):
        raise Unanswerable("Exactly one parameter `resource` is expected, with a resource in it.", "resource")
    return (places[0],)


def _value(row: Mapping[str, Any]) -> Any:
    """The value of a parameter, whatever its type; None where there is not exactly one."""
    values = [value for key, value in row.items() if key.startswith("value")]
    return values[0] if len(values) == 1 else None


def _wrong(resource: Mapping[str, Any], asked: Asked) -> tuple[Finding, ...]:
    """What is wrong with a resource because of what is going to be done with it (0..2 findings)."""
    kind = resource.get("resourceType")
    name = kind if isinstance(kind, str) else ""
    found: tuple[Finding, ...] = ()
    if asked.kind and name != asked.kind:
        text = "The resource is not of the type that the address names."
        found += (Finding("error", "invalid", name, text, "address-type", asked.kind, name),)
    if asked.mode == "update" and "id" not in resource:
        text = "A resource that updates another has the id of that one."
        found += (Finding("error", "required", name, text, "update-id", f"{name}.id"),)
    return found


DOORS = (
    Door("POST", "/fhir/$validate", validate, "Findings on the caller's own document", max_body=_MOST_BYTES, scope=""),
    Door(
        "POST",
        "/fhir/{type}/$validate",
        validate,
        "Findings on a resource of that type",
        max_body=_MOST_BYTES,
        scope="",
    ),
)
