"""Whether a document keeps the rules of its standard: FHIR R4 with its profiles, and the grammars of other standards.

`Validator` is loaded when first used, so that a standard with a grammar of its own does not wait for FHIR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.validating.validator import Validator

__all__ = ["Validator"]


def __getattr__(name: str) -> Any:
    if name != "Validator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gateway.validating.validator import Validator

    return Validator
