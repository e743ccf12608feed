"""Released resources as a Bundle: a searchset, a history, or the answers to a batch (FHIR R4, bundle.html, http.html)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from gateway.model.document import Resource
from gateway.model.released import Page

_TOLD = (("location", "Location"), ("etag", "ETag"), ("lastModified", "Last-Modified"))


def searchset(resources: Sequence[Resource], page: Page) -> dict[str, Any]:
    """Matches first, then what they bring along; a total only where it was asked for."""
    entries = [
        {"resource": resource, "search": {"mode": "match" if place < page.matches else "include"}}
        for place, resource in enumerate(resources)
    ]
    return _bundle("searchset", page, entries)


def history(resources: Sequence[Resource], page: Page) -> dict[str, Any]:
    """Versions, newest first. The last of them was a create, the others are updates."""
    return _bundle("history", page, [_version(one, one is resources[-1]) for one in resources])


def _version(resource: Resource, first: bool) -> dict[str, Any]:
    kind, meta = resource["resourceType"], resource["meta"]
    return {
        "resource": resource,
        "request": {"method": "POST" if first else "PUT", "url": kind if first else f"{kind}/{resource['id']}"},
        "response": {
            "status": "201" if first else "200", "etag": f'W/"{meta["versionId"]}"', "lastModified": meta["lastUpdated"],
        },
    }  # fmt: skip


def answers(kind: str, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The answers to the entries of a batch (`batch-response`) or a transaction (`transaction-response`), in order."""
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": kind}
    return {**bundle, "entry": list(entries)} if entries else bundle


def answered(status: int, resource: Any, headers: Mapping[str, str]) -> dict[str, Any]:
    """One entry of such an answer: what was asked for or written, or an OperationOutcome that says why not (R4, Bundle.entry.response)."""
    response: dict[str, Any] = {"status": f"{status} {HTTPStatus(status).phrase}"}
    if status >= HTTPStatus.BAD_REQUEST:
        return {"response": {**response, "outcome": resource}}
    response |= {name: headers[header] for name, header in _TOLD if header in headers}
    if "lastModified" in response:
        response["lastModified"] = parsedate_to_datetime(response["lastModified"]).isoformat().replace("+00:00", "Z")
    if resource and resource["resourceType"] == "OperationOutcome":
        return {"response": {**response, "outcome": resource}}
    return {"resource": resource, "response": response} if resource else {"response": response}


def _bundle(kind: str, page: Page, entries: list[dict[str, Any]]) -> dict[str, Any]:
    total = {} if page.total is None else {"total": page.total}
    links = {"link": [{"relation": name, "url": url} for name, url in page.links]} if page.links else {}
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": kind, **total, **links}
    return {**bundle, "entry": entries} if entries else bundle
