"""Measured figures: medians of several rounds with their range, shown as a table and kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity: 1..* rounds of it, in `unit`; `note` says how it was measured."""

    group: str
    name: str
    unit: str
    rounds: tuple[float, ...]
    note: str = ""

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return median(self.rounds)

    def as_json(self) -> dict[str, object]:
        """For var/bench.json."""
        shown = {"group": self.group, "name": self.name, "unit": self.unit, "note": self.note}
        spread = {"median": self.median, "min": min(self.rounds), "max": max(self.rounds)}
        return {**shown, **spread, "rounds": list(self.rounds)}


def ratio(group: str, name: str, above: Sequence[float], below: Sequence[float], note: str = "") -> Figure:
    """A figure of the ratios round by round: what ran side by side is compared with each other."""
    return Figure(group, name, "×", tuple(a / b for a, b in zip(above, below, strict=True)), note)


def show(figures: Sequence[Figure], about: str) -> None:
    """A table for people."""
    console = Console()
    console = console if console.is_terminal else Console(width=150)
    table = Table(title=about, title_justify="left")
    for column in ("", "figure", "median", "min – max", "unit", "note"):
        table.add_column(column, justify="right" if column in ("median", "min – max") else "left")
    group = ""
    for one in figures:
        if one.group != group:
            table.add_section()
        spread = f"{_number(min(one.rounds))} – {_number(max(one.rounds))}" if len(one.rounds) > 1 else ""
        table.add_row(
            one.group if one.group != group else "", one.name, _number(one.median), spread, one.unit, one.note
        )
        group = one.group
    console.print(table)


def write(figures: Sequence[Figure], about: dict[str, object], path: Path) -> None:
    """The same for programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {**about, "figures": [one.as_json() for one in figures]}
    path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _number(value: float) -> str:
    """Three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"
