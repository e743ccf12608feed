"""Ieum (이음), the standards gateway between hospitals, public health and welfare: its public names, loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Validator", "__version__", "convert", "decide"]

if TYPE_CHECKING:
    from gateway.consent import decide
    from gateway.pipeline import convert
    from gateway.validating import Validator

_HOME = {"Validator": "gateway.validating", "convert": "gateway.pipeline", "decide": "gateway.consent"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gateway' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
