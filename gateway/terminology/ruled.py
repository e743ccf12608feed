"""Selections from code systems that have a grammar and no list: parts of language tags, units of one dimension (FHIR R4, bcp47.html, ucum.html)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.definitions.vocabulary import Filter
from gateway.model.patterns import matcher
from gateway.terminology.codes import Membership, Tell
from gateway.terminology.grammars import judged, kind_of

Test = Callable[[str], "bool | None"]


def tell_of(system: str, filters: tuple[Filter, ...] = ()) -> Tell | None:
    """What says of a code of the system whether it passes, or None when the system has no grammar or a filter cannot be applied."""
    kind = kind_of(system)
    if not kind:
        return None
    tests = [_test(kind, each) for each in filters]
    known = [test for test in tests if test is not None]
    if len(known) < len(tests):
        return None

    def tell(code: str) -> Membership:
        sure = judged(system, code)
        passed = True if not known else None if sure is False else _all(test(code) for test in known)
        if sure is False or passed is False:
            return Membership.OUT
        return Membership.IN if sure and passed else Membership.UNKNOWN

    return tell


def _all(answers: Iterable[bool | None]) -> bool | None:
    found: bool | None = True
    for answer in answers:
        if answer is False:
            return False
        found = found if answer else None
    return found


def _test(kind: str, each: Filter) -> Test | None:
    if each.property in ("code", "concept"):
        return _of_code(each)
    if kind == "unit" and (each.property, each.op) == ("canonical", "="):
        from gateway.terminology.ucum import comparable

        return lambda code: comparable(code, each.value)
    return _of_language(each) if kind == "language-tag" else None


def _of_code(each: Filter) -> Test | None:
    if each.op == "=":
        return lambda code: code == each.value
    if each.op == "in":
        asked = frozenset(each.value.split(","))
        return lambda code: code in asked
    return matcher(each.value) if each.op == "regex" else None


def _of_language(each: Filter) -> Test | None:
    from gateway.terminology.languages import tag_parts

    if each.property not in _LANGUAGE_PROPERTIES:
        return None
    compare = _comparison(each)
    if compare is None:
        return None

    def test(code: str) -> bool | None:
        return compare((tag_parts(code) or {}).get(each.property))

    return test


_LANGUAGE_PROPERTIES = ("language", "ext-lang", "script", "region", "variant", "extension", "private-use")


def _comparison(each: Filter) -> Callable[[str | None], bool] | None:
    if each.op == "exists" and each.value in ("true", "false"):
        return lambda part: (part is not None) == (each.value == "true")
    if each.op == "=":
        return lambda part: part == each.value.lower()
    if each.op == "regex":
        matches = matcher(each.value)
        return None if matches is None else lambda part: part is not None and matches(part)
    return None
