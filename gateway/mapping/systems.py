"""Which system a code or an identifier is in: the site's word first, then the tables, then what the sender wrote (R4 Coding, Identifier)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from gateway.mapping.codes import Table
from gateway.mapping.functions import CODE, Emitted
from gateway.mapping.paths import Reader
from gateway.mapping.scope import Scope
from gateway.mapping.source import Node

ASKED: Mapping[str, tuple[str, ...]] = {
    "codeSystem": ("coding-systems",),
    **dict.fromkeys(("identifierSystem", "entitySystem", "endpoint"), ("universal-id-types",)),
}  # the tables that an emitter asks whatever the row says; `$NAME` in its parameters
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+", re.ASCII)
_TABLE = re.compile(r"HL7(\d{4})", re.ASCII)


def uri(node: Node, _scope: Scope, _rule: str) -> str | None:
    """An absolute URI; an OID or UUID becomes one."""
    return _as_uri(node.text.strip())


def code_system(node: Node, scope: Scope, _rule: str) -> str | None:
    """The URI of a coding system as sent: the site's word first, then the table, then a name of this sender's own.

    With an edition beside it, what is said of that (`KCD-8`) goes before what is said of the system (`KCD`).
    """
    text = node.text.strip()
    return _system(text, _edition(scope), scope) if text else None


def _edition(scope: Scope) -> str:
    read: Reader | None = scope.params.get("$edition")
    return next((part.text.strip() for part in read.read(scope)), "") if read is not None else ""


def _system(text: str, edition: str, scope: Scope) -> str:
    names = (edition if edition.startswith(text) else f"{text}-{edition}", text) if edition else (text,)
    declared, systems = scope.run.context.code_systems, scope.params["$coding-systems"]
    for name in names:
        if known := declared.get(name):
            return known
    if row := systems.find(names[0]) or scope.run.row_of(systems, text):
        return str(row.target)
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
    row = scope.run.row_of(table, node.text.strip()) if table is not None else None
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
    if (row := scope.run.row_of(table, text)) is not None:
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
            return Emitted(system, sources=(part.leaf,))
    if universal is not None and universal.text.strip():
        text = universal.text.strip()
        made = _as_uri(text) or _local(scope, "local-identifier-system", text)
        return Emitted(made, sources=(universal.leaf, *_said(kind, made, scope)))
    if space is not None and space.text.strip():
        return Emitted(_local(scope, "local-identifier-system", space.text.strip()), sources=(space.leaf,))
    return None


def endpoint(node: Node, scope: Scope, _rule: str) -> Emitted | None:
    """The URI of an HD when its universal id is one."""
    universal, kind = (next(iter(node.step(number)), None) for number in ("2", "3"))
    made = _as_uri(universal.text.strip()) if universal is not None else None
    return (
        Emitted(made, sources=(universal.leaf, *_said(kind, made, scope))) if universal is not None and made else None
    )


def _said(kind: Node | None, made: str, scope: Scope) -> tuple[str, ...]:
    """The position of a universal id type, when the URI says as much: an OID of type ISO."""
    schemes: Table = scope.params["$universal-id-types"]
    row = schemes.rows.get(kind.text.strip().upper()) if kind is not None else None
    return (kind.leaf,) if kind is not None and row is not None and made.startswith(row.target) else ()


def _as_uri(text: str) -> str | None:
    if _OID.fullmatch(text):
        return f"urn:oid:{text}"
    if _UUID.fullmatch(text):
        return f"urn:uuid:{text.lower()}"
    return text if _URI.fullmatch(text) else None


def _local(scope: Scope, key: str, text: str) -> str:
    return f"{scope.run.name_of(key)}{scope.run.quoted_sender}:{quote(text, safe='')}"
