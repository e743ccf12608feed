"""What the compiler asks of a block of YAML: are its keys known, are its rows told apart, what is it without its places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.errors import Misconfigured
from gateway.mapping.load import Block


def reading(block: Block, head: str) -> Block:
    """The same row reading from another head."""
    made = Block({**block, "from": head})
    made.where = block.where
    return made


def known(block: Block, keys: frozenset[str]) -> None:
    if unknown := set(block) - keys:
        raise Misconfigured(f"{block.where}: unknown: {', '.join(sorted(unknown))}")


def unique(rows: Any, block: Block) -> list[Any]:
    ids = [row.get("id") for row in rows if isinstance(row, Block) and "id" in row]
    if twice := {i for i in ids if ids.count(i) > 1}:
        raise Misconfigured(f"{block.where}: row ids used twice: {', '.join(sorted(map(str, twice)))}")
    return list(rows)


def plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: plain(child) for key, child in value.items()}
    return [plain(child) for child in value] if isinstance(value, list) else value
