"""What documents brought that met no rule: codes without a row in their table, fields that no map reads. Counts, never values of people.

A code is shown only when it is too short for a number of a person and the same document does not use it in a name, an address, a contact
or an identifier: a field of codes may hold anything. What is left out is counted. The rows are made to be filled in and loaded (`gateway maps load`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
MOST = 200  # different gaps of one document that are counted one by one
SYSTEMS = "coding-systems"
_CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_/+*-]{0,4}[A-Za-z0-9+*])?")
_NUMBER = re.compile(r"\d{3}")
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
    """Something without a rule: of whom, and either a code with its table or the place of a field (of a code, where tables are asked)."""

    sender: str
    what: What
    position: str
    table: str = ""
    code: str = ""


def gaps(sender: str, mapped: Mapped) -> Counter[Gap]:
    """The gaps of one document, each counted once; over MOST of them, the rest together as one that is not shown."""
    personal = frozenset(_personal(item.resource for item in mapped.items))
    missed = (one for one in mapped.missed if one[0] != SYSTEMS or not _RESOLVED.fullmatch(one[1]))
    found = {Gap(sender, "code", "", table, code if is_code(code, personal) else HIDDEN) for table, code in missed}
    found |= {Gap(sender, "field", place(loss.source)) for loss in mapped.losses if loss.reason == NO_RULE}
    shown = sorted(found, key=_order)
    rest = {Gap(sender, "field", HIDDEN): len(shown) - MOST} if len(shown) > MOST else {}
    return Counter({**dict.fromkeys(shown[:MOST], 1), **rest})


def _order(gap: Gap) -> tuple[str, ...]:
    return gap.sender, gap.what, gap.table, gap.position, gap.code


def is_code(text: str, personal: frozenset[str] = frozenset()) -> bool:
    """At most six characters, no three digits in a row, no dots, and no word that the document uses for a person."""
    return _CODE.fullmatch(text) is not None and not _NUMBER.search(text) and text.casefold() not in personal


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


def rows(found: Mapping[Gap, int]) -> Iterator[tuple[str, ...]]:
    """The lines of the CSV, the most frequent of each sender first; the last columns are to be filled in."""
    order = sorted(found.items(), key=lambda pair: (pair[0].sender, pair[0].what, -pair[1], _order(pair[0])))
    for gap, count in order:
        yield (gap.sender, gap.what, gap.position, gap.table, gap.code, str(count), "", "", "", "", "", "")
