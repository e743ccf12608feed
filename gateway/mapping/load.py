"""Maps as files: YAML with line numbers, found by name, overlays merged row by row, and a version made of their content.

A library reads one standard's folder (`mappings/hl7v2`) below 1..* roots; later roots (jurisdiction, sender, receiver) override rows
by `id`, `drop: true` takes a row out. Nothing is read before a map asks for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from gateway.errors import Misconfigured
from gateway.mapping.codes import Table, read_table

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FOLDERS = ("messages", "segments", "datatypes", ".")


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

    def block(self, name: str) -> Block:
        """The map of a name with its overlays and what it is `like`. Raises Misconfigured when there is none."""
        paths = self._files.get(_stem(name))
        if not paths:
            raise Misconfigured(f"mappings/{self.standard}: there is no map {name}")
        labels = self.used.setdefault(name, set())
        labels.update(self._label(path) for path in paths)
        made = self._read(paths[0])
        for path in paths[1:]:
            made = _merged(made, self._read(path))
        if (base := made.get("like")) is not None:
            made = _merged(self.block(str(base)), made)
            labels |= self.used[str(base)]
        return made

    def table(self, name: str) -> Table:
        """The code table of a name. Raises Misconfigured when tables.yaml does not declare it."""
        if self._about is None:
            self._about = self._merged_file("codes/tables.yaml")
        about = self._about.get(name)
        if not isinstance(about, Mapping):
            raise Misconfigured(f"mappings/{self.standard}/codes/tables.yaml: there is no table {name}")
        paths = [path for root in self.roots if (path := root / self.standard / "codes" / f"{name}.csv").exists()]
        self.used[f"{name}.csv"] = {self._label(path) for path in paths}
        for path in paths:
            self.contents[self._label(path)] = path.read_bytes()
        return read_table(name, about, paths)

    def name(self, key: str) -> str:
        """A URL or URN that maps need and that is ours to name (`mappings/names.yaml`)."""
        if self._names is None:
            self._names = {k: str(v) for root in self.roots for k, v in _optional(root / "names.yaml", root).items()}
        return self._names[key]

    def version(self, names: Iterable[str]) -> str:
        """Eight hexadecimal digits over the files of these maps (`PID[Patient]`) and tables (`marital-status.csv`)."""
        digest = hashlib.sha256()
        for label in sorted(set().union(*(self.used.get(name, ()) for name in names))):
            digest.update(label.encode() + b"\0" + self.contents[label] + b"\0")
        return digest.hexdigest()[:8]

    def _merged_file(self, relative: str) -> Mapping[str, Any]:
        merged: dict[str, Any] = {}
        for root in self.roots:
            path = root / self.standard / relative
            if path.exists():
                merged.update(self._read(path))
        return merged

    def _read(self, path: Path) -> Block:
        body = path.read_bytes()
        self.contents[self._label(path)] = body
        return read_yaml(body, self._label(path))

    def _label(self, path: Path) -> str:
        """The path below its root; overlays count by their place in the order."""
        for number, root in enumerate(self.roots):
            if path.is_relative_to(root):
                shown = path.relative_to(root).as_posix()
                return shown if number == 0 else f"{number}:{shown}"
        return path.name


def read_yaml(body: bytes, label: str) -> Block:
    """One YAML mapping to a Block. Raises Misconfigured with file and line for what is no YAML, no mapping, or has a key twice."""
    loader = LOADER(body)
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Misconfigured(f"{label}:{line}: {error.problem}") from None
    finally:
        loader.dispose()
    made = _made(node, label)
    if not isinstance(made, Block):
        raise Misconfigured(f"{label}:1: a mapping was expected")
    return made


_SCALARS: Mapping[str, Any] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:null": lambda _: None,
    "tag:yaml.org,2002:bool": lambda text: text.lower() in ("true", "yes", "on"),
}


def _made(node: Any, label: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        block = Block()
        block.where = f"{label}:{node.start_mark.line + 1}"
        for key_node, child in node.value:
            key = str(key_node.value)
            if key in block:
                raise Misconfigured(f"{label}:{key_node.start_mark.line + 1}: {key} is there twice")
            block[key] = _made(child, label)
        return block
    if isinstance(node, yaml.SequenceNode):
        return [_made(child, label) for child in node.value]
    if node is None:
        return None
    return _SCALARS.get(node.tag, str)(node.value)


def _merged(base: Block, over: Block) -> Block:
    """`over` on `base`: keys replace, `rows` merge by id, `ignore` and `scopes` add."""
    made = Block(base)
    made.where = over.where
    for key, value in over.items():
        if key == "rows":
            made["rows"] = _rows(base.get("rows") or [], value or [])
        elif key in ("ignore", "scopes"):
            made[key] = {**(base.get(key) or {}), **(value or {})}
        elif key != "like":
            made[key] = value
    return made


def _rows(base: list[Block], over: list[Block]) -> list[Block]:
    rows: dict[str, Block] = {str(row.get("id")): row for row in base}
    for row in over:
        if row.get("drop"):
            rows.pop(str(row.get("id")), None)
        else:
            rows[str(row.get("id"))] = row
    return list(rows.values())


def _optional(path: Path, root: Path) -> Block:
    return read_yaml(path.read_bytes(), path.relative_to(root).as_posix()) if path.exists() else cast(Block, {})


def _stem(name: str) -> str:
    """`PID[Patient]` is in `PID.Patient.yaml`."""
    return name.replace("[", ".").replace("]", "")
