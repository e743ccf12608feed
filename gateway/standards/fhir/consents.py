"""Consents of R5 that come in are read as R4, where that is the same thing; else the document is refused with a reason code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.consent.restate import REASONS, Unrestatable, is_r5, r4_of
from gateway.errors import Invalid


def consents_in_r4(tree: dict[str, Any]) -> dict[str, Any]:
    """The resource with every Consent of R5 in it (itself, or an entry of a Bundle) restated.

    Raises Invalid with the place, and a text that begins with the reason code (`r5-scope: …`).
    """
    if _is_foreign(tree):
        return _restated(tree, "Consent")
    entries = tree.get("entry") if tree.get("resourceType") == "Bundle" else None
    if not isinstance(entries, list) or not any(_is_foreign(_resource(entry)) for entry in entries):
        return tree
    return {**tree, "entry": [_entry(entry, place) for place, entry in enumerate(entries)]}


def _is_foreign(resource: Any) -> bool:
    return isinstance(resource, Mapping) and resource.get("resourceType") == "Consent" and is_r5(resource)


def _resource(entry: Any) -> Any:
    return entry.get("resource") if isinstance(entry, Mapping) else None


def _entry(entry: Any, place: int) -> Any:
    resource = _resource(entry)
    return (
        {**entry, "resource": _restated(resource, f"Bundle.entry[{place}].resource")}
        if _is_foreign(resource)
        else entry
    )


def _restated(consent: Mapping[str, Any], place: str) -> dict[str, Any]:
    try:
        return dict(r4_of(consent))
    except Unrestatable as error:
        where = place + error.place.removeprefix("Consent")
        raise Invalid(f"r5-{error.reason}: {REASONS[error.reason]}", where) from None


__all__ = ["consents_in_r4"]
