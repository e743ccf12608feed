"""Filters of a value set as conditions on a release (FHIR R4, ValueSet.compose.include.filter; snomedct.html, loinc.html)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.definitions.vocabulary import Filter
from gateway.model.patterns import matcher

_CODE = ("concept", "code")
_MOST_FILTERS = 20
_MOST_VALUES = 500
Ids = Callable[[str], "int | None"]
Condition = tuple[str, str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Selection:
    """The same condition twice: `one` asks about the concept `:id` from itself upwards, `many` about all from the top downwards."""

    one: str
    many: str
    values: Mapping[str, object]


def selection(filters: tuple[Filter, ...], kinds: Mapping[str, int], ids: Ids) -> Selection | None:
    """The conditions of all filters, or None when one of them cannot be applied. `kinds` are the properties of the release by name."""
    one, many, values = ["1"], ["1"], dict[str, object]()
    if len(filters) > _MOST_FILTERS:
        return None
    for number, each in enumerate(filters):
        made = _condition(each, f"v{number}", kinds, ids)
        if made is None:
            return None
        one.append(made[0])
        many.append(made[1])
        values |= made[2]
    return Selection(" AND ".join(one), " AND ".join(many), values)


def _condition(each: Filter, name: str, kinds: Mapping[str, int], ids: Ids) -> Condition | None:
    if each.property in _CODE and each.op in _WAYS:
        return _hierarchy(each.op, each.value, name, ids)
    if (each.property, each.op) in _LINKS:
        return _hierarchy(_LINKS[each.property, each.op], each.value, name, ids)
    if each.property in _CODE:
        return _of_code(each, name, kinds, ids)
    if (each.property, each.op) == ("inactive", "=") and each.value in ("true", "false"):
        return _same(f"concept.active = :{name}", {name: each.value == "false"})
    return _of_property(each, name, kinds) if each.property in kinds else None


def _same(condition: str, values: Mapping[str, object]) -> Condition:
    return condition, condition, values


def _hierarchy(op: str, code: str, name: str, ids: Ids) -> Condition | None:
    id = ids(code)
    if id is None:
        return None
    one, many = _WAYS[op]
    return one.replace(":value", f":{name}"), many.replace(":value", f":{name}"), {name: id}


_UP = """EXISTS (WITH RECURSIVE up(id) AS
    (VALUES (:id) UNION SELECT parent.parent FROM parent JOIN up ON parent.child = up.id)
    SELECT 1 FROM up WHERE up.id = :value)"""
_DOWN = """concept.id IN (WITH RECURSIVE down(id) AS
    (VALUES (:value) UNION SELECT parent.child FROM parent JOIN down ON parent.parent = down.id)
    SELECT id FROM down)"""
_ABOVE = """concept.id IN (WITH RECURSIVE above(id) AS
    (VALUES (:value) UNION SELECT parent.parent FROM parent JOIN above ON parent.child = above.id)
    SELECT id FROM above)"""
_CHILD = "EXISTS (SELECT 1 FROM parent WHERE parent.child = concept.id AND parent.parent = :value)"
_LEAF = "NOT EXISTS (SELECT 1 FROM parent WHERE parent.parent = concept.id)"
_OTHER = "concept.id <> :value AND "
_WAYS = {
    "is-a": (_UP, _DOWN),
    "descendent-of": (_OTHER + _UP, _OTHER + _DOWN),
    "is-not-a": ("NOT " + _UP, "NOT " + _DOWN),
    "generalizes": (_ABOVE, _ABOVE),
    "child-of": (_CHILD, _CHILD),
    "descendent-leaf": (_OTHER + _LEAF + " AND " + _UP, _OTHER + _LEAF + " AND " + _DOWN),
}
_LINKS = {("parent", "="): "child-of", ("ancestor", "="): "descendent-of"}


def _of_code(each: Filter, name: str, kinds: Mapping[str, int], ids: Ids) -> Condition | None:
    """`in` with one concept that reference set members name is that set; else a list of codes."""
    if each.op == "=":
        return _same(f"concept.code = :{name}", {name: each.value})
    if each.op == "regex" and matcher(each.value):
        return _same(f"matching(:{name}, concept.code)", {name: each.value})
    if each.op not in ("in", "not-in"):
        return None
    if each.op == "in" and "," not in each.value and ids(each.value) is not None and "refset" in kinds:
        return _of_property(Filter("refset", "=", each.value), name, kinds)
    return _among("concept.code", each, name)


def _among(what: str, each: Filter, name: str) -> Condition | None:
    asked = [value.strip() for value in each.value.split(",")]
    if len(asked) > _MOST_VALUES:
        return None
    marks = ", ".join(f":{name}_{n}" for n, _ in enumerate(asked))
    negated = "NOT " if each.op == "not-in" else ""
    return _same(f"{what} {negated}IN ({marks})", {f"{name}_{n}": value for n, value in enumerate(asked)})


def _of_property(each: Filter, name: str, kinds: Mapping[str, int]) -> Condition | None:
    """`=`, `in`, `not-in`, `exists` and `regex` on the values of a property; sets are published with `DOC` for `Doc`."""
    own = {f"{name}_kind": kinds[each.property]}
    having = _HAVING.replace(":kind", f":{name}_kind")
    if each.op == "exists" and each.value in ("true", "false"):
        return _same(f"{'' if each.value == 'true' else 'NOT '}EXISTS ({having})", own)
    if each.op == "=":
        return _same(f"EXISTS ({having} AND property.value = :{name} COLLATE NOCASE)", own | {name: each.value})
    if each.op == "regex" and matcher(each.value):
        return _same(f"EXISTS ({having} AND matching(:{name}, property.value))", own | {name: each.value})
    made = _among("property.value", Filter(each.property, "in", each.value), name)
    if made is None or each.op not in ("in", "not-in"):
        return None
    return _same(f"{'' if each.op == 'in' else 'NOT '}EXISTS ({having} AND {made[0]})", {**own, **made[2]})


_HAVING = "SELECT 1 FROM property WHERE property.concept = concept.id AND property.kind = :kind"
