"""An independent second reading of what is about to leave: is anything forbidden in it, is any duty missing (attack oracle 1)?

It shares no code with the redactor but the tables: it looks at the finished output only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from numbers import Number
from typing import Any

from gateway.consent.codes import codes
from gateway.consent.hidden import Hidden
from gateway.consent.leaves import Inside, Leaf, read
from gateway.consent.redact import Change, Terms, duty_labels
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
    leaves, resources = read(output)
    found = [finding for check in _CHECKS for finding in check(leaves, resources, terms)]
    return (*_withheld(leaves, hidden), *found, *_labels(output, terms), *_unmoved(output, leaves, terms, source))


def _found(rule: str, where: str, text: str) -> Finding:
    return Finding("error", "security", where, text, rule)


def _withheld(leaves: Sequence[Leaf], hidden: Hidden) -> Iterator[Finding]:
    for where, _, value in leaves:
        if isinstance(value, str) and hidden.named_in(value):
            yield _found("release-withheld", where, "Something withheld is still named.")


def _named(leaves: Sequence[Leaf], _: Sequence[Inside], terms: Terms) -> Iterator[Finding]:
    """Only what may be named is referred to."""
    if terms.named is None:
        return
    for where, _path, value in leaves:
        if (
            where.endswith(".reference")
            and isinstance(value, str)
            and not value.startswith("#")
            and named_in(value) not in terms.named
        ):
            yield _found("release-named", where, "A reference to what the recipient does not get.")


def _outside(_: Sequence[Leaf], resources: Sequence[Inside], terms: Terms) -> Iterator[Finding]:
    if terms.elements is None:
        return
    outermost, *others = resources
    allowed = shapes().always_allowed | frozenset(terms.elements)
    for name in outermost.resource:
        if name.removeprefix("_") not in allowed:
            yield _found("release-elements", f"{outermost.kind}.{name}", "An element outside the allow-list.")
    for one in others:
        yield _found("release-elements", one.where, "A resource inside what an allow-list lets out.")


def _hidden(_: Sequence[Leaf], resources: Sequence[Inside], terms: Terms) -> Iterator[Finding]:
    for one in resources:
        if f"{one.kind}/{one.resource.get('id')}" in terms.withheld:
            yield _found("release-withheld", one.where, "Something withheld stands inside.")


def _parts(leaves: Sequence[Leaf], _: Sequence[Inside], terms: Terms) -> Iterator[Finding]:
    """Parts that were withheld by themselves."""
    withheld = _dotted(terms.without)
    for where, plain, _value in leaves:
        if plain.startswith(withheld):
            yield _found("release-part", where, "A part that is withheld.")


def _is_coded(plain: str, coding: str) -> bool:
    """What stands below `coding`; a text in its place is prose."""
    return plain.startswith(coding) and plain != coding


def _prose(_: Sequence[Leaf], resources: Sequence[Inside], terms: Terms) -> Iterator[Finding]:
    """Prose that was not permitted, here and in every resource inside."""
    for one in resources:
        apart = _dotted(shapes().of(one.kind).prose_apart)
        for leaf in one.leaves:
            plain = one.own(leaf)
            if not plain.startswith(apart):
                continue
            said = (path for path in apart if plain.startswith(path) and not _is_coded(plain, f"{path}coding."))
            if any(not any(_overlap(f"{one.before}{path}", f"{prose}.") for prose in terms.prose) for path in said):
                yield _found("release-prose", leaf[0], "Prose that was not permitted.")


@cache
def _dotted(paths: frozenset[str]) -> tuple[str, ...]:
    """The beginnings of what is at these paths or below them."""
    return tuple(f"{path}." for path in sorted(paths))


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _identifiers(leaves: Sequence[Leaf], resources: Sequence[Inside], terms: Terms) -> Iterator[Finding]:
    for where, _, value in leaves:
        if where.endswith(".system") and isinstance(value, str) and value in terms.national:
            yield _found("release-national-identifier", where, "An identifier that stays with the sender.")
    if "PSEUD" not in terms.duties:
        return
    for one in resources:
        for name in sorted(shapes().identifying & {name.removeprefix("_") for name in one.resource}):
            yield _found("release-pseudonym", f"{one.where}.{name}", "An identifying element.")
    for where, plain, leaf in leaves:
        names = set(plain.split(".")) - {""}
        if where.endswith(".value") and isinstance(leaf, str):
            yield _found("release-pseudonym", where, "An identifier or a way to reach somebody.")
        elif names & shapes().identifying_anywhere or any(tells(name) for name in names) or "text" in names:
            yield _found("release-pseudonym", where, "What could name somebody, or words that could.")


def _changed(_: Sequence[Leaf], resources: Sequence[Inside], terms: Terms) -> Iterator[Finding]:
    """Each value that a rule makes coarser or takes away, read by its form."""
    if not terms.changes:
        return
    for one in resources:
        for leaf in one.leaves:
            if any(_exact(one.own(leaf), leaf[2], one.kind, change) for change in terms.changes):
                yield _found("release-exact", leaf[0], "A value that has to be said less exactly.")


def _exact(plain: str, value: Any, kind: str, change: Change) -> bool:
    """Whether a change is about a leaf, and was not made."""
    types, path, how = change
    below = plain.startswith(f"{path}.") and types in (kind, "*")
    return below and not _is_coarse(plain[len(path) + 1 :].removesuffix("."), value, how)


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


def _unmoved(output: Resource, leaves: Sequence[Leaf], terms: Terms, source: Resource | None) -> Iterator[Finding]:
    """Dates of a pseudonymous output are those of its source, each as many days earlier; ages over 89 are 90 or more."""
    if "PSEUD" not in terms.duties:
        return
    expected = frozenset(_earlier(source, terms.shift)) if source is not None and terms.shift > 0 else frozenset[str]()
    for where, _, value in leaves:
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
    for value in _values(source):
        found = _SINCE.match(value) if isinstance(value, str) else None
        if found is None:
            continue
        try:
            then = date.fromisoformat(found[1] + (found[2] or "-15")) - timedelta(days=days)
        except (ValueError, OverflowError):
            continue
        yield then.isoformat() if found[2] else then.isoformat()[:7]
        yield then.isoformat()[:7]


def _values(node: Any) -> Iterator[Any]:
    inside: Iterable[Any] = (
        node.values() if isinstance(node, Mapping) else node if isinstance(node, list | tuple) else ()
    )
    for child in inside:
        yield child
        yield from _values(child)


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


_CHECKS: tuple[Callable[[Sequence[Leaf], Sequence[Inside], Terms], Iterator[Finding]], ...] = (
    _hidden,
    _named,
    _outside,
    _parts,
    _prose,
    _identifiers,
    _changed,
)
