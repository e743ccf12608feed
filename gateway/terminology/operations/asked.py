"""What an operation is asked: parameters of an address or of a Parameters resource, each known or refused (FHIR R4, operations.html)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import Malformed, Unanswerable

_MOST = 200  # parameters
_LONGEST = 10_000  # characters of a text
_WHOLE = ("integer", "boolean", "Coding", "CodeableConcept")
Names = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """Parameters by name, 1..* values each: texts, or booleans, whole numbers, Codings and CodeableConcepts."""

    values: Mapping[str, tuple[Any, ...]]

    def text(self, name: str, otherwise: str = "") -> str:
        """The value of a parameter that is given 0..1 times."""
        found: str = self.one(name, otherwise)
        return found

    def one(self, name: str, otherwise: Any = None) -> Any:
        """The value of a parameter that may be given once. Raises Unanswerable when it is given more often."""
        given = self.values.get(name, ())
        if len(given) > 1:
            raise Unanswerable("A parameter is given twice.", name)
        return given[0] if given else otherwise

    def needed(self, *names: str) -> None:
        """Raises Unanswerable when none of the parameters is given."""
        if not any(name in self.values for name in names):
            raise Unanswerable("A parameter that is needed is not given.", *names)


def from_query(pairs: Iterable[tuple[str, str]], names: Names) -> Asked:
    """The parameters of an address. `names` are the parameters that are taken, with their types. Raises Unanswerable, Malformed."""
    found: dict[str, list[Any]] = {}
    for name, text in pairs:
        kind = names.get(name)
        if kind is None or kind in ("Coding", "CodeableConcept"):
            raise Unanswerable(None, name)
        found.setdefault(name, []).append(_read(name, text, kind))
    return Asked({name: tuple(values) for name, values in found.items()})


def from_parameters(resource: Any, names: Names) -> Asked:
    """The parameters of a Parameters resource. Raises Unanswerable for one that is not taken, Malformed for what is none."""
    rows = resource.get("parameter", []) if isinstance(resource, Mapping) else None
    if rows is None or resource.get("resourceType") != "Parameters" or not isinstance(rows, list) or len(rows) > _MOST:
        raise Malformed("The body is not a Parameters resource.")
    found: dict[str, list[Any]] = {}
    for row in rows:
        name = row.get("name") if isinstance(row, Mapping) else None
        if not isinstance(name, str):
            raise Malformed("A parameter has no name.", "Parameters.parameter")
        if name not in names:
            raise Unanswerable(None, name)
        found.setdefault(name, []).append(_valued(row, name, names[name]))
    return Asked({name: tuple(values) for name, values in found.items()})


def _valued(row: Mapping[str, Any], name: str, kind: str) -> Any:
    """The one `value[x]` of a row; texts may come as uri, code, string, canonical or date."""
    given = [(key[5:], value) for key, value in row.items() if key.startswith("value")]
    if len(given) != 1 or set(row) - {"name", "id"} != {f"value{given[0][0]}"}:
        raise Malformed("A parameter has not one value.", name)
    typed, value = given[0]
    if kind in _WHOLE:
        if typed.lower() != kind.lower() or not _fits(value, kind):
            raise Malformed("A parameter has a value of another type.", name)
        return value
    if not isinstance(value, str) or typed in ("Coding", "CodeableConcept"):
        raise Malformed("A parameter has a value of another type.", name)
    return _bounded(name, value)


def _fits(value: Any, kind: str) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9
    if kind == "boolean":
        return isinstance(value, bool)
    if not isinstance(value, Mapping):
        return False
    if kind == "Coding":
        return is_coding(value)
    codings = value.get("coding", [])
    return isinstance(codings, list) and all(isinstance(c, Mapping) and is_coding(c) for c in codings)


def is_coding(value: Mapping[str, Any]) -> bool:
    """Whether what is read of a Coding is text."""
    return all(isinstance(value.get(key, ""), str) for key in ("system", "version", "code", "display"))


def _read(name: str, text: str, kind: str) -> Any:
    if kind == "boolean":
        if text not in ("true", "false"):
            raise Malformed("A parameter has a value of another type.", name)
        return text == "true"
    if kind == "integer":
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise Malformed("A parameter has a value of another type.", name)
        return int(text)
    return _bounded(name, text)


def _bounded(name: str, text: str) -> str:
    if not text or len(text) > _LONGEST:
        raise Malformed("A parameter is empty or too long.", name)
    return text


def answered(*rows: tuple[str, str, Any]) -> dict[str, Any]:
    """(name, type, value) rows to a Parameters resource; rows whose value is None or empty text are left out."""
    parameter = [
        {"name": name, f"value{kind}": value} for name, kind, value in rows if value is not None and value != ""
    ]
    return {"resourceType": "Parameters", "parameter": parameter}
