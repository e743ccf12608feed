"""Check a site's policies and report rules when they are loaded, so that a slip of the pen stops the start and not a disclosure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from gateway.consent.codes import codes
from gateway.data import data_path
from gateway.errors import Misconfigured
from gateway.model.wire import read_json

Register = Mapping[str, Any]
_LISTS = ("securityLabelling", "statutes", "prohibitions", "codeMaps", "reportRules", "handling")


def checked(register: Register, name: str = "policies") -> Register:
    """The register itself when it is sound. Raises Misconfigured naming each place (`name: statutes[0].purposes[1]: …`)."""
    _complain(name, _schema_errors("policy-register.schema.json", register))
    _complain(name, [*_twice(register), *_unknown_codes(register), *_unknown_statutes(register)])
    return register


def checked_report_rules(rules: Sequence[Mapping[str, Any]], name: str = "report-rules") -> Sequence[Mapping[str, Any]]:
    """The rules themselves when they are sound. Raises Misconfigured naming each place."""
    _complain(name, _schema_errors("report-rules.schema.json", rules))
    _complain(name, list(_twice({"reportRules": rules})))
    return rules


def _complain(name: str, errors: Iterable[str]) -> None:
    found = list(errors)
    if found:
        raise Misconfigured(f"{name}: " + "; ".join(found), *found)


def _schema_errors(schema: str, value: Any) -> list[str]:
    errors = sorted(_validator(schema).iter_errors(value), key=lambda error: error.json_path)
    return [f"{error.json_path.removeprefix('$').lstrip('.') or 'the file'}: {_said(error)}" for error in errors]


def _said(error: Any) -> str:
    """What a schema error says, cut short: a register holds no personal data, yet a page of it helps nobody."""
    return str(error.message)[:160]


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator, FormatChecker
    from referencing import Registry, Resource

    schemas = {n: read_json(data_path("validators", "policies", n).read_bytes()) for n in _SCHEMAS}
    registry: Any = Registry().with_resources((s["$id"], Resource.from_contents(s)) for s in schemas.values())
    return Draft202012Validator(schemas[name], registry=registry, format_checker=FormatChecker())


def _twice(register: Register) -> Iterator[str]:
    for part in _LISTS:
        seen: set[str] = set()
        for place, row in enumerate(register.get(part, ())):
            if row["id"] in seen:
                yield f"{part}[{place}].id: this id is there twice"
            seen.add(row["id"])


def _unknown_codes(register: Register) -> Iterator[str]:
    """Purposes that no request can ever ask for: the row would silently never match."""
    for part in ("statutes", "prohibitions", "handling"):
        for place, row in enumerate(register.get(part, ())):
            for inner, purpose in enumerate(row.get("purposes", ())):
                if purpose not in codes().purposes:
                    yield f"{part}[{place}].purposes[{inner}]: not a purpose of use that is known here"


def _unknown_statutes(register: Register) -> Iterator[str]:
    known = {row["id"] for row in register.get("statutes", ()) if row.get("reportRules")}
    for place, row in enumerate(register.get("reportRules", ())):
        if row["statute"] not in known:
            yield f"reportRules[{place}].statute: no statute of this register takes report rules under that id"
    there = {row["id"] for row in register.get("statutes", ())}
    for place, row in enumerate(register.get("handling", ())):
        for inner, name in enumerate(row.get("statutes", ())):
            if name not in there:
                yield f"handling[{place}].statutes[{inner}]: no statute of this register has that id"


_SCHEMAS = ("policy-register.schema.json", "report-rules.schema.json")
