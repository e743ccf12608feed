"""Where the time of a validation goes: shares of the gateway's rooms, by a profile of every call."""

from __future__ import annotations

import cProfile
import pstats
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

Where = tuple[str, int, str]
_ROOMS: Sequence[tuple[str, str]] = (  # the first that is part of a path below gateway/
    ("model/wire", "read JSON"),
    ("structure/content", "rules of one type"),
    *((f"structure/{name}", "primitives") for name in ("primitives", "dates", "attachment")),
    *((f"structure/{name}", "bindings and codes") for name in ("coded", "coding", "hints")),
    ("terminology/", "bindings and codes"),
    ("structure/narrative", "narrative"),
    *((f"structure/{name}", "invariants") for name in ("invariant", "asking")),
    ("fhirpath/", "invariants"),
    *((f"structure/{name}", "extensions") for name in ("extension", "context")),
    *((f"structure/{name}", "references and bundles") for name in ("bundle", "document", "reference", "resolving")),
    *(
        (f"structure/{name}", "profiles and slices")
        for name in (
            "beyond",
            "claims",
            "constraint",
            "discriminator",
            "limits",
            "occurrences",
            "places",
            "profiled",
            "slicing",
            "telling",
            "values",
        )
    ),
    ("structure/", "shape"),
    ("definitions/", "definitions"),
)
_DEEPEST = 6


def shares(work: Callable[[], Any], rounds: int) -> Mapping[str, float]:
    """Room → share of the time (0 to 1), the largest first. What built-in and library functions take counts for their callers."""
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(rounds):
        work()
    profile.disable()
    stats: Any = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    found: dict[str, float] = defaultdict(float)
    for where, (_, _, spent, _, _) in stats.items():
        _give(where, spent, stats, found, 0)
    whole = sum(found.values())
    return {name: spent / whole for name, spent in sorted(found.items(), key=lambda each: -each[1])}


def _give(where: Where, spent: float, stats: Mapping[Where, Any], found: dict[str, float], depth: int) -> None:
    """Adds time to a room; time outside the gateway to those that called, in proportion."""
    room = _room(where[0])
    callers = stats[where][4] if where in stats else {}
    whole = sum(row[2] for row in callers.values())
    if room or not callers or depth > _DEEPEST or not whole:
        found[room or "elsewhere"] += spent
        return
    for caller, row in callers.items():
        _give(caller, spent * row[2] / whole, stats, found, depth + 1)


def _room(path: str) -> str:
    parts = PurePath(path).parts
    if "gateway" not in parts:
        return ""
    inside = "/".join(parts[len(parts) - parts[::-1].index("gateway") :])
    return next((name for part, name in _ROOMS if part in inside), "validator")
