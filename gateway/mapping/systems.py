"""Which system a code or an identifier is in: the site's word first, then the tables, then what the sender wrote (R4 Coding, Identifier)."""

from __future__ import annotations

import re
from urllib.parse import quote

from gateway.mapping.codes import Table
from gateway.mapping.functions import CODE, Emitted
from gateway.mapping.scope import Scope
from gateway.mapping.source import Node

_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+", re.ASCII)
_TABLE = re.compile(r"HL7(\d{4})", re.ASCII)


def uri(node: Node, _scope: Scope, _rule: str) -> str | None:
    """An absolute URI; an OID or UUID becomes one."""
    return _as_uri(node.text.strip())


def code_system(node: Node, scope: Scope, _rule: str) -> str | None:
    """The URI of a coding system as sent: the site's word first, then the table, then a name of this sender's own."""
    text = node.text.strip()
    return _system(text, scope) if text else None


def _system(text: str, scope: Scope) -> str:
    if declared := scope.run.context.code_systems.get(text):
        return declared
    systems: Table = scope.params["$systems"]
    if row := systems.find(text):
        return row.target
    if found := _TABLE.fullmatch(text):
        return f"{scope.run.name_of('hl7-table')}{found[1]}"
    return _as_uri(text) or _local(scope, "local-code-system", text)


def table_system(node: Node, scope: Scope, _rule: str) -> Emitted | None:
    """The system of the table that the field names, for a code sent without one."""
    table: Table | None = scope.params.get("table")
    return Emitted(table.source, sources=()) if table is not None and table.source and node.text else None


def translated(node: Node, scope: Scope, _rule: str) -> dict[str, str] | None:
    """The Coding that the table makes of a code, when it has a row and that says something new."""
    table: Table | None = scope.params.get("table")
    row = table.find(node.text.strip()) if table is not None else None
    if table is None or row is None or not row.target:
        return None
    system = row.system or table.target
    if (system, row.target) == (table.source, node.text.strip()):
        return None
    coding = {"system": system, "code": row.target, "display": row.display}
    return {key: value for key, value in coding.items() if value}


def coding_of(node: Node, scope: Scope, _rule: str) -> dict[str, str] | None:
    """The Coding that the table makes of a code, else the code in the system it was sent in; for elements that are one Coding."""
    text = node.text.strip()
    table: Table = scope.params["table"]
    if (row := table.find(text)) is not None:
        coding = {"system": row.system or table.target, "code": row.target, "display": row.display}
    else:
        coding = {"system": table.source, "code": text if CODE.fullmatch(text) else "", "display": ""}
    return {key: value for key, value in coding.items() if value} if coding["code"] else None


def national_system(_node: Node, scope: Scope, _rule: str) -> Emitted | None:
    """The system of national person identifiers that the site declares first."""
    declared = scope.run.context.national_systems
    return Emitted(declared[0], sources=()) if declared else None


def identifier_system(node: Node, scope: Scope, _rule: str) -> Emitted | None:
    """The system of an identifier from its assigning authority (HD: namespace, universal id, type)."""
    return _authority(node, scope, 1)


def entity_system(node: Node, scope: Scope, _rule: str) -> Emitted | None:
    """The same from an EI, where the authority follows the identifier."""
    return _authority(node, scope, 2)


def _authority(node: Node, scope: Scope, first: int) -> Emitted | None:
    """What the site declared for the universal id or the namespace; else the universal id as URI; else a name of this sender's own."""
    space, universal, kind = (next(iter(node.step(str(first + n))), None) for n in range(3))
    declared = scope.run.context.identifier_systems
    for part in (universal, space):
        if part is not None and (system := declared.get(part.text.strip())):
            return Emitted(system, sources=tuple(p.leaf for p in (space, universal, kind) if p is not None))
    if universal is not None and universal.text.strip():
        text = universal.text.strip()
        made = _as_uri(text) or _local(scope, "local-identifier-system", text)
        return Emitted(made, sources=tuple(p.leaf for p in (universal, kind) if p is not None))
    if space is not None and space.text.strip():
        return Emitted(_local(scope, "local-identifier-system", space.text.strip()), sources=(space.leaf,))
    return None


def endpoint(node: Node, _scope: Scope, _rule: str) -> Emitted | None:
    """The URI of an HD when its universal id is one."""
    parts = {number: part for number in ("2", "3") for part in node.step(number)}
    made = _as_uri(parts["2"].text.strip()) if "2" in parts else None
    return Emitted(made, sources=tuple(p.leaf for p in parts.values())) if made else None


def _as_uri(text: str) -> str | None:
    if _OID.fullmatch(text):
        return f"urn:oid:{text}"
    if _UUID.fullmatch(text):
        return f"urn:uuid:{text.lower()}"
    return text if _URI.fullmatch(text) else None


def _local(scope: Scope, key: str, text: str) -> str:
    sender = quote(scope.run.sender or "unknown", safe="")
    return f"{scope.run.name_of(key)}{sender}:{quote(text, safe='')}"
