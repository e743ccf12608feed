"""`make mutants`: one small change at a time in gateway/consent, and does a test notice? (mutation testing; not in CI)

`run.py [MODULE …] [--most N]` changes functions of these modules (all that decide, without a name) and runs the quick tests of consent on
each change. The tests are collected once; each mutant is a fork of that process in which the code of one function is another one, so that
nothing is loaded twice. What survives is listed with its line. Exit code 1 below GOAL.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import os
import signal
import sys
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

GOAL = 0.95
MODULES = (
    "decision", "dimensions", "provisions", "filed", "trust", "verdict", "statutes", "purpose", "period", "marks", "succession", "restate",
)  # fmt: skip
TESTS = (
    "test_vectors", "test_edges", "test_rules", "test_statutes", "test_succession", "test_explain", "test_restate", "test_labels", "test_reporting",
)  # fmt: skip
PATIENCE = 60  # seconds for a mutant; one that does not end is noticed
ROOT = Path(__file__).resolve().parents[2]
_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.In: ast.NotIn,
    ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_CALLED = {"any": "all", "all": "any", "min": "max", "max": "min"}


@dataclass(frozen=True)
class Mutant:
    """A changed function: its module, where it is, the line, what was changed, and the code that it has then."""

    module: str
    function: str
    line: int
    said: str
    code: types.CodeType


def mutants(module: str) -> Iterator[Mutant]:
    """Every change of one node in the functions of a module."""
    loaded: Any = importlib.import_module(f"gateway.consent.{module}")
    path = Path(loaded.__file__)
    tree = ast.parse(path.read_text("utf-8"))
    places = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for place in places:
        inner = {
            id(n) for other in places if other is not place for n in ast.walk(other) if other in list(ast.walk(place))
        }
        for node in _changeable(place):
            if id(node) in inner:
                continue
            for said, changed in _changes(tree, node):
                code = compile(ast.fix_missing_locations(changed), str(path), "exec")
                name = _qualified(tree, place)
                found = _code(code, name.split("."))
                if found is not None:
                    yield Mutant(module, name, getattr(node, "lineno", place.lineno), said, found)


def _changeable(function: ast.FunctionDef) -> Iterator[ast.AST]:
    skipped = {
        id(n)
        for arg in ast.walk(function.args)
        if isinstance(arg, ast.arg) and arg.annotation
        for n in ast.walk(arg.annotation)
    }
    skipped |= {id(n) for n in ast.walk(function.returns)} if function.returns else set()
    for node in ast.walk(function):
        if isinstance(node, ast.AnnAssign):
            skipped |= {id(n) for n in ast.walk(node.annotation)}
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))  # a docstring
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id in ("frozenset", "set", "list")
        ):
            skipped |= {id(n) for n in ast.walk(node.slice)}  # frozenset[str]() is an annotation
    return (node for node in ast.walk(function) if id(node) not in skipped)


def _changes(tree: ast.Module, node: ast.AST) -> Iterator[tuple[str, ast.Module]]:
    """(what was changed, the whole tree with it)."""

    def with_(change: Any) -> ast.Module:
        memo: dict[int, Any] = {}
        made = copy.deepcopy(tree, memo)
        change(memo[id(node)])
        return made

    yield from ((said, with_(change)) for said, change in (*_turned(node), *_other(node)))


def _turned(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Operators and calls that say the opposite, or nearly the same."""
    match node:
        case ast.Compare(ops=[op, *_]) if type(op) in _SWAPPED:
            new = _SWAPPED[type(op)]
            yield f"{type(op).__name__} → {new.__name__}", lambda n: n.ops.__setitem__(0, new())
        case ast.BoolOp(op=op) | ast.BinOp(op=op) if type(op) in _SWAPPED:
            new = _SWAPPED[type(op)]
            yield f"{type(op).__name__} → {new.__name__}", lambda n: setattr(n, "op", new())
        case ast.UnaryOp(op=ast.Not()):
            yield "not dropped", lambda n: _become(n, ast.Call(ast.Name("bool", ast.Load()), [n.operand], []))
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            yield f"{name} → {_CALLED[name]}", lambda n: setattr(n.func, "id", _CALLED[name])
        case ast.If():
            yield "if → if not", lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))
        case ast.IfExp():
            yield "… if → … if not", lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))


