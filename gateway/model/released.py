"""The only three kinds of thing that may reach a wire, a file, an export or a page (ARCHITECTURE.md, "Nouns").

`Released` carries other people's data and can be made by `stages/release.py` alone, which takes the maker once, at import.
`Notice` is closed, constant wording. `Echo` derives only from the caller's own body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, final

from gateway.model.document import Resource
from gateway.model.questions import Decision

_SEAL = object()


@final
class Released:
    """Resources that a decision let out, already redacted, re-keyed and re-read. `recipient` is a participant id."""

    __slots__ = ("decision", "recipient", "resources")
    resources: tuple[Resource, ...]
    decision: Decision
    recipient: str

    def __init__(self, seal: object, resources: tuple[Resource, ...], decision: Decision, recipient: str) -> None:
        if seal is not _SEAL:
            raise TypeError("Released is made by stages/release.py from a Decision, and nowhere else")
        object.__setattr__(self, "resources", resources)
        object.__setattr__(self, "decision", decision)
        object.__setattr__(self, "recipient", recipient)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise TypeError("Released is frozen")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Released is final")

    def __reduce__(self) -> NoReturn:
        raise TypeError("Released is never stored or copied: a stored row needs a fresh decision")


Maker = Callable[[tuple[Resource, ...], Decision, str], Released]
_makers: list[Maker] = [lambda resources, decision, recipient: Released(_SEAL, resources, decision, recipient)]


def take_maker() -> Maker:
    """Hands out the one maker of Released, once. Raises TypeError ever after."""
    if not _makers:
        raise TypeError("the maker of Released is taken")
    return _makers.pop()


@dataclass(frozen=True, slots=True)
class Notice:
    """Closed wording and metadata: an acknowledgement, a refusal, rows of the journal for auditors. Never any content of a record."""

    content: Mapping[str, Any] | bytes
    status: int = 200
    content_type: str = "application/fhir+json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Echo:
    """Derived only from the caller's own body: `$validate`, `$convert`, a dry run."""

    content: Mapping[str, Any]
    status: int = 200


Egress = Released | Notice | Echo
