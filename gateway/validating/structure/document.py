"""Documents and messages as a whole: what their first entry names is in them (FHIR R4, documents.html 3.3.1, messaging.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.validating.structure.finding import MOST, NONE, Findings, error
from gateway.validating.structure.resolving import address_of, addresses_of, entry_scope, matches
from gateway.validating.structure.scope import Scope

_LISTS = ("author", "entry", "detail")
_ONES = ("subject", "encounter", "custodian", "focus", "party")


def document(bundle: Scope) -> Findings:
    """0..* findings of a Bundle of type document that starts with a Composition."""
    composition = entry_scope(bundle, 0) if bundle.resource.get("entry") else None
    if composition is None or composition.type != "Composition":
        return NONE
    found = NONE
    for step, reference in _named(composition.resource):
        found += _there(f"entry[0].resource.{step}", reference, composition)
        if len(found) > MOST:
            break
    return found + _unreachable(bundle)


def message(bundle: Scope) -> Findings:
    """0..* findings of a Bundle of type message: what its header is about is in it (R4, messaging.html, MessageHeader.focus)."""
    header = entry_scope(bundle, 0)
    rows = header.resource.get("focus") if header is not None and header.type == "MessageHeader" else None
    found = NONE
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        text = row.get("reference") if isinstance(row, Mapping) else None
        if header is not None and isinstance(text, str) and not matches(text, header) and len(found) < MOST:
            said = "What the header of the message is about has to be in the message."
            found += error("not-found", "message-incomplete", said, found=text, at=f"entry[0].resource.focus[{number}]")
    return found


def _there(step: str, reference: str, composition: Scope) -> Findings:
    """0..1 finding of one reference of the Composition."""
    if reference.startswith("#"):
        return NONE
    found = matches(reference, composition)
    if len(found) == 1:
        return NONE
    if found:
        text = "The reference could mean more than one entry of the document."
        return error("forbidden", "document-ambiguous", text, found=reference, at=step)
    text = "What the Composition refers to has to be in the document."
    return error("not-found", "document-incomplete", text, found=reference, at=step)


def _named(node: Mapping[str, Any], step: str = "") -> Iterator[tuple[str, str]]:
    """The references of a Composition that have to be in the document, with their place: those of its head, its events and sections."""
    for key, value in node.items():
        if key in _ONES:
            yield from _reference(value, f"{step}{key}")
        elif key in _LISTS and isinstance(value, list):
            for number, row in enumerate(value):
                yield from _reference(row, f"{step}{key}[{number}]")
        elif key in ("section", "attester", "event") and isinstance(value, list):
            for number, row in enumerate(value):
                if isinstance(row, Mapping):
                    yield from _named(row, f"{step}{key}[{number}].")


def _reference(value: Any, step: str) -> Iterator[tuple[str, str]]:
    text = value.get("reference") if isinstance(value, Mapping) else None
    if isinstance(text, str):
        yield step, text


def _unreachable(bundle: Scope) -> Findings:
    """Entries that no chain of references connects with the Composition, in either direction."""
    given = bundle.resource.get("entry")
    rows = given if isinstance(given, list) else []
    groups = Groups()
    for number, row in enumerate(rows):
        scope = entry_scope(bundle, number) if isinstance(row, Mapping) else None
        for address in addresses_of(scope) if scope else ():
            groups.join(number, address)
        for reference in references_in(scope.resource) if scope else ():
            if scope is not None and (address := address_of(reference, scope)):
                groups.join(number, address)
    first = groups.of(0)
    lost = [number for number, row in enumerate(rows) if _told(row) and groups.of(number) != first]
    text = "Nothing in the document leads from the Composition to this entry."
    return tuple(
        f for number in lost[:MOST] for f in error("structure", "document-orphan", text, at=f"entry[{number}]")
    )


class Groups:
    """What is connected with what (union and find)."""

    def __init__(self) -> None:
        self._above: dict[Any, Any] = {}

    def of(self, one: Any) -> Any:
        """The one that stands for all that are connected with it."""
        while (above := self._above.setdefault(one, one)) != one:
            self._above[one] = self._above.setdefault(above, above)
            one = above
        return one

    def join(self, one: Any, other: Any) -> None:
        """Connects two."""
        self._above[self.of(one)] = self.of(other)


def _told(row: Any) -> bool:
    """What may stand in a document unnamed: a Binary (a stylesheet), a Provenance that targets it."""
    resource = row.get("resource") if isinstance(row, Mapping) else None
    return isinstance(resource, Mapping) and resource.get("resourceType") not in ("Binary", "Provenance")


def references_in(node: Any) -> Iterator[str]:
    """Every `reference` below a node, without recursion."""
    waiting: list[Any] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, Mapping):
            text = part.get("reference")
            if isinstance(text, str):
                yield text
            waiting.extend(value for value in part.values() if not isinstance(value, str))
