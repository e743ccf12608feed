"""What an expression is made of (FHIRPath 2.0, grammar in appendix B).

Chains of one operator that groups from the left (`a or b or c`) are one node with 2..* operands, so that long lists do not nest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST_DEEP = 100


@dataclass(frozen=True, slots=True, eq=False)
class Literal:
    """A value written out; `value` None is the empty collection `{}`."""

    value: Any
    depth: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Special:
    """`$this`, `$index`, `$total`."""

    name: str
    depth: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class External:
    """`%name`."""

    name: str
    depth: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A child by name; without a source it is one of the focus."""

    source: Syntax | None
    name: str
    depth: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A function on a source, or on the focus."""

    source: Syntax | None
    name: str
    arguments: tuple[Syntax, ...]
    depth: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """`source[place]`."""

    source: Syntax
    place: Syntax
    depth: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Polarity:
    """`+x` and `-x`."""

    sign: str
    operand: Syntax
    depth: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """An operator with its 2..* operands."""

    operator: str
    operands: tuple[Syntax, ...]
    depth: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class TypeOperation:
    """`x is T`, `x as T`; `type` is the name as written, with its qualifier."""

    operator: str
    operand: Syntax
    type: str
    depth: int = 1


Syntax = Literal | Special | External | Member | Call | Index | Polarity | Operation | TypeOperation
