"""What documents brought that met no rule: codes without a row in their table, fields that no map reads. Counts, never values of people.

A code is shown only when it looks like one and the same document does not use it in a name, an address, a contact or an identifier;
what is left out is counted. The rows are made to be filled in and loaded (`gateway maps load`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.mapping.codes import Code, Table
from gateway.mapping.load import Library
from gateway.mapping.losses import NO_RULE
from gateway.model.document import Mapped

COLUMNS = (
    "sender",
    "what",
    "position",
    "table",
    "code",
    "count",
    "id",
    "target",
    "display",
    "system",
    "source",
    "because",
)
HIDDEN = "(not shown)"
SYSTEMS = "coding-systems"
_CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/+*-]{0,14}[A-Za-z0-9+*])?|[가-힣]")
_NUMBER = re.compile(r"\d[\d.-]{4,}\d")
_RESOLVED = re.compile(
    r"HL7\d{4}|[0-2](?:\.\d+)+|[A-Za-z][A-Za-z0-9+.-]*:.+|[0-9a-fA-F]{8}-.+"
)  # a system that needs no row
_PERSONAL = frozenset({"name", "telecom", "address", "identifier", "birthDate", "contact", "photo"})
_CODED = frozenset({"use", "system", "code", "type", "url", "relationship", "gender", "country"})
_ORDINAL = re.compile(r"\[\d+\]")
_WORD = re.compile(r"[^\s,;/]+")
What = Literal["code", "field"]


@dataclass(frozen=True, slots=True)
class Gap:
    """Something without a rule: of whom, where, and (for a code) in which table."""

    sender: str
    what: What
    position: str
    table: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Watched(Table):
    """A table that remembers the codes it had no row for."""

    missed: set[str] = field(default_factory=set)

    def find(self, code: str) -> Code | None:
        """As Table.find."""
        found = Table.find(self, code)
        if found is None and code:
            self.missed.add(code)
        return found


class Watching(Library):
    """A library whose tables are watched; only those that turn codes into others, because nothing is missing from the rest."""

    def __init__(self, library: Library) -> None:
        super().__init__(library.standard, library.roots)
        self.watched: dict[str, Watched] = {}

    def table(self, name: str) -> Table:
        """As Library.table."""
        made = super().table(name)
        if not made.rows:
            return made
        watched = Watched(made.name, made.rows, made.source, made.target, made.unmapped, made.default)
        self.watched[name] = watched
        return watched

    def taken(self) -> tuple[tuple[str, str], ...]:
        """(table, code) of what was missed since the last time, in order."""
        found = tuple((name, code) for name, table in self.watched.items() for code in sorted(table.missed))
        for table in self.watched.values():
            table.missed.clear()
        return tuple(one for one in found if one[0] != SYSTEMS or not _RESOLVED.fullmatch(one[1]))


def gaps(sender: str, mapped: Mapped, missed: Iterable[tuple[str, str]], where: Mapping[str, str]) -> Counter[Gap]:
    """The gaps of one document, each counted once. `where`: the positions at which a table is asked."""
    personal = frozenset(_personal(item.resource for item in mapped.items))
    found = {
        Gap(sender, "code", where.get(table, ""), table, code if is_code(code, personal) else HIDDEN)
        for table, code in missed
    }
    found |= {Gap(sender, "field", place(loss.source)) for loss in mapped.losses if loss.reason == NO_RULE}
    return Counter(found)


def is_code(text: str, personal: frozenset[str] = frozenset()) -> bool:
    """Short, without blanks, no long number, and no word that the document uses for a person."""
    return _CODE.fullmatch(text) is not None and not _NUMBER.fullmatch(text) and text.casefold() not in personal


def place(position: str) -> str:
    """`ZPI[1]-3[2].1` → `ZPI-3.1`; `Patient/p1#name[0].family` → `Patient.name.family`, without the id."""
    head, mark, element = position.partition("#")
    return _ORDINAL.sub("", f"{head.partition('/')[0]}.{element}" if mark else position)


def _personal(resources: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for resource in resources:
        for key, value in resource.items():
            if key in _PERSONAL:
                yield from _words(value)


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, child in value.items():
            if key not in _CODED:
                yield from _words(child)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for child in value:
            yield from _words(child)
    elif value is not None:
        text = str(value).casefold()
        yield text
        yield from _WORD.findall(text)


def rows(found: Counter[Gap]) -> Iterator[tuple[str, ...]]:
    """The lines of the CSV, the most frequent of each sender first; the last columns are to be filled in."""
    order = sorted(
        found.items(),
        key=lambda pair: (pair[0].sender, pair[0].what, -pair[1], pair[0].table, pair[0].position, pair[0].code),
    )
    for gap, count in order:
        yield (gap.sender, gap.what, gap.position, gap.table, gap.code, str(count), "", "", "", "", "", "")
