"""Maps checked as data (JSON Schema) and by compiling, and their `tests:` run; every problem with file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema

from gateway.data import data_path
from gateway.errors import Misconfigured
from gateway.mapping.blocks import plain
from gateway.mapping.compile import Compiler
from gateway.mapping.context import MapContext
from gateway.mapping.groups import apply
from gateway.mapping.load import Block, Library
from gateway.mapping.losses import losses
from gateway.mapping.origins import Leaf, render
from gateway.mapping.rules import Rules
from gateway.mapping.run import run
from gateway.mapping.scope import Run, Scope
from gateway.mapping.source import Node, Source
from gateway.model.wire import read_json

TRIAL = MapContext(sender="test")
Trial = Callable[[str, str, Mapping[str, Any]], tuple[Source, Node]]
"""Text of a test, the `from` of its map and the scopes of documents, to a source and the node that the map runs at."""


def problems(compiler: Compiler) -> Iterator[str]:
    """What is wrong with the maps and tables of a library: 0..* lines `file:line: …`. Form first: what has none is not compiled."""
    found = dict.fromkeys(_formed(compiler.library))
    yield from found or dict.fromkeys(_compiled(compiler))


def _formed(library: Library) -> Iterator[str]:
    """What is no YAML, breaks a schema, or cannot be laid over what it overrides."""
    validator = _validator("mapping.schema.json")
    for stem in library.names():
        try:
            block = library.block(stem)
            yield from (f"{_line(block, error)}: {error.message[:200]}" for error in validator.iter_errors(block))
        except Misconfigured as error:
            yield error.text
    try:
        library.ours()
        tables, where = library.tables(), f"{library.standard}/codes/tables.yaml:1"
        for found in _validator("tables.schema.json").iter_errors(tables):
            yield f"{_line(tables, found, where)}: {found.message[:200]}"
    except Misconfigured as error:
        yield error.text


def _compiled(compiler: Compiler) -> Iterator[str]:
    """What the compiler refuses; a name that leads nowhere is told at the row that names it."""
    library = compiler.library
    for stem in library.names():
        block = library.block(stem)
        try:
            compiler.rules(str(block.get("map")))
        except Misconfigured as error:
            yield _placed(block, error.text)
        except (AttributeError, KeyError, TypeError, ValueError):
            yield f"{block.where}: a value in this map has the wrong form"
    for name in library.tables():
        try:
            compiler.table(name)
        except Misconfigured as error:
            yield error.text


_NOWHERE = re.compile(r"mappings/[a-z0-9/.]*: there is no (?:map|table) (?P<name>\S+)")


def _placed(block: Block, text: str) -> str:
    found = _NOWHERE.fullmatch(text)
    return f"{_naming(block, found['name'], block.where) or block.where}: {text}" if found else text


def _naming(value: Any, name: str, where: str) -> str:
    """The line of the innermost mapping in which a text is that name, "" when there is none."""
    if isinstance(value, Mapping):
        value, where = list(value.values()), getattr(value, "where", where)
    if isinstance(value, list):
        return next((found for child in value if (found := _naming(child, name, where))), "")
    return where if value == name else ""


def _validator(name: str) -> Any:
    return jsonschema.Draft202012Validator(read_json(data_path("mappings", name).read_bytes()))


def _line(block: Any, error: jsonschema.ValidationError, where: str = "") -> str:
    """The line of the innermost mapping that the error is in."""
    here: Any = block
    where = getattr(block, "where", where)
    for step in error.absolute_path:
        here = here[step]
        where = getattr(here, "where", where)
    return where


def cases(compiler: Compiler) -> Iterator[tuple[Rules, Block]]:
    """Every test that stands beside the rows of a map."""
    for stem in compiler.library.names():
        rules = compiler.rules(str(compiler.library.block(stem)["map"]))
        yield from ((rules, case) for case in rules.tests)


def tried(compiler: Compiler, rules: Rules, case: Block, trial: Trial, document: str) -> str:
    """One test: "" when it comes out as said, else what differs. Resources are made by the whole document map."""
    scopes = compiler.rules(document).scopes
    source, node = trial(str(case["in"]), rules.own, scopes)
    if rules.identity or rules.to in _RESOURCES:
        made, lost = _resource(compiler, rules, source, document)
        got: Any = {key: made.get(key) for key in case["out"]}
    else:
        got, lost = _object(compiler, rules, source, node)
    if got != plain(case["out"]):
        return f"{case.where}: came out as {got}"
    if "lost" in case and lost != set(case["lost"]):
        return f"{case.where}: lost {sorted(lost)}"
    return ""


_RESOURCES = frozenset({"Patient", "Observation", "ServiceRequest", "DiagnosticReport", "Specimen"})


def _object(compiler: Compiler, rules: Rules, source: Source, node: Node) -> tuple[Any, set[str]]:
    state = Run(source, TRIAL, compiler.library.name)
    body: dict[str, Any] = {}
    apply(rules, Scope(state, node, body))
    cites: list[tuple[str, Leaf]] = []
    made = render(body, "", cites)
    cited = {source for _, leaf in cites for source in leaf.sources}
    below = [leaf.leaf for leaf in node.leaves()]
    lost = losses(below, cited, state.because)
    start = len(node.position)
    return made, {rules.own + one.source[start:] for one in lost if one.counts}


def _resource(compiler: Compiler, rules: Rules, source: Source, document: str) -> tuple[Mapping[str, Any], set[str]]:
    mapped = run(compiler, document, source, TRIAL)
    lost = {one.source for one in mapped.losses if one.counts and not one.source.startswith("MSH")}
    for item in mapped.items:
        if item.resource["resourceType"] == rules.to and item.origin.startswith(rules.own):
            return item.resource, lost
    return {}, lost
