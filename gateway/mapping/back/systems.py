"""Systems the other way: URIs to the names that a message gives them (HL7 v2.8.2, 2A.3: HD, CX, EI, CWE; table 0396)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from gateway.mapping.back.codings import source_code
from gateway.mapping.back.element import Element
from gateway.mapping.back.place import Place
from gateway.mapping.back.scope import Back
from gateway.mapping.codes import Table

_OID = re.compile(r"[0-2](\.\d+)+", re.ASCII)


def code_system(element: Element, place: Place, back: Back, rule: str) -> bool:
    """A coding system by the name that the site declares, that the table has, or that its sender gave it."""
    if not isinstance(element.value, str):
        return False
    if not place.put(_coding_name(element.value, back)):
        return False
    back.cite(element, place, rule)
    return True


def _coding_name(system: str, back: Back) -> str:
    if declared := _declared(back.run.context.code_systems, system):
        return declared
    known: Table = back.params["$coding-systems"]
    names, _ = source_code(known, system)
    if names in known.rows:
        return names
    table = system.removeprefix(back.run.name_of("hl7-table"))
    if table != system and re.fullmatch(r"\d{4}", table, re.ASCII):
        return f"HL7{table}"
    if (local := _own_name(system, "local-code-system", back)) is not None:
        return local
    return system.removeprefix("urn:oid:")


def table_system(element: Element, _place: Place, back: Back, rule: str) -> bool:
    """A code in the table of its field needs no system, where it is sent without a text as well."""
    table: Table | None = back.params.get("table")
    bare = not back.element.children("display")
    if table is None or not table.source or element.value != table.source or not bare:
        return False
    back.cite(element, None, rule)
    return True


def national_system(element: Element, _place: Place, back: Back, rule: str) -> bool:
    """The system that the site declares first is said by the type of the identifier."""
    if element.value not in back.run.context.national_systems[:1]:
        return False
    back.cite(element, None, rule)
    return True


def identifier_system(element: Element, place: Place, back: Back, rule: str) -> bool:
    """An assigning authority (HD)."""
    return _authority(element, place, back, rule, 1)


def entity_system(element: Element, place: Place, back: Back, rule: str) -> bool:
    """The same in an EI, behind the identifier."""
    return _authority(element, place, back, rule, 2)


def endpoint(element: Element, place: Place, back: Back, rule: str) -> bool:
    """The universal id of an HD."""
    return _authority(element, place, back, rule, 1)


def _authority(element: Element, place: Place, back: Back, rule: str, first: int) -> bool:
    if not isinstance(element.value, str):
        return False
    places = [(place.at(str(first + n)), part) for n, part in enumerate(_parts(element.value, back)) if part]
    if not all(spot.put(part) for spot, part in places):
        return False
    for spot, _ in places:
        back.cite(element, spot, rule)
    return bool(places)


def _parts(system: str, back: Back) -> tuple[str, str, str]:
    """Namespace, universal id, its type (table 0301)."""
    declared = _declared(back.run.context.identifier_systems, system)
    if declared and not _OID.fullmatch(declared):
        return declared, "", ""
    local = declared or _own_name(system, "local-identifier-system", back)
    if local is not None and not declared:
        if back.run.context.recipient:
            return local, system, "URI"  # another sender's authority may have the same name
        return (local, "", "") if _assigner(back) in ("", local) else ("", local, "")
    schemes: Table = back.params["$universal-id-types"]
    if kind := _type_of(system, schemes):
        return "", system.removeprefix(schemes.rows[kind].target), kind
    return ("", declared, _type_of(f"urn:oid:{declared}", schemes)) if declared else ("", system, "URI")


def _type_of(uri: str, schemes: Table) -> str:
    return next((kind for kind, row in schemes.rows.items() if uri.startswith(row.target)), "")


def _assigner(back: Back) -> str:
    """The namespace that the identifier's own row writes."""
    names = [name for one in back.element.children("assigner") for name in one.children("display")]
    return str(names[0].value) if names else ""


def _declared(known: Mapping[str, str], system: str) -> str:
    return next((name for name, uri in known.items() if uri == system), "")


def _own_name(system: str, key: str, back: Back) -> str | None:
    """The name that a sender gave a system of its own, `urn:ieum:code-system:SENDER:NAME`."""
    prefix = back.run.name_of(key)
    if not system.startswith(prefix) or ":" not in system.removeprefix(prefix):
        return None
    return unquote(system.removeprefix(prefix).partition(":")[2])
