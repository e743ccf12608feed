"""Units of measure by section of UCUM 2.2: what is none, what is one, and quantities that are equal."""

from decimal import Decimal

import pytest

from gateway.terminology.ucum import canonical, comparable, valid
from gateway.terminology.units import unit_table
from tests.effort import bounded


@pytest.mark.parametrize(
    "code",
    [
        "", " ", "mm Hg", "mmHg", "mg dL", "µg", "℃", "m\n", "m\t", "m\0",  # section 2.1: characters
        ".m", "m.", "m..s", "m//s", "/", "m/", "./m", "m.*",  # 2.2: operators
        "m-", "m+", "m--2", "m2s", "m^2", "m**2", "10*x", "m2-", "m9999",  # exponents
        "2m", "2.5m", "-1", "1e3", "m.2.5s",  # numbers
        "(m", "m)", "()", ")(", "(m))", "m(s)", "(m)2",  # parentheses
        "{", "}", "{a", "a}", "{a{b}}", "m{a}b", "m{ä}", "{한}",  # annotations
        "[", "m[", "mm[Hg", "[in_i", "Hg]",  # square brackets
        "IU", "bpm", "beats", "tablet", "mcg", "cc", "sec", "hr", "yr", "Torr", "M", "lbs", "mEq", "ppm", "°C",  # no symbols
        "Kg", "KG", "KM", "mol/l/Hr", "MG/DL",  # case
        "dmin", "kh", "m[in_i]", "da10*", "kkg", "mkg",  # prefixes: not on units that take none, one only
    ],
)  # fmt: skip
def test_no_unit(code):
    assert not valid(code)
    assert canonical(Decimal(1), code) is None


@pytest.mark.parametrize(
    "code",
    [
        "1", "m", "/m", "1/m", "10*3/uL", "10^9/L", "10*-6", "kg.m/s2", "kg/m2", "m+2", "mol.kg-1.s-1", "mm[Hg]", "cm[H2O]",
        "[in_i'H2O]", "B[10.nV]", "[m/s2/Hz^(1/2)]", "(mol/L)/s", "((m))", "mg/(24.h)", "%", "[pH]", "Cel", "[degF]", "dB", "''", "'",
        "{score}", "/{HPF}", "{#}/L", "mL/min/{1.73_m2}", "mg{creat}", "10{cells}", "(m){a}", "{a.b/c(}", "k[IU]/L", "u[iU]/mL",
        "ug/kg/min", "meq/L", "mosm/kg", "dam", "Ym", "Kibit", "MiBy", "[arb'U]", "ng/mL{FEU}", "a", "mo", "wk",
    ],
)  # fmt: skip
def test_unit(code):
    assert valid(code)


def test_every_unit_of_the_table_is_one_and_has_a_scale_or_a_function():
    table = unit_table()
    assert len(table.units) > 300
    for code, unit in table.units.items():
        assert valid(code), code
        if not unit.function:
            assert canonical(Decimal(1), code) is not None, code
        assert valid("k" + code) == unit.metric, code


@pytest.mark.parametrize(
    ("value", "code", "other_value", "other"),
    [
        ("1", "km", "1000", "m"),
        ("1", "[in_i]", "2.54", "cm"),
        ("4", "g/dL", "40", "g/L"),
        ("60", "/min", "1", "/s"),
        ("1", "h", "3600", "s"),
        ("1", "N", "1", "kg.m/s2"),
        ("1", "Pa", "1", "N/m2"),
        ("7", "10*3/uL", "7", "10*9/L"),
        ("7", "10*3/uL", "7", "10^9/L"),
        ("5", "%", "0.05", "1"),
        ("1", "mmol/L", "1", "mol/m3"),
        ("1", "L", "1", "dm3"),
        ("1", "[lb_av]", "453.59237", "g"),
        ("1", "mg/(24.h)", "1", "mg/d"),
        ("2", "mg{creat}", "2", "mg"),
        ("3", "k[IU]/L", "3", "[iU]/mL"),
        ("37", "Cel", "310.15", "K"),
        ("98.6", "[degF]", "37", "Cel"),
        ("-40", "[degF]", "-40", "Cel"),
        ("0", "[degRe]", "0", "Cel"),
        ("1.50", "m", "1.5", "m"),
        ("1", "m-1.m", "1", "1"),
        ("1", "[ft_us]", "1", "m.1200/3937"),
    ],
)
def test_equal_quantities(value, code, other_value, other):
    assert canonical(Decimal(value), code) == canonical(Decimal(other_value), other) is not None


@pytest.mark.parametrize(
    ("code", "other", "said"),
    [
        ("m", "s", False),
        ("g/dL", "mol/L", False),
        ("[iU]", "1", False),
        ("[iU]", "[arb'U]", False),
        ("[pH]", "mol/L", None),
        ("dB", "1", None),
        ("nothing", "m", None),
        ("cm", "[ft_i]", True),
        ("[IU]", "[iU]", True),
        ("mm[Hg]", "[psi]", True),
    ],
)
def test_comparable(code, other, said):
    assert comparable(code, other) is said


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_has_no_scale(value):
    assert canonical(Decimal(value), "m") is None
    assert canonical(Decimal(value), "Cel") is None


@pytest.mark.parametrize(
    "code",
    [
        "m" * 100_000,
        "(" * 1000 + "m" + ")" * 1000,
        "(" * 17 + "m" + ")" * 17,
        "m." * 99 + "m999",
        "Ym999." * 28 + "Ym999",
        "10*999." * 25 + "10*999",
        "10*-999/" * 20 + "1",
        "{" * 199,
        "[" * 199,
        "9" * 200,
    ],
)
def test_great_codes_cost_little(code):
    with bounded(50):
        valid(code)
        canonical(Decimal("1E+300"), code)


def test_zero_divides_nothing():
    assert valid("m/0")
    assert canonical(Decimal(1), "m/0") is None
    assert canonical(Decimal(1), "0") == (0, "1")
