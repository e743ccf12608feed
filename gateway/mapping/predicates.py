"""`when` and `where`: a closed set of questions about the source, no expressions in text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.errors import Misconfigured
from gateway.mapping.paths import reader
from gateway.mapping.scope import Scope
from gateway.mapping.source import filled

Predicate = Callable[[Scope], bool]
# `hangul` and `han`: some of its letters are, Jamo (NFD) and compatibility forms included
_FORMS: Mapping[str, re.Pattern[str]] = {
    "hangul": re.compile(r".*[가-힣ᄀ-ᇿㄱ-ㆎꥠ-ꥼힰ-ퟻﾠ-ￜ].*", re.DOTALL),
    "han": re.compile(r".*[々〇㐀-䶿一-鿿豈-龎\U00020000-\U0003ffff].*", re.DOTALL),
    "words": re.compile(r"\s*[^\s,]+[\s,]+[^\s,].*", re.DOTALL),
    "number": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII),
    "range": re.compile(r"\s*-?\d+(\.\d+)?\s*-\s*-?\d+(\.\d+)?\s*", re.ASCII),
    "date": re.compile(r"\d{4}(\d{2}){0,2}.*|\d{4}-\d{2}.*", re.ASCII),
    "code": re.compile(r"[^\s]+( [^\s]+)*"),
    "email": re.compile(r"[^\s@]+@[^\s@]+"),
}


def predicate(block: Any, own: str, where: str) -> Predicate:
    """`{exists: PATH}`, `{eq: [PATH, VALUE]}`, `{in: [PATH, [VALUES]]}` … to a function of the scope (mappings/README.md)."""
    if isinstance(block, str):
        block = {"exists": block}
    if not isinstance(block, Mapping) or len(block) != 1:
        raise Misconfigured(f"{where}: a predicate is one of {', '.join(sorted(_KINDS))}")
    ((kind, about),) = block.items()
    where = getattr(block, "where", where)
    if kind not in _KINDS:
        raise Misconfigured(f"{where}: there is no predicate {kind}")
    return _KINDS[kind](about, own, where)


def _texts(path: Any, own: str, where: str) -> Callable[[Scope], Sequence[str]]:
    read = reader(str(path), own, where)
    return lambda scope: [text for node in read(scope) if (text := node.text)]


def _exists(about: Any, own: str, where: str) -> Predicate:
    read = reader(str(about), own, where)
    return lambda scope: any(map(filled, read(scope)))


def _empty(about: Any, own: str, where: str) -> Predicate:
    there = _exists(about, own, where)
    return lambda scope: not there(scope)


def _pair(about: Any, where: str) -> tuple[Any, Any]:
    if not isinstance(about, Sequence) or isinstance(about, str) or len(about) != 2:
        raise Misconfigured(f"{where}: [path, value] was expected")
    return about[0], about[1]


def _eq(about: Any, own: str, where: str) -> Predicate:
    path, value = _pair(about, where)
    texts, wanted = _texts(path, own, where), str(value)
    return lambda scope: wanted in texts(scope)


def _in(about: Any, own: str, where: str) -> Predicate:
    path, values = _pair(about, where)
    texts, wanted = _texts(path, own, where), frozenset(str(v) for v in values)
    return lambda scope: not wanted.isdisjoint(texts(scope))


def _prefix(about: Any, own: str, where: str) -> Predicate:
    path, value = _pair(about, where)
    texts, wanted = _texts(path, own, where), str(value)
    return lambda scope: any(text.startswith(wanted) for text in texts(scope))


def _is(about: Any, own: str, where: str) -> Predicate:
    path, form = _pair(about, where)
    if form not in _FORMS:
        raise Misconfigured(f"{where}: there is no form {form}")
    texts, pattern = _texts(path, own, where), _FORMS[form]
    return lambda scope: any(pattern.fullmatch(text) for text in texts(scope))


def _count(about: Any, own: str, where: str) -> Predicate:
    path, value = _pair(about, where)
    read = reader(str(path), own, where)
    if str(value).startswith(">"):
        least = int(str(value)[1:])
        return lambda scope: len(read(scope)) > least
    exact = int(value)
    return lambda scope: len(read(scope)) == exact


def _owner(about: Any, _own: str, _where: str) -> Predicate:
    names = frozenset(about if isinstance(about, list) else [about])
    return lambda scope: scope.node.owner in names


def _all(about: Any, own: str, where: str) -> Predicate:
    parts = [predicate(part, own, where) for part in about]
    return lambda scope: all(part(scope) for part in parts)


def _any(about: Any, own: str, where: str) -> Predicate:
    parts = [predicate(part, own, where) for part in about]
    return lambda scope: any(part(scope) for part in parts)


def _not(about: Any, own: str, where: str) -> Predicate:
    part = predicate(about, own, where)
    return lambda scope: not part(scope)


def _context(about: Any, _own: str, where: str) -> Predicate:
    if about not in ("recipient", "recipient_reference", "zone", "sender"):
        raise Misconfigured(f"{where}: the context has no {about}")
    return lambda scope: bool(getattr(scope.run.context, about))


_KINDS: Mapping[str, Callable[[Any, str, str], Predicate]] = {
    "all": _all,
    "any": _any,
    "context": _context,
    "count": _count,
    "empty": _empty,
    "eq": _eq,
    "exists": _exists,
    "in": _in,
    "is": _is,
    "not": _not,
    "owner": _owner,
    "prefix": _prefix,
}
