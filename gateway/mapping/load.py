"""Maps as files: YAML with line numbers, found by name, overlays merged row by row, and a version made of their content.

A library reads one standard's folder (`mappings/hl7v2`) below 1..* roots; later roots (jurisdiction, sender, receiver) override rows
by `id`, `drop: true` takes a row out. Nothing is read before a map asks for it. Which folders are roots is in overlay.py.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, cast

import yaml

from gateway.errors import Misconfigured
from gateway.mapping.codes import Code, Table, read_table

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FOLDERS = ("messages", "segments", "datatypes", ".")
MAX_BYTES = 1_000_000
MAX_VALUES = 100_000


class Block(dict[str, Any]):
    """A YAML mapping that knows where it stands, `file:line`."""

    __slots__ = ("where",)
    where: str


class Library:
    """The maps and code tables of one standard."""

    def __init__(self, standard: str, roots: tuple[Path, ...]) -> None:
        self.standard = standard
        self.roots = roots
        self.contents: dict[str, bytes] = {}
        self.used: dict[str, set[str]] = {}
        self._files = self._index()
        self._about: Mapping[str, Any] | None = None
        self._names: Mapping[str, str] | None = None

    def _index(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for root in self.roots:
            for folder in FOLDERS:
                for path in sorted((root / self.standard / folder).glob("*.yaml")):
                    found.setdefault(path.stem, []).append(path)
        return found

    def names(self) -> Iterable[str]:
        """The file names without ending of all maps."""
        return self._files

    def has(self, name: str) -> bool:
        """Is there a map of that name (`PID[Patient]`, `ADT_A03`)?"""
        return _stem(name) in self._files

    def block(self, name: str, inside: tuple[str, ...] = ()) -> Block:
        """The map of a name with its overlays and what it is `like`. Raises Misconfigured when there is none."""
        layers = self.layers(name)
        base = next((str(one["like"]) for one in reversed(layers) if one.get("like") is not None), "")
        if base in (name, *inside):
            raise Misconfigured(f"{layers[-1].where}: like: {base} leads back to this map")
        made = self.block(base, (name, *inside)) if base else None
        for layer in layers:
            made = layer if made is None else _merged(made, layer)
        self.used[name] |= self.used[base] if base else set()
        return cast(Block, made)

    def layers(self, name: str) -> list[Block]:
        """The files of that name as they are written, weakest first: 1..* of them. Raises Misconfigured when there is none."""
        paths = self._files.get(_stem(name))
        if not paths:
            raise Misconfigured(f"mappings/{self.standard}: there is no map {name}")
        self.used.setdefault(name, set()).update(self._key(path) for path in paths)
        return [self._read(path) for path in paths]

    def tables(self) -> Mapping[str, Any]:
        """What every `codes/tables.yaml` declares, by table name."""
        if self._about is None:
            self._about = self._declared()
        return self._about

    def table(self, name: str) -> Table:
        """The code table of a name. Raises Misconfigured when tables.yaml does not declare it, or a row is not sound."""
        about = self.tables().get(name)
        if not isinstance(about, Mapping):
            raise Misconfigured(f"mappings/{self.standard}/codes/tables.yaml: there is no table {name}")
        used = self.used[f"{name}.csv"] = {self._key(path) for path in self._written("codes/tables.yaml")}
        rows: dict[str, Code] = {}
        for path in self._written(f"codes/{name}.csv"):
            used.add(self._key(path))
            self.contents[self._key(path)] = path.read_bytes()
            rows.update(self._rows(name, about, path))
        return replace(read_table(name, about, ()), rows=rows)

    def _rows(self, name: str, about: Mapping[str, Any], path: Path) -> Mapping[str, Code]:
        """The rows of one file; what is wrong with them is told with the file as it lies in the site."""
        try:
            return read_table(name, about, [path]).rows
        except Misconfigured as error:
            raise Misconfigured(f"{self.label(path)}:{error.text.removeprefix(f'{path.name}:')}") from None
        except (UnicodeDecodeError, csv.Error):
            raise Misconfigured(f"{self.label(path)}:1: this is no CSV in UTF-8") from None

    def name(self, key: str) -> str:
        """A URL or URN that maps need and that is ours to name (`mappings/names.yaml`)."""
        return self.ours()[key]

    def ours(self) -> Mapping[str, str]:
        """Everything that `names.yaml` names."""
        if self._names is None:
            paths = [path for root in self.roots if (path := root / "names.yaml").exists()]
            self._names = {key: str(value) for path in paths for key, value in self._read(path).items()}
            self.used["names.yaml"] = {self._key(path) for path in paths}
        return self._names

    def version(self, names: Iterable[str]) -> str:
        """Eight hexadecimal digits over the files of these maps (`PID[Patient]`), tables (`marital-status.csv`) and names.yaml."""
        self.ours()
        digest = hashlib.sha256()
        for key in sorted(set().union(*(self.used.get(name, ()) for name in (*names, "names.yaml")))):
            digest.update(key.encode() + b"\0" + self.contents[key] + b"\0")
        return digest.hexdigest()[:8]

    def _declared(self) -> Mapping[str, Any]:
        merged: dict[str, Any] = {}
        for path in self._written("codes/tables.yaml"):
            merged.update(self._read(path))
        return merged

    def _written(self, relative: str) -> list[Path]:
        """The files of that name below the roots, weakest first."""
        return [path for root in self.roots if (path := root / self.standard / relative).exists()]

    def _read(self, path: Path) -> Block:
        body = path.read_bytes()
        self.contents[self._key(path)] = body
        return read_yaml(body, self.label(path))

    def _root(self, path: Path) -> int:
        """The number of the root that a file lies below: the nearest, because a sender's root lies in the site's."""
        inside = (number for number, root in enumerate(self.roots) if path.is_relative_to(root))
        return max(inside, key=lambda number: len(self.roots[number].parts))

    def _key(self, path: Path) -> str:
        """The path below its root; overlays count by their place in the order."""
        number = self._root(path)
        shown = path.relative_to(self.roots[number]).as_posix()
        return shown if number == 0 else f"{number}:{shown}"

    def label(self, path: Path) -> str:
        """The path as people look for it: below the maps that are shipped, or from the site's `mappings/` on."""
        number = self._root(path)
        below = path.relative_to(self.roots[number]).as_posix()
        return below if number == 0 else f"{shown(self.roots[number])}/{below}"


