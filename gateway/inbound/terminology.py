"""The doors of the terminology operations (FHIR R4, terminology-service.html): definitions are asked, never a record.

What is answered is metadata: codes, names, maps and findings about them. Nothing that is asked is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from gateway.errors import Unanswerable
from gateway.inbound.dialect import media_type
from gateway.model.door import Call, Door, Handler
from gateway.model.released import Egress, Notice
from gateway.model.wire import read_json
from gateway.pipeline.node import Node
from gateway.terminology.membership import Terminology
from gateway.terminology.operations import expand, lookup, subsumes, translate, validate_code
from gateway.terminology.operations.asked import Asked, Names, from_parameters, from_query

_MAX_BODY = 100_000
_JSON = ("application/fhir+json", "application/json", "")
_ROLES = ("system", "operator", "integrator", "auditor")

Operation = Callable[[Terminology, Asked], Mapping[str, Any]]
Chosen = Callable[[Node], Terminology]


def doors(chosen: Chosen) -> tuple[Door, ...]:
    """A GET and a POST door for each operation; `chosen` gives the terminology that a node speaks for."""
    return tuple(
        door
        for path, names, operation, summary in _offered()
        for door in _pair(chosen, path, names, operation, summary)
    )


def _pair(chosen: Chosen, path: str, names: Names, operation: Operation | None, summary: str) -> tuple[Door, Door]:
    handler = _handler(chosen, names, operation)
    return (
        Door("GET", path, handler, summary, _ROLES, scope=""),
        Door("POST", path, handler, f"{summary} (Parameters)", _ROLES, max_body=_MAX_BODY, scope=""),
    )


def _handler(chosen: Chosen, names: Names, operation: Operation | None) -> Handler:
    async def answer(node: Node, call: Call) -> Egress:
        asked = _asked(call, names)
        work = operation or partial(expand.expand, at=node.clock().isoformat(timespec="seconds"))
        return Notice(await node.cpu.run(work, chosen(node), asked))

    return answer


def _asked(call: Call, names: Names) -> Asked:
    """The question of an address or of a body, never of both. Raises Unanswerable, Malformed."""
    if call.method == "GET":
        return from_query(call.query, names)
    if call.query:
        raise Unanswerable(None, *(name for name, _ in call.query[:3]))
    if media_type(call.headers.get("content-type", "")) not in _JSON:
        raise Unanswerable("Parameters are taken as JSON.", "Content-Type")
    return from_parameters(read_json(call.body, max_bytes=_MAX_BODY), names)


def _offered() -> tuple[tuple[str, Names, Operation | None, str], ...]:
    in_set, in_system = validate_code.validate_in_value_set, validate_code.validate_in_code_system
    return (
        ("/fhir/ValueSet/$expand", expand.NAMES, None, "The codes of a value set"),
        ("/fhir/ValueSet/$validate-code", validate_code.IN_VALUE_SET, in_set, "Whether a code is in a value set"),
        (
            "/fhir/CodeSystem/$validate-code",
            validate_code.IN_CODE_SYSTEM,
            in_system,
            "Whether a code is in a code system",
        ),
        ("/fhir/CodeSystem/$lookup", lookup.NAMES, lookup.lookup, "What is known of a code"),
        ("/fhir/CodeSystem/$subsumes", subsumes.NAMES, subsumes.subsumes, "Whether one code is above another"),
        ("/fhir/ConceptMap/$translate", translate.NAMES, translate.translate, "Codes of another system"),
    )


def _of_node(node: Node) -> Terminology:
    return node.rules.validator.terminology


DOORS = doors(_of_node)
