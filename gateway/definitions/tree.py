"""Element rows as a tree: children below an element, slices beside it (FHIR R4, ElementDefinition.id and .sliceName).

Rows are facts (facts.py). In a tree they hold neither path nor id, which follow from the place; `base` is always there and invariants are
written out, so that a row means the same in every structure it is copied into.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.definitions.facts import Facts
from gateway.errors import Misconfigured, TooLarge

MAX_ELEMENTS = 20_000
MAX_DEPTH = 40


@dataclass(slots=True)
class Node:
    """An element: `name` as in the path (`value[x]`), `slice` its slice name or empty, 0..* children and slices in order."""

    name: str
    slice: str = ""
    row: Facts = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    slices: list[Node] = field(default_factory=list)
    short: bool = False  # a type of a choice that a differential wrote by its short name

    def child(self, name: str) -> Node | None:
        """The unsliced child of that name."""
        return next((c for c in self.children if c.name == name), None)

    def sliced(self, name: str) -> Node | None:
        """The slice of that name."""
        return next((s for s in self.slices if s.slice == name), None)

    def copy(self) -> Node:
        """An independent tree; the values inside rows are shared, since merging replaces them and never changes them."""
        return Node(
            self.name, self.slice, dict(self.row), [c.copy() for c in self.children], [s.copy() for s in self.slices]
        )

    def size(self) -> int:
        """How many elements there are from here on."""
        return 1 + sum(c.size() for c in self.children) + sum(s.size() for s in self.slices)


def tree_of(facts: Facts) -> Node:
    """The tree of a structure's rows. Raises Misconfigured when an element has no place in it, TooLarge over a limit."""
    rows, table = facts["elements"], facts["invariants"]
    if not rows or len(rows) > MAX_ELEMENTS:
        raise TooLarge("A structure has no elements, or more than the limit.")
    known: dict[str, Node] = {}
    last: dict[str, str] = {}
    root = Node(rows[0]["path"].partition(".")[0])
    known[root.name] = root
    for row in rows:
        identity = _id(row, last)
        last[row["path"]] = identity
        _placed(identity, known).row.update(_independent(row, table))
    return root


def _id(row: Facts, last: Mapping[str, str]) -> str:
    """The id of a row if it says one that fits its path, else what its path, its slice name and the rows before it give."""
    path: str = row["path"]
    identity: str = row.get("id", path)
    if path.count(".") > MAX_DEPTH:
        raise TooLarge("A structure is nested too deeply.")
    if _plain(identity) == path and (":" in identity or "sliceName" not in row) and (":" in identity or "id" in row):
        return identity
    parent, _, name = path.rpartition(".")
    if not parent:
        return path
    above = last.get(parent, parent)
    tail = f"{name}:{row['sliceName']}" if "sliceName" in row else name
    return f"{above}.{tail}"


def _plain(identity: str) -> str:
    return ".".join(part.partition(":")[0] for part in identity.split("."))


def _placed(identity: str, known: dict[str, Node]) -> Node:
    """The node of an id; what stands above it and was not named (usual in a differential) is made without a row."""
    if identity in known:
        return known[identity]
    above, _, last = identity.rpartition(".")
    name, _, cut = last.partition(":")
    if not above:
        raise Misconfigured("A structure has more than one root element.")
    parent = _placed(above, known)
    if cut:
        plain = _placed(f"{above}.{name}", known)
        made = Node(name, cut)
        plain.slices.append(made)
    else:
        made = Node(name)
        parent.children.append(made)
    known[identity] = made
    return made


def _independent(row: Facts, table: Mapping[str, Facts]) -> Facts:
    made = {key: value for key, value in row.items() if key not in ("path", "id", "sliceName")}
    made["base"] = row.get("base") or f"{row['path']} {row.get('card', '..')}"
    if "invariants" in row:
        made["invariants"] = [{"key": i, **table[i]} if isinstance(i, str) else i for i in row["invariants"]]
    return made


def rows_of(root: Node) -> tuple[list[Facts], Facts]:
    """A tree as rows in the order of a snapshot, and the table of the invariants they name."""
    table: Facts = {}
    rows: list[Facts] = []
    for node, path, identity in _walk(root, root.name, root.name, 0):
        if len(rows) == MAX_ELEMENTS:
            raise TooLarge("A structure has more elements than the limit.")
        rows.append(_written(node, path, identity, table))
    return rows, table


def _walk(node: Node, path: str, identity: str, depth: int) -> Iterator[tuple[Node, str, str]]:
    if depth > MAX_DEPTH:
        raise TooLarge("A structure is nested too deeply.")
    yield node, path, identity
    for child in node.children:
        yield from _walk(child, f"{path}.{child.name}", f"{identity}.{child.name}", depth + 1)
    plain = identity.rpartition(":")[0] if node.slice else identity
    for cut in node.slices:
        yield from _walk(cut, path, f"{plain}:{cut.slice}", depth + 1)


def _written(node: Node, path: str, identity: str, table: Facts) -> Facts:
    row = {**node.row, "path": path}
    if identity != path:
        row["id"] = identity
    if node.slice:
        row["sliceName"] = node.slice
    if row.get("base") == f"{path} {row.get('card', '..')}":
        del row["base"]
    if "invariants" in row:
        row["invariants"] = [_named(i, table) for i in row["invariants"]]
    return row


def _named(invariant: Mapping[str, Any], table: Facts) -> str | Mapping[str, Any]:
    key: str = invariant["key"]
    meaning = {name: value for name, value in invariant.items() if name != "key"}
    return key if table.setdefault(key, meaning) == meaning else invariant


def at(root: Node, identity: str) -> Node | None:
    """The node of an element id (`Composition.section:plan.entry`), or None."""
    node: Node | None = root
    for step in identity.split(".")[1:]:
        name, _, cut = step.partition(":")
        node = node.child(name) if node else None
        node = node.sliced(cut) if node and cut else node
    return node


def nodes(root: Node) -> Iterable[Node]:
    """Every node of a tree."""
    return (node for node, _, _ in _walk(root, root.name, root.name, 0))
