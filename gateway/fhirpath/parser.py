"""Tokens to syntax by precedence climbing (FHIRPath 2.0, 6.8 operator precedence; appendix B)."""

from __future__ import annotations

from decimal import Decimal

from gateway.fhirpath.failures import NotCompiled
from gateway.fhirpath.quantity import CALENDAR, Quantity
from gateway.fhirpath.syntax import (
    MOST_DEEP,
    Call,
    External,
    Index,
    Literal,
    Member,
    Operation,
    Polarity,
    Special,
    Syntax,
    TypeOperation,
)
from gateway.fhirpath.times import read_literal
from gateway.fhirpath.tokens import Token, tokens

_STRENGTH = {
    "implies": 1, "or": 2, "xor": 2, "and": 3, "in": 4, "contains": 4, "=": 5, "~": 5, "!=": 5, "!~": 5,
    "<": 6, "<=": 6, ">": 6, ">=": 6, "|": 7, "is": 8, "as": 8, "+": 9, "-": 9, "&": 9, "*": 10, "/": 10, "div": 10, "mod": 10,
}  # fmt: skip
_CHAINS = frozenset(("or", "and", "|", "+", "&", "*"))
_SPECIALS = ("$this", "$index", "$total")
_NAMES = ("name", "delimited")


def parse(text: str) -> Syntax:
    """The syntax of an expression. Raises NotCompiled with the place of what is wrong."""
    parser = Parser(tokens(text))
    made = parser.expression(0)
    if parser.next.kind != "end":
        raise parser.wrong()
    return made


def depth_over(*below: Syntax) -> int:
    """The depth of a node over others. Raises NotCompiled beyond the limit."""
    depth = 1 + max(node.depth for node in below)
    if depth > MOST_DEEP:
        raise NotCompiled(f"The expression is nested deeper than {MOST_DEEP} levels.")
    return depth


class Parser:
    """One text being read."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._nested = 0

    @property
    def next(self) -> Token:
        """The token ahead."""
        return self._tokens[self._place]

    def wrong(self) -> NotCompiled:
        """What is ahead does not belong there."""
        return NotCompiled(f"The expression is not FHIRPath at character {self.next.at}.")

    def expression(self, least: int) -> Syntax:
        """An expression of operators that bind stronger than `least`."""
        self._nested += 1
        if self._nested > MOST_DEEP:
            raise NotCompiled(f"The expression is nested deeper than {MOST_DEEP} levels.")
        left = self._polarity()
        while (operator := self._operator(least)) is not None:
            left = self._operation(left, operator)
        self._nested -= 1
        return left

    def _operator(self, least: int) -> str | None:
        token = self.next
        if token.kind in ("mark", "name") and _STRENGTH.get(token.text, 0) > least:
            self._place += 1
            return token.text
        return None

    def _operation(self, left: Syntax, operator: str) -> Syntax:
        if operator in ("is", "as"):
            return TypeOperation(operator, left, self._type_name(), depth_over(left))
        strength = _STRENGTH[operator]
        operands = [left, self.expression(strength)]
        while operator in _CHAINS and self._taken(operator):
            operands.append(self.expression(strength))
        return Operation(operator, tuple(operands), depth_over(*operands))

    def _polarity(self) -> Syntax:
        signs = []
        while self.next.kind == "mark" and self.next.text in "+-":
            signs.append(self._take().text)
        made = self._invocations(self._term())
        for sign in reversed(signs):
            made = Polarity(sign, made, depth_over(made))
        return made

    def _invocations(self, made: Syntax) -> Syntax:
        while True:
            if self._taken("."):
                made = self._invocation(made)
            elif self._taken("["):
                place = self.expression(0)
                self._expect("]")
                made = Index(made, place, depth_over(made, place))
            else:
                return made

    def _invocation(self, source: Syntax | None) -> Syntax:
        token = self._take()
        if token.kind == "special" and token.text in _SPECIALS:
            return source if source is not None and token.text == "$this" else Special(token.text)
        if token.kind not in _NAMES:
            self._place -= 1
            raise self.wrong()
        if self._taken("("):
            arguments = self._arguments()
            below = (*arguments, source) if source is not None else arguments
            return Call(source, token.text, arguments, depth_over(*below) if below else 1)
        return Member(source, token.text, 1 if source is None else depth_over(source))

    def _arguments(self) -> tuple[Syntax, ...]:
        if self._taken(")"):
            return ()
        made = [self.expression(0)]
        while self._taken(","):
            made.append(self.expression(0))
        self._expect(")")
        return tuple(made)

    def _term(self) -> Syntax:
        token = self.next
        if token.kind in ("name", "delimited", "special"):
            return self._word(token)
        self._place += 1
        match token.kind:
            case "string":
                return Literal(token.text)
            case "number":
                return self._number(token.text)
            case "date" | "time":
                return self._moment(token)
            case "mark":
                return self._marked(token.text)
        self._place -= 1
        raise self.wrong()

    def _word(self, token: Token) -> Syntax:
        if token.kind == "name" and token.text in ("true", "false"):
            self._place += 1
            return Literal(token.text == "true")
        return self._invocation(None)

    def _marked(self, mark: str) -> Syntax:
        if mark == "(":
            made = self.expression(0)
            self._expect(")")
            return made
        if mark == "{":
            self._expect("}")
            return Literal(None)
        if mark == "%" and self.next.kind in ("name", "delimited", "string", "quoted"):
            return External(self._variable())
        self._place -= 1
        raise self.wrong()

    def _variable(self) -> str:
        """A name; `%vs-name` and `%ext-name` may be written without quotes (FHIR R4, fhirpath.html)."""
        name = self._take().text
        if name in ("vs", "ext") and self._taken("-"):
            name += "-" + self._take().text
            while self._taken("-"):
                name += "-" + self._take().text
        return name

    def _number(self, text: str) -> Syntax:
        digits = text.removesuffix("L")
        if len(digits) > 60:
            raise NotCompiled("A number in the expression has more than 60 digits.")
        unit = self.next
        if unit.kind == "string":
            self._place += 1
            return Literal(Quantity(Decimal(digits), unit.text))
        if unit.kind == "name" and unit.text in CALENDAR:
            self._place += 1
            return Literal(Quantity(Decimal(digits), CALENDAR[unit.text], calendar=True))
        return Literal(Decimal(digits) if "." in digits else int(digits))

    def _moment(self, token: Token) -> Syntax:
        made = read_literal(token.text[1:])
        if made is None:
            raise NotCompiled(f"The date or time at character {token.at} does not exist.")
        return Literal(made)

    def _type_name(self) -> str:
        parts = [self._name()]
        while self._taken("."):
            parts.append(self._name())
        return ".".join(parts)

    def _name(self) -> str:
        if self.next.kind not in _NAMES:
            raise self.wrong()
        return self._take().text

    def _take(self) -> Token:
        token = self.next
        if token.kind == "end":
            raise self.wrong()
        self._place += 1
        return token

    def _taken(self, text: str) -> bool:
        token = self.next
        if token.text == text and token.kind in ("mark", "name"):
            self._place += 1
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._taken(mark):
            raise self.wrong()
