"""What the demo shows on the terminal: each story with its seven questions, and the day's count of every agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gateway.demo.stories import Story

if TYPE_CHECKING:
    from rich.console import Console

Json = Mapping[str, Any]
_QUESTIONS = (
    ("누가 · who", "who", ("participant", "user", "role")),
    ("누구의, 누구에게 · whom", "whom", ("person", "recipient")),
    ("언제 · when", "when", ("received", "decided", "delivered", "due", "keep_until")),
    ("어디서 · where", "where", ("jurisdiction", "endpoint")),
    ("무엇을 · what", "what", ("trigger",)),
    ("왜 · why", "why", ("purpose", "basis", "legal", "reason")),
    ("어떻게 · how", "how", ("standard", "transport", "interaction", "map", "obligations")),
)
_STATUSES = {
    "delivered": "전달 delivered", "refused": "거절 refused", "withheld": "보류 withheld", "kept": "보관 kept",
    "shadowed": "시범 shadowed", "answered": "응답 answered", "pending": "대기 pending", "parked": "확인 필요 parked",
    "failed": "실패 failed", "dry": "연습 dry run",
}  # fmt: skip


def show_story(console: Console, story: Story) -> None:
    """What happened, the exchange that matters with its seven questions, what was withheld, and each check."""
    from rich.rule import Rule

    console.print(Rule(story.title, style="bold"))
    for sentence in story.happened:
        console.print(f"  {sentence}", markup=False, highlight=False)
    for exchange in _telling(story.exchanges):
        _show_exchange(console, exchange)
    for check in story.checks:
        mark, style = ("맞음 ok ", "green") if check.ok else ("틀림 NOT", "bold red")
        console.print(f"  [{style}]{mark}[/]", end=" ", highlight=False)
        console.print(check.text, markup=False, highlight=False)
    console.print()


def _telling(exchanges: Sequence[Json]) -> list[Json]:
    """Those that went to somebody else; what is only kept here is in the daily count."""
    return [row for row in exchanges if row["status"] not in ("kept",)]


def _show_exchange(console: Console, exchange: Json) -> None:
    from rich.table import Table

    status = str(exchange["status"])
    table = Table(show_header=False, box=None, padding=(0, 2), title_justify="left")
    table.title = f"{exchange.get('agreement', '')}: {_STATUSES.get(status, status)}"
    for label, question, names in _QUESTIONS:
        table.add_row(label, _answers(exchange.get(question, {}), names), end_section=False)
    what = exchange.get("what", {})
    table.add_row("나간 것 · released", _released(what))
    table.add_row("보류한 것 · withheld", _withheld(what))
    console.print(table, highlight=False, markup=False)


def _answers(answers: Json, names: Sequence[str]) -> str:
    told = []
    for name in names:
        value = answers.get(name)
        if value:
            told.append(f"{name} {', '.join(value) if isinstance(value, list | tuple) else value}")
    return "; ".join(told) or "–"


def _released(what: Json) -> str:
    kinds: dict[str, int] = {}
    for row in what.get("released", ()):
        kind = str(row["reference"]).partition("/")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    return ", ".join(f"{kind} {number}" for kind, number in kinds.items()) or "없음 · nothing"


def _withheld(what: Json) -> str:
    labels = ", ".join(what.get("withheld_labels", ()))
    number = what.get("withheld", 0)
    return f"{number} ({labels})" if number and labels else str(number or "없음 · nothing")


def show_counts(console: Console, day: str, counts: Sequence[Json]) -> bool:
    """The day's count per agreement; whether received is the sum of what became of it, for each."""
    from rich.table import Table

    statuses = sorted({name for row in counts for name in row if name not in ("agreement", "received")})
    table = Table(title=f"{day}: 협약마다 들어온 것과 그 결과 · what came in and what became of it")
    for name in ("협약 agreement", "접수 received", *(_STATUSES.get(name, name) for name in statuses), "합 sums up"):
        table.add_column(name, overflow="fold")
    balanced = True
    for row in counts:
        numbers = [int(row.get(name, 0)) for name in statuses]
        even = sum(numbers) == int(row["received"])
        balanced = balanced and even
        mark = "[green]맞음 ok[/]" if even else "[bold red]틀림 NOT[/]"
        table.add_row(
            str(row["agreement"]) or "–", str(row["received"]), *(str(n) if n else "·" for n in numbers), mark
        )
    console.print(table)
    return balanced
