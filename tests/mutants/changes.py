"""Small changes of the functions and tables of gateway/consent, one at a time (mutation testing; `run.py` tries them)."""

from __future__ import annotations

import ast
import copy
import importlib
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Change = tuple[str, Callable[[Any], None]]  # what it says after, what makes it of a copy of the node
_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.In: ast.NotIn,
    ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.Continue: ast.Break, ast.Break: ast.Continue,
}  # fmt: skip
_CALLED = {"any": "all", "all": "any", "min": "max", "max": "min"}
_GENERIC = {"frozenset", "set", "list", "dict", "tuple"}  # frozenset[str]() is an annotation


@dataclass(frozen=True)
class Mutant:
    """A changed function or table: its module and name, its line, what was changed, and the lines that a test must run to tell."""

    module: str
    name: str
    line: int
    said: str
    reach: tuple[range, ...]
    put: Callable[[], None]

    @property
    def key(self) -> str:
        """What names it in the list of equivalents: no line, since lines move."""
        return f"{self.module}.{self.name}: {self.said}"


def mutants(module: str) -> list[Mutant]:
    """Every change of one node in the functions, methods and tables of a module, in the order of its text."""
    loaded = importlib.import_module(f"gateway.consent.{module}")
    tree = ast.parse(Path(str(loaded.__file__)).read_text("utf-8"))
    found: list[Mutant] = []
    for top in tree.body:
        if isinstance(top, ast.FunctionDef):
            found += _numbered(_of_function(loaded, top, top, top.name))
        elif isinstance(top, ast.ClassDef):
            for one in top.body:
                if isinstance(one, ast.FunctionDef):
                    found += _numbered(_of_function(loaded, top, one, f"{top.name}.{one.name}"))
        elif isinstance(top, ast.Assign | ast.AnnAssign) and top.value is not None and _names(top) != {"__all__"}:
            found += _numbered(_of_table(loaded, tree, top))
    return found


def _numbered(found: Iterator[Mutant]) -> Iterator[Mutant]:
    """Those of one function; the second that says the same is told apart."""
    seen: dict[str, int] = {}
    for one in found:
        seen[one.said] = number = seen.get(one.said, 0) + 1
        said = one.said if number == 1 else f"{one.said} ({number})"
        yield replace(one, said=said)


def _of_function(loaded: types.ModuleType, top: ast.stmt, function: ast.FunctionDef, name: str) -> Iterator[Mutant]:
    for node, statement in _changeable(function, function):
        for said, change in _changes(node):
            memo: dict[int, Any] = {}
            made = copy.deepcopy(top, memo)
            change(memo[id(node)])
            code = compile(ast.fix_missing_locations(ast.Module([made], [])), str(loaded.__file__), "exec")
            put = _putting(loaded, name, code, memo[id(function)])
            yield Mutant(_short(loaded), name, statement.lineno, said, (_lines(statement),), put)


def _putting(loaded: types.ModuleType, name: str, code: types.CodeType, changed: ast.FunctionDef) -> Callable[[], None]:
    inner = code
    for part in name.split("."):
        inner = next(one for one in inner.co_consts if isinstance(one, types.CodeType) and one.co_name == part)

    def put() -> None:
        function = _function(loaded, name)
        function.__code__ = inner
        if function.__defaults__:
            function.__defaults__ = tuple(_value(one, loaded) for one in changed.args.defaults)
        named = zip(changed.args.kwonlyargs, changed.args.kw_defaults, strict=True)
        if function.__kwdefaults__:
            function.__kwdefaults__ = {one.arg: _value(default, loaded) for one, default in named if default}

    return put


def _value(expression: ast.expr, loaded: types.ModuleType) -> Any:
    return eval(compile(ast.Expression(expression), "default", "eval"), vars(loaded))


def _function(loaded: Any, name: str) -> Any:
    found: Any = loaded
    for part in name.split("."):
        found = vars(found)[part]
    found = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
    return getattr(found, "__wrapped__", found)


def _of_table(loaded: types.ModuleType, tree: ast.Module, top: ast.Assign | ast.AnnAssign) -> Iterator[Mutant]:
    """A value of a module: the statement runs again, and so do those after it that are made of it."""
    names, again = _names(top), []
    for later in tree.body[tree.body.index(top) + 1 :]:
        if isinstance(later, ast.Assign | ast.AnnAssign) and names & _mentioned(later):
            again.append(later)
            names |= _names(later)
    reach = tuple(_readers(loaded, tree, names))
    for node, _ in _changeable(top.value, top):  # type: ignore[arg-type]  # it has a value
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            continue  # a sentence for people
        for said, change in _changes(node):
            memo: dict[int, Any] = {}
            made = copy.deepcopy(top, memo)
            change(memo[id(node)])
            code = compile(ast.fix_missing_locations(ast.Module([made, *again], [])), str(loaded.__file__), "exec")
            put = _running(loaded, code, frozenset(names))
            yield Mutant(_short(loaded), f"={min(_names(top))}", top.lineno, said, reach, put)


