"""The FHIR façade, thin for now: read a Patient, search a type of one person, metadata; `$validate` has its own file (R4 REST API).

Every parameter is known or refused; a question that names nobody finds nobody.
"""

from __future__ import annotations

import re
from typing import Any

from gateway import __version__
from gateway.definitions.library import core
from gateway.errors import NotFound, Unanswerable
from gateway.inbound import conversion, validation
from gateway.model.door import Call, Door
from gateway.model.questions import Question
from gateway.model.released import Egress, Notice
from gateway.pipeline import answer
from gateway.pipeline.node import Node

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}", re.ASCII)
_MAX_COUNT = 200
_NAMING = ("patient", "subject")  # parameters that name a person by reference
_OPERATIONS = [
    {"name": name.partition("-")[2], "definition": f"http://hl7.org/fhir/OperationDefinition/{name}"}
    for name in (
        "Resource-validate", "Resource-convert", "ValueSet-expand", "ValueSet-validate-code", "CodeSystem-lookup", "CodeSystem-subsumes",
        "ConceptMap-translate",
    )
]  # fmt: skip
_EMPTY = {"resourceType": "Bundle", "type": "searchset"}


async def read(node: Node, call: Call) -> Egress:
    """`GET [base]/{type}/{id}`: the resource, or one and the same 404."""
    kind, id = _type(call.path["type"]), call.path["id"]
    if call.query:
        raise Unanswerable(None, *(name for name, _ in call.query[:3]))
    if not _ID.fullmatch(id):
        raise NotFound
    released = await answer(node, call.principal, Question(kind, id=id))
    if released is None or not released.resources:
        raise NotFound
    return released


async def search(node: Node, call: Call) -> Egress:
    """`GET [base]/{type}?patient=` (or `identifier=` of a Patient): what the reader may have of one person."""
    question = _question(node, _type(call.path["type"]), call.query)
    return await answer(node, call.principal, question) or Notice(_EMPTY)


def _type(text: str) -> str:
    if not _TYPE.fullmatch(text) or text not in core().resource_types:
        raise NotFound
    return text


def _question(node: Node, kind: str, query: tuple[tuple[str, str], ...]) -> Question:
    """The parameters as one question. Raises Unanswerable for a modifier, a chain, a repetition, or one that is not offered."""
    names = [name for name, _ in query]
    if len(set(names)) != len(names):
        raise Unanswerable("A parameter is given twice.")
    asked = dict(query)
    count = _count(asked.pop("_count", "50"))
    known = {p.code for p in core().search_parameters(kind)}
    if bad := [name for name in asked if name not in known or name.startswith("_")]:
        raise Unanswerable(None, *bad[:3])
    patients = {_reference(asked[name]) for name in _NAMING if name in asked}
    if len(patients) > 1:
        return Question(kind, count=count)
    identifier = _identifier(asked["identifier"]) if kind == "Patient" and "identifier" in asked else None
    if identifier and identifier[0] in node.site.national_systems:
        raise Unanswerable("A national number is not asked for in an address.", "identifier")
    others = set(asked) - {*_NAMING, "identifier"}
    if (patients or identifier) and others:
        raise Unanswerable("Beside the person, no other parameter is answered here.", *sorted(others)[:3])
    return Question(kind, patient=next(iter(patients), ""), identifier=identifier, count=count)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:9]) < 1:
        raise Unanswerable("The count is a positive number.", "_count")
    return min(int(text[:9]), _MAX_COUNT)


def _reference(text: str) -> str:
    id = text.removeprefix("Patient/")
    if not _ID.fullmatch(id):
        raise Unanswerable("One person is named by one Patient id.", "patient")
    return id


def _identifier(text: str) -> tuple[str, str]:
    system, bar, value = text.partition("|")
    if not (system and bar and value) or "," in text:
        raise Unanswerable("An identifier is asked for as system|value.", "identifier")
    return system, value


async def metadata(node: Node, call: Call) -> Egress:  # noqa: ARG001 the form of every handler
    """The CapabilityStatement of what is offered, made from the doors."""
    at = node.clock().date().isoformat()
    resource: list[dict[str, Any]] = [
        {"type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}]}
        for kind in sorted(node.site.kept_types)
    ]
    return Notice({
        "resourceType": "CapabilityStatement", "status": "active", "date": at, "kind": "instance", "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"], "software": {"name": "Ieum", "version": __version__},
        "implementation": {"description": "Ieum, the standards gateway"},
        "rest": [{"mode": "server", **({"resource": resource} if resource else {}), "operation": _OPERATIONS}],
    })  # fmt: skip


DOORS = (
    Door("GET", "/fhir/metadata", metadata, "What this façade offers", ("system", "admin", "auditor"), scope=""),
    *validation.DOORS,
    *conversion.DOORS,
    Door("GET", "/fhir/{type}/{id}", read, "Read a resource of a person", scope="{type}.r"),
    Door("GET", "/fhir/{type}", search, "Search a type of one person", shape="searchset", scope="{type}.s"),
)
