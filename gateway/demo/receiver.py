"""A recipient of the demo: a small FHIR server that takes transactions of PUTs (R4, 3.1.0.11) and lets its own people look at them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from hmac import compare_digest
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.errors import Malformed
from gateway.model.wire import read_json, write_json

FHIR_JSON = "application/fhir+json"
_PERSON = ("subject", "patient", "for", "beneficiary")
Handler = Callable[[Request], Awaitable[Response]]


class Shelf:
    """What a recipient holds: the current version of each resource, numbered from 1, and whether it answers at all."""

    def __init__(self) -> None:
        self.resources: dict[tuple[str, str], dict[str, Any]] = {}
        self.answers = "normal"

    def take(self, bundle: Any) -> list[dict[str, Any]]:
        """The response entries of a transaction. Raises Malformed for what is no transaction of PUTs; then nothing is kept."""
        entries = bundle.get("entry", ()) if isinstance(bundle, dict) and bundle.get("type") == "transaction" else None
        if entries is None:
            raise Malformed("This is no transaction.")
        put = [(*_addressed(entry), entry["resource"]) for entry in entries]
        return [self._put(kind, id, resource) for kind, id, resource in put]

    def _put(self, kind: str, id: str, resource: Mapping[str, Any]) -> dict[str, Any]:
        before = self.resources.get((kind, id))
        version = int(before["meta"]["versionId"]) + 1 if before else 1
        self.resources[kind, id] = {**resource, "meta": {**resource.get("meta", {}), "versionId": str(version)}}
        return {"response": {"status": "200" if before else "201", "location": f"{kind}/{id}/_history/{version}"}}

    def of(self, kind: str, patient: str) -> list[dict[str, Any]]:
        """Resources of a type, of one patient or (empty) of all."""
        found = [resource for (type, _), resource in self.resources.items() if type == kind]
        return [resource for resource in found if not patient or f"Patient/{patient}" in _persons(resource)]


def _addressed(entry: Any) -> tuple[str, str]:
    request = entry.get("request", {}) if isinstance(entry, dict) else {}
    kind, _, id = str(request.get("url", "")).partition("/")
    resource = entry.get("resource", {}) if isinstance(entry, dict) else {}
    if request.get("method") != "PUT" or (kind, id) != (resource.get("resourceType"), resource.get("id")):
        raise Malformed("Every entry is a PUT of the resource that it holds.")
    return kind, id


def _persons(resource: Mapping[str, Any]) -> set[str]:
    own = {f"Patient/{resource['id']}"} if resource["resourceType"] == "Patient" else set()
    return own | {str(resource[name].get("reference", "")) for name in _PERSON if isinstance(resource.get(name), dict)}


class Server:
    """The doors of a recipient; all of them want its bearer token."""

    def __init__(self, shelf: Shelf, token: str) -> None:
        self._shelf = shelf
        self._authorization = f"Bearer {token}".encode()

    def app(self) -> Starlette:
        """The web application."""
        doors: tuple[tuple[str, Handler, str], ...] = (
            ("/simulator/state", self.state, "GET"),
            ("/simulator/state", self.told, "PUT"),
            ("/fhir", self.transaction, "POST"),
            ("/fhir/{type}", self.search, "GET"),
            ("/fhir/{type}/{id}", self.read, "GET"),
        )
        return Starlette(routes=[Route(path, self._guarded(door), methods=[method]) for path, door, method in doors])

    def _guarded(self, door: Handler) -> Handler:
        """401 without the token, 503 while the recipient is told to be down."""

        async def handler(request: Request) -> Response:
            if not compare_digest(request.headers.get("authorization", "").encode(), self._authorization):
                return _said(_outcome("login"), 401)
            if self._shelf.answers != "normal" and request.url.path.startswith("/fhir"):
                return _said(_outcome("transient"), 503)
            return await door(request)

        return handler

    async def transaction(self, request: Request) -> Response:
        """`POST [base]`."""
        try:
            entries = self._shelf.take(read_json(await request.body()))
        except Malformed:
            return _said(_outcome("structure"), 400)
        return _said({"resourceType": "Bundle", "type": "transaction-response", "entry": entries})

    async def read(self, request: Request) -> Response:
        """`GET [base]/Type/id`."""
        found = self._shelf.resources.get((request.path_params["type"], request.path_params["id"]))
        return _said(found) if found else _said(_outcome("not-found"), 404)

    async def search(self, request: Request) -> Response:
        """`GET [base]/Type?patient=`."""
        patient = request.query_params.get("patient", "").removeprefix("Patient/")
        found = self._shelf.of(request.path_params["type"], patient)
        entries = [{"resource": resource, "search": {"mode": "match"}} for resource in found]
        return _said({"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries})

    async def state(self, request: Request) -> Response:  # noqa: ARG002 the form of every handler
        """How it answers, and how much it holds."""
        return _said({"answers": self._shelf.answers, "resources": len(self._shelf.resources)})

    async def told(self, request: Request) -> Response:
        """`{"answers": "unavailable" | "normal"}`."""
        self._shelf.answers = str(read_json(await request.body()).get("answers", "normal"))
        return await self.state(request)


def _said(value: Any, status: int = 200) -> Response:
    return Response(write_json(value), status, media_type=FHIR_JSON)


def _outcome(code: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}
