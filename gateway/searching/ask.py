"""Pairs of a query, a form or a page to one Search: every name known, every modifier allowed, every value sound, or refused (R4, search.html).

`Prefer: handling=lenient` changes nothing: a parameter that is passed over would give more than was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gateway.definitions.library import core
from gateway.errors import NotAcceptable, Unanswerable
from gateway.model.search import Filter, Include, Pairs, Search, Sort
from gateway.searching.offered import MODIFIERS, offered, parameter, targets_of
from gateway.searching.values import Terms, values_of

MOST_COUNT = 200
_MOST_PARAMETERS = 30
_MOST_TEXT = 4_000
_DEEPEST = 3
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]{0,63}", re.ASCII)
_SUMMARIES = ("true", "text", "data", "count", "false")
FORMATS = ("json", "application/json", "application/fhir+json")
_INCLUDES = ("_include", "_revinclude")


@dataclass(frozen=True, slots=True)
class _Asking:
    """What is gathered while the pairs are gone through."""

    search: Search
    terms: Terms


def search_of(kind: str, pairs: Pairs, terms: Terms) -> Search:
    """The search of a type. Raises Unanswerable for whatever is not answered, naming the parameter, never its value."""
    asking = _Asking(Search(kind, pairs=_bounded(pairs)), terms)
    for name, value in pairs:
        asking = _with(asking, name, value)
    return _settled(asking.search)


def everything_of(pairs: Pairs, types: tuple[str, ...], terms: Terms) -> Search:
    """`$everything`: `_type`, `_since` and `_count` alone; `types` are those that the answer may have at all. Raises Unanswerable."""
    asking = _Asking(Search("", types, pairs=_bounded(pairs)), terms)
    _once([name for name, _ in pairs])
    for name, value in pairs:
        if name == "_type":
            asking = replace(asking, search=replace(asking.search, types=_types(value)))
        elif name == "_since":
            found = Filter("_lastUpdated", "date", "", values_of("date", "", f"ge{value}", terms, name))
            asking = replace(asking, search=replace(asking.search, filters=(found,)))
        elif name in ("_count", "_format"):
            asking = _with(asking, name, value)
        else:
            raise Unanswerable(None, name)
    return asking.search


def _bounded(pairs: Pairs) -> Pairs:
    if len(pairs) > _MOST_PARAMETERS or sum(len(name) + len(value) for name, value in pairs) > _MOST_TEXT:
        raise Unanswerable("The question is too long.")
    return pairs


def _once(names: list[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Unanswerable("A parameter is given twice.", *twice[:3])


def _types(value: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(value.split(",")))
    if any(name not in core().resource_types for name in names):
        raise Unanswerable("A type is none of R4.", "_type")
    return names


def _settled(search: Search) -> Search:
    _once([name for name, _ in search.pairs if name in _CONTROLS])
    if search.summary and search.elements:
        raise Unanswerable("Either a summary or elements.", "_summary")
    return replace(search, total=search.total or search.summary == "count")


def _with(asking: _Asking, name: str, value: str) -> _Asking:
    search, terms = asking.search, asking.terms
    if name in _CONTROLS:
        return replace(asking, search=_CONTROLS[name](search, value))
    base, _, modifier = name.partition(":")
    if base in _INCLUDES:
        found = _include(search, name, value, base == "_revinclude", modifier)
        return replace(asking, search=replace(search, includes=(*search.includes, found)))
    made = _filter(search.type, name, value, terms, name, 0)
    return replace(asking, search=replace(search, filters=(*search.filters, made)))


def _filter(kind: str, name: str, value: str, terms: Terms, told: str, depth: int) -> Filter:
    """`code`, `code:modifier`, `code:Type.rest`, `_has:Type:code:rest` as a Filter on resources of a type."""
    if depth > _DEEPEST:
        raise Unanswerable("The chain is too long.", told)
    if name.startswith("_has:"):
        return _reverse(kind, name, value, terms, told, depth)
    first, dot, rest = name.partition(".")
    base, _, modifier = first.partition(":")
    if not _NAME.fullmatch(base):
        raise Unanswerable(None, told)
    found = parameter(kind, base, told)
    if dot:
        on = _side(found.type, targets_of(kind, found), modifier, told)
        return Filter(base, "", on=on, then=_filter(on, rest, value, terms, told, depth + 1))
    if found.type == "reference" and modifier in core().resource_types:
        _side(found.type, targets_of(kind, found), modifier, told)
        return Filter(base, "reference", "", values_of("reference", "", _typed(value, modifier), terms, told))
    if modifier and modifier not in MODIFIERS[found.type]:
        raise Unanswerable(None, told)
    return Filter(base, found.type, modifier, values_of(found.type, modifier, value, terms, told))


def _typed(value: str, kind: str) -> str:
    """`subject:Patient=1` is `subject=Patient/1`."""
    return ",".join(part if "/" in part else f"{kind}/{part}" for part in value.split(","))


def _side(kind: str, targets: tuple[str, ...], said: str, told: str) -> str:
    """The type on the other side of a reference: the one that is said, else the only one there is."""
    if kind != "reference" or (said and said not in targets) or (not said and len(targets) != 1):
        raise Unanswerable("A chain goes along a reference, and says to which type where there are several.", told)
    return said or targets[0]


def _reverse(kind: str, name: str, value: str, terms: Terms, told: str, depth: int) -> Filter:
    _, on, code, *rest = [*name.split(":", 3), "", ""][:5]
    if on not in core().resource_types or not rest[0]:
        raise Unanswerable(None, told)
    found = parameter(on, code, told)
    if found.type != "reference" or kind not in targets_of(on, found):
        raise Unanswerable(None, told)
    return Filter(code, "", on=on, then=_filter(on, rest[0], value, terms, told, depth + 1), reverse=True)


def _include(search: Search, name: str, value: str, reverse: bool, modifier: str) -> Include:
    if modifier not in ("", "iterate"):
        raise Unanswerable(None, name)
    if value == "*" and not reverse:
        return Include(search.type, "*", iterate=modifier == "iterate")
    source, code, target = (*value.split(":"), "", "")[:3] if value.count(":") in (1, 2) else ("", "", "")
    if source not in core().resource_types or (target and target not in core().resource_types):
        raise Unanswerable(None, name)
    if not (reverse or modifier) and source != search.type:
        raise Unanswerable("What is included is named by the type that is searched.", name)
    if code == "*" and not reverse:
        return Include(source, "*", target, iterate=modifier == "iterate")
    found = parameter(source, code, name)
    if found.type != "reference" or (target and target not in targets_of(source, found)):
        raise Unanswerable(None, name)
    return Include(source, code, target, reverse, modifier == "iterate")


def _count(search: Search, value: str) -> Search:
    if not (value.isascii() and value.isdigit()) or int(value[:9]) < 1:
        raise Unanswerable("The count is a positive number.", "_count")
    return replace(search, count=min(int(value[:9]), MOST_COUNT))


def _sort(search: Search, value: str) -> Search:
    keys = []
    for part in value.split(","):
        code = part.removeprefix("-")
        found = offered(search.type).get(code)
        if found is None:
            raise Unanswerable("A sort key is a parameter of this type.", "_sort")
        keys.append(Sort(code, found.type, part.startswith("-")))
    return replace(search, sorts=tuple(keys[:_DEEPEST]) if len(keys) <= _DEEPEST else _too_many("_sort"))


def _too_many(name: str) -> tuple[Sort, ...]:
    raise Unanswerable("There are too many values.", name)


def _elements(search: Search, value: str) -> Search:
    structure = core().structure(search.type)
    known = {e.name.removesuffix("[x]") for e in structure.elements if e.path.count(".") == 1} if structure else set()
    names = tuple(dict.fromkeys(part.removeprefix(f"{search.type}.") for part in value.split(",")))
    if any(name not in known for name in names):
        raise Unanswerable("An element is a top-level element of this type.", "_elements")
    return replace(search, elements=names)


def _summary(search: Search, value: str) -> Search:
    if value not in _SUMMARIES:
        raise Unanswerable(None, "_summary")
    return replace(search, summary="" if value == "false" else value)


def _total(search: Search, value: str) -> Search:
    if value not in ("none", "estimate", "accurate"):
        raise Unanswerable(None, "_total")
    return replace(search, total=value != "none")


def _format(search: Search, value: str) -> Search:
    if value not in FORMATS:
        raise NotAcceptable(None, "_format")
    return search


_CONTROLS: Mapping[str, Callable[[Search, str], Search]] = {
    "_count": _count, "_sort": _sort, "_elements": _elements, "_summary": _summary, "_total": _total, "_format": _format,
}  # fmt: skip
