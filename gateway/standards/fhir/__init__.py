"""FHIR R4 as JSON: recognised, read, checked (R4 JSON representation; ARCHITECTURE.md, "Nouns")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from gateway.errors import Invalid, Malformed, Unsound
from gateway.model.document import Parsed
from gateway.model.report import Report
from gateway.model.wire import read_json
from gateway.standards.fhir.consents import consents_in_r4
from gateway.standards.fhir.render import accepted, render
from gateway.standards.fhir.reply import reply, reply_all

if TYPE_CHECKING:
    from gateway.standards import Part
    from gateway.validating import Validator

NAME = "fhir"
CONTENT_TYPES = ("application/fhir+json",)
_TYPE = re.compile(r"[A-Za-z]+", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_SNIFFED = 4096
_SHOWN = 20


def sniff(body: bytes) -> bool:
    """Does this look like a FHIR resource in JSON: an object whose beginning names a resourceType?"""
    start = body[:_SNIFFED].lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"{") and b'"resourceType"' in start


def parse(body: bytes, charset: str = "") -> Parsed:  # noqa: ARG001
    """One FHIR resource in JSON. `trigger` is its type; for a message Bundle the event code; `control_id` Bundle.identifier.value.

    JSON is UTF-8 whatever `charset` says (RFC 8259, 8.1). A Consent of R5, alone or in a Bundle, is read as the R4 Consent that says the
    same. Raises Malformed for what is no JSON object with a resourceType, Unsound for an id that is none, Invalid for a Consent of R5 that
    cannot be said in R4, TooLarge over the limits.
    """
    tree = read_json(body)
    if not isinstance(tree, dict):
        raise Malformed("A FHIR resource is a JSON object.")
    kind = tree.get("resourceType")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise Malformed("The resourceType is missing or is no name of a type.", "resourceType")
    _sound_id(tree, kind)
    tree = consents_in_r4(tree)
    header = _header(tree)
    return Parsed(
        standard=NAME,
        trigger=_trigger(kind, header),
        tree=tree,
        control_id=_control_id(tree, header),
        sender=_sender(header),
        version="4.0.1",
    )


def parts(body: bytes) -> Iterator[Part] | None:  # noqa: ARG001 the form of every standard
    """A resource is always a document by itself; what a Bundle holds belongs together."""
    return None


def plain(body: bytes) -> bytes:
    """As it is: what stands between the parts of a JSON document is the sender's."""
    return body


def check(parsed: Parsed) -> Report:
    """The findings of the validator on the resource, as the base specification has it."""
    found: Report = validator().report(parsed.tree)
    return found


@cache
def validator() -> Validator:
    from gateway.validating import Validator  # heavy: definitions are loaded with it

    return Validator()


def admit(parsed: Parsed) -> Report:
    """The findings at a door: a resource with an error in it is not FHIR, and Invalid is raised with the positions."""
    report = check(parsed)
    wrong = [f for f in report.findings if f.severity in ("fatal", "error")]
    if wrong:
        shown = wrong[:_SHOWN]
        raise Invalid(wrong[0].text, *(f.expression for f in shown), texts=tuple(f.text for f in shown))
    return report


def _sound_id(tree: Mapping[str, Any], kind: str) -> None:
    if "id" in tree and not (isinstance(tree["id"], str) and _ID.fullmatch(tree["id"])):
        raise Unsound("The id of the resource is not a FHIR id.", f"{kind}.id")


def _header(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    """The MessageHeader of a message Bundle, else nothing."""
    if tree.get("resourceType") != "Bundle" or tree.get("type") != "message":
        return {}
    for entry in tree.get("entry") or ():
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        if isinstance(resource, Mapping) and resource.get("resourceType") == "MessageHeader":
            return resource
    return {}


def _trigger(kind: str, header: Mapping[str, Any]) -> str:
    event = header.get("eventCoding")
    code = event.get("code") if isinstance(event, Mapping) else header.get("eventUri")
    return code if isinstance(code, str) and code else kind


def _control_id(tree: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    identifier = tree.get("identifier") if tree.get("resourceType") == "Bundle" else None
    value = identifier.get("value") if isinstance(identifier, Mapping) else None
    return next((text for text in (value, header.get("id")) if isinstance(text, str) and text), "")


def _sender(header: Mapping[str, Any]) -> tuple[str, str]:
    source = header.get("source")
    if not isinstance(source, Mapping):
        return "", ""
    name, endpoint = source.get("name"), source.get("endpoint")
    return (name if isinstance(name, str) else "", endpoint if isinstance(endpoint, str) else "")


__all__ = [
    "CONTENT_TYPES",
    "NAME",
    "accepted",
    "admit",
    "check",
    "parse",
    "parts",
    "plain",
    "render",
    "reply",
    "reply_all",
    "sniff",
]
