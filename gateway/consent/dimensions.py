"""What one provision says, dimension by dimension: AND between dimensions, OR inside one (R4 Consent.provision).

Matching is asymmetric when in doubt: a permit needs everything known and covered, a deny is met by any part or by an unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.consent.asked import Asked
from gateway.consent.codes import Codes
from gateway.consent.marks import Coding, plain
from gateway.consent.period import period
from gateway.consent.question import Question, listed
from gateway.consent.shapes import named_in

Stated = Mapping[str, Any]
_NOBODY: frozenset[str] = frozenset()
Met = Callable[[Asked], bool]
INHERITED = ("actor", "action", "securityLabel", "purpose", "class", "code", "dataPeriod", "data")


@dataclass(frozen=True, slots=True)
class Test:
    """What an item must pass in one dimension. `looks_at`: the attributes of an item that it hangs on; `reference`: on which item it is.

    `names`: where it is about codes alone, those that it is met by, as a permit writes them or (`bare`) as a deny compares them.
    """

    looks_at: tuple[str, ...]
    met: Met
    names: frozenset[Coding] | None = None
    bare: bool = False


def awake(stated: Stated, permit: bool, question: Question) -> bool:
    """Whether the provision speaks to this question at all: purpose, action and recipient."""
    return (
        _purpose(stated, permit, question)
        and _action(stated, permit, question)
        and _recipient(stated, permit, question)
    )


def tests(stated: Stated, permit: bool, question: Question) -> tuple[Test, ...]:
    """What an item must pass: source, label, class, code, data period and data. Raises one of UNREADABLE."""
    made = (rule(stated, permit, question) for rule in (_label, _class, _code, _source, _data_period, _data))
    return tuple(test for test in made if test is not None)


def purposes_of(stated: Stated) -> frozenset[str]:
    """The purpose codes that a provision names."""
    return frozenset(coding["code"] for coding in stated.get("purpose", ()))


def _purpose(stated: Stated, permit: bool, question: Question) -> bool:
    if "purpose" not in stated:
        return True
    if not permit:
        return question.any_within(purposes_of(stated))
    own = (None, question.codes.systems["purpose"])
    return question.all_within(c["code"] for c in stated["purpose"] if c.get("system") in own)


def _action(stated: Stated, permit: bool, question: Question) -> bool:
    if "action" not in stated:
        return True
    action = question.how.get("action")
    named = {coding["code"] for concept in stated["action"] for coding in concept.get("coding", ())}
    vague = action is None or any(not concept.get("coding") for concept in stated["action"])
    return action in named or (vague and not permit)


def _recipient(stated: Stated, permit: bool, question: Question) -> bool:
    sides = _sides(stated, question.codes)
    if "unknown" in sides and (permit or len(sides) == 1):
        return False
    return "recipient" not in sides or _meet(sides["recipient"], question.asking, permit)


def _sides(stated: Stated, codes: Codes) -> dict[str, frozenset[str]]:
    """References by side: recipient, custodian, author, or `unknown` for a role that nobody has."""
    sides: dict[str, frozenset[str]] = {}
    for actor in stated.get("actor", ()):
        role = actor.get("role") or {}
        known = [codes.roles[c["code"]] for c in role.get("coding", ()) if c.get("code") in codes.roles]
        side = known[0] if known else "unknown"
        sides[side] = sides.get(side, frozenset()) | {_reference(actor)}
    return sides


def _reference(holder: Mapping[str, Any]) -> str:
    """`Type/id` of a Reference, without a version. Raises LookupError or AttributeError when there is none."""
    reference: str = holder["reference"]["reference"]
    return reference.partition("/_history/")[0]


def _meet(stated: frozenset[str], own: Iterable[str], permit: bool) -> bool:
    """Whether references meet: a permit's as they are written, a deny's by what they name, relative or absolute."""
    if permit:
        return not stated.isdisjoint(own)
    return not {_target(one) for one in stated}.isdisjoint(_target(one) for one in own)


def _target(reference: str) -> str:
    """`Type/id`, and `#part` where there is one, of a reference in any form."""
    base, mark, part = reference.partition("#")
    return named_in(base) + mark + part


def _source(stated: Stated, permit: bool, question: Question) -> Test | None:
    sides = _sides(stated, question.codes)
    keepers, makers = sides.get("custodian", frozenset()), sides.get("author", frozenset())
    if not keepers and not makers:
        return None

    def met(item: Asked) -> bool:
        return _meet(keepers, item.custodian or _NOBODY, permit) or _meet(makers, item.author or _NOBODY, permit)

    return Test(("author", "custodian"), met)


def _label(stated: Stated, permit: bool, question: Question) -> Test | None:
    names = frozenset(coding["code"] for coding in stated.get("securityLabel", ()))
    codes = question.codes
    levels = [codes.levels[name] for name in names if name in codes.levels]
    sensitivities = names - codes.levels.keys()
    if permit:
        return _permit_label(levels, sensitivities, question)
    if not names:
        return None
    return Test(("marks",), lambda item: label_hits(item, names, codes))


def _permit_label(levels: list[int], sensitivities: frozenset[str], question: Question) -> Test:
    codes = question.codes
    if not levels and not sensitivities:
        limit = question.register.get("permitWithoutLabelCovers", codes.defaults["permitWithoutLabelCovers"])
        levels = [codes.levels[limit]]
    ceiling, most = max(levels, default=-1), codes.levels[codes.defaults["sensitivityPermitUpTo"]]

    def covered(item: Asked) -> bool:
        if item.marks.unclassified and sensitivities:
            return False
        if item.marks.level <= ceiling:
            return True
        own = item.marks.sensitivities
        named = all(not codes.within(s).isdisjoint(sensitivities) for s in own)
        return bool(own) and named and item.marks.level <= most

    return Test(("marks",), covered)


def has_sensitivity(item: Asked, named: Iterable[str], codes: Codes) -> bool:
    """The item has one of the named sensitivities or a narrower one, or may have it because nobody has classified it."""
    names = frozenset(named)
    if item.marks.unclassified and names:
        return True
    return any(not codes.within(s).isdisjoint(names) for s in item.marks.sensitivities)


def _class(stated: Stated, permit: bool, question: Question) -> Test | None:
    if "class" not in stated:
        return None
    systems = (None, *question.codes.systems["type"])
    types = frozenset(c["code"] for c in stated["class"] if c.get("system") in systems)
    documents = _pairs(c for c in stated["class"] if c.get("system") not in systems)
    if not documents:
        return Test(("type",), lambda item: item.type in types)
    meant = _bare(documents)
    named: Met = (
        (lambda item: not documents.isdisjoint(item.codings)) if permit else (lambda i: _named_or_unknown(i, meant))
    )
    return Test(("type", "codings"), lambda item: item.type in types or named(item))


def _code(stated: Stated, permit: bool, _question: Question) -> Test | None:
    if "code" not in stated:
        return None
    named = _pairs(coding for concept in stated["code"] for coding in concept.get("coding", ()))
    vague = any(not concept.get("coding") for concept in stated["code"])
    if permit:
        return Test(("codings",), lambda item: not named.isdisjoint(item.codings), named)
    meant = _bare(named)
    if vague:  # nobody knows which codes it means: all of them
        return None
    return Test(("codings",), lambda item: _named_or_unknown(item, meant), meant, bare=True)


def _named_or_unknown(item: Asked, named: frozenset[Coding]) -> bool:
    """A deny on a code: the item has it, itself or by its mapped target, or nobody knows what code it has.

    Codes are compared without the variety of writing, and by themselves where the deny says no system.
    """
    if not named:
        return False
    own = item.names
    return not own or not named.isdisjoint(own)


def _bare(codings: Iterable[Coding]) -> frozenset[Coding]:
    return frozenset((system, plain(code)) for system, code in codings if code is not None)


def _pairs(codings: Iterable[Mapping[str, Any]]) -> frozenset[Coding]:
    return frozenset((coding.get("system"), coding["code"]) for coding in codings)


def _data_period(stated: Stated, permit: bool, question: Question) -> Test | None:
    if "dataPeriod" not in stated:
        return None
    start, end = period(stated["dataPeriod"], question.zone)
    if permit:
        return Test(("made",), lambda item: item.made is not None and start <= item.made[0] and item.made[1] <= end)
    return Test(("made",), lambda item: item.made is None or (item.made[0] < end and start < item.made[1]))


def _data(stated: Stated, permit: bool, question: Question) -> Test | None:
    if "data" not in stated:
        return None
    found = tuple(_datum(row, permit, question.codes) for row in stated["data"])
    return Test(("reference",), lambda item: any(met(item) for met in found))


def _datum(row: Mapping[str, Any], permit: bool, codes: Codes) -> Met:
    meaning = codes.meanings[row["meaning"]]
    reference = _reference(row) if permit else _target(_reference(row))
    kind = reference.partition("/")[0]
    backwards = meaning.get("referring") or kind in meaning.get("referringToTypes", ())
    open_ended = not permit and bool(meaning.get("referring") or meaning.get("referredTo"))
    wanted = frozenset((reference,))

    def met(item: Asked) -> bool:
        if meaning.get("author"):
            return item.author is not None and _meet(wanted, item.author, permit)
        same = reference == item.reference or (not permit and reference == item.base)
        if same or (backwards and _meet(wanted, item.refers_to, permit)):
            return True
        if open_ended and not item.frame.has(reference.partition("#")[0]):
            return True  # what it is about is not here to be asked what it refers to
        return bool(meaning.get("referredTo")) and reference in item.referred_by

    return met


def label_hits(item: Asked, labels: Iterable[str], codes: Codes) -> bool:
    """Whether a list of refused labels hits an item: a level hits itself and above, a sensitivity itself and what lies within."""
    names = frozenset(listed(labels))
    floor = min((codes.levels[name] for name in names if name in codes.levels), default=len(codes.levels))
    return item.marks.level >= floor or has_sensitivity(item, names - codes.levels.keys(), codes)
