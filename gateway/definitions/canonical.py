"""Canonical addresses and the versions behind them (FHIR R4, references.html 2.3.0.4; versions as npm and FHIR packages write them)."""

from __future__ import annotations

from collections.abc import Iterable

_ANY = ("x", "X", "*")
_SIGNS = (">=", "<=", ">", "<", "=", "^", "~")
Order = tuple[tuple[int, int, str], ...]


def parted(canonical: str) -> tuple[str, str]:
    """`url|version#part` as (url, version); the version is empty when none is asked."""
    url, _, version = canonical.partition("|")
    return url.partition("#")[0], version.partition("#")[0]


def order(version: str) -> Order:
    """A key that sorts versions: numbers as numbers, a release after its drafts (`1.0.0` after `1.0.0-ballot`)."""
    release, _, draft = version.partition("-")
    parts = [_part(p) for p in release.split(".")[:8]]
    return (*parts, (-1, 0, draft) if draft else (0, 0, ""))


def _part(text: str) -> tuple[int, int, str]:
    return (2, int(text), "") if text.isascii() and text.isdigit() and len(text) < 20 else (1, 0, text)


def fits(asked: str, there: str) -> bool:
    """Whether a version at hand is what was asked: the same, its beginning (`4.0` of `4.0.1`), `1.x`, or in a range (`>=1.0 <2.0`)."""
    if asked == there:
        return True
    words = asked.split()
    if not words or len(words) > 8:
        return False
    return all(_within(word, there) for word in words)


def _within(word: str, there: str) -> bool:
    sign = next((s for s in _SIGNS if word.startswith(s)), "")
    wanted = word[len(sign) :]
    if sign in ("", "="):
        return _begins(wanted, there)
    if sign in ("^", "~"):
        kept = 1 if sign == "^" else 2
        return _begins(".".join(wanted.split(".")[:kept]), there) and order(there) >= order(wanted)
    low, high = order(there), order(wanted)
    return {">=": low >= high, "<=": low <= high, ">": low > high, "<": low < high}[sign]


def _begins(wanted: str, there: str) -> bool:
    """Part by part; `x` is any part and everything after it, a draft is never meant by a beginning."""
    parts = wanted.split(".")
    found = there.split(".")
    if "-" in there:
        return wanted == there
    for number, part in enumerate(parts):
        if part in _ANY:
            return True
        if number >= len(found) or found[number] != part:
            return False
    return bool(wanted)


def newest(versions: Iterable[str]) -> str:
    """The highest of 0..* versions, empty when there is none."""
    return max(versions, key=order, default="")
