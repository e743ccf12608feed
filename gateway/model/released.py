"""The only three kinds of thing that may reach a wire, a file, an export or a page (ARCHITECTURE.md, "Nouns").

`Released` carries other people's data and can be made by `stages/release.py` alone, which takes the maker once, at import.
`Notice` is closed, constant wording. `Echo` derives only from the caller's own body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, final

from gateway.model.document import Resource
from gateway.model.questions import Decision

_SEAL = object()


@dataclass(frozen=True, slots=True)
class Page:
    """What an answer says beside its resources: how many of them are matches (others are included), links (relation, URL), how many match in
    all where that was asked, and of one resource its entity tag and when it was last changed (HTTP-date)."""

    matches: int = 0
    links: tuple[tuple[str, str], ...] = ()
    total: int | None = None
    tag: str = ""
    changed: str = ""


@final
class Released:
    """Resources that a decision let out, already redacted, re-keyed and re-read. `recipient` is a participant id."""

    __slots__ = ("decision", "page", "recipient", "resources")
    resources: tuple[Resource, ...]
    decision: Decision
    recipient: str
    page: Page | None

    def __init__(
        self,
        seal: object,
        resources: tuple[Resource, ...],
        decision: Decision,
        recipient: str,
        page: Page | None = None,
    ) -> None:
        if seal is not _SEAL:
            raise TypeError("Released is made by stages/release.py from a Decision, and nowhere else")
        object.__setattr__(self, "resources", resources)
        object.__setattr__(self, "decision", decision)
        object.__setattr__(self, "recipient", recipient)
        object.__setattr__(self, "page", page)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise TypeError("Released is frozen")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Released is final")

    def __reduce__(self) -> NoReturn:
        raise TypeError("Released is never stored or copied: a stored row needs a fresh decision")


Maker = Callable[[tuple[Resource, ...], Decision, str, Page | None], Released]
_makers: list[Maker] = [
    lambda resources, decision, recipient, page: Released(_SEAL, resources, decision, recipient, page)
]


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


@dataclass(frozen=True, slots=True)
class Wrote:
    """The answer to a write: what is told of it, and the resource as its writer may read it."""

    told: Notice
    shown: Released


One = Released | Notice | Echo | Wrote


@dataclass(frozen=True, slots=True)
class Several:
    """The answers to the entries of one batch (or transaction), in order, each in its shape: nothing but what may leave by itself."""

    parts: tuple[tuple[Literal["resource", "searchset", "history"], One], ...]
    kind: Literal["batch-response", "transaction-response"] = "batch-response"


Egress = One | Several
