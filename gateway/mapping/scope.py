"""What a rule sees while it runs: its node, the object it writes to, the run around it; nothing outlives the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import quote

from gateway.errors import TooLarge
from gateway.mapping.codes import Code, Table
from gateway.mapping.context import MapContext
from gateway.mapping.ids import keyed_id
from gateway.mapping.source import Node, Source
from gateway.model.report import Finding, Severity


class Drafted(Protocol):
    """The map that a draft is made by, as far as the draft needs it."""

    @property
    def name(self) -> str:
        """`PID[Patient]`."""
        ...

    @property
    def to(self) -> str:
        """The resource type."""
        ...

    @property
    def agree(self) -> tuple[str, ...]:
        """The lists that two of the same id must have something in common in, to be one thing."""
        ...

    @property
    def merges(self) -> bool:
        """Are two of the same id one thing (a practitioner), or two (two results)?"""
        ...


@dataclass(slots=True, eq=False)
class Draft:
    """A resource in the making. `turn` is 0, or which of several different things with the same seeds this is; `open` while made."""

    rules: Drafted
    id: str
    seeds: tuple[str, ...]
    body: dict[str, Any] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    derived_from: list[Draft] = field(default_factory=list)
    kept: bool = False
    open: bool = True
    turn: int = 0

    @property
    def reference(self) -> str:
        """`Type/id`, or "" when nothing of the source is in it."""
        return f"{self.rules.to}/{self.id}" if self.kept else ""


class Run:
    """One document going through one map: what has been made, noticed and ignored so far."""

    def __init__(self, source: Source, context: MapContext, name_of: Callable[[str], str], most: int = 0) -> None:
        self.source = source
        self.most = most
        self.context = context
        self.name_of = name_of
        self.sender = context.sender or source.sender
        self.drafts: dict[tuple[str, str], Draft] = {}
        self.made: set[str] = set()  # references of drafts that are kept
        self.findings: list[Finding] = []
        self.because: dict[str, str] = {}
        self.missed: set[tuple[str, str]] = set()

    @cached_property
    def quoted_sender(self) -> str:
        """The sender as part of a URI."""
        return quote(self.sender or "unknown", safe="")

    def row_of(self, table: Table, code: str) -> Code | None:
        """The row of a code; one that is missing from a table that turns codes into others is remembered (gaps.py)."""
        found = table.find(code)
        if found is None and code and table.rows:
            self.missed.add((table.name, code))
        return found

    def keep(self, draft: Draft) -> None:
        """A draft that became a resource; several of one reference count once. Raises TooLarge over the bound."""
        self.made.add(draft.reference)
        self.bound(len(self.made))

    def bound(self, resources: int) -> None:
        """Raises TooLarge when so many resources are more than is taken of one document."""
        if self.most and resources > self.most:
            raise TooLarge("One document holds more resources than are taken at a time; send them in parts.")

    def find(self, severity: Severity, code: str, position: str, text: str, rule: str) -> None:
        """A finding at a source position; never with the value."""
        self.findings.append(Finding(severity, code, position, text, rule=rule))

    def id_of(self, kind: str, seeds: tuple[str, ...]) -> str:
        """The keyed id of a thing of this sender."""
        return keyed_id(self.context.id_key, self.sender, kind, seeds)


_NONE: Mapping[str, Any] = {}


class Scope:
    """One rule at work: `top` is the node of its map, `node` the current one, `body` the object it writes to."""

    __slots__ = ("body", "draft", "node", "params", "run", "top")

    def __init__(
        self,
        run: Run,
        node: Node,
        body: dict[str, Any],
        draft: Draft | None = None,
        params: Mapping[str, Any] = _NONE,
        top: Node | None = None,
    ) -> None:
        self.run = run
        self.top = top or node
        self.node = node
        self.body = body
        self.draft = draft
        self.params = params

    def at(self, node: Node, body: dict[str, Any]) -> Scope:
        """The same map at another node, writing elsewhere."""
        return Scope(self.run, node, body, self.draft, self.params, self.top)

    def given(self, params: Mapping[str, Any]) -> Scope:
        """The same with more parameters."""
        return Scope(self.run, self.node, self.body, self.draft, {**self.params, **params}, self.top)
