"""The same node without what the bench is to price: no labels, no consent, no redaction and its proof, nothing on record for a question.

It is run by the bench alone, beside a node as it is and on its data: the same server, doors, reading, search and writing of JSON. What it
gives away are invented people.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from gateway import pipeline
from gateway.cli import main
from gateway.model.document import Item, PersonKey
from gateway.model.questions import Decision, Request
from gateway.pipeline import pull, world
from gateway.pipeline.onfile import File
from gateway.stages import release


def everything(node: Any, agreement: Any, file: File, items: Sequence[Item], *_: Any) -> Decision:
    """A yes to all, which nobody was asked for."""
    released = tuple(item.reference for item in items)
    request = Request({}, {"reference": f"Patient/{file.person}"}, "", {}, (), {}, {})
    answer = {"released": list(released), "redacted": [], "obligations": []}
    return Decision("permit", "bench", released, (), (), (), {}, answer, 0, request)


def rows_alone(node: Any, person: PersonKey, most: int) -> File:
    """The rows of a person; her consents are not read."""
    return File(person, 0, [], node.store.resources(person, limit=most), [])


def as_it_is(resource: Any, *_: Any) -> Any:
    return resource


def nothing(*_: Any) -> Any:
    return ()


async def at_once(*_: Any) -> None:
    """Nothing is kept."""


def without() -> None:
    """Takes consent and record out of this process."""
    world._decided = everything
    world.file_of = rows_alone
    release.redact = release.without_words = as_it_is  # type: ignore[assignment]
    release.violations = release.spoken = nothing
    pull.what_of = as_it_is
    pull.fact_of = pull.decision_row = lambda *_: ()  # type: ignore[assignment]
    pull.Unit = lambda *_: ()  # type: ignore[assignment,misc]
    pipeline._durable = lambda *_: asyncio.ensure_future(at_once())  # type: ignore[assignment]


if __name__ == "__main__":
    without()
    sys.exit(main())
