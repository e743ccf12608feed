"""JSON Schema checks of a site's files: each finding with its file and line, saying what belongs there and never what stood there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

from gateway.data import data_path
from gateway.model.wire import read_json
from gateway.site.text import Problem, Written

Kind = Literal["site", "participant", "agreement", "policies", "cases"]
_FILES = {
    "site": ("site", "site.schema.json"),
    "register": ("policies", "policy-register.schema.json"),
    "rules": ("policies", "report-rules.schema.json"),
    "cases": ("policies", "policy-cases.schema.json"),
}
_TYPES = {"object": "names and values", "array": "a list", "string": "a text", "integer": "a whole number", "number": "a number",
          "boolean": "true or false"}  # fmt: skip


def schema_problems(written: Written, kind: Kind) -> tuple[Problem, ...]:
    """What is wrong with the form of a file (`policies`: of all of them, merged), in order of the lines."""
    errors = _validator(kind).iter_errors(written.value)
    found = {problem for error in errors for problem in _problems(error, written)}
    return tuple(sorted(found, key=lambda problem: (problem.file, problem.line, problem.text)))


def _problems(error: Any, written: Written) -> Iterator[Problem]:
    place = tuple(error.absolute_path)
    if error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield written.problem(f"{_name(place)}: {name} is missing.", *place)
    elif error.validator == "additionalProperties":
        for name in error.instance:
            if not _known(name, error.schema):
                yield written.problem(f"{_name((*place, name))}: there is no such setting.", *place, name)
    else:
        yield written.problem(f"{_name(place)}: {_said(error)}", *place)


def _known(name: str, schema: Any) -> bool:
    return name in schema.get("properties", {}) or any(re.search(p, name) for p in schema.get("patternProperties", {}))


def _name(place: tuple[str | int, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    return text or "the file"


def _said(error: Any) -> str:
    wanted = error.validator_value
    match error.validator:
        case "uniqueItems":
            return "a value stands here twice."
        case "minItems" | "minProperties" | "minLength":
            return "this must not be empty."
        case "type":
            return f"this must be {' or '.join(_TYPES.get(one, one) for one in _many(wanted))}."
        case "dependentRequired":
            return "one of two settings that need each other is missing."
    if described := error.schema.get("description"):
        return f"this must be {described}."
    if error.validator in ("enum", "const"):
        return f"this must be one of: {', '.join(str(one) for one in _many(wanted))}."
    return "this has the wrong form."


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@cache
def _validator(kind: Kind) -> Any:
    from jsonschema import Draft202012Validator, FormatChecker
    from referencing import Registry, Resource

    schemas = {name: read_json(data_path("validators", *parts).read_bytes()) for name, parts in _FILES.items()}
    registry: Any = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in schemas.values())
    whole = {"policies": schemas["register"], "cases": schemas["cases"]}
    start = whole.get(kind) or {"$ref": f"{schemas['site']['$id']}#/$defs/{kind}"}
    return Draft202012Validator(start, registry=registry, format_checker=FormatChecker())
