"""A new API key or client of a participant: its digest, or its public keys, go into the participant's file, which otherwise stays as it was."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError, Misconfigured
from gateway.model.wire import read_json, write_json
from gateway.site.clients import client_problems
from gateway.site.schema import schema_problems
from gateway.site.text import Unreadable, Written, broken, read_yaml

_ROLE = re.compile(r"[a-z][a-z0-9-]*")
_RANDOM_BYTES = 32  # 256 bits: 43 characters in base64url


def new_api_key(participant: str, random: Callable[[int], str] = secrets.token_urlsafe) -> str:
    """`ieum_<participant>_<43 url-safe characters>`."""
    return f"ieum_{participant}_{random(_RANDOM_BYTES)}"


def register_key(root: Path, participant: str, api_key: str, roles: Sequence[str] = ("system",)) -> str:
    """Write the SHA-256 of an API key into participants/ID.yaml and give the id of the new entry. Comments and layout stay.

    Raises Misconfigured when there is no such participant, its file is broken, or the roles are no roles.
    """
    path = root / "participants" / f"{participant}.yaml"
    before = _read(root, path)
    if before.value["id"] != participant:
        raise Misconfigured(str(before.problem("id: the file must be named like the id.", "id")))
    if not roles or not all(_ROLE.fullmatch(role) for role in roles):
        raise Misconfigured("Roles are names like system, admin or auditor.")
    digest = hashlib.sha256(api_key.encode()).hexdigest()
    row = {"id": f"key-{digest[:8]}", "kind": "api-key", "sha256": digest, "roles": list(roles)}
    written = f"{{id: {row['id']}, kind: api-key, sha256: {digest}, roles: [{', '.join(roles)}]}}"
    _extended(root, before, "keys", row, written)
    return str(row["id"])


def register_client(root: Path, participant: str, client: str, jwks: bytes, scopes: Sequence[str]) -> None:
    """Write a client with its public keys (a JWK set, or one JWK, as JSON) into participants/ID.yaml.

    Raises Misconfigured for everything that `gateway site check` would say of it, and then nothing is written.
    """
    path = root / "participants" / f"{participant}.yaml"
    before = _read(root, path)
    try:
        found = read_json(jwks)
    except GatewayError as error:
        raise Misconfigured("The file of keys is not JSON.") from error
    jwk_set = found if isinstance(found, dict) and "keys" in found else {"keys": [found]}
    row = {"id": client, "scopes": list(scopes), "jwks": jwk_set}
    _extended(root, before, "clients", row, write_json(row).decode())


def _extended(root: Path, before: Written, name: str, row: Mapping[str, Any], written: str) -> None:
    """The file of a participant with one more row in the list of that name, whole or not at all."""
    path = root / before.file
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(_with_row(path.read_text("utf-8-sig"), name, written), "utf-8")
    try:
        after = _read(root, temporary)
        if after.value != {**before.value, name: [*before.value.get(name, ()), row]}:
            raise Misconfigured(str(before.problem(f"{name}: a list in this form cannot be extended here.", name)))
        if name == "clients" and (problems := tuple(client_problems(_with(root, after)))):
            raise broken(problems)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _with(root: Path, after: Written) -> list[Written]:
    """The participants as they would be: an id or a key belongs to one of them."""
    others = (path for path in sorted((root / "participants").glob("*.yaml")) if path.stem != after.value["id"])
    return [after, *(_read(root, path) for path in others if not path.name.startswith("."))]


def _read(root: Path, path: Path) -> Written:
    if not path.is_file():
        raise Misconfigured("There is no participant of this name in the site.")
    try:
        written = read_yaml(root, path)
    except Unreadable as unreadable:
        raise broken((unreadable.problem,)) from unreadable
    if problems := schema_problems(written, "participant"):
        raise broken(problems)
    return written


def _with_row(text: str, name: str, row: str) -> str:
    """The text with one more row in the list of that name: at the end of the list, in its own style; a new list goes to the end of the file."""
    import yaml

    document = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = document.value if isinstance(document, yaml.MappingNode) else ()
    keys = next((child for key, child in pairs if key.value == name), None)
    if keys is None:
        return f"{text.rstrip()}\n{name}:\n  - {row}\n"
    if keys.flow_style:
        end = keys.end_mark.index - 1
        return f"{text[:end].rstrip().rstrip(',')}{', ' if keys.value else ''}{row}{text[end:]}"
    return _below(text, keys, row)


def _below(text: str, keys: Any, row: str) -> str:
    """After the last line of the last row, with the indentation of the first."""
    last = keys.value[-1]
    while last.id != "scalar" and not last.flow_style and last.value:
        last = last.value[-1][1] if last.id == "mapping" else last.value[-1]
    end = text.find("\n", last.end_mark.index - 1)
    at = len(text) if end < 0 else end
    return f"{text[:at]}\n{' ' * keys.start_mark.column}- {row}{text[at:]}"
