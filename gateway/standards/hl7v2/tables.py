"""The data of this standard under `validators/hl7v2/`: small files of rows, read once when first asked."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from gateway.data import data_path


@lru_cache
def rows(name: str) -> tuple[dict[str, Any], ...]:
    """The rows of `validators/hl7v2/<name>.yaml`. Raises Misconfigured when the file is not there."""
    return tuple(read_rules(f"{name}.yaml")["rows"])


def read_rules(*parts: str) -> dict[str, Any]:
    """A rule file below `validators/hl7v2/`. Raises Misconfigured when it is not there."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = data_path("validators", "hl7v2", *parts).read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506 a safe loader, in C where there is one
    return found
