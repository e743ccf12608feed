"""The CapabilityStatement, generated: types from the site and the caller's agreements, the rest from the doors (FHIR R4, http.html#capabilities)."""

from __future__ import annotations

from typing import Any

from gateway import __version__
from gateway.model.agreement import Participant
from gateway.model.door import Call
from gateway.model.released import Egress, Notice
from gateway.pipeline.node import Node
from gateway.searching.offered import offered
from gateway.site import reading_agreements, written_types

_OPERATIONS = [
    {"name": name.partition("-")[2], "definition": f"http://hl7.org/fhir/OperationDefinition/{name}"}
    for name in (
        "Resource-validate", "Resource-convert", "ValueSet-expand", "ValueSet-validate-code", "CodeSystem-lookup", "CodeSystem-subsumes",
        "ConceptMap-translate",
    )
]  # fmt: skip
_EVERYTHING = [{"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"}]
_READS = ("read", "vread", "history-instance", "search-type")
_WRITES = ("create", "update")


async def metadata(node: Node, call: Call) -> Egress:
    """`GET [base]/metadata`: of a system that reads, the types it may ask for; of operators, all that is kept."""
    at = node.clock()
    who, site, day = call.principal.participant, node.site, node.day(at)
    agreements = reading_agreements(site, who, day)
    agreed = {t for a in agreements for t in a.types if t in (*site.kept_types, *_held(site.participants[a.sender]))}
    everybody = {"admin", "auditor"} & set(call.principal.roles)
    kinds = sorted(set(site.kept_types) if everybody else agreed)
    written = written_types(site, who, day)
    resource = [_resource(kind, kinds, written) for kind in sorted({*kinds, *written})]
    return Notice({
        "resourceType": "CapabilityStatement", "status": "active", "date": at.date().isoformat(), "kind": "instance",
        "fhirVersion": "4.0.1", "format": ["application/fhir+json"], "software": {"name": "Ieum", "version": __version__},
        "implementation": {"description": "Ieum, the standards gateway"},
        "rest": [{
            "mode": "server", **({"resource": resource} if resource else {}),
            "interaction": [{"code": "batch"}, {"code": "transaction"}], "operation": _OPERATIONS,
        }],
    })  # fmt: skip


def _held(participant: Participant) -> frozenset[str]:
    """The types that a participant holds on servers of its own."""
    return frozenset(kind for one in participant.upstreams for kind in one.types)


def _resource(kind: str, kinds: list[str], written: frozenset[str]) -> dict[str, Any]:
    """What this caller may do with a type: `kinds` are those it reads."""
    writes = {"updateCreate": True, "conditionalCreate": False, "conditionalUpdate": False} if kind in written else {}
    codes = (*(_READS if kind in kinds else ()), *(_WRITES if kind in written else ()))
    made = {"type": kind, "interaction": [{"code": code} for code in codes], "versioning": "versioned", **writes}
    return {**made, **(_asked(kind, kinds) if kind in kinds else {})}


def _asked(kind: str, kinds: list[str]) -> dict[str, Any]:
    found = sorted(offered(kind).values(), key=lambda p: p.code)
    includes = ["*", *(f"{kind}:{p.code}" for p in found if p.type == "reference")]
    named = [f"{other}:{p.code}" for other in kinds for p in offered(other).values() if p.type == "reference"]
    return {
        "readHistory": True, "conditionalRead": "full-support", "searchInclude": includes, "searchRevInclude": sorted(named),
        "searchParam": [{"name": p.code, "definition": p.url, "type": p.type} for p in found],
        **({"operation": _EVERYTHING} if kind == "Patient" else {}),
    }  # fmt: skip
