"""Whether a question is asked, given the answers so far (FHIR R4, Questionnaire.item.enableWhen, enableBehavior; SDC, enableWhenExpression)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from gateway.errors import Misconfigured
from gateway.validating.structure.content.form import Form, Question
from gateway.validating.structure.content.reading import Row, chosen, rows, text

if TYPE_CHECKING:
    from gateway.validating.structure.scope import Scope

Trail = tuple[
    tuple[Question, Row], ...
]  # the groups and answers around, outermost first: question, and its item in the response
_EXPRESSIONS = (
    "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression",
    "http://hl7.org/fhir/StructureDefinition/questionnaire-enableWhenExpression",
    "http://phr.kanta.fi/StructureDefinition/fiphr-ext-questionnaire-enablewhen",
)
_MOST_EXPRESSIONS = 100
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


def conditions_in(question: Question) -> Iterator[tuple[int, str]]:
    """The 0..* FHIRPath conditions of an item: place of the extension, expression."""
    for place, extension in rows(question.row, "extension"):
        value = chosen(extension, "value") if extension.get("url") in _EXPRESSIONS else None
        if value is None:
            continue
        if isinstance(value[1], str):
            yield place, value[1]
        elif isinstance(value[1], Mapping) and text(value[1], "language") in ("", "text/fhirpath"):
            yield place, text(value[1], "expression")


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a response by linkId, below any of its nodes; each node is gone through once."""

    _kept: dict[int, dict[str, list[Row]]] = field(default_factory=dict)

    def below(self, node: Row) -> Mapping[str, list[Row]]:
        """linkId → the answers anywhere below the node, itself included when it is an item."""
        key = id(node)
        if key not in self._kept:
            found: dict[str, list[Row]] = {}
            _gather(node, found)
            self._kept[key] = found
        return self._kept[key]


def _gather(node: Row, found: dict[str, list[Row]]) -> None:
    link_id = node.get("linkId")
    for _, answer in rows(node, "answer"):
        if isinstance(link_id, str):
            found.setdefault(link_id, []).append(answer)
        _gather(answer, found)
    for _, item in rows(node, "item"):
        _gather(item, found)


@dataclass(frozen=True, slots=True)
class Enabling:
    """Decides for one response."""

    form: Form
    response: Row
    scope: Scope
    answers: Answers = field(default_factory=Answers)
    held: dict[str, bool | None] = field(default_factory=dict)

    def enabled(self, question: Question, trail: Trail) -> bool | None:
        """Whether the question is asked where the trail leads; None when that can not be told."""
        expressions = [expression for _, expression in conditions_in(question)]
        if expressions:
            return self._holds(expressions[0])
        conditions = [row for _, row in rows(question.row, "enableWhen")]
        if not conditions:
            return True
        results = [self._met(row, question, trail) for row in conditions]
        if len(results) == 1:
            return results[0]
        return {"any": _any, "all": _all}.get(text(question.row, "enableBehavior"), _unsaid)(results)

    def _holds(self, expression: str) -> bool | None:
        """The same for every item that has the expression; one that can not be evaluated decides nothing."""
        if expression not in self.held:
            self.held[expression] = self._evaluated(expression) if len(self.held) < _MOST_EXPRESSIONS else None
        return self.held[expression]

    def _evaluated(self, expression: str) -> bool | None:
        try:
            compiled = self.scope.tools.compiler.compile(expression, "QuestionnaireResponse")
            return compiled.holds(self.scope.node, self.scope.environment())
        except Misconfigured:
            return None

    def _met(self, condition: Row, question: Question, trail: Trail) -> bool | None:
        target, expected = self.form.by_link.get(text(condition, "question")), chosen(condition, "answer")
        if target is None or expected is None:
            return None
        given = self.answers.below(self._around(question, target, trail)).get(target.link_id, [])
        asked = text(condition, "operator")
        if asked == "exists":
            return (expected[1] is True) == bool(given) if isinstance(expected[1], bool) else None
        return _any([compared(chosen(answer, "value"), asked, expected) for answer in given])

    def _around(self, question: Question, target: Question, trail: Trail) -> Row:
        """Questionnaire.item.enableWhen.question: the nearest group that holds both, as it stands around the question."""
        common = [above for above in question.above if above in target.above or above is target]
        if not common:
            return self.response
        return next((node for above, node in reversed(trail) if above is common[-1]), self.response)


