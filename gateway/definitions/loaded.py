"""Definitions that came as resources: what a caller gives, as it was given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from gateway.definitions.facts import Facts, facts_of
from gateway.definitions.held import Held, Raw
from gateway.definitions.sound import sound


class Loaded:
    """Resources with a canonical address, by type and address; of two with the same version the first counts."""

    def __init__(self, resources: Iterable[Raw]) -> None:
        self._kinds: dict[str, dict[str, dict[str, Raw]]] = {}
        for resource in resources:
            kind, url = resource.get("resourceType"), resource.get("url")
            if isinstance(kind, str) and isinstance(url, str):
                version = resource.get("version")
                versions = self._kinds.setdefault(kind, {}).setdefault(url, {})
                versions.setdefault(version if isinstance(version, str) else "", resource)

    def held(self, kind: str, url: str) -> Sequence[Held]:
        """The versions given under an address."""
        versions = self._kinds.get(kind, {}).get(url, {})
        return [Held(version, partial(_facts, raw), partial(_same, raw)) for version, raw in versions.items()]

    def urls(self, kind: str) -> Iterable[str]:
        """The addresses given of a type."""
        return self._kinds.get(kind, {}).keys()


def _facts(raw: Raw) -> Facts | None:
    """The facts of a resource; None when it is not shaped as one."""
    try:
        facts = facts_of(raw)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None
    return facts if facts is not None and sound(facts) else None


def _same(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    return raw
