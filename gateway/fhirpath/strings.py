"""Strings (FHIRPath 2.0, 5.6): parts, places, patterns (RE2: linear in the text, whatever the pattern), encodings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.fhirpath.code import EMPTY, Code, Function, Functions, Site, eager, plain
from gateway.fhirpath.environment import MOST_LONG, State
from gateway.fhirpath.failures import NotCompiled, NotEvaluated, TooCostly
from gateway.fhirpath.values import single, text, whole
from gateway.model import patterns


def compiled(pattern: str) -> Any:
    """A pattern, dot matching every character (5.6.9). Raises NotEvaluated for one that is wrong, too long, or not linear."""
    try:
        return patterns.compiled(pattern, dot_all=True)
    except patterns.Unreadable as error:
        raise NotEvaluated("A pattern is wrong, too long, or of a kind that is not taken here.") from error


def _of_texts(run: Callable[..., Any]) -> Callable[..., list[Any]]:
    """A function of one text and texts: empty when one of them is."""

    def over(state: State, items: list[Any], *arguments: list[Any]) -> list[Any]:
        value, others = text(items), [text(argument) for argument in arguments]
        if value is None or None in others:
            return EMPTY
        state.spend(1 + (len(value) >> 6))
        made = run(value, *others)
        return [state.text(made) if isinstance(made, str) else made]

    return over


def _test(run: Callable[[str, str], bool], pattern: bool = False) -> Function:
    """`startsWith` and its like; in an invariant no text passes no test (R4 negates such tests on optional elements: bdl-8, ref-1)."""
    over = _of_texts(run)

    def lenient(state: State, items: list[Any], other: list[Any]) -> list[Any]:
        return over(state, items, other) or [False]

    def make(site: Site) -> Code:
        source, argument = site.source, site.argument(0)
        if pattern and isinstance(argument.literal, str):
            _checked(argument.literal)
        chosen, many, other = lenient if site.scope.lenient else over, source.many, argument.many
        return eager(lambda focus, state: chosen(state, many(focus, state), other(focus, state)), source, argument)

    return Function(1, 1, make)


def _checked(pattern: str) -> None:
    try:
        compiled(pattern)
    except NotEvaluated as error:
        raise NotCompiled(error.text) from error


def _matches(value: str, pattern: str) -> bool:
    return compiled(pattern).search(value) is not None


def _matches_full(value: str, pattern: str) -> bool:
    return compiled(pattern).fullmatch(value) is not None


def _replaced(state: State, items: list[Any], old: list[Any], new: list[Any]) -> list[Any]:
    value, pattern, by = text(items), text(old), text(new)
    if value is None or pattern is None or by is None:
        return EMPTY
    _affordable(value, (value.count(pattern) if pattern else len(value) + 1) * len(by))
    return [state.text(value.replace(pattern, by))]


def _affordable(value: str, more: int) -> None:
    if len(value) + more > MOST_LONG:
        raise TooCostly


def _replaced_matches(state: State, items: list[Any], old: list[Any], new: list[Any]) -> list[Any]:
    value, pattern, by = text(items), text(old), text(new)
    if value is None or pattern is None or by is None:
        return EMPTY
    state.spend(1 + (len(value) >> 4))
    made = compiled(pattern)
    found = sum(1 for _ in made.finditer(value))
    state.spend(2 * found)
    _affordable(value, found * (len(by) + by.count("$") * len(value)))
    return [state.text(made.sub(_substitution(by), value))] if pattern else [value]


def _substitution(by: str) -> Any:
    """`$1` and `${name}` in a replacement are groups, as in the dialects R4 had in mind."""
    parts = by.replace("\\$", "\0").split("$")

    def made(match: Any) -> str:
        out = [parts[0]]
        for part in parts[1:]:
            out.append(_group(match, part))
        return "".join(out).replace("\0", "$")

    return made


def _group(match: Any, part: str) -> str:
    name, rest = part[:1], part[1:]
    if part.startswith("{") and "}" in part:
        name, _, rest = part[1:].partition("}")
    try:
        return (match.group(int(name) if name.isdecimal() else name) or "") + rest
    except (IndexError, KeyError, ValueError):
        return "$" + part


def _substring(_state: State, items: list[Any], start: list[Any], length: list[Any] | None = None) -> list[Any]:
    value, at = text(items), whole(start)
    if value is None or at is None or not 0 <= at < len(value):
        return EMPTY
    size = None if length is None else whole(length)
    return [value[at:] if size is None else value[at : at + max(size, 0)]]


def _joined(state: State, items: list[Any], separator: list[Any] | None = None) -> list[Any]:
    by = text(separator or []) or ""
    parts = [part for part in (single([item]) for item in items) if part is not None]
    if any(not isinstance(part, str) for part in parts):
        raise NotEvaluated("Only texts are joined.")
    _affordable("", sum(map(len, parts)) + len(by) * len(parts))
    return [state.text(by.join(parts))] if items else EMPTY


def _split(state: State, items: list[Any], separator: list[Any]) -> list[Any]:
    value, by = text(items), text(separator)
    if value is None or by is None:
        return EMPTY
    state.spend(1 + (value.count(by) if by else len(value)))
    return list(value.split(by)) if by else list(value)


def _characters(state: State, items: list[Any]) -> list[Any]:
    value = text(items)
    state.spend(len(value or ""))
    return list(value or "")


FUNCTIONS: Functions = {
    "indexOf": plain(_of_texts(lambda value, part: value.find(part)), 1),
    "lastIndexOf": plain(_of_texts(lambda value, part: value.rfind(part)), 1),
    "substring": plain(_substring, 1, 2),
    "startsWith": _test(lambda value, part: value.startswith(part)),
    "endsWith": _test(lambda value, part: value.endswith(part)),
    "contains": _test(lambda value, part: part in value),
    "upper": plain(_of_texts(lambda value: value.upper()), 0),
    "lower": plain(_of_texts(lambda value: value.lower()), 0),
    "replace": plain(_replaced, 2),
    "matches": _test(_matches, pattern=True),
    "matchesFull": _test(_matches_full, pattern=True),
    "replaceMatches": plain(_replaced_matches, 2),
    "length": plain(_of_texts(lambda value: len(value)), 0),
    "toChars": plain(_characters, 0),
    "split": plain(_split, 1),
    "join": plain(_joined, 0, 1),
    "trim": plain(_of_texts(lambda value: value.strip()), 0),
}
