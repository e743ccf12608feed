"""An independent second reading of what is about to leave: is anything forbidden in it, is any duty missing (attack oracle 1)?

It shares no code with the redactor but the tables: it looks at the finished output only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from numbers import Number
from typing import Any

from gateway.consent.codes import codes
from gateway.consent.hidden import Hidden
from gateway.consent.redact import Terms, duty_labels
from gateway.consent.shapes import named_in, shapes, tells
from gateway.model.document import Resource
from gateway.model.report import Finding

_OLDEST = 89  # years
_YEAR, _MONTH = re.compile(r"\d{4}", re.ASCII), re.compile(r"\d{4}(-\d{2})?", re.ASCII)
_SINCE = re.compile(r"(\d{4}-\d{2})(-\d{2})?(?:T.*)?$", re.ASCII)
_PLACES = frozenset({"use", "type", "city", "district", "state", "country"})
_NO_DATES = frozenset(
    {"code", "system", "version", "id", "url", "uri", "reference", "value", "unit", "display", "versionId", "fullUrl"}
)


def violations(
    output: Resource, terms: Terms, source: Resource | None = None, hidden: Hidden | None = None
) -> tuple[Finding, ...]:
    """Everything in an output that its terms forbid, 0..*; findings name positions, never values.

    `source` is what it was made of: without it no date of a pseudonymous output can be shown to have moved, so none may be there.
    `hidden` is `terms.withheld` made ready for many outputs of one release; it is made here when it is of anything else.
    """
    if hidden is None or hidden.references is not terms.withheld:
        hidden = Hidden(terms.withheld)
    found = [finding for check in _CHECKS for finding in check(output, terms)]
    return (*_withheld(output, hidden), *found, *_unmoved(output, terms, source))


def _flat(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every leaf with its indexed path (`name[0].family`)."""
    if isinstance(node, Mapping):
        for name, child in node.items():
            yield from _flat(child, f"{path}.{name}")
    elif isinstance(node, list | tuple):
        for place, child in enumerate(node):
            yield from _flat(child, f"{path}[{place}]")
    else:
        yield path, node


def _found(rule: str, where: str, text: str) -> Finding:
    return Finding("error", "security", where, text, rule)


def _withheld(output: Resource, hidden: Hidden) -> Iterator[Finding]:
    for where, value in _flat(output, output["resourceType"]):
        if isinstance(value, str) and hidden.named_in(value):
            yield _found("release-withheld", where, "Something withheld is still named.")


def _named(output: Resource, terms: Terms) -> Iterator[Finding]:
    """Only what may be named is referred to."""
    if terms.named is None:
        return
    for where, value in _flat(output, output["resourceType"]):
        if (
            where.endswith(".reference")
            and isinstance(value, str)
            and not value.startswith("#")
            and named_in(value) not in terms.named
        ):
            yield _found("release-named", where, "A reference to what the recipient does not get.")


def _outside(output: Resource, terms: Terms) -> Iterator[Finding]:
    if terms.elements is None:
        return
    allowed = shapes().always_allowed | frozenset(terms.elements)
    for name in output:
        if name.removeprefix("_") not in allowed:
            yield _found("release-elements", f"{output['resourceType']}.{name}", "An element outside the allow-list.")
    for where, _, _ in _resources(output):
        if where != output["resourceType"]:
            yield _found("release-elements", where, "A resource inside what an allow-list lets out.")


def _resources(node: Any, path: str = "") -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every resource of an output, itself first: its indexed path, its type, and it."""
    if isinstance(node, Mapping):
        if "resourceType" in node:
            path = path or str(node["resourceType"])
            yield path, str(node["resourceType"]), node
        for name, child in node.items():
            yield from _resources(child, f"{path}.{name}")
    elif isinstance(node, list | tuple):
        for place, child in enumerate(node):
            yield from _resources(child, f"{path}[{place}]")


def _hidden(output: Resource, terms: Terms) -> Iterator[Finding]:
    for where, kind, resource in _resources(output):
        if f"{kind}/{resource.get('id')}" in terms.withheld:
            yield _found("release-withheld", where, "Something withheld stands inside.")


def _parts(output: Resource, terms: Terms) -> Iterator[Finding]:
    """Prose that was not permitted, and parts that were withheld by themselves, here and in every resource inside."""
    for where, plain in _places(output):
        if any(f"{plain}.".startswith(f"{path}.") for path in terms.without):
            yield _found("release-part", where, "A part that is withheld.")
    for root, kind, resource in _resources(output):
        apart = shapes().of(kind).prose_apart
        before = _plain(root)
        for where, plain in _places(resource):
            named = (p for p in apart if f"{plain}.".startswith(f"{p}.") and not plain.startswith(f"{p}.coding."))
            if any(not any(_overlap(f"{before}{path}", prose) for prose in terms.prose) for path in named):
                yield _found("release-prose", root + where.removeprefix(kind), "Prose that was not permitted.")


def _places(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every leaf: its indexed path, and the same without indices and the name of the type."""
    for where, _ in _flat(resource, str(resource["resourceType"])):
        yield where, _plain(where).removesuffix(".")


