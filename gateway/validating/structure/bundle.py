"""Bundles: what their type asks of entries, and addresses that must be told apart (FHIR R4, Bundle, bdl-1 to bdl-12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.validating.structure.document import document, message
from gateway.validating.structure.finding import MOST, NONE, Findings, below, error
from gateway.validating.structure.resolving import version_of
from gateway.validating.structure.scope import Scope

_REQUESTS = ("batch", "transaction", "history")
_RESPONSES = ("batch-response", "transaction-response", "history")
_ADDRESSED = ("document", "message")
_FIRST = {"document": ("Composition", "bdl-11"), "message": ("MessageHeader", "bdl-12")}
_ONCE = ("self", "first", "previous", "prev", "next", "last")
RULES = ("bdl-1", "bdl-2", "bdl-3", "bdl-4", "bdl-5", "bdl-7", "bdl-8", "bdl-9", "bdl-10", "bdl-11", "bdl-12")


@dataclass(frozen=True, slots=True)
class BundleRule:
    """The invariants of Bundle, written out because every exchange passes here."""

    def check(self, node: Any, scope: Scope) -> Findings:
        """0..* findings."""
        said = node.get("type")
        kind = said if isinstance(said, str) else ""
        entries = node.get("entry")
        listed = [e if isinstance(e, Mapping) else {} for e in entries] if isinstance(entries, list) else []
        findings = _head(node, kind) + _links(node) + _first(listed, kind) + _unique(listed)
        if kind == "document":
            findings += document(scope)
        if kind == "message":
            findings += message(scope)
        for place, entry in enumerate(listed):
            if found := _entry(entry, kind):
                findings += below(found, f"entry[{place}]")
                if len(findings) > MOST:
                    break
        return findings


def _head(node: Mapping[str, Any], kind: str) -> Findings:
    found = NONE
    if "total" in node and kind not in ("searchset", "history"):
        found += error(
            "invariant", "bdl-1", "A total is only for search results and histories.", expected="searchset, history"
        )
    if kind == "document":
        identifier = node.get("identifier")
        if not isinstance(identifier, Mapping) or not {"system", "value"} <= identifier.keys():
            found += error("invariant", "bdl-9", "A document must have an identifier with system and value.")
        if "timestamp" not in node and "_timestamp" not in node:
            found += error("invariant", "bdl-10", "A document must have a date (timestamp).")
    return found


def _links(node: Mapping[str, Any]) -> Findings:
    """Bundle.link: a page has one place among the others, so each relation stands once."""
    rows = node.get("link")
    seen: set[str] = set()
    found = NONE
    for place, row in enumerate(rows if isinstance(rows, list) else ()):
        given = row.get("relation") if isinstance(row, Mapping) else None
        relation = given if isinstance(given, str) else ""
        if relation in seen and relation in _ONCE and len(found) < MOST:
            found += error(
                "invalid", "bundle-link", "The same relation stands twice.", found=relation, at=f"link[{place}]"
            )
        seen.add(relation)
    return found


def _first(entries: list[Mapping[str, Any]], kind: str) -> Findings:
    if kind not in _FIRST:
        return NONE
    wanted, rule = _FIRST[kind]
    resource = entries[0].get("resource") if entries else None
    if isinstance(resource, Mapping) and resource.get("resourceType") == wanted:
        return NONE
    return error(
        "invariant", rule, "The first entry of this kind of Bundle has to be another type of resource.", expected=wanted
    )


def _entry(entry: Mapping[str, Any], kind: str) -> Findings:
    found = NONE
    if "search" in entry and kind != "searchset":
        found += error("invariant", "bdl-2", "entry.search is only for search results.", expected="searchset")
    if ("request" in entry) != (kind in _REQUESTS):
        found += error(
            "invariant", "bdl-3", "entry.request is required for batch, transaction and history, and only there."
        )
    if ("response" in entry) != (kind in _RESPONSES):
        found += error("invariant", "bdl-4", "entry.response is required for responses and history, and only there.")
    found += _requested(entry, kind)
    if not entry.keys() & {"resource", "request", "response"}:
        found += error("invariant", "bdl-5", "An entry needs a resource, a request or a response.")
    url = entry.get("fullUrl")
    if isinstance(url, str) and "/_history/" in url:
        found += error("invariant", "bdl-8", "A fullUrl must not name a version.", found=url, at="fullUrl")
    return found + _consistent(entry, url, kind)


def _requested(entry: Mapping[str, Any], kind: str) -> Findings:
    """What is to be created or changed comes with the request, what is read or deleted does not (R4, http.html 3.1.0.11.1)."""
    request = entry.get("request")
    method = request.get("method") if kind in ("batch", "transaction") and isinstance(request, Mapping) else None
    if method in _WITH and "resource" not in entry:
        return error(
            "required", "request-resource", "This request needs a resource.", expected="resource", at="request"
        )
    if method in _WITHOUT and "resource" in entry:
        return error("structure", "request-resource", "This request has no resource.", found=method, at="request")
    return _addressed(entry, str(method)) if method in ("POST", "PUT") else NONE


def _addressed(entry: Mapping[str, Any], method: str) -> Findings:
    """The address of a request is that of the resource that comes with it: its type, for PUT with its id (or a search)."""
    resource, url = entry.get("resource"), entry["request"].get("url")
    if not isinstance(resource, Mapping):
        return NONE
    kind = resource.get("resourceType")
    if not isinstance(url, str) or not isinstance(kind, str) or ":" in url or "$" in url or not url.strip("/"):
        return NONE
    named, _, id = url.partition("?")[0].strip("/").partition("/")
    wrong = named != kind or (method == "POST" and id) or (method == "PUT" and id and id != resource.get("id", id))
    if not wrong:
        return NONE
    text = "The address of the request is not that of the resource that comes with it."
    return error("invalid", "request-url", text, expected=kind, found=url, at="request.url")


_WITH = ("POST", "PUT", "PATCH")
_WITHOUT = ("GET", "HEAD", "DELETE")


def _consistent(entry: Mapping[str, Any], url: Any, kind: str) -> Findings:
    """Bundle.entry.fullUrl: there in a document or a message, absolute, and a REST address ends with the type and id of the resource."""
    resource = entry.get("resource")
    if url is None and kind in _ADDRESSED and resource is not None:
        text = "Every entry of a document or a message has a fullUrl."
        return error("required", "full-url-missing", text, expected="fullUrl")
    if isinstance(url, str) and ":" not in url:
        text = "A fullUrl must be absolute."
        return error("invalid", "full-url", text, expected="an absolute address", found=url, at="fullUrl")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")) or not isinstance(resource, Mapping):
        return NONE
    parts, named = url.split("/"), [resource.get("resourceType"), resource.get("id")]
    if "/_history/" in url or len(parts) < 5 or parts[-2:] == named or (named[1] is None and parts[-2] != named[0]):
        return NONE
    text = "The fullUrl does not end with the type and id of the resource."
    return error("invalid", "full-url", text, expected="Type/id", found=url)


def _unique(entries: list[Mapping[str, Any]]) -> Findings:
    """bdl-7: the same fullUrl twice only with different meta.versionId."""
    seen: set[tuple[str, Any]] = set()
    for place, entry in enumerate(entries):
        url = entry.get("fullUrl")
        if not isinstance(url, str):
            continue
        mark = (url, version_of(entry))
        if mark in seen:
            text = "The same fullUrl stands in two entries that are not two versions."
            return error("invariant", "bdl-7", text, found=url, at=f"entry[{place}].fullUrl")
        seen.add(mark)
    return NONE
