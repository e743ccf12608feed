"""What an audit row says: the one form of its facts, written by `facts_of` and read back by `entry_of`.

    who    participant client user role            where  jurisdiction network endpoint device
    whom   recipient                               what   trigger released[{reference, version, digest}] withheld withheld_labels query
    when   received decided released delivered …   why    purpose basis legal reason decision consents[]
    how    standard transport interaction map profile obligations[] traceparent
    agreement, status: of the exchange as it stood

Empty answers are left out of the line: a row is one short line of facts, never content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from gateway.errors import Malformed
from gateway.model.document import PersonKey
from gateway.model.questions import Exchange
from gateway.model.records import AuditRow, DecisionRecord
from gateway.model.wire import read_json

QUESTIONS = ("who", "whom", "when", "where", "what", "why", "how")
LOOKING = ("console", "audit-search", "audit-export")
REQUIRED = ("id", "exchange", "kind", "at", "person", "outcome", "facts")


def facts_of(exchange: Exchange, decision: DecisionRecord | None = None, **more: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an exchange as an audit row keeps them; `more` adds answers to a question: `facts_of(e, what={"query": …})`."""
    facts: dict[str, Any] = {question: _said(asdict(getattr(exchange, question))) for question in QUESTIONS}
    facts["whom"].pop("person", None)  # a column of its own
    facts["why"] |= _decided(decision) if decision else {}
    for question, answers in more.items():
        facts[question] = facts.get(question, {}) | _said(answers)
    facts |= {"agreement": exchange.agreement, "status": exchange.status}
    return {question: answers for question, answers in facts.items() if answers}


def _decided(decision: DecisionRecord) -> dict[str, Any]:
    said = {"decision": decision.decision, "reason": decision.reason, "consents": decision.consents_used}
    return _said(said)


def _said(answers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in answers.items() if value not in (None, "", (), [], 0)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value


@dataclass(frozen=True, slots=True)
class Entry:
    """An audit row read back. `facts` answers the seven questions; what the row leaves out, the exchange of the row may answer."""

    row: AuditRow
    exchange: str
    kind: str
    at: datetime
    person: PersonKey | None
    outcome: str
    revision: str
    facts: Mapping[str, Any]
    journal: Exchange | None = None

    def said(self, question: str, name: str, default: Any = "") -> Any:
        """One answer, e.g. `said("why", "purpose")`: of the row, else of its exchange, else `default`."""
        value = (self.facts.get(question) or {}).get(name)
        if value in (None, "") and self.journal is not None:
            value = getattr(getattr(self.journal, question), name, None)
        return default if value in (None, "") else value

    def text(self, question: str, name: str) -> str:
        """The same as text, "" when there is none."""
        return str(self.said(question, name))

    def many(self, question: str, name: str) -> Sequence[Any]:
        """0..* answers, e.g. `many("what", "released")`."""
        value = self.said(question, name, ())
        return value if isinstance(value, list | tuple) else (value,)

    @property
    def agreement(self) -> str:
        """The agreement it happened under, "" when there is none."""
        return str(self.facts.get("agreement") or (self.journal.agreement if self.journal else ""))

    @property
    def status(self) -> str:
        """The status of the exchange when the row was written; without one, the outcome on the row."""
        return str(self.facts.get("status") or self.outcome)

    @property
    def is_of_log(self) -> bool:
        """Whether somebody looked at the log, rather than at a record."""
        return bool(self.said("what", "looked")) or self.text("how", "interaction") in LOOKING

    @property
    def withheld(self) -> int:
        """How many resources were kept back."""
        value = self.said("what", "withheld", 0)
        return value if isinstance(value, int) else 0


def entry_of(row: AuditRow, exchange: Exchange | None = None, decisions: Sequence[DecisionRecord] = ()) -> Entry:
    """A row, and 0..1 exchange and 0..* decisions it belongs to, to an entry: the last decision before the row tells which consents
    were used, where the row does not. Raises Malformed when the line is not one of ours."""
    line = read_json(row.line)
    if not isinstance(line, dict) or any(name not in line for name in REQUIRED) or not isinstance(line["facts"], dict):
        raise Malformed("The line of an audit row does not say what a row must say.")
    at = _instant(line["at"])
    made = [decision for decision in decisions if decision.at <= at]
    why = (_decided(made[-1]) if made else {}) | (line["facts"].get("why") or {})
    return Entry(
        row=row,
        exchange=line["exchange"],
        kind=line["kind"],
        at=at,
        person=PersonKey(line["person"]) if line["person"] else None,
        outcome=line["outcome"],
        revision=line.get("site_revision", ""),
        facts=line["facts"] | ({"why": why} if why else {}),
        journal=exchange,
    )


def _instant(text: Any) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise Malformed("The time of an audit row cannot be read.") from error
    if at.tzinfo is None:
        raise Malformed("The time of an audit row has no zone.")
    return at
