"""What is about to leave, laid out once for the proof: every leaf with where it stands, every resource with the leaves that are its own.

It shares nothing with the redactor: the finished output alone is read, and each check of `proof.py` looks at all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.model.document import Resource

Leaf = tuple[str, str, Any]  # indexed path (`Patient.name[0].family`), the same as `name.family.`, value
_MANY = (list, tuple)


@dataclass(frozen=True, slots=True)
class Inside:
    """A resource of an output: its indexed path, its type, it, what leads to it (`contained.`), and its leaves, those of resources in it included."""

    where: str
    kind: str
    resource: Mapping[str, Any]
    before: str
    leaves: Sequence[Leaf]

    def own(self, leaf: Leaf) -> str:
        """The path of one of its leaves, from it on."""
        return leaf[1][len(self.before) :]


def read(output: Resource) -> tuple[list[Leaf], list[Inside]]:
    """The leaves of an output in their order, and its resources, itself first."""
    leaves: list[Leaf] = []
    resources: list[Inside] = []
    _read(output, str(output["resourceType"]), "", leaves, resources)
    return leaves, resources


def _read(node: Any, where: str, plain: str, leaves: list[Leaf], resources: list[Inside]) -> None:
    if isinstance(node, Mapping):
        start, place = len(leaves), len(resources)
        for name, child in node.items():
            _below(child, f"{where}.{name}", f"{plain}{_plain(name)}", leaves, resources)
        if "resourceType" in node:
            resources.insert(place, Inside(where, str(node["resourceType"]), node, plain, leaves[start:]))
    elif isinstance(node, _MANY):
        for index, child in enumerate(node):
            _below(child, f"{where}[{index}]", plain, leaves, resources)
    else:
        leaves.append((where, plain, node))


def _below(child: Any, where: str, plain: str, leaves: list[Leaf], resources: list[Inside]) -> None:
    if child.__class__ is str:  # most of them are
        leaves.append((where, plain, child))
    else:
        _read(child, where, plain, leaves, resources)


def _plain(name: str) -> str:
    """`note.` of `note` and of `_note`; a name that is none of R4 is read like the path it looks like."""
    if name.isalnum():
        return f"{name}."
    return "".join(f"{part.partition('[')[0].removeprefix('_')}." for part in name.split("."))
