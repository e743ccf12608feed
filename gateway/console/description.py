"""What of the citizens' pages programs can use, as the description of the interface has it (OpenAPI 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SECURITY: list[dict[str, list[str]]] = [{"session": []}]
_ERRORS = {
    "401": {"description": "Nobody is signed in"}, "403": {"description": "Not for this person, or the token or the Origin is not right"},
    "404": {"description": "Not there, or not the person's own"},
}  # fmt: skip
_WISH = {
    "type": "object", "additionalProperties": False,
    "properties": {
        "offer": {"type": "string"}, "types": {"type": "array", "items": {"type": "string"}}, "until": {"type": "string", "format": "date"},
    },
}  # fmt: skip
_SIMULATED = {**_WISH, "properties": {**_WISH["properties"], "withdraw": {"type": "string"}}}  # type: ignore[dict-item]
_NOTHING = {"type": "object", "maxProperties": 0}


def _operation(summary: str, done: str, body: Mapping[str, Any] | None = None, *named: str) -> dict[str, Any]:
    said = f"{summary}" + (" (header X-CSRF-Token: the token of GET /me/consents)" if body else "")
    made: dict[str, Any] = {
        "summary": said, "security": _SECURITY, "x-roles": ["citizen"],
        "responses": {done: {"description": "Done"}, **_ERRORS, **({"422": {"description": "The wish cannot be"}} if body else {})},
    }  # fmt: skip
    if named:
        made["parameters"] = [
            {"name": one, "in": "path", "required": True, "schema": {"type": "string"}} for one in named
        ]
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return made


PATHS: Mapping[str, Any] = {
    "/me/consents": {
        "get": _operation("The own Consents, what can be allowed, what is asked; and a token", "200"),
        "post": _operation("Allow what is wished, from now on", "201", _WISH),
    },
    "/me/consents/{consent}/withdraw": {
        "post": _operation("Take a Consent back, from now on", "200", _NOTHING, "consent")
    },
    "/me/questions/{offer}": {"post": _operation("Answer a question with no", "200", _NOTHING, "offer")},
    "/me/simulate": {
        "post": _operation("Which of the last exchanges would come out differently; nothing is changed", "200", _SIMULATED)
    },
}  # fmt: skip
SESSION = {"session": {"type": "apiKey", "in": "cookie", "name": "session"}}


def with_pages(described: Mapping[str, Any]) -> dict[str, Any]:
    """A description of the doors, and of these."""
    components = described.get("components", {})
    schemes = {**components.get("securitySchemes", {}), **SESSION}
    return {
        **described,
        "paths": {**described["paths"], **PATHS},
        "components": {**components, "securitySchemes": schemes},
    }
