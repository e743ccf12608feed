"""Language tags: well formed, and made of subtags that the registry holds (RFC 5646, section 2.1 and 2.2.9; profiles/bcp47)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache

from gateway.data import data_path
from gateway.model.wire import read_json

_MOST = 200  # characters
_PRIVATE_LANGUAGE, _PRIVATE_SCRIPT, _PRIVATE_REGION = ("qaa", "qtz"), ("qaaa", "qabx"), (("qm", "qz"), ("xa", "xz"))


def tag_parts(tag: str) -> Mapping[str, str] | None:
    """A tag as its parts, or None when it is not well formed: `language`, `ext-lang`, `script`, `region`, `variant`, `extension`,
    `private-use` (several joined by hyphens), or `grandfathered` alone; each only where it is there, in lower case."""
    lower = tag.lower()
    if lower in _registered("grandfathered"):
        return {"grandfathered": lower}
    subtags = lower.split("-")
    if len(tag) > _MOST or not all(0 < len(s) <= 8 and s.isascii() and s.isalnum() for s in subtags):
        return None
    parts: dict[str, str] = {}
    rest = subtags if subtags[0] == "x" else _named(subtags, parts)
    rest = rest if rest is None else _singled(rest, parts)
    return None if rest or rest is None else parts


@lru_cache(maxsize=1024)
def registered(tag: str) -> bool:
    """Whether the tag is well formed and the registry holds each of its subtags."""
    parts = tag_parts(tag)
    if parts is None:
        return False
    if "grandfathered" in parts or "language" not in parts:
        return True
    return (
        _language(parts["language"])
        and all(part in _registered("extlang") for part in _each(parts, "ext-lang"))
        and all(_within(s, _PRIVATE_SCRIPT) or s in _registered("script") for s in _each(parts, "script"))
        and all(
            r in _registered("region") or any(_within(r, two) for two in _PRIVATE_REGION)
            for r in _each(parts, "region")
        )
        and all(part in _registered("variant") for part in _each(parts, "variant"))
    )


def _language(subtag: str) -> bool:
    return subtag in _registered("language") or _within(subtag, _PRIVATE_LANGUAGE)


def _within(subtag: str, bounds: tuple[str, str]) -> bool:
    return len(subtag) == len(bounds[0]) and bounds[0] <= subtag <= bounds[1]


def _each(parts: Mapping[str, str], name: str) -> list[str]:
    return parts[name].split("-") if name in parts else []


def _named(subtags: list[str], parts: dict[str, str]) -> list[str] | None:
    """Language, extended languages, script, region, variants, in this order; what is left, or None when it starts with no language."""
    language, rest = subtags[0], subtags[1:]
    if not (2 <= len(language) <= 8 and language.isalpha()):
        return None
    parts["language"] = language
    extended = _taken(rest, lambda s: len(s) == 3 and s.isalpha(), 3 if len(language) < 4 else 0)
    script = _taken(rest[len(extended) :], lambda s: len(s) == 4 and s.isalpha(), 1)
    rest = rest[len(extended) + len(script) :]
    region = _taken(rest, lambda s: (len(s) == 2 and s.isalpha()) or (len(s) == 3 and s.isdigit()), 1)
    variants = _taken(rest[len(region) :], lambda s: len(s) >= 5 or (len(s) == 4 and s[0].isdigit()), len(rest))
    for name, found in (("ext-lang", extended), ("script", script), ("region", region), ("variant", variants)):
        if found:
            parts[name] = "-".join(found)
    if len(set(variants)) != len(variants):
        return None
    return rest[len(region) + len(variants) :]


def _taken(subtags: list[str], fits: Callable[[str], bool], most: int) -> list[str]:
    taken: list[str] = []
    for subtag in subtags[:most]:
        if not fits(subtag):
            break
        taken.append(subtag)
    return taken


def _singled(subtags: list[str], parts: dict[str, str]) -> list[str] | None:
    """Extensions (`u-ca-gregory`, each letter once) and private use (`x-…`); what is left, or None when one of them is empty."""
    letters: set[str] = set()
    found: list[str] = []
    while subtags and len(subtags[0]) == 1 and subtags[0] != "x":
        inside = _taken(subtags[1:], lambda s: len(s) >= 2, len(subtags))
        if not inside or subtags[0] in letters:
            return None
        letters.add(subtags[0])
        found += [subtags[0], *inside]
        subtags = subtags[1 + len(inside) :]
    if found:
        parts["extension"] = "-".join(found)
    if subtags and subtags[0] == "x":
        if len(subtags) == 1:
            return None
        parts["private-use"] = "-".join(subtags[1:])
        return []
    return subtags


@cache
def _registered(kind: str) -> frozenset[str]:
    return frozenset(_registry()[kind].split())


@cache
def _registry() -> Mapping[str, str]:
    rows: Mapping[str, str] = read_json(data_path("profiles", "bcp47", "subtags.json").read_bytes())
    return rows