def _readers(loaded: types.ModuleType, tree: ast.Module, names: set[str]) -> Iterator[range]:
    """The functions that mention a value; all of the module when another one has it as well."""
    whole = any(vars(room).get(name) is vars(loaded)[name] for room in _rooms(loaded) for name in names)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (whole or names & _mentioned(node)):
            yield _lines(node)


def _rooms(loaded: types.ModuleType) -> list[types.ModuleType]:
    """The other modules that may have a value of it."""
    return [m for n, m in sys.modules.items() if n.startswith(("gateway", "tests", "test_")) and m is not loaded]


def _running(loaded: types.ModuleType, code: types.CodeType, names: frozenset[str]) -> Callable[[], None]:
    def put() -> None:
        before = {name: vars(loaded)[name] for name in names}
        exec(code, vars(loaded))
        for room in _rooms(loaded):
            for name in names & vars(room).keys():
                if vars(room)[name] is before[name]:
                    vars(room)[name] = vars(loaded)[name]

    return put


def _names(top: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = top.targets if isinstance(top, ast.Assign) else [top.target]
    return {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}


def _mentioned(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _short(loaded: types.ModuleType) -> str:
    return loaded.__name__.rpartition(".")[2]


def _lines(statement: ast.stmt) -> range:
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def _changeable(node: ast.AST, statement: ast.stmt) -> Iterator[tuple[ast.AST, ast.stmt]]:
    """The nodes below one, itself first, each with the statement it stands in; no annotations, decorators or docstrings."""
    statement = node if isinstance(node, ast.stmt) else statement
    yield node, statement
    for child in _children(node):
        yield from _changeable(child, statement)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        if name == "slice" and isinstance(node.value, ast.Name) and node.value.id in _GENERIC:  # type: ignore[attr-defined]
            continue
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, ast.AST) and not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)):
                yield one


def _changes(node: ast.AST) -> Iterator[Change]:
    """(what is changed to what, the change)."""
    for said, change in (*_turned(node), *_left_out(node), *_valued(node)):
        yield " ".join(said.split()), change


def _turned(node: ast.AST) -> Iterator[Change]:
    """Operators and calls that say the opposite, or nearly the same."""
    match node:
        case ast.Compare(ops=ops):
            for place, op in enumerate(ops):
                if new := _SWAPPED.get(type(op)):
                    yield _told(node, f"{type(op).__name__} → {new.__name__}"), _operator(place, new)
        case ast.BoolOp(op=op) | ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in _SWAPPED:
            new = _SWAPPED[type(op)]
            yield _told(node, f"{type(op).__name__} → {new.__name__}"), lambda n: setattr(n, "op", new())
        case ast.UnaryOp(op=ast.Not()):
            yield _told(node, "no not"), lambda n: _become(n, ast.Call(ast.Name("bool", ast.Load()), [n.operand], []))
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            yield _told(node, f"→ {_CALLED[name]}"), lambda n: setattr(n.func, "id", _CALLED[name])
        case ast.If(test=test) | ast.IfExp(test=test):
            yield f"if {ast.unparse(test)}: → if not", lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))
        case ast.Continue() | ast.Break():
            new = _SWAPPED[type(node)]
            yield f"→ {new.__name__}", lambda n: _become(n, new())


def _operator(place: int, new: type[ast.AST]) -> Callable[[Any], None]:
    return lambda n: n.ops.__setitem__(place, new())


def _left_out(node: ast.AST) -> Iterator[Change]:
    """Results, calls and filters that are not there."""
    match node:
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and not value.value):
            yield f"return {ast.unparse(value)} → None", lambda n: setattr(n, "value", ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            yield _told(node, "left out"), lambda n: setattr(n, "value", ast.Constant(None))
        case ast.comprehension(ifs=[*tests]):
            for place, test in enumerate(tests):
                yield f"… if {ast.unparse(test)} → no filter", _unfiltered(place)


def _unfiltered(place: int) -> Callable[[Any], None]:
    return lambda n: n.ifs.__setitem__(place, ast.Constant(True))


def _valued(node: ast.AST) -> Iterator[Change]:
    """Other values."""
    match node:
        case ast.Constant(value=bool() as value):
            yield f"{value} → {not value}", lambda n: setattr(n, "value", not value)
        case ast.Constant(value=int() | float() as value):
            yield f"{value} → {value + 1}", lambda n: setattr(n, "value", value + 1)
        case ast.Constant(value=str() as value):
            yield f"{value!r} → {value + 'X'!r}", lambda n: setattr(n, "value", value + "X")


def _told(node: ast.AST, how: str) -> str:
    return f"{ast.unparse(node)}  {how}"


def _become(node: Any, other: ast.AST) -> None:
    node.__class__ = other.__class__
    node.__dict__.update(other.__dict__)
