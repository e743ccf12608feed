"""`when` and `where`: a closed set of questions about the source, no expressions in text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import Misconfigured
from gateway.mapping.paths import Reader, reader
from gateway.mapping.plan import Asks
from gateway.mapping.scope import Scope
from gateway.mapping.source import filled

Holds = Callable[[Scope], bool]
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


@dataclass(frozen=True, slots=True, eq=False)
class Predicate:
    """A question. `left` gives what is left of it for everything of the shapes that are named in `asks`: an answer, or a question about values."""

    holds: Holds
    left: Callable[[Scope], bool | Predicate]
    asks: Asks

    def __call__(self, scope: Scope) -> bool:
        """The answer."""
        return self.holds(scope)


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


def _shaped(read: Reader, holds: Holds) -> Predicate:
    """A question about what is there: near by, the shape answers it; elsewhere only when there is nothing."""

    def left(scope: Scope) -> bool | Predicate:
        return holds(scope) if read.near or read.vain(scope) else made

    made = Predicate(holds, left, read.asks)
    return made


def _valued(path: Any, own: str, where: str, holds: Callable[[Sequence[str]], bool]) -> Predicate:
    """A question about texts; where there are none it does not hold."""
    read = reader(str(path), own, where)
    nodes = read.read

    def asked(scope: Scope) -> bool:
        texts = [text for node in nodes(scope) if (text := node.text)]
        return bool(texts) and holds(texts)

    def left(scope: Scope) -> bool | Predicate:
        silent = read.vain(scope) or (read.near and not any(node.text for node in nodes(scope)))
        return False if silent else made

    made = Predicate(asked, left, read.asks)
    return made


def _exists(about: Any, own: str, where: str) -> Predicate:
    read = reader(str(about), own, where)
    nodes = read.read
    return _shaped(read, lambda scope: any(map(filled, nodes(scope))))


def _empty(about: Any, own: str, where: str) -> Predicate:
    return _not({"exists": about}, own, where)


def _pair(about: Any, where: str) -> tuple[Any, Any]:
    if not isinstance(about, Sequence) or isinstance(about, str) or len(about) != 2:
        raise Misconfigured(f"{where}: [path, value] was expected")
    return about[0], about[1]


def _eq(about: Any, own: str, where: str) -> Predicate:
    path, value = _pair(about, where)
    wanted = str(value)
    return _valued(path, own, where, lambda texts: wanted in texts)


def _in(about: Any, own: str, where: str) -> Predicate:
    path, values = _pair(about, where)
    wanted = frozenset(str(v) for v in values)
    return _valued(path, own, where, lambda texts: not wanted.isdisjoint(texts))


def _prefix(about: Any, own: str, where: str) -> Predicate:
    path, value = _pair(about, where)
    wanted = str(value)
    return _valued(path, own, where, lambda texts: any(text.startswith(wanted) for text in texts))


def _is(about: Any, own: str, where: str) -> Predicate:
    path, form = _pair(about, where)
    if form not in _FORMS:
        raise Misconfigured(f"{where}: there is no form {form}")
    matches = _FORMS[form].fullmatch
    return _valued(path, own, where, lambda texts: any(map(matches, texts)))


def _count(about: Any, own: str, where: str) -> Predicate:
    path, value = _pair(about, where)
    read = reader(str(path), own, where)
    nodes = read.read
    if str(value).startswith(">"):
        least = int(str(value)[1:])
        return _shaped(read, lambda scope: len(nodes(scope)) > least)
    exact = int(value)
    return _shaped(read, lambda scope: len(nodes(scope)) == exact)


def _open(holds: Holds) -> Predicate:
    """A question that no shape answers."""
    made = Predicate(holds, lambda _: made, Asks.NOBODY)
    return made


def _owner(about: Any, _own: str, _where: str) -> Predicate:
    names = frozenset(about if isinstance(about, list) else [about])
    return _open(lambda scope: scope.node.owner in names)


def _all(about: Any, own: str, where: str) -> Predicate:
    return _joint([predicate(part, own, where) for part in about], decisive=False)


def _any(about: Any, own: str, where: str) -> Predicate:
    return _joint([predicate(part, own, where) for part in about], decisive=True)


def _joint(parts: Sequence[Predicate], *, decisive: bool) -> Predicate:
    """Several questions, of which one that is answered `decisive` answers all."""
    asked = [part.holds for part in parts]

    def holds(scope: Scope) -> bool:
        for one in asked:
            if one(scope) is decisive:
                return decisive
        return not decisive

    def left(scope: Scope) -> bool | Predicate:
        remaining = []
        for part in parts:
            if (rest := part.left(scope)) is decisive:
                return decisive
            if isinstance(rest, Predicate):
                remaining.append(rest)
        if len(remaining) < 2:
            return remaining[0] if remaining else not decisive
        return _joint(remaining, decisive=decisive)

    return Predicate(holds, left, Asks.of(parts))


def _not(about: Any, own: str, where: str) -> Predicate:
    return _negated(predicate(about, own, where))


def _negated(part: Predicate) -> Predicate:
    holds = part.holds

    def left(scope: Scope) -> bool | Predicate:
        rest = part.left(scope)
        return _negated(rest) if isinstance(rest, Predicate) else not rest

    return Predicate(lambda scope: not holds(scope), left, part.asks)


def _context(about: Any, _own: str, where: str) -> Predicate:
    if about not in ("recipient", "recipient_reference", "zone", "sender"):
        raise Misconfigured(f"{where}: the context has no {about}")
    return _open(lambda scope: bool(getattr(scope.run.context, about)))


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
