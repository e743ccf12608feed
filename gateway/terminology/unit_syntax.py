"""The form of a unit code: a product of symbols with exponents, parentheses and annotations (UCUM 2.2, section 2, figure 1).

Annotations may hold spaces, as published records have them. Bounded: 200 characters, 16 levels of parentheses, exponents of 3 digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MOST_CHARACTERS = 200
MOST_LEVELS = 16
_MOST_DIGITS = 3
_ENDS = frozenset("./(){}")


class NotAUnit(ValueError):
    """The text has not the form of a unit."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A symbol with an exponent, or a whole number (`number`, the symbol is empty then)."""

    symbol: str
    exponent: int = 1
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """A product; each factor with +1, or -1 where it is divided by. No factor: unity, as an annotation alone is."""

    factors: tuple[tuple[Atom | Term, int], ...]

    def atoms(self) -> Iterator[Atom]:
        """Every symbol and number, of terms in parentheses as well."""
        for factor, _ in self.factors:
            if isinstance(factor, Atom):
                yield factor
            else:
                yield from factor.atoms()


def parse(code: str) -> Term:
    """The code as a product. Raises NotAUnit."""
    if not 0 < len(code) <= MOST_CHARACTERS or not all(" " <= character <= "~" for character in code):
        raise NotAUnit
    reader = _Reader(code)
    term = reader.term(0)
    if not reader.done:
        raise NotAUnit
    return term


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def done(self) -> bool:
        return self._at >= len(self._text)

    def _next(self) -> str:
        return self._text[self._at] if not self.done else ""

    def term(self, level: int) -> Term:
        """`/a.b/c`: a leading slash divides unity."""
        if level > MOST_LEVELS:
            raise NotAUnit
        factors: list[tuple[Atom | Term, int]] = []
        sign = self._operator() if self._next() == "/" else 1
        while True:
            factors.extend((factor, sign) for factor in self._component(level))
            if self._next() not in ("/", "."):
                return Term(tuple(factors))
            sign = self._operator()

    def _operator(self) -> int:
        divides = self._next() == "/"
        self._at += 1
        return -1 if divides else 1

    def _component(self, level: int) -> tuple[Atom | Term, ...]:
        """A symbol, a number or a term in parentheses, each with 0..1 annotation; or an annotation alone, which is unity."""
        if self._next() == "{":
            self._annotation()
            return ()
        factor: Atom | Term = self._parentheses(level) if self._next() == "(" else self._atom()
        if self._next() == "{":
            self._annotation()
        return (factor,)

    def _parentheses(self, level: int) -> Term:
        self._at += 1
        term = self.term(level + 1)
        if self._next() != ")":
            raise NotAUnit
        self._at += 1
        return term

    def _annotation(self) -> None:
        end = self._text.find("}", self._at)
        if end < 0 or "{" in self._text[self._at + 1 : end]:
            raise NotAUnit
        self._at = end + 1

    def _atom(self) -> Atom:
        """What stands between the operators; what is in square brackets belongs to the symbol whatever it is."""
        start = self._at
        while not self.done and self._next() not in _ENDS:
            if self._next() == "[":
                self._at = self._text.find("]", self._at)
                if self._at < 0:
                    raise NotAUnit
            self._at += 1
        return _atom(self._text[start : self._at])


def _atom(text: str) -> Atom:
    if text.isdigit():
        return Atom("", number=int(text))
    stem = text.rstrip("0123456789")
    digits = text[len(stem) :]
    if not digits:
        return Atom(text) if text else _refused()
    sign = stem[-1:] if stem[-1:] in ("+", "-") else ""
    symbol = stem.removesuffix(sign) if sign else stem
    if not symbol or len(digits) > _MOST_DIGITS:
        return _refused()
    return Atom(symbol, int(sign + digits))


def _refused() -> Atom:
    raise NotAUnit
