"""An independent second reading of what is about to leave: is anything forbidden in it, is any duty missing (attack oracle 1)?

It shares no code with the redactor but the tables: it looks at the finished output only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gateway.consent.redact import Terms, duty_labels
from gateway.consent.shapes import shapes
from gateway.model.document import Resource
from gateway.model.report import Finding

_WORD = 4  # an id of this length is no code by chance
_LONG = 12  # an id of this length does not stand inside a text by chance


def violations(output: Resource, terms: Terms) -> tuple[Finding, ...]:
    """Everything in an output that its terms forbid, 0..*; findings name positions, never values."""
    return tuple(finding for check in _CHECKS for finding in check(output, terms))


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


def _withheld(output: Resource, terms: Terms) -> Iterator[Finding]:
    for where, value in _flat(output, output["resourceType"]):
        if isinstance(value, str) and any(_names(value, reference) for reference in terms.withheld):
            yield _found("release-withheld", where, "Something withheld is still named.")


def _names(text: str, reference: str) -> bool:
    """A text names a withheld resource: by reference, or by its id alone when that cannot be chance."""
    own = reference.rpartition("/")[2]
    before, found, after = text.partition(reference)
    whole = bool(found) and not before[-1:].isalnum() and not _continues(after)
    return whole or (len(own) >= _WORD and text == own) or (len(own) >= _LONG and own in text)


def _continues(after: str) -> bool:
    return after[:1].isalnum() or (after[:1] in ("-", ".") and after[1:2].isalnum())


def _outside(output: Resource, terms: Terms) -> Iterator[Finding]:
    if terms.elements is None:
        return
    allowed = shapes().always_allowed | frozenset(terms.elements)
    for name in output:
        if name.removeprefix("_") not in allowed:
            yield _found("release-elements", f"{output['resourceType']}.{name}", "An element outside the allow-list.")


def _parts(output: Resource, terms: Terms) -> Iterator[Finding]:
    """Prose that was not permitted, and parts that were withheld by themselves."""
    apart = shapes().of(output["resourceType"]).prose_apart
    for where, _ in _flat(output, output["resourceType"]):
        plain = ".".join(part.partition("[")[0].removeprefix("_") for part in where.split(".")[1:])
        if any(f"{plain}.".startswith(f"{path}.") for path in terms.without):
            yield _found("release-part", where, "A part that is withheld.")
        named = (p for p in apart if f"{plain}.".startswith(f"{p}.") and not plain.startswith(f"{p}.coding."))
        if any(not any(_overlap(path, prose) for prose in terms.prose) for path in named):
            yield _found("release-prose", where, "Prose that was not permitted.")


def _overlap(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _identifiers(output: Resource, terms: Terms) -> Iterator[Finding]:
    for where, value in _flat(output, output["resourceType"]):
        if where.endswith(".system") and value in terms.national:
            yield _found("release-national-identifier", where, "An identifier that stays with the sender.")
    if "PSEUD" in terms.duties:
        for name in sorted(shapes().identifying & output.keys()):
            yield _found("release-pseudonym", f"{output['resourceType']}.{name}", "An identifying element.")


def _labels(output: Resource, terms: Terms) -> Iterator[Finding]:
    present = [dict(coding) for coding in (output.get("meta") or {}).get("security", ())]
    for mark in duty_labels(terms.duties):
        if mark not in present:
            yield _found("release-duty", f"{output['resourceType']}.meta.security", "A duty is not on the resource.")


_CHECKS: tuple[Callable[[Resource, Terms], Iterator[Finding]], ...] = (
    _withheld,
    _outside,
    _parts,
    _identifiers,
    _labels,
)
