"""HL7 v2 to FHIR beside other converters: the messages that all of them convert, from bytes to a Bundle, in turns.

Ours is `convert` as it is: with origins, losses and findings. hl7v2-fhir-bridge is asked twice: for the Bundle alone, and with the
check of it that its own command never leaves out (ours is checked by other parts of the line). brightohir makes R5. What a message
becomes differs much, so what each primitive element of the Bundle took is told as well.
"""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from figures import Figure, ratio
from hl7v2_maker import KINDS

from gateway import convert

ROUNDS, WARM = 5, 1
_SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "hl7v2" / "microsoft"
Convert = Callable[[bytes], Any]


def measured(_: Path) -> list[Figure]:
    """Milliseconds of processor time per message, and ratios to the other converters."""
    figures = list(_all_of_them())
    if find_spec("v2fhir"):
        covered = [body for body in _samples() if _takes(_bridge, body)]
        figures += _compared(
            "bridge", covered, {"hl7v2-fhir-bridge": _bridge, "hl7v2-fhir-bridge, checked": _bridge_checked}
        )
    if find_spec("brightohir"):
        figures += _compared(
            "own", [make(7) for name, make in KINDS.items() if "200" not in name], {"brightohir": _brightohir}
        )
    return figures


def _all_of_them() -> Iterator[Figure]:
    for name, make in KINDS.items():
        messages = [make(number) for number in range(3)]
        found = tuple(_milliseconds(_ours, messages) for _ in range(WARM + ROUNDS))[WARM:]
        yield Figure(
            "conversion", name, "ms", found, f"{len(_ours(messages[0]).origins):,} elements with their origins"
        )


def _compared(kind: str, messages: Sequence[bytes], others: Mapping[str, Convert]) -> Iterator[Figure]:
    if not messages:
        return
    ways = {"ours": _ours, **others}
    found: dict[str, list[float]] = defaultdict(list)
    for turn in range(WARM + ROUNDS):
        for name, way in ways.items():
            taken = _milliseconds(way, messages)
            if turn >= WARM:
                found[name].append(taken)
    size = sum(map(len, messages)) // len(messages)
    for name, way in ways.items():
        each = sum(_leaves(_content(way(body))) for body in messages) / len(messages)
        yield Figure(
            "conversion", f"{kind}: {name}", "ms", tuple(found[name]), f"{len(messages)} messages of {size:,} bytes"
        )
        yield Figure(
            "conversion",
            "  per element",
            "µs",
            tuple(ms * 1e3 / each for ms in found[name]),
            f"{each:.0f} elements a message",
        )
        if name != "ours":
            yield ratio(
                "conversion", "  ours to it", found[name], found["ours"], "how many times as fast, whatever is written"
            )


def _content(made: Any) -> Any:
    """The Bundle in what a converter gives."""
    return next((getattr(made, name) for name in ("content", "bundle") if hasattr(made, name)), made)


def _leaves(tree: Any) -> int:
    if isinstance(tree, Mapping):
        return sum(map(_leaves, tree.values()))
    return sum(map(_leaves, tree)) if isinstance(tree, list) else 1


def _milliseconds(way: Convert, messages: Sequence[bytes]) -> float:
    gc.collect()
    times, start = 0, time.process_time()
    while (passed := time.process_time() - start) < 0.2:
        for body in messages:
            way(body)
        times += len(messages)
    return passed / times * 1e3


def _samples() -> list[bytes]:
    """The shared samples; none of them beside a checkout alone."""
    return [path.read_bytes() for path in sorted(_SAMPLES.glob("*.hl7"))]


def _takes(way: Convert, body: bytes) -> bool:
    try:
        way(body)
    except Exception:  # whatever it is that stops it
        return False
    return True


def _ours(body: bytes) -> Any:
    made = convert(body, source="hl7v2")
    _ = len(made.origins)  # they are worked out when they are asked for
    return made


@cache
def _settings() -> Any:
    from v2fhir.config import default_config_path, load_config

    return load_config(default_config_path(), {})


def _bridge(body: bytes) -> Any:
    from v2fhir.convert import convert as bridged
    from v2fhir.hl7.parser import parse_bytes

    settings = _settings()
    return bridged(parse_bytes(body, settings.default_charset, settings.fallback_charsets), settings, datetime.now(UTC))


def _bridge_checked(body: bytes) -> Any:
    from v2fhir.validate import validate_bundle

    made = _bridge(body)
    validate_bundle(made.bundle)
    return made


def _brightohir(body: bytes) -> Any:
    from brightohir import v2_to_r5

    return v2_to_r5(body.decode("utf-8-sig"))
