"""The project's own files as the house tests see them: every module of `gateway/` with its syntax tree, every text that is handed on."""

from __future__ import annotations

import ast
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


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """Path and content of every text file that a clone of the project holds (0..* pairs)."""
    made = []
    files = [path for folder in _FOLDERS for path in (ROOT / folder).rglob("*")]
    for path in sorted([*files, *ROOT.iterdir()]):
        if not path.is_file() or _MADE & set(path.parts) or path.name == ".coverage":
            continue
        try:
            made.append((path.relative_to(ROOT).as_posix(), path.read_text("utf-8")))
        except UnicodeDecodeError:
            continue
    return tuple(made)


@cache
def nodes(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Every node of a tree, walked once."""
    return tuple(ast.walk(tree))


@cache
def imported(tree: ast.AST) -> tuple[tuple[str, int], ...]:
    """Every name that is imported, dotted in full (`gateway.model.released.Released`), with its line; lazy imports as well."""
    found = []
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            found.extend((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.extend((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
    return tuple(found)


@cache
def called(tree: ast.AST) -> tuple[tuple[str, int], ...]:
    """The last name of everything that is called (`send` of `transport.send(…)`), with its line."""
    calls = [node for node in nodes(tree) if isinstance(node, ast.Call)]
    return tuple((named(node.func), node.lineno) for node in calls if named(node.func))


def named(node: ast.expr) -> str:
    """The last name of a name or an attribute, "" of anything else."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
