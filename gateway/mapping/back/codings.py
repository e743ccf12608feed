"""Codes the other way through their tables (`table:`), and the codings that a table added to what was sent."""

from __future__ import annotations

from typing import Any

from gateway.mapping.back.element import Element
from gateway.mapping.back.place import Place
from gateway.mapping.back.scope import Back
from gateway.mapping.back.texts import text
from gateway.mapping.codes import Code, Table

AMBIGUOUS = "Several codes have this meaning; the first of the table was written."


def source_code(table: Table, value: str, system: str = "") -> tuple[str, bool]:
    """The first code that becomes this value, and whether it is the only one; a table that keeps codes has each as itself."""
    found = {
        code: row
        for code, row in table.rows.items()
        if row.target == value and row.back != "no" and _in_system(table, row, system)
    }
    if found:
        chosen = next((code for code, row in found.items() if row.back == "yes"), next(iter(found)))
        return chosen, len({code.upper() for code in found}) == 1
    kept = table.unmapped == "keep" and value not in table.rows and system in ("", table.source)
    return (value if kept else ""), True


def _in_system(table: Table, row: Code, system: str) -> bool:
    return system in ("", row.system or table.target)


def looked_up(table: Table) -> Any:
    """A writer of codes. What stands there already is right when it means the same."""

    def write(element: Element, place: Place, back: Back, rule: str) -> bool:
        value = text(element.value)
        if value is None:
            return False
        there = table.find(place.text.strip()) if place.text else None
        if there is not None and there.target == value:
            back.cite(element, place, rule)
            return True
        code, only = source_code(table, value)
        if not code or not place.put(code):
            return False
        if not only:
            back.run.noticed("information", "informational", element.path, AMBIGUOUS, rule)
        back.cite(element, place, rule)
        return True

    return write


def translated(element: Element, place: Place, back: Back, rule: str) -> bool:
    """A Coding that the table made of a sibling is said by that; one alone becomes the code it was made of."""
    table: Table | None = back.params.get("table")
    if table is None or not isinstance(element.value, dict):
        return False
    for sibling in element.holder.children("coding") if element.holder else ():
        code = sibling.value.get("code") if isinstance(sibling.value, dict) else None
        row = table.find(code) if isinstance(code, str) and sibling.path != element.path else None
        if row is not None and _is(element.value, row, table):
            back.cite(element, None, rule)
            return True
    return any(row.target == element.value.get("code") for row in table.rows.values()) and _alone(
        element, place, back, rule
    )


def coding_of(element: Element, place: Place, back: Back, rule: str) -> bool:
    """An element that is one Coding, in the table's target or the source system."""
    return isinstance(element.value, dict) and _alone(element, place, back, rule)


def _alone(element: Element, place: Place, back: Back, rule: str) -> bool:
    table: Table = back.params["table"]
    system, value = str(element.value.get("system", "")), str(element.value.get("code", ""))
    code, only = source_code(table, value, system) if value else ("", True)
    row = table.find(code) if code else None
    if not code or (row is None and system != table.source) or not place.put(code):
        return False
    if not only:
        back.run.noticed("information", "informational", element.path, AMBIGUOUS, rule)
    said = {"system", "code"} | (
        {"display"} if row is not None and row.display == element.value.get("display") else set()
    )
    paths = [child.path for name in said for child in element.children(name)]
    back.run.cite(paths, place, back.frame, rule)
    return True


def _is(coding: dict[str, Any], row: Code, table: Table) -> bool:
    made = {"system": row.system or table.target, "code": row.target, "display": row.display}
    return all(coding.get(key, "") == value for key, value in made.items())
