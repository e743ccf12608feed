"""The text of a site: YAML files read strictly, every value with the file and line it stands at (YAML 1.2 core schema, no tags).

Keys are texts (`on:` is a name here, not a truth value), dates stay texts, only `true` and `false` are truth values. Duplicate keys,
tags, values that hold themselves and files beyond the limits are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.errors import Misconfigured

CASES = ".cases.yaml"  # how a truth table beside a file of policies is named
MAX_BYTES = 1_000_000
MAX_VALUES = 100_000
MAX_DEPTH = 32
Place = tuple[str | int, ...]

_CORE = "tag:yaml.org,2002:"
_TAKEN = frozenset(_CORE + name for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value"))
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at a line (1-based) of a file (relative to the site)."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class Written:
    """The value of a file (or of several, merged), and the file and line of each place in it (`("what", "types", 0)`)."""

    file: str
    value: Any
    places: Mapping[Place, tuple[str, int]]

    def problem(self, text: str, *place: str | int) -> Problem:
        """A problem at a place, or at the nearest one around it that is written."""
        while place and place not in self.places:
            place = place[:-1]
        file, line = self.places.get(place, (self.file, 1))
        return Problem(file, line, text)


class Unreadable(Exception):
    """A file that has no value; carries the one problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def broken(problems: tuple[Problem, ...], shown: int = 20) -> Misconfigured:
    """The error that names what is wrong: one problem per line, the first few of them."""
    lines = [str(problem) for problem in problems[:shown]]
    if len(problems) > shown:
        lines.append(f"… and {len(problems) - shown} more")
    return Misconfigured("\n".join(lines))


def read_yaml(root: Path, path: Path) -> Written:
    """One YAML document of plain values. Raises Unreadable."""
    import yaml

    name = path.relative_to(root).as_posix()
    text = _text(path, name)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if _depth(yaml.parse(text, Loader=loader)) > MAX_DEPTH:  # before the composer, which recurses
            raise Unreadable(Problem(name, 1, "The file is nested too deeply."))
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(
            Problem(name, mark.line + 1 if mark else 1, "This is not one well-formed YAML document.")
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise Unreadable(Problem(name, 1, "This is not one well-formed YAML document.")) from error
    if node is None:
        raise Unreadable(Problem(name, 1, "The file is empty."))
    making = _Making(name)
    return Written(name, making.value(node, ()), making.places)


def _depth(events: Iterable[Any]) -> int:
    """How deep a document goes, as far as it needs to be known."""
    deepest = depth = 0
    for event in events:
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            break
    return deepest


def _text(path: Path, name: str) -> str:
    try:
        body = path.read_bytes()
        if len(body) <= MAX_BYTES:
            return body.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(Problem(name, 1, "The file cannot be read as UTF-8 text.")) from error
    raise Unreadable(Problem(name, 1, "The file is too large."))


@dataclass
class _Making:
    """Nodes to values; counts what aliases repeat, so that a few lines cannot unfold into millions."""

    file: str
    places: dict[Place, tuple[str, int]] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)

    def value(self, node: Any, place: Place) -> Any:
        self.places[place] = (self.file, node.start_mark.line + 1)
        if len(self.places) > MAX_VALUES or len(place) > MAX_DEPTH or id(node) in self.open:
            raise self.unreadable("The file holds too many values, or one that holds itself.", node)
        kind = node.id
        if kind == "scalar":
            return self.scalar(node)
        self.open.add(id(node))
        made = self.mapping(node, place) if kind == "mapping" else self.sequence(node, place)
        self.open.discard(id(node))
        return made

    def sequence(self, node: Any, place: Place) -> list[Any]:
        self.plain(node, _CORE + "seq")
        return [self.value(child, (*place, number)) for number, child in enumerate(node.value)]

    def mapping(self, node: Any, place: Place) -> dict[str, Any]:
        self.plain(node, _CORE + "map")
        made: dict[str, Any] = {}
        for key, child in node.value:
            if key.id != "scalar" or key.tag == _CORE + "merge":
                raise self.unreadable("A key must be a plain name.", key)
            if key.value in made:
                raise self.unreadable(f"The key {key.value!r} stands here twice.", key)
            made[key.value] = self.value(child, (*place, key.value))
            self.places[*place, key.value] = (self.file, key.start_mark.line + 1)
        return made

    def plain(self, node: Any, tag: str) -> None:
        if node.tag != tag:
            raise self.unreadable("Tags are not taken here.", node)

    def scalar(self, node: Any) -> Any:
        if node.tag not in _TAKEN:
            raise self.unreadable("Tags are not taken here.", node)
        text = str(node.value)
        if node.style:  # quoted, or a block of text
            return text
        if node.tag == _CORE + "null":
            return None
        if text in ("true", "false"):
            return text == "true"
        if _INTEGER.fullmatch(text) and len(text) < 19:
            return int(text)
        return float(text) if _DECIMAL.fullmatch(text) else text

    def unreadable(self, text: str, node: Any) -> Unreadable:
        return Unreadable(Problem(self.file, node.start_mark.line + 1, text))


def repeated(values: Iterator[tuple[Written, Place, Any]]) -> Iterator[Problem]:
    """A problem for each value that stands at an earlier place already."""
    first: dict[Any, Problem] = {}
    for written, place, value in values:
        here = written.problem("", *place)
        if value in first:
            other = first[value]
            yield Problem(here.file, here.line, f"{place[0]}: this is already taken at {other.file}:{other.line}.")
        else:
            first[value] = here
