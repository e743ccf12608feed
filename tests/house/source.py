"""The project's own files as the house tests see them: every module of `gateway/` with its syntax tree, every text that is handed on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = (".ci", "gateway", "mappings", "openapi", "profiles", "tests", "validators")
_MADE = {"__pycache__", "_data"}


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file of `gateway/`. `path` as in `gateway/stages/release.py`, `name` as in `gateway.stages.release`."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


@cache
def modules() -> tuple[Module, ...]:
    """Every module of `gateway/`, in the order of their paths; migrations are data of a database and not among them."""
    found = []
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        relative = path.relative_to(ROOT)
        if _MADE & set(relative.parts) or relative.parts[:3] == ("gateway", "store", "migrations"):
            continue
        text = path.read_text("utf-8")
        name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
        found.append(Module(relative.as_posix(), name, text, ast.parse(text)))
    return tuple(found)


def texts() -> Iterator[tuple[str, str]]:
    """Path and content of every text file that a clone of the project holds (0..* pairs)."""
    files = [path for folder in _FOLDERS for path in (ROOT / folder).rglob("*")]
    for path in sorted([*files, *ROOT.iterdir()]):
        if not path.is_file() or _MADE & set(path.parts) or path.name == ".coverage":
            continue
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that is imported, dotted in full (`gateway.model.released.Released`), with its line; lazy imports as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def called(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The last name of everything that is called (`send` of `transport.send(…)`), with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id, node.lineno
            elif isinstance(node.func, ast.Attribute):
                yield node.func.attr, node.lineno