def _any(results: list[bool | None]) -> bool | None:
    return True if True in results else None if None in results else False


def _all(results: list[bool | None]) -> bool | None:
    return False if False in results else None if None in results else True


def _unsaid(results: list[bool | None]) -> bool | None:
    """Without enableBehavior nothing is decided, unless every way of reading gives the same."""
    return results[0] if len(set(results)) == 1 else None


def compared(given: tuple[str, Any] | None, asked: str, expected: tuple[str, Any]) -> bool | None:
    """One answer against the expected one; None when the two can not be compared."""
    if given is None or given[0] != expected[0]:
        return None
    if asked in ("=", "!="):
        same = _same(given, expected)
        return None if same is None else same == (asked == "=")
    order = _ORDER.get(asked)
    left, right = _orderable(given), _orderable(expected)
    if order is None or left is None or right is None or type(left) is not type(right):
        return None
    try:
        return order(left, right)
    except TypeError:  # an aware and a naive time
        return None


def _same(given: tuple[str, Any], expected: tuple[str, Any]) -> bool | None:
    kind, left, right = given[0], given[1], expected[1]
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return _same_object(kind, left, right)
    if isinstance(left, Mapping) or isinstance(right, Mapping):
        return None
    ordered = _orderable(given), _orderable(expected)
    return bool(left == right or (ordered[0] is not None and ordered[0] == ordered[1]))


def _same_object(kind: str, left: Row, right: Row) -> bool | None:
    if kind == "Coding":
        return left.get("code") == right.get("code") and left.get("system") == right.get("system")
    if kind == "Quantity":
        ordered = _orderable((kind, left)), _orderable((kind, right))
        return None if None in ordered else ordered[0] == ordered[1]
    if kind == "Reference":
        return left.get("reference") == right.get("reference")
    return None


def _orderable(value: tuple[str, Any]) -> Any:
    """A value that Python can order as FHIR does; None when it can not."""
    kind, content = value
    if kind == "Quantity" and isinstance(content, Mapping):
        return _Measure.of(content)
    if isinstance(content, int | float) and not isinstance(content, bool):
        return float(content)
    if not isinstance(content, str):
        return None
    reads = {"Date": _day, "DateTime": _moment, "Time": _clock}.get(kind)
    return content if reads is None else reads(content)


@dataclass(frozen=True, slots=True)
class _Measure:
    """A quantity that is compared with those of the same unit only."""

    number: float
    unit: tuple[str, str]

    @classmethod
    def of(cls, row: Row) -> _Measure | None:
        number = row.get("value")
        unit = (text(row, "system"), text(row, "code") or text(row, "unit"))
        known = isinstance(number, int | float) and not isinstance(number, bool) and "comparator" not in row
        return cls(float(number), unit) if known and number is not None else None

    def _beside(self, other: _Measure) -> tuple[float, float]:
        if self.unit != other.unit:
            raise TypeError
        return self.number, other.number

    def __lt__(self, other: _Measure) -> bool:
        mine, others = self._beside(other)
        return mine < others

    def __le__(self, other: _Measure) -> bool:
        mine, others = self._beside(other)
        return mine <= others

    def __gt__(self, other: _Measure) -> bool:
        mine, others = self._beside(other)
        return mine > others

    def __ge__(self, other: _Measure) -> bool:
        mine, others = self._beside(other)
        return mine >= others


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value) if len(value) == 10 else None
    except ValueError:
        return None


def _moment(value: str) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if "T" in value else None
    except ValueError:
        return None


def _clock(value: str) -> time | None:
    try:
        return time.fromisoformat(value)
    except ValueError:
        return None
