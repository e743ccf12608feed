"""The CapabilityStatement, generated: types from the site and the caller's agreements, the rest from the doors (FHIR R4, http.html#capabilities)."""

from __future__ import annotations

from typing import Any

from gateway import __version__
from gateway.model.door import Call
from gateway.model.released import Egress, Notice
from gateway.pipeline.node import Node
from gateway.searching.offered import offered
from gateway.site import reading_agreements

_OPERATIONS = [
    {"name": name.partition("-")[2], "definition": f"http://hl7.org/fhir/OperationDefinition/{name}"}
    for name in (
        "Resource-validate", "Resource-convert", "ValueSet-expand", "ValueSet-validate-code", "CodeSystem-lookup", "CodeSystem-subsumes",
        "ConceptMap-translate",
    )
]  # fmt: skip
_EVERYTHING = [{"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"}]
_INTERACTIONS = ("read", "vread", "history-instance", "search-type")


async def metadata(node: Node, call: Call) -> Egress:
    """`GET [base]/metadata`: of a system that reads, the types it may ask for; of operators, all that is kept."""
    at = node.clock()
    agreed = {t for a in reading_agreements(node.site, call.principal.participant, node.day(at)) for t in a.types}
    everybody = {"admin", "auditor"} & set(call.principal.roles)
    kinds = sorted(set(node.site.kept_types) if everybody else agreed & set(node.site.kept_types))
    resource = [_resource(kind, kinds) for kind in kinds]
    return Notice({
        "resourceType": "CapabilityStatement", "status": "active", "date": at.date().isoformat(), "kind": "instance",
        "fhirVersion": "4.0.1", "format": ["application/fhir+json"], "software": {"name": "Ieum", "version": __version__},
        "implementation": {"description": "Ieum, the standards gateway"},
        "rest": [{
            "mode": "server", **({"resource": resource} if resource else {}),
            "interaction": [{"code": "batch"}, {"code": "transaction"}], "operation": _OPERATIONS,
        }],
    })  # fmt: skip


def _resource(kind: str, kinds: list[str]) -> dict[str, Any]:
    found = sorted(offered(kind).values(), key=lambda p: p.code)
    includes = ["*", *(f"{kind}:{p.code}" for p in found if p.type == "reference")]
    named = [f"{other}:{p.code}" for other in kinds for p in offered(other).values() if p.type == "reference"]
    return {
        "type": kind, "interaction": [{"code": code} for code in _INTERACTIONS], "versioning": "versioned", "readHistory": True,
        "conditionalRead": "full-support", "searchInclude": includes, "searchRevInclude": sorted(named),
        "searchParam": [{"name": p.code, "definition": p.url, "type": p.type} for p in found],
        **({"operation": _EVERYTHING} if kind == "Patient" else {}),
    }  # fmt: skip
