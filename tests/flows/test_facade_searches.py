"""Searches that nobody thought of: legal and nearly legal ones are made up, and both worlds have to answer them alike (attack oracle 2).

What a filter asks for is taken from what is there, hidden or not, so that a match of something hidden would show.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.demo.run import Stage
from gateway.model.agreement import Site
from gateway.searching.offered import MODIFIERS, offered, targets_of
from tests.flows.conftest import NUMBER
from tests.flows.worlds import TYPES, Twins, twins

Pair = tuple[str, str]
_AROUND = ("Procedure", "Consent", "AuditEvent", "Group", "Practitioner")
_LIKELY = (
    "code", "subject", "encounter", "diagnosis", "onset-date", "date", "value-quantity", "status", "class", "identifier", "has-member", "name",
    "birthdate", "gender", "_lastUpdated", "_id", "patient", "clinical-status",
)  # fmt: skip
_VALUES = {
    "token": ("F20.0", "B20", "I10", "4548-4", "http://loinc.org|4548-4", "http://loinc.org|", "finished", "IMP", "active", "true", "urn:x|",
              f"{NUMBER}|F0000900", f"{NUMBER}|F0000901", "https://hanbit-hospital.example/fhir/CodeSystem/ward|", "female", "x,I63.9", "{psy}"),
    "string": ("Kim", "k", "F", "flow", "", "%", "김", "a\\,b"),
    "date": ("2020-02-02", "2018", "ge2026-10-05", "lt2021", "gt2026-10-05T08:00:00+09:00", "2026-10", "ap2020", "ne2019-05", "sa2026-11-01", "soon"),
    "reference": ("{psy}", "Condition/{psy}", "Observation/{secret}", "{c1}", "Encounter/{e1}", "Patient/{A}", "{B}", "Group/G1", "urn:x"),
    "number": ("1", "gt0", "x"), "quantity": ("gt10", "99.5", "ge98", "6.9", "lt7||%", "99.5|http://unitsofmeasure.org|%", "le7.4", "much"),
    "uri": ("http://example.org", "urn:x"),
}  # fmt: skip


_MOSTLY = st.sampled_from([True] * 11 + [False])


@pytest.fixture(scope="module")
def worlds(
    stage: Stage, site: Site, tmp_path_factory: pytest.TempPathFactory, postgresql_two: tuple[str, str]
) -> Iterator[Twins]:
    """On PostgreSQL; the rows of the catalogue (test_facade.py) are asked on SQLite."""
    with twins(stage, site, tmp_path_factory.mktemp("searches"), postgresql_two) as made:
        yield made


@st.composite
def filters(draw: st.DrawFn, kind: str, depth: int = 0) -> Pair:
    """A parameter of a type, with a modifier or a chain that it may or may not have."""
    known = offered(kind)
    likely = [code for code in _LIKELY if code in known] or ["_id"]
    code = draw(st.sampled_from(likely if draw(_MOSTLY) else sorted(known)))
    found = known[code]
    if found.type == "reference" and depth < 3 and draw(st.booleans()):
        targets = sorted({*targets_of(kind, found)} & {*TYPES}) or ["Procedure"]
        target = draw(st.sampled_from(targets if draw(_MOSTLY) else TYPES))
        rest, value = draw(filters(target, depth + 1))
        return f"{code}{f':{target}' if draw(_MOSTLY) else ''}.{rest}", value
    legal = ["", "", "", *MODIFIERS[found.type]]
    modifier = draw(st.sampled_from(legal if draw(_MOSTLY) else ["exact", "text", "Patient", "in"]))
    value = draw(st.sampled_from(["true", "false"] if modifier == "missing" else _VALUES[found.type]))
    return f"{code}:{modifier}" if modifier else code, value


@st.composite
def reverse(draw: st.DrawFn, kind: str) -> Pair:
    """`_has` of another type."""
    other = draw(
        st.sampled_from(["Observation", "Condition", "Encounter", "MedicationStatement", "Procedure", "Patient"])
    )
    leading = [p.code for p in offered(other).values() if p.type == "reference" and kind in targets_of(other, p)] or [
        "subject"
    ]
    rest, value = draw(filters(other, 2))
    return f"_has:{other}:{draw(st.sampled_from(sorted(leading)))}:{rest}", value


@st.composite
def includes(draw: st.DrawFn, kind: str) -> Pair:
    name = draw(st.sampled_from(["_include", "_revinclude", "_include:iterate", "_revinclude:iterate"]))
    source = draw(st.sampled_from([*TYPES, *TYPES, *TYPES, "Procedure", "Consent"]))
    codes = [code for code in _LIKELY if code in offered(source) and offered(source)[code].type == "reference"] or [
        "subject"
    ]
    target = draw(st.sampled_from(["", "", "", "", "", ":Patient", ":Condition"]))
    if name == "_include" and draw(_MOSTLY):
        source, codes = (
            kind,
            [code for code in _LIKELY if code in offered(kind) and offered(kind)[code].type == "reference"] or ["link"],
        )
    every = ["*"] if name.startswith("_include") else []
    return name, draw(st.sampled_from([*every, *(f"{source}:{code}{target}" for code in [*codes, *every])]))


@st.composite
def controls(draw: st.DrawFn, kind: str) -> Pair:
    """What is said of the answer: order, size, count, elements."""
    keys = draw(st.lists(st.sampled_from(sorted(offered(kind))), min_size=1, max_size=3, unique=True))
    usual = ["_sort", "_count", "_total", "_summary", "_lastUpdated", "_id"]
    name = draw(st.sampled_from(usual if draw(_MOSTLY) else ["_elements", "_format", "_since", "unknown"]))
    sorts = ",".join(draw(st.sampled_from(["", "-"])) + key for key in keys)
    shown = draw(st.sampled_from(["code", "subject,code", "id", "diagnosis", "reasonReference,status"]))
    values = {
        "_sort": sorts, "_count": draw(st.sampled_from(["1", "1", "2", "5", "0"])), "_elements": shown,
        "_total": draw(st.sampled_from(["accurate", "none", "estimate"])),
        "_summary": draw(st.sampled_from(["count", "true", "data", "text", "false"])), "_id": draw(st.sampled_from(_VALUES["reference"])),
        "_lastUpdated": draw(st.sampled_from(_VALUES["date"])), "_format": draw(st.sampled_from(["json", "xml"])),
    }  # fmt: skip
    return name, values.get(name, "1")


@st.composite
def searches(draw: st.DrawFn) -> tuple[str, list[Pair]]:
    """A type and its parameters, in any order."""
    kind = draw(st.sampled_from([*TYPES, *TYPES, *TYPES, *_AROUND]))
    own = (
        "_id" if kind == "Patient" else draw(st.sampled_from(["patient", "subject", "subject:Patient", "patient._id"]))
    )
    whom = draw(st.sampled_from(["{A}"] * 12 + ["{B}", "{A},{B}", "nobody"]))
    whom = f"{NUMBER}|F0000900" if own == "patient.identifier" else whom
    pairs = [(own, whom)] if draw(_MOSTLY) else []
    some = st.one_of(filters(kind), filters(kind), reverse(kind), includes(kind), controls(kind))
    pairs += draw(st.lists(some, max_size=4))
    return kind, draw(st.permutations(pairs))


def answered_alike(worlds: Twins, search: tuple[str, list[Pair]], posted: bool) -> None:
    kind, pairs = search
    ids = worlds.ids()
    told = [(name, _filled(value, ids)) for name, value in pairs]
    query = urlencode(told, safe="{}", quote_via=quote)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    asked = ("POST", f"/fhir/{kind}/_search") if posted else ("GET", f"/fhir/{kind}?{query}")
    answer = worlds.alike(*asked, **({"content": query, "headers": form} if posted else {}))
    assert answer.status_code in (200, 400, 403, 406), answer.text
    for url in (link["url"] for link in answer.json().get("link", ()) if link["relation"] == "next"):
        assert worlds.full.client.get(url).status_code == 200


def _filled(value: str, ids: dict[str, str]) -> str:
    for name, id in ids.items():
        value = value.replace("{" + name + "}", id)
    return value


_HOW = settings(
    deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@settings(_HOW, max_examples=40, derandomize=True)
@given(search=searches(), posted=st.booleans())
def test_some_searches_are_answered_alike(worlds: Twins, search: tuple[str, list[Pair]], posted: bool) -> None:
    answered_alike(worlds, search, posted)


@pytest.mark.long
@settings(_HOW, max_examples=600)
@given(search=searches(), posted=st.booleans())
def test_many_searches_are_answered_alike(worlds: Twins, search: tuple[str, list[Pair]], posted: bool) -> None:
    answered_alike(worlds, search, posted)