def _other(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Other values."""
    match node:
        case ast.Constant(value=bool() as value):
            yield f"{value} → {not value}", lambda n: setattr(n, "value", not value)
        case ast.Constant(value=int() as value):
            yield f"{value} → {value + 1}", lambda n: setattr(n, "value", value + 1)
        case ast.Constant(value=str() as value):
            yield f"{value!r} → {value + 'X'!r}", lambda n: setattr(n, "value", value + "X")
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and not value.value):
            yield "return None", lambda n: setattr(n, "value", ast.Constant(None))


def _become(node: Any, other: ast.expr) -> None:
    node.__class__ = other.__class__
    node.__dict__.update(other.__dict__)


def _qualified(tree: ast.Module, function: ast.FunctionDef) -> str:
    for node in tree.body:
        if node is function:
            return function.name
        if isinstance(node, ast.ClassDef) and function in node.body:
            return f"{node.name}.{function.name}"
    return f"?.{function.name}"  # inside another function: it changes with that one


def _code(code: types.CodeType, names: list[str]) -> types.CodeType | None:
    for one in code.co_consts:
        if isinstance(one, types.CodeType) and one.co_name == names[0]:
            return one if len(names) == 1 else _code(one, names[1:])
    return None


def _function(module: str, name: str) -> Any:
    found: Any = importlib.import_module(f"gateway.consent.{module}")
    for part in name.split("."):
        found = vars(found)[part]
    found = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
    return getattr(found, "__wrapped__", found)


class Session:
    """Takes the place of pytest's own loop: every mutant a fork, its tests in their order, until one notices."""

    def __init__(self, modules: list[str], most: int) -> None:
        self.modules, self.most = modules, most
        self.survived: dict[str, list[Mutant]] = {}
        self.tried: dict[str, int] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        if self._noticed(session, None):
            raise SystemExit("The tests fail without any change.")
        for module in self.modules:
            made = list(mutants(module))
            step = max(1, len(made) // self.most) if self.most else 1
            chosen = made[::step]
            self.tried[module] = len(chosen)
            self.survived[module] = [one for one in chosen if not self._noticed(session, one)]
            self._tell(module)
        return True

    def _noticed(self, session: Any, mutant: Mutant | None) -> bool:
        child = os.fork()
        if child == 0:
            self._run(session, mutant)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return status != 0
            time.sleep(0.005)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return True

    def _run(self, session: Any, mutant: Mutant | None) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        if mutant is not None:
            try:
                _function(mutant.module, mutant.function).__code__ = mutant.code
            except (KeyError, ValueError, AttributeError):
                os._exit(1)  # no such code can be put there
        for index, item in enumerate(session.items):
            following = session.items[index + 1] if index + 1 < len(session.items) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                os._exit(1)
        os._exit(0)

    def _tell(self, module: str) -> None:
        tried, survived = self.tried[module], self.survived[module]
        sys.__stdout__.write(f"{module}: {tried - len(survived)} of {tried} noticed\n")  # type: ignore[union-attr]
        for one in survived:
            sys.__stdout__.write(f"  gateway/consent/{module}.py:{one.line}: {one.function}: {one.said}\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]


def main() -> int:
    """Tries them, tells what survived, and gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", choices=[*MODULES, []], default=[])
    parser.add_argument("--most", type=int, default=0, help="about so many of each module, evenly spread")
    said = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    loop = Session(said.modules or list(MODULES), said.most)
    files = [f"tests/consent/{name}.py" for name in TESTS if (ROOT / "tests/consent" / f"{name}.py").is_file()]
    pytest.main(
        ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:logging", "-s", *files], plugins=[loop]
    )
    tried, survived = sum(loop.tried.values()), sum(map(len, loop.survived.values()))
    sys.stdout.write(
        f"{tried - survived} of {tried} noticed ({(tried - survived) / max(tried, 1):.1%}); the goal is {GOAL:.0%}\n"
    )
    return 0 if tried and (tried - survived) / tried >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