def shown(root: Path) -> str:
    """An overlay's root in messages: `mappings/senders/hanbit`, else the name of the folder."""
    parts = root.parts
    start = max((number for number, part in enumerate(parts) if part == "mappings"), default=len(parts) - 1)
    return "/".join(parts[start:])


def read_yaml(body: bytes, label: str) -> Block:
    """One YAML mapping to a Block. Raises Misconfigured with file and line for what is no YAML, no mapping, or has a key twice."""
    try:
        made = _made(_node(body, label), label, count(1))
    except RecursionError:
        raise Misconfigured(f"{label}:1: the file is nested too deeply") from None
    if not isinstance(made, Block):
        raise Misconfigured(f"{label}:1: a mapping was expected")
    return made


def _node(body: bytes, label: str) -> Any:
    if len(body) > MAX_BYTES:
        raise Misconfigured(f"{label}:1: the file is too large")
    try:
        loader = LOADER(body)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Misconfigured(f"{label}:{line}: {error.problem}") from None
    except (yaml.YAMLError, RecursionError):
        raise Misconfigured(f"{label}:1: this is no YAML in UTF-8") from None


_SCALARS: Mapping[str, Any] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:null": lambda _: None,
    "tag:yaml.org,2002:bool": lambda text: text.lower() in ("true", "yes", "on"),
}


def _made(node: Any, label: str, values: Iterator[int]) -> Any:
    """A node as values; they are counted, because a few aliases can unfold into millions."""
    if node is not None and next(values) > MAX_VALUES:
        raise Misconfigured(
            f"{label}:{node.start_mark.line + 1}: the file holds too many values, or one that holds itself"
        )
    if isinstance(node, yaml.MappingNode):
        return _block(node, label, values)
    if isinstance(node, yaml.SequenceNode):
        return [_made(child, label, values) for child in node.value]
    if node is None:
        return None
    return _SCALARS.get(node.tag, str)(node.value)


def _block(node: Any, label: str, values: Iterator[int]) -> Block:
    block = Block()
    block.where = f"{label}:{node.start_mark.line + 1}"
    for key_node, child in node.value:
        key = str(key_node.value)
        if key in block:
            raise Misconfigured(f"{label}:{key_node.start_mark.line + 1}: {key} is there twice")
        block[key] = _made(child, label, values)
    return block


def _merged(base: Block, over: Block) -> Block:
    """`over` on `base`: keys replace, `rows` merge by id, `ignore`, `scopes` and `back` add. Raises Misconfigured for what has no such form."""
    made = Block(base)
    made.where = over.where
    for key, value in over.items():
        if key == "rows":
            made["rows"] = _rows(base.get("rows") or [], value or [], over.where)
        elif key in ("ignore", "scopes", "back"):
            if not isinstance(value or {}, Mapping):
                raise Misconfigured(f"{over.where}: {key} is a mapping")
            made[key] = {**(base.get(key) or {}), **(value or {})}
        elif key != "like":
            made[key] = value
    return made


def _rows(base: list[Block], over: Any, where: str) -> list[Block]:
    if not isinstance(over, list):
        raise Misconfigured(f"{where}: rows is a list")
    rows: dict[str, Block] = {str(row.get("id")): row for row in base}
    said: set[str] = set()
    for row in over:
        if not isinstance(row, Block) or row.get("id") is None:
            raise Misconfigured(f"{getattr(row, 'where', where)}: a row needs an id")
        name = str(row["id"])
        if name in said:
            raise Misconfigured(f"{row.where}: row ids used twice: {name}")
        if row.get("drop") and name not in rows:
            raise Misconfigured(f"{row.where}: there is no row {name} to drop")
        said.add(name)
        if row.get("drop"):
            del rows[name]
        else:
            rows[name] = row
    return list(rows.values())


def _stem(name: str) -> str:
    """`PID[Patient]` is in `PID.Patient.yaml`."""
    return name.replace("[", ".").replace("]", "")
