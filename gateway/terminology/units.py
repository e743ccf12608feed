"""The table of units (profiles/ucum/units.json), and what a product of them is in base units (UCUM 2.2, sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache

from gateway.data import data_path
from gateway.model.wire import read_json
from gateway.terminology.unit_syntax import Atom, Term, parse

_MOST_BITS = 6_000  # of the number that a product of units stands for
_ONE = "1"

Powers = Mapping[str, int]


class TooGreat(ValueError):
    """The unit has no scale that can be calculated: it is special (a logarithm), or the number is beyond the limit."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One row of the table: `value` times `unit`, or a special scale by a named function. A metric unit takes prefixes."""

    code: str
    value: str
    unit: str
    metric: bool = False
    arbitrary: bool = False
    function: str = ""


@dataclass(frozen=True, slots=True)
class Scaled:
    """`up / down` times the base units of `dimension` (`g.m-1.s-2`; `1` without dimension)."""

    up: Decimal
    down: Decimal
    dimension: str


class Units:
    """The units by code, with the prefixes; each worked out once."""

    def __init__(self, units: Mapping[str, Unit], prefixes: Mapping[str, str], base: tuple[str, ...]) -> None:
        self.units = units
        self._prefixes = {code: Fraction(value) for code, value in prefixes.items()}
        self._base = frozenset(base)
        self._known: dict[str, tuple[Fraction, Powers]] = {}

    def split(self, symbol: str) -> tuple[str, str] | None:
        """Prefix (may be empty) and unit of a symbol, or None. A unit as it stands goes before a prefix."""
        if symbol in self.units or symbol in self._base:
            return "", symbol
        for size in (2, 1):
            prefix, code = symbol[:size], symbol[size:]
            if prefix in self._prefixes and self._takes_prefix(code):
                return prefix, code
        return None

    def _takes_prefix(self, code: str) -> bool:
        return code in self._base or (code in self.units and self.units[code].metric)

    def scaled(self, term: Term) -> Scaled:
        """A product in base units. Raises TooGreat."""
        factor, powers = self._product(term)
        named = [code if power == 1 else f"{code}{power}" for code, power in sorted(powers.items()) if power]
        return Scaled(Decimal(factor.numerator), Decimal(factor.denominator), ".".join(named) or _ONE)

    def _product(self, term: Term) -> tuple[Fraction, Powers]:
        total, powers = Fraction(1), dict[str, int]()
        for inner, sign in term.factors:
            factor, own = self._product(inner) if isinstance(inner, Term) else self._power(inner)
            if sign < 0 and not factor:
                raise TooGreat
            total *= factor**sign
            _bounded(total)
            for code, power in own.items():
                powers[code] = powers.get(code, 0) + sign * power
        return total, powers

    def _power(self, atom: Atom) -> tuple[Fraction, Powers]:
        if atom.number is not None:
            return Fraction(atom.number), {}
        parts = self.split(atom.symbol)
        if parts is None:
            raise TooGreat
        prefix, code = parts
        factor, powers = self._single(code)
        factor *= self._prefixes[prefix] if prefix else 1
        _bounded(factor, abs(atom.exponent))
        return factor**atom.exponent, {unit: power * atom.exponent for unit, power in powers.items()}

    def _single(self, code: str) -> tuple[Fraction, Powers]:
        """One unit without prefix; the table has no circles, so this ends."""
        if code in self._base:
            return Fraction(1), {code: 1}
        if code not in self._known:
            self._known[code] = self._defined(self.units[code])
        return self._known[code]

    def _defined(self, unit: Unit) -> tuple[Fraction, Powers]:
        if unit.function:
            raise TooGreat
        if unit.arbitrary and unit.unit == _ONE:
            return Fraction(1), {unit.code: 1}
        factor, powers = self._product(parse(unit.unit))
        return factor * Fraction(unit.value), powers


def _bounded(factor: Fraction, times: int = 1) -> None:
    if max(factor.numerator.bit_length(), factor.denominator.bit_length()) * times > _MOST_BITS:
        raise TooGreat


@cache
def unit_table() -> Units:
    """The table, read once."""
    table = read_json(data_path("profiles", "ucum", "units.json").read_bytes())
    units = {row["code"]: Unit(**row) for row in table["units"]}
    return Units(units, table["prefixes"], tuple(table["base"]))
