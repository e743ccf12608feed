"""Recipes for invariants whose expression is not simple, by key: an object that keeps the invariant in, one that breaks it out, or None."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Node = Mapping[str, Any]
Recipe = Callable[[Any], Any]
_DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'
_LATE, _EARLY = "2999-01-01", "1000-01-01"


def named(node: Node, name: str) -> list[str]:
    """The members that are an element: `value` is `valueQuantity` too."""
    return [key for key in node if key.lstrip("_") == name or re.fullmatch(rf"_?{name}[A-Z][A-Za-z]*", key)]


def _value(node: Node) -> bool:
    return bool(named(node, "value"))


def _extension(node: Node) -> Any:
    return {**node, "extension": [{"url": "x", "valueString": "x"}]} if _value(node) else {**node, "valueString": "x"}


def _period(node: Node) -> Any:
    return {**node, "start": _LATE} if "end" in node else None


def _range(node: Node) -> Any:
    if not all("value" in node.get(side, {}) for side in ("low", "high")):
        return None
    return {**node, "high": {**node["high"], "value": node["low"]["value"] - 1}}


def _ratio(node: Node) -> Any:
    return _less(node, "numerator") if "denominator" in node else None


def _same_code(node: Node) -> Any:
    coding = [each for each in node["code"].get("coding", ()) if "code" in each and "system" in each]
    one = {"code": {"coding": coding[:1]}, "valueString": "x"}
    return {**node, "component": [*node.get("component", ()), one]} if coding and _value(node) else None


def _no_result(node: Node) -> Any:
    if "component" in node or "hasMember" in node:
        return None
    return _less(node, *named(node, "value"), "dataAbsentReason")


def _short_time(value: Any) -> Any:
    return "2020" if isinstance(value, str) and len(value) >= 8 else None


def _other_unit(node: Node) -> Any:
    unit = node.get("valueQuantity")
    return {**node, "valueQuantity": {**unit, "system": "http://example.org/units"}} if unit else None


def _no_name(node: Node) -> Any:
    if "extension" in node:
        return None
    return _less(node, "family", "given", "_family", "_given")


def _no_status(node: Node) -> Any:
    return _less(node, "clinicalStatus") if "clinicalStatus" in node and not _in_error(node) else None


def _in_error(node: Node) -> bool:
    return any(each.get("code") == "entered-in-error" for each in node.get("verificationStatus", {}).get("coding", ()))


def _made_in_error(kind: str) -> Recipe:
    system = f"http://terminology.hl7.org/CodeSystem/{kind}"
    status = {"coding": [{"system": system, "code": "entered-in-error"}]}
    return lambda node: {**node, "verificationStatus": status} if "clinicalStatus" in node else None


def _ended(node: Node) -> Any:
    codes = {each.get("code") for each in node.get("clinicalStatus", {}).get("coding", ())}
    return (
        {**node, "abatementString": "x"}
        if not codes & {"resolved", "remission", "inactive"} and not named(node, "abatement")
        else None
    )


def _nameless(node: Node) -> Any:
    return _less(node, "identifier", "name")


def _at_home(node: Node) -> Any:
    return {**node, "use": "home"}


def _unused(node: Node) -> Any:
    return {
        **node,
        "contained": [*node.get("contained", ()), {"resourceType": "Basic", "id": "unused", "code": {"text": "x"}}],
    }


def _within(member: str, value: Any) -> Recipe:
    """Something in a contained resource that may not be there."""

    def recipe(node: Node) -> Any:
        held = node.get("contained")
        return {**node, "contained": [{**held[0], member: value}, *held[1:]]} if held else None

    return recipe


def _nobody(node: Node) -> Any:
    return {**node, "reference": "#nobody"} if "reference" in node else None


def _narrative(inner: str) -> Recipe:
    return lambda _: _DIV.format(inner)


def _with(member: str, value: Any, types: tuple[str, ...] = ()) -> Recipe:
    """A member added to (or replaced in) an object; `types` are kinds of Bundle for which it is no fault."""
    return lambda node: {**node, member: value} if node.get("type") not in types else None


def _entry(member: str, value: Any) -> Recipe:
    """A member added to the first entry of a Bundle that is no exchange of requests."""

    def recipe(node: Node) -> Any:
        rows = node.get("entry")
        fine = rows and node.get("type") in ("document", "collection", "message")
        return {**node, "entry": [{**rows[0], member: value}, *rows[1:]]} if fine else None

    return recipe


def _document(change: Callable[[Node], Any]) -> Recipe:
    return lambda node: change(node) if node.get("type") == "document" else None


def _twice(node: Node) -> Any:
    rows = [place for place, row in enumerate(node.get("entry", ())) if "fullUrl" in row]
    if len(rows) < 2 or node["type"] == "history":
        return None
    first, second = rows[0], rows[-1]
    versions = [node["entry"][place].get("resource", {}).get("meta", {}).get("versionId") for place in (first, second)]
    if versions[0] != versions[1]:
        return None
    row = {**node["entry"][second], "fullUrl": node["entry"][first]["fullUrl"]}
    return {**node, "entry": [*node["entry"][:second], row, *node["entry"][second + 1 :]]}


def _answered_twice(node: Node) -> Any:
    if "answer" in node:
        return {**node, "item": [{"linkId": "none", "text": "x"}]}
    return {**node, "answer": [{"valueBoolean": True}]} if "item" in node else None


def _asked_twice(node: Node) -> Any:
    rows = node.get("item", ())
    return {**node, "item": [*rows, {**rows[0]}]} if rows else None


def _swapped(first: str, second: str) -> Recipe:
    return lambda node: {**node, first: _EARLY, second: _LATE} if first in node and second in node else None


def _but(member: str, other: str = "") -> Recipe:
    """Without a member, where another is there."""
    return lambda node: _less(node, member) if member in node and (not other or other in node) else None


def _less(node: Node, *members: str) -> Node:
    return {key: value for key, value in node.items() if key not in members}


RECIPES: Mapping[str, Recipe] = {
    "ext-1": _extension,
    "per-1": _period,
    "rng-2": _range,
    "rat-1": _ratio,
    "ref-1": _nobody,
    "org-1": _nameless,
    "org-2": _at_home,
    "org-3": _at_home,
    "dom-2": _within("contained", [{"resourceType": "Basic", "id": "deep", "code": {"text": "x"}}]),
    "dom-3": _unused,
    "dom-4": _within("meta", {"versionId": "1"}),
    "dom-5": _within("meta", {"security": [{"display": "x"}]}),
    "obs-7": _same_code,
    "us-core-2": _no_result,
    "vs-2": _no_result,
    "us-core-3": _other_unit,
    "us-core-6": _no_name,
    "us-core-15": lambda node: _less(node, "subscriberId") if "identifier" not in node else None,
    "us-core-16": _with("value", "12345"),
    "us-core-17": _with("value", "1234567890"),
    "us-core-18": _with("value", "1"),
    "us-core-19": _with("value", "1"),
    "ait-1": _no_status,
    "ait-2": _made_in_error("allergyintolerance-verification"),
    "con-4": _ended,
    "con-5": _made_in_error("condition-ver-status"),
    "mdd-1": _swapped("whenHandedOver", "whenPrepared"),
    "gol-1": _but("measure", "detail"),
    "qrs-1": _answered_twice,
    "que-2": _asked_twice,
    "bdl-1": _with("total", 1, ("searchset", "history")),
    "bdl-2": _entry("search", {"mode": "match"}),
    "bdl-3": _entry("request", {"method": "GET", "url": "Patient/1"}),
    "bdl-4": _entry("response", {"status": "200"}),
    "bdl-5": lambda node: {"fullUrl": node["fullUrl"]} if "fullUrl" in node else None,
    "bdl-7": _twice,
    "bdl-8": _with("fullUrl", "http://example.org/fhir/Patient/1/_history/1"),
    "bdl-9": _document(lambda node: _less(node, "identifier")),
    "bdl-10": _document(lambda node: _less(node, "timestamp")),
    "bdl-11": _document(lambda node: {**node, "entry": node["entry"][1:]}),
    "bdl-ips-1": lambda node: {**node, "entry": [*node["entry"], node["entry"][0]]},
}
PRIMITIVES: Mapping[str, Recipe] = {
    "txt-1": _narrative("<p>x</p><script>x</script>"),
    "txt-2": _narrative("<p> </p>"),
    "vs-1": _short_time,
    "ips-1": _short_time,
}
