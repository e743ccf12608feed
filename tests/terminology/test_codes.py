"""Union, intersection and difference never say more than their parts: checked against every way that the unknown could turn out."""

from functools import partial
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from gateway.terminology.codes import UNKNOWN_CODES, Codes, Membership, intersection, union, without

CODES = ("a", "b", "c")
SYSTEMS = ("http://example.org/1", "http://example.org/2")
_answers = st.sampled_from(list(Membership))


def _told(answers, code):
    return answers.get(code, Membership.OUT)


@st.composite
def sets(draw):
    known = {s: frozenset(draw(st.sets(st.sampled_from(CODES)))) for s in SYSTEMS if draw(st.booleans())}
    loose = frozenset(s for s in SYSTEMS if draw(st.booleans()))
    told = {s: partial(_told, {c: draw(_answers) for c in CODES}) for s in SYSTEMS if draw(st.integers(0, 3)) == 0}
    known = {s: members for s, members in known.items() if s not in told}
    return Codes(known, loose - frozenset(told), draw(st.booleans()), frozenset(), told)


def possible(codes, system, code):
    """Whether the code may be in, may be out."""
    answer = codes.member(system, code)
    return {Membership.IN: (True,), Membership.OUT: (False,), Membership.UNKNOWN: (True, False)}[answer]


def _never_more(result, parts, combine):
    for system, code in product(SYSTEMS, CODES):
        outcomes = {combine(world) for world in product(*(possible(p, system, code) for p in parts))}
        answer = result.member(system, code)
        if answer is not Membership.UNKNOWN:
            assert outcomes == {answer is Membership.IN}


@given(st.lists(sets(), max_size=4))
def test_union(parts):
    _never_more(union(parts), parts, any)


@given(st.lists(sets(), min_size=1, max_size=4))
def test_intersection(parts):
    _never_more(intersection(parts), parts, all)


@given(sets(), st.lists(sets(), max_size=3))
def test_difference(first, others):
    _never_more(without(first, others), [first, *others], lambda world: world[0] and not any(world[1:]))


@given(sets())
def test_doubtful_proves_no_absence(codes):
    for system, code in product(SYSTEMS, CODES):
        before, after = codes.member(system, code), codes.doubtful().member(system, code)
        if system in codes.systems():
            assert after is (Membership.UNKNOWN if before is Membership.OUT else before)


def test_nothing_known():
    assert UNKNOWN_CODES.member(None, "a") is Membership.UNKNOWN
    assert UNKNOWN_CODES.plain() is None
    assert intersection([]).member(None, "a") is Membership.OUT
