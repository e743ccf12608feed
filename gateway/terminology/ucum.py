"""Units of measure: whether a code is one, and a quantity in base units so that quantities can be compared (UCUM 2.2, sections 2 to 4)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, DecimalException
from functools import cache, lru_cache

from gateway.terminology.unit_syntax import Atom, NotAUnit, Term, parse
from gateway.terminology.units import Scaled, TooGreat, Units, unit_table

_KEPT = 4096
_EXACT = Context(prec=60, Emax=9999, Emin=-9999)
_ICE = Decimal("273.15")
_FAHRENHEIT = Decimal("459.67")


def valid(code: str) -> bool:
    """Whether the text is a unit of the case sensitive form (`mm[Hg]`, `10*3/uL`, `{score}`, `/min`)."""
    return _term(code) is not None


def canonical(value: Decimal, code: str) -> tuple[Decimal, str] | None:
    """A quantity in base units with its dimension: (2, "km") → (2000, "m"), (37, "Cel") → (310.15, "K"), (1, "%") → (0.01, "1").

    Two quantities can be compared when their dimensions are equal. An arbitrary unit (`[iU]`) is a dimension of its own. None when
    the code is no unit, or one whose scale is a logarithm or a tangent (pH, B, Np, `[p'diop]`), or the value is not finite.
    """
    if not value.is_finite():
        return None
    if code in _temperatures():
        return _temperatures()[code](value), "K"
    scaled = _scaled(code)
    if scaled is None:
        return None
    try:
        number = _EXACT.divide(_EXACT.multiply(value, scaled.up), scaled.down)
    except DecimalException:
        return None
    return number, scaled.dimension


def comparable(code: str, other: str) -> bool | None:
    """Whether two codes are units of one dimension; None when that cannot be told."""
    left, right = canonical(Decimal(1), code), canonical(Decimal(1), other)
    return None if left is None or right is None else left[1] == right[1]


@lru_cache(maxsize=_KEPT)
def _term(code: str) -> Term | None:
    try:
        term = parse(code)
    except NotAUnit:
        return None
    table = unit_table()
    return term if all(_known(atom, table) for atom in term.atoms()) else None


def _known(atom: Atom, table: Units) -> bool:
    return atom.number is not None or table.split(atom.symbol) is not None


@lru_cache(maxsize=_KEPT)
def _scaled(code: str) -> Scaled | None:
    term = _term(code)
    if term is None:
        return None
    try:
        return unit_table().scaled(term)
    except TooGreat:
        return None


@cache
def _temperatures() -> dict[str, Callable[[Decimal], Decimal]]:
    """The units that count from another zero than kelvin, by the function that the table names."""
    ways: dict[str, Callable[[Decimal], Decimal]] = {
        "Cel": lambda value: _EXACT.add(value, _ICE),
        "degF": lambda value: _EXACT.divide(_EXACT.multiply(_EXACT.add(value, _FAHRENHEIT), Decimal(5)), Decimal(9)),
        "degRe": lambda value: _EXACT.add(_EXACT.multiply(value, Decimal("1.25")), _ICE),
    }
    return {unit.code: ways[unit.function] for unit in unit_table().units.values() if unit.function in ways}
