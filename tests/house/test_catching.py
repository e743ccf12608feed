"""Who may catch everything: the doors and the journal, each for the reason that stands here; everybody else catches what it names."""

from __future__ import annotations

import ast

from tests.house.source import Module, modules, nodes

_WHO_AND_WHY = {
    ("gateway/inbound/mount.py", "endpoint"): "the HTTP door: a defect is told as a constant 500",
    ("gateway/inbound/mllp.py", "_answer"): "the MLLP door: the sender is told that nothing was taken",
    ("gateway/console/pages.py", "_answer"): "the door of the pages: a defect is a constant page",
    ("gateway/pipeline/push.py", "push"): "the journal: a crash in the line is on record like a refusal",
    ("gateway/pipeline/pull.py", "pull"): "the journal: a crash in a question is on record like a refusal",
    ("gateway/pipeline/fetching.py", "fetched"): "the journal: a crash while a holder is asked is put on record by `pull`, and nothing is answered",
    ("gateway/pipeline/push.py", "_alone"): "the journal: a crash in one exchange parks it and leaves the others",
    ("gateway/pipeline/__init__.py", "worked"): "the journal: a crash in a delivery is on record and blocks its lane only",
    ("gateway/pipeline/workers.py", "_forever"): "a worker goes on whatever one round of it met",
    ("gateway/store/writer.py", "*"): "the writer goes on; whoever asked for the unit is told",
    ("gateway/mapping/compile.py", "*"): "a half-compiled map is taken back, and the exception goes on (`raise`)",
}  # fmt: skip


def _broad(module: Module) -> list[tuple[str, ast.ExceptHandler]]:
    """(function, handler) of every handler that catches Exception, BaseException or everything."""
    found = []
    for function in nodes(module.tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in _own(function):
                if isinstance(node, ast.ExceptHandler) and _is_broad(node.type):
                    found.append((function.name, node))
    return found


def _own(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    made: list[ast.AST] = []
    left: list[ast.AST] = list(function.body)
    while left:
        node = left.pop()
        made.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            left.extend(ast.iter_child_nodes(node))
    return made


def _is_broad(kind: ast.expr | None) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(one is None or (isinstance(one, ast.Name) and one.id in ("Exception", "BaseException")) for one in kinds)


def _named(path: str, function: str) -> bool:
    return (path, function) in _WHO_AND_WHY or (path, "*") in _WHO_AND_WHY


def test_only_doors_and_journal_catch_everything() -> None:
    found = [(m.path, function) for m in modules() for function, _ in _broad(m)]
    assert [one for one in found if not _named(*one)] == []


def test_no_reason_outlives_its_handler() -> None:
    found = {(m.path, function) for m in modules() for function, _ in _broad(m)}
    paths = {path for path, _ in found}
    assert {(p, f) for p, f in _WHO_AND_WHY if (p, f) not in found and not (f == "*" and p in paths)} == set()


def test_nothing_is_swallowed() -> None:
    """A handler that catches everything does something; a bare `pass` would hide a defect."""
    silent = [
        (m.path, f) for m in modules() for f, handler in _broad(m) if all(isinstance(n, ast.Pass) for n in handler.body)
    ]
    assert silent == []


def test_what_is_caught_to_be_undone_is_raised_again() -> None:
    for module in modules():
        for function, handler in _broad(module):
            if isinstance(handler.type, ast.Name) and handler.type.id == "BaseException":
                assert any(isinstance(node, ast.Raise) for node in ast.walk(handler)), (module.path, function)
