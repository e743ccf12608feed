"""What the demo shows on the terminal: each story with its seven questions, and the day's count of every agreement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway.demo.stories import Story
from gateway.demo.world import Json

if TYPE_CHECKING:
    from rich.console import Console

_FILE = Path(__file__).resolve().parent / "words.yaml"
_ZONE = ZoneInfo("Asia/Seoul")
_SHORT = 8  # characters of an id that are shown
_TIMES = (
    ("받음 received", "received"),
    ("결정 decided", "decided"),
    ("전달 delivered", "delivered"),
    ("기한 due", "due"),
)


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """Codes of statuses, reasons, labels and purposes in Korean and English."""
    import yaml

    made: Mapping[str, Mapping[str, str]] = yaml.safe_load(_FILE.read_text("utf-8"))
    return made


def said(kind: str, code: str) -> str:
    """A code in words, or the code itself."""
    return words()[kind].get(code, code)


def show_story(console: Console, story: Story) -> None:
    """What happened, the exchanges with somebody else with their seven questions, what was withheld and why, and each check."""
    from rich.rule import Rule

    console.print(Rule(story.title, style="bold"))
    for sentence in story.happened:
        console.print(f"  {sentence}", markup=False, highlight=False)
    for exchange in story.exchanges:
        if exchange["status"] != "kept":
            _show_exchange(console, exchange)
    console.print()
    for check in story.checks:
        mark, style = ("맞음 ok ", "green") if check.ok else ("틀림 NOT", "bold red")
        console.print(f"  [{style}]{mark}[/]", end=" ", highlight=False)
        console.print(check.text, markup=False, highlight=False)
    console.print()


def _show_exchange(console: Console, exchange: Json) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in seven_questions(exchange):
        table.add_row(Text(label, "dim"), Text(text))
    console.print()
    console.print(Text(f"  {exchange['agreement']}: {said('statuses', str(exchange['status']))}", "bold cyan"))
    console.print(table, highlight=False)


def seven_questions(exchange: Json) -> Iterator[tuple[str, str]]:
    """The seven answers of an exchange, then what left and what was withheld, as (question, answer)."""
    who, whom, where = exchange["who"], exchange["whom"], exchange["where"]
    what, why, how = exchange["what"], exchange["why"], exchange["how"]
    yield "누가 · who", _joined(who.get("participant"), who.get("user"))
    yield "누구의, 누구에게 · whom", f"person {str(whom.get('person') or '–')[:_SHORT]}… → {whom.get('recipient')}"
    yield "언제 · when", _times(exchange["when"])
    yield "어디서 · where", _joined(where.get("jurisdiction"), where.get("endpoint"))
    yield "무엇을 · what", str(what.get("trigger", ""))
    reason = said("reasons", str(why.get("reason", "")))
    yield (
        "왜 · why",
        _joined(said("purposes", str(why.get("purpose", ""))), why.get("legal") or why.get("basis"), reason),
    )
    yield (
        "어떻게 · how",
        _joined(how.get("standard"), how.get("transport"), how.get("map"), " ".join(how.get("obligations", ()))),
    )
    left = "나갔을 것 · would have left" if exchange["status"] == "shadowed" else "나간 것 · released"
    yield left, _numbers(str(row["reference"]) for row in what.get("released", ())) or "없음 · nothing"
    yield "보류한 것 · withheld", _withheld(exchange)


def _joined(*parts: object) -> str:
    return "; ".join(str(part) for part in parts if part) or "–"


def _times(when: Json) -> str:
    shown = [(name, datetime.fromisoformat(str(when[key])).astimezone(_ZONE)) for name, key in _TIMES if when.get(key)]
    kept = f"보유 keep until {when['keep_until']}" if when.get("keep_until") else ""
    return _joined(*(f"{name} {moment:%m-%d %H:%M:%S}" for name, moment in shown), kept)


def _numbers(references: Iterator[str]) -> str:
    return ", ".join(f"{kind} {number}" for kind, number in Counter(r.partition("/")[0] for r in references).items())


def _withheld(exchange: Json) -> str:
    """How many items of which type, why, and under which labels; from the last decision."""
    what, decisions = exchange["what"], exchange.get("decisions", ())
    if not what.get("withheld"):
        return "없음 · nothing"
    rows = decisions[-1]["redacted"] if decisions else ()
    whys = dict.fromkeys(str(row["because"]) for row in rows)
    told = [
        f"{_numbers(str(row['reference']) for row in rows if row['because'] == why)}: {said('reasons', why)}"
        for why in whys
    ]
    labels = ", ".join(said("labels", label) for label in what.get("withheld_labels", ()))
    return f"{_joined(*told)} [{labels}]"


def show_counts(console: Console, day: str, counts: Sequence[Json]) -> bool:
    """The day's count per agreement; whether received is the sum of what became of it, for each."""
    from rich.table import Table

    statuses = sorted({name for row in counts for name in row if name not in ("agreement", "received")})
    table = Table(title=f"{day}: 협약마다 들어온 것과 그 결과 · what came in and what became of it")
    table.add_column("협약 agreement", no_wrap=True)
    for name in ("접수 received", *(said("statuses", name) for name in statuses), "합 sums up"):
        table.add_column(name, overflow="fold")
    balanced = True
    for row in counts:
        numbers = [int(row.get(name, 0)) for name in statuses]
        even = sum(numbers) == int(row["received"])
        balanced = balanced and even
        mark = "[green]맞음 ok[/]" if even else "[bold red]틀림 NOT[/]"
        name = str(row["agreement"]) or "(협약 없음 · none)"
        table.add_row(name, str(row["received"]), *(str(n) if n else "·" for n in numbers), mark)
    console.print(table)
    return balanced