def _plain(where: str) -> str:
    """`contained.` of `Observation.contained[0]`; nothing for the outermost resource."""
    parts = [part.partition("[")[0].removeprefix("_") for part in where.split(".")[1:]]
    return "".join(f"{part}." for part in parts)


def _overlap(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _identifiers(output: Resource, terms: Terms) -> Iterator[Finding]:
    for where, value in _flat(output, output["resourceType"]):
        if where.endswith(".system") and isinstance(value, str) and value in terms.national:
            yield _found("release-national-identifier", where, "An identifier that stays with the sender.")
    if "PSEUD" not in terms.duties:
        return
    for root, _, resource in _resources(output):
        for name in sorted(shapes().identifying & {name.removeprefix("_") for name in resource}):
            yield _found("release-pseudonym", f"{root}.{name}", "An identifying element.")
    for where, leaf in _flat(output, output["resourceType"]):
        names = {part.partition("[")[0].removeprefix("_") for part in where.split(".")[1:]}
        if where.endswith(".value") and isinstance(leaf, str):
            yield _found("release-pseudonym", where, "An identifier or a way to reach somebody.")
        elif names & shapes().identifying_anywhere or any(tells(name) for name in names) or "text" in names:
            yield _found("release-pseudonym", where, "What could name somebody, or words that could.")


def _changed(output: Resource, terms: Terms) -> Iterator[Finding]:
    """Each value that a rule makes coarser or takes away, read by its form."""
    for root, kind, resource in _resources(output):
        for where, value in _flat(resource, kind):
            plain = _plain(where).removesuffix(".")
            for types, path, how in terms.changes:
                if (
                    types in (kind, "*")
                    and f"{plain}.".startswith(f"{path}.")
                    and not _is_coarse(plain[len(path) + 1 :], value, how)
                ):
                    yield _found(
                        "release-exact", root + where.removeprefix(kind), "A value that has to be said less exactly."
                    )


def _is_coarse(below: str, value: Any, how: str) -> bool:
    """Whether a leaf below a changed element may stand: `below` is the rest of its path."""
    match how:
        case "mask":
            return below in ("extension.url", "extension.valueCode") and str(value) in (
                "masked",
                codes().systems["absentReason"],
            )
        case "year" | "month":
            form = _YEAR if how == "year" else _MONTH
            return isinstance(value, str) and form.fullmatch(value) is not None
        case "district":
            return below in _PLACES
    return False


def _unmoved(output: Resource, terms: Terms, source: Resource | None) -> Iterator[Finding]:
    """Dates of a pseudonymous output are those of its source, each as many days earlier; ages over 89 are 90 or more."""
    if "PSEUD" not in terms.duties:
        return
    expected = frozenset(_earlier(source, terms.shift)) if source is not None and terms.shift > 0 else frozenset[str]()
    for where, value in _flat(output, output["resourceType"]):
        name = where.rpartition(".")[2].partition("[")[0]
        if (
            isinstance(value, str)
            and name not in _NO_DATES
            and _SINCE.match(value)
            and value[:10].partition("T")[0] not in expected
        ):
            yield _found("release-date", where, "A date that did not move.")
    for where, node in _nodes(output, output["resourceType"]):
        aged = where.rpartition(".")[2].partition("[")[0].endswith("Age") or node.get("code") == "a"
        if (
            aged
            and isinstance(node.get("value"), Number)
            and not isinstance(node["value"], bool)
            and not _is_capped(node)
        ):
            yield _found("release-age", where, "An age that singles somebody out.")


def _earlier(source: Any, days: int) -> Iterator[str]:
    for _, value in _flat(source, ""):
        found = _SINCE.match(value) if isinstance(value, str) else None
        if found is None:
            continue
        try:
            then = date.fromisoformat(found[1] + (found[2] or "-15")) - timedelta(days=days)
        except (ValueError, OverflowError):
            continue
        yield then.isoformat() if found[2] else then.isoformat()[:7]
        yield then.isoformat()[:7]


def _nodes(node: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(node, Mapping):
        yield path, node
    for name, child in (
        node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list | tuple) else ()
    ):
        yield from _nodes(child, f"{path}.{name}" if isinstance(name, str) else f"{path}[{name}]")


def _is_capped(node: Mapping[str, Any]) -> bool:
    factor = {"a": 1, "mo": 12, "wk": 52, "d": 365}.get(str(node.get("code") or node.get("unit")))
    years = float(node["value"]) / factor if factor else float("inf")
    return years <= _OLDEST or (years == _OLDEST + 1 and node.get("comparator") == ">=")


def _labels(output: Resource, terms: Terms) -> Iterator[Finding]:
    present = [dict(coding) for coding in (output.get("meta") or {}).get("security", ())]
    for mark in duty_labels(terms.duties):
        if mark not in present:
            yield _found("release-duty", f"{output['resourceType']}.meta.security", "A duty is not on the resource.")


_CHECKS: tuple[Callable[[Resource, Terms], Iterator[Finding]], ...] = (
    _hidden,
    _named,
    _outside,
    _parts,
    _identifiers,
    _changed,
    _labels,
)
