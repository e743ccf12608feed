"""Three answers: in, out, cannot say."""

import pytest

from gateway.definitions.library import core, library
from gateway.terminology import compose
from gateway.terminology.membership import Membership, Reason, Terminology

VS = "http://hl7.org/fhir/ValueSet/"
SYSTEM = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/cs",
    "content": "complete",
    "caseSensitive": True,
    "concept": [{"code": "a", "concept": [{"code": "b", "concept": [{"code": "c"}]}]}, {"code": "d"}],
}


def answer(compose, code, system="http://example.org/cs", **changed):
    value_set = {"resourceType": "ValueSet", "url": "http://example.org/vs", "compose": compose}
    return Terminology(library([SYSTEM | changed, value_set])).member("http://example.org/vs", code, system).value


def part(**more):
    return {"system": "http://example.org/cs", **more}


def by_filter(op, value):
    return {"include": [part(filter=[{"property": "concept", "op": op, "value": value}])]}


@pytest.mark.parametrize(
    ("compose", "code", "said"),
    [
        ({"include": [part()]}, "x", "out"),
        ({"include": [part()]}, "c", "in"),
        ({"include": [part(concept=[{"code": "a"}])]}, "b", "out"),
        ({"include": [part(concept=[{"code": "a"}])]}, "a", "in"),
        (by_filter("is-a", "b"), "a", "out"),
        (by_filter("is-a", "b"), "b", "in"),
        (by_filter("is-a", "b"), "c", "in"),
        (by_filter("descendent-of", "b"), "b", "out"),
        (by_filter("descendent-of", "a"), "c", "in"),
        (by_filter("is-not-a", "a"), "c", "out"),
        (by_filter("is-not-a", "a"), "d", "in"),
        (by_filter("regex", "("), "a", "unknown"),
        (by_filter("no-such-operator", "a"), "a", "unknown"),
        ({"include": [part()], "exclude": [part(concept=[{"code": "a"}])]}, "a", "out"),
        ({"include": [part()], "exclude": [part(concept=[{"code": "a"}])]}, "b", "in"),
        ({"include": [part()], "exclude": [{"valueSet": ["http://example.org/none"]}]}, "b", "unknown"),
        ({"include": [{"valueSet": ["http://example.org/none"]}]}, "b", "unknown"),
        ({"include": [{"valueSet": ["http://example.org/vs"]}]}, "b", "unknown"),
        ({"include": [part(valueSet=["http://example.org/none"])]}, "b", "unknown"),
        ({"include": [part(valueSet=["http://example.org/none"])]}, "x", "unknown"),
    ],
)
def test_compositions(compose, code, said):
    assert answer(compose, code) == said


def test_another_system_is_out():
    assert answer({"include": [part()]}, "a", system="http://example.org/other") == "out"


@pytest.mark.parametrize(
    ("content", "said"),
    [("fragment", "unknown"), ("example", "unknown"), ("not-present", "unknown"), ("complete", "out")],
)
def test_only_complete_content_proves_absence(content, said):
    assert answer({"include": [part()]}, "x", content=content) == said


def test_case_is_ignored_where_the_system_ignores_it():
    assert answer({"include": [part()]}, "A", caseSensitive=False) == "in"
    assert answer({"include": [part()]}, "A", caseSensitive=True) == "out"


@pytest.mark.parametrize(
    ("value_set", "code", "said"),
    [
        ("administrative-gender", "man", "out"),
        ("administrative-gender", "male", "in"),
        ("mimetypes", "text plain", "out"),
        ("mimetypes", "text/plain; charset=utf-8", "in"),
        ("mimetypes", "image", "unknown"),
        ("currencies", "won", "out"),
        ("currencies", "KRW", "in"),
        ("currencies", "DEM", "unknown"),
        ("all-languages", "ko_KR", "out"),
        ("all-languages", "ko-KR", "in"),
        ("ucum-units", "mm Hg", "out"),
        ("ucum-units", "mm[Hg]", "in"),
        ("iso3166-1-3", "KR", "out"),
        ("iso3166-1-3", "KOR", "in"),
        ("iso3166-1-3", "XKX", "unknown"),
        ("iso3166-1-N", "410", "in"),
        ("condition-code", "22298006", "unknown"),
        ("condition-code", "22298007", "out"),
        ("observation-codes", "8480-6", "unknown"),
        ("observation-codes", "8480-7", "out"),
        ("account-type", "CASH", "in"),
        ("all-types", "Patient", "in"),
        ("no-such-value-set", "x", "unknown"),
    ],
)
def test_core_value_sets(value_set, code, said):
    assert Terminology(core()).member(VS + value_set, code).value == said


def test_expansion_of_a_closed_set_is_plain():
    assert Terminology(core()).expand(VS + "administrative-gender").plain() == {"male", "female", "other", "unknown"}
    assert Terminology(core()).expand(VS + "condition-code").plain() is None


def value_set(url, *include, **more):
    return {"resourceType": "ValueSet", "url": url, "compose": {"include": list(include), **more}}


def terminology(*resources):
    return Terminology(library([SYSTEM, *resources]))


def test_a_circle_ends_and_stays_open():
    first = value_set("http://example.org/1", {"valueSet": ["http://example.org/2"]}, part(concept=[{"code": "a"}]))
    second = value_set("http://example.org/2", {"valueSet": ["http://example.org/1"]}, part(concept=[{"code": "b"}]))
    known = terminology(first, second)
    for url in ("http://example.org/1", "http://example.org/2"):
        assert known.member(url, "c", "http://example.org/cs") is Membership.UNKNOWN
        assert known.member(url, "a", "http://example.org/cs") is Membership.IN
        assert known.expanded(url).gaps[0].reason is Reason.CIRCULAR


def test_a_set_that_stands_behind_itself_many_times_over_is_expanded_once():
    def both(number):
        inner = [{"valueSet": [f"http://example.org/{number + 1}"]}] * 30
        return value_set(f"http://example.org/{number}", *inner)

    last = value_set("http://example.org/14", part(concept=[{"code": "a"}]))
    known = terminology(*(both(number) for number in range(14)), last)
    assert known.member("http://example.org/0", "a", "http://example.org/cs") is Membership.IN
    assert known.member("http://example.org/0", "b", "http://example.org/cs") is Membership.OUT


def test_a_set_that_would_take_long_is_left_open(monkeypatch):
    monkeypatch.setattr(compose, "_MOST_LOOKS", 200_000)
    codes = [{"code": f"c{n}", "property": [{"code": "p", "valueString": str(n)}]} for n in range(5000)]
    filters = [{"property": "p", "op": "regex", "value": "(.*)*1"}]
    greedy = value_set("http://example.org/1", *[part(filter=filters)] * 2000)
    many = value_set("http://example.org/2", part(filter=filters * 21))
    known = Terminology(library([SYSTEM | {"concept": codes}, greedy, many]))
    for url in ("http://example.org/1", "http://example.org/2"):
        assert known.member(url, "c2", "http://example.org/cs") is Membership.UNKNOWN
        assert known.verdict(url, "c2", "http://example.org/cs").reason is Reason.TOO_LARGE
    assert known.member("http://example.org/1", "c1", "http://example.org/cs") is Membership.IN


def test_what_was_cut_by_depth_is_whole_when_it_is_asked_itself():
    sets = [value_set(f"http://example.org/{n}", {"valueSet": [f"http://example.org/{n + 1}"]}) for n in range(30)]
    known = terminology(*sets, value_set("http://example.org/30", part(concept=[{"code": "a"}])))
    assert known.member("http://example.org/0", "x", "http://example.org/cs") is Membership.UNKNOWN
    assert known.member("http://example.org/20", "x", "http://example.org/cs") is Membership.OUT


def test_many_excludes_do_not_nest():
    excluded = [part(concept=[{"code": "d"}]), {"system": "urn:iso:std:iso:4217"}] * 1500
    known = terminology(value_set("http://example.org/1", part(), exclude=excluded))
    assert known.member("http://example.org/1", "d", "http://example.org/cs") is Membership.OUT
    assert known.member("http://example.org/1", "a", "http://example.org/cs") is Membership.IN


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ("http://example.org/1|2.0", "x", "unknown"),
        ("http://example.org/1|2.0", "a", "in"),
        ("http://example.org/1|1.0", "x", "out"),
        ("http://example.org/1|1", "x", "out"),
        ("http://example.org/1", "x", "out"),
    ],
)
def test_another_version_of_a_value_set_proves_no_absence(asked, code, said):
    known = terminology(value_set("http://example.org/1", part(concept=[{"code": "a"}])) | {"version": "1.0"})
    assert known.member(asked, code, "http://example.org/cs").value == said


@pytest.mark.parametrize(("pinned", "said"), [("2.0", "unknown"), ("1.0", "out")])
def test_another_version_of_a_code_system_proves_no_absence(pinned, said):
    system = SYSTEM | {"version": "1.0"}
    sets = [value_set("http://example.org/1", part(version=pinned))]
    known = Terminology(library([system, *sets]))
    assert known.member("http://example.org/1", "x", "http://example.org/cs").value == said
    assert known.verdict("", "x", "http://example.org/cs", pinned).membership.value == said
    assert known.verdict("http://example.org/1", "x", "http://example.org/cs", pinned).membership.value == said
    assert known.member("http://example.org/1", "a", "http://example.org/cs") is Membership.IN


def test_an_expansion_alone_is_a_value_set_and_one_that_is_not_all_of_it_proves_no_absence():
    rows = [
        {
            "system": "http://example.org/cs",
            "code": "a",
            "contains": [{"system": "http://example.org/cs", "code": "b"}],
        },
        {"system": "http://example.org/cs", "code": "c", "abstract": True},
    ]
    for more, said in (({}, "out"), ({"total": 9}, "unknown"), ({"offset": 10}, "unknown")):
        only = {"resourceType": "ValueSet", "url": "http://example.org/1", "expansion": {"contains": rows, **more}}
        known = terminology(only)
        assert known.member("http://example.org/1", "x", "http://example.org/cs").value == said
        assert known.member("http://example.org/1", "c", "http://example.org/cs").value == said
        assert known.member("http://example.org/1", "b", "http://example.org/cs") is Membership.IN


def test_an_expansion_beside_a_composition_that_cannot_be_read_gives_members():
    filtered = {"system": "http://snomed.info/sct", "filter": [{"property": "constraint", "op": "=", "value": "<1"}]}
    both = value_set("http://example.org/1", filtered)
    both["expansion"] = {"contains": [{"system": "http://snomed.info/sct", "code": "73211009"}]}
    known = terminology(both)
    assert known.member("http://example.org/1", "73211009", "http://snomed.info/sct") is Membership.IN
    assert known.member("http://example.org/1", "22298006", "http://snomed.info/sct") is Membership.UNKNOWN
    assert known.member("http://example.org/1", "1", "http://snomed.info/sct") is Membership.OUT


def test_a_code_system_declares_the_value_set_of_all_its_codes():
    known = Terminology(library([SYSTEM | {"valueSet": "http://example.org/all"}]))
    assert known.member("http://example.org/all", "d", "http://example.org/cs") is Membership.IN
    assert known.member("http://example.org/all", "x", "http://example.org/cs") is Membership.OUT


def test_an_enumerated_code_of_a_system_that_ignores_case_is_found_in_any_case():
    assert answer({"include": [part(concept=[{"code": "a"}])]}, "A", caseSensitive=False) == "in"
    assert answer({"include": [part(concept=[{"code": "a"}])]}, "B", caseSensitive=False) == "out"


def test_inactive_codes_stay_out_where_the_set_says_so():
    ended = {"code": "old", "property": [{"code": "inactive", "valueBoolean": True}]}
    system = SYSTEM | {"concept": [{"code": "new"}, ended]}
    for inactive, said in ((False, "out"), (True, "in")):
        known = Terminology(library([system, value_set("http://example.org/1", part(), inactive=inactive)]))
        assert known.member("http://example.org/1", "old", "http://example.org/cs").value == said
        assert known.member("http://example.org/1", "new", "http://example.org/cs") is Membership.IN
    assert Terminology(library([system])).verdict("", "old", "http://example.org/cs").reason is Reason.INACTIVE


@pytest.mark.parametrize(
    ("code", "said"), [("en-US", "in"), ("ko", "in"), ("en-Latn-US", "out"), ("xx", "out"), ("x-mine", "out")]
)
def test_language_tags_are_cut_by_their_parts(code, said):
    filters = [
        {"property": name, "op": "exists", "value": "false"}
        for name in ("script", "variant", "extension", "private-use")
    ]
    known = terminology(value_set("http://example.org/1", {"system": "urn:ietf:bcp:47", "filter": filters}))
    assert known.member("http://example.org/1", code, "urn:ietf:bcp:47").value == said


@pytest.mark.parametrize(("code", "said"), [("kg", "out"), ("not a unit", "out"), ("cm", "in"), ("[pH]", "unknown")])
def test_units_are_cut_by_their_dimension(code, said):
    filters = [{"property": "canonical", "op": "=", "value": "m"}]
    known = terminology(value_set("http://example.org/1", {"system": "http://unitsofmeasure.org", "filter": filters}))
    assert known.member("http://example.org/1", code, "http://unitsofmeasure.org").value == said


@pytest.mark.parametrize(
    ("url", "code", "system", "said", "reason", "address"),
    [
        ("http://example.org/1", "x", "http://example.org/cs", "out", Reason.NOT_IN_SYSTEM, "http://example.org/cs"),
        ("http://example.org/1", "d", "http://example.org/cs", "out", Reason.NOT_IN_SET, "http://example.org/1"),
        ("http://example.org/1", "a", "urn:iso:std:iso:4217", "out", Reason.NOT_IN_SYSTEM, "urn:iso:std:iso:4217"),
        ("http://example.org/1", "KRW", "urn:iso:std:iso:4217", "out", Reason.OTHER_SYSTEM, "http://example.org/1"),
        ("http://example.org/1", "x", None, "out", Reason.NOT_IN_SET, "http://example.org/1"),
        ("http://example.org/1", "a", "http://example.org/cs", "in", Reason.NONE, ""),
        ("http://example.org/2", "a", "http://example.org/cs", "unknown", Reason.NO_VALUE_SET, "http://example.org/2"),
        ("", "a", "http://example.org/none", "unknown", Reason.NO_SYSTEM, "http://example.org/none"),
        ("", "22298006", "http://snomed.info/sct", "unknown", Reason.FORM_ONLY, "http://snomed.info/sct"),
        ("", "22298007", "http://snomed.info/sct", "out", Reason.NOT_IN_SYSTEM, "http://snomed.info/sct"),
        ("", "a", "http://example.org/cs", "in", Reason.NONE, ""),
    ],
)
def test_a_verdict_says_why(url, code, system, said, reason, address):
    known = terminology(value_set("http://example.org/1", part(concept=[{"code": "a"}])))
    verdict = known.verdict(url, code, system)
    assert (verdict.membership.value, verdict.reason, verdict.address) == (said, reason, address)


def test_a_member_that_groups_others_is_told_as_abstract():
    group = {"code": "g", "property": [{"code": "notSelectable", "valueBoolean": True}]}
    known = Terminology(library([SYSTEM | {"concept": [group]}, value_set("http://example.org/1", part())]))
    verdict = known.verdict("http://example.org/1", "g", "http://example.org/cs")
    assert (verdict.membership, verdict.reason) == (Membership.IN, Reason.ABSTRACT)


def test_names_are_known_of_loaded_systems_only():
    named = {
        "code": "a",
        "display": "First  one",
        "designation": [{"language": "ko-KR", "value": "첫째"}, {"value": "No. 1"}],
    }
    supplement = {
        "resourceType": "CodeSystem", "url": "http://example.org/more", "content": "supplement",
        "supplements": "http://example.org/cs|1", "concept": [{"code": "a", "designation": [{"language": "de", "value": "Erstes"}]}],
    }  # fmt: skip
    known = Terminology(library([SYSTEM | {"concept": [named]}, supplement]))
    assert known.display_of("http://example.org/cs", "a") == "First  one"
    assert known.display_of("http://example.org/cs", "a", "ko") == "첫째"
    assert known.display_of("http://example.org/cs", "a", "de") == "Erstes"
    assert known.display_of("http://example.org/cs", "a", "fr") == "First  one"
    assert known.display_differs("http://example.org/cs", "a", "first one") is False
    assert known.display_differs("http://example.org/cs", "a", "erstes") is False
    assert known.display_differs("http://example.org/cs", "a", "Second") is True
    assert known.display_differs("http://hl7.org/fhir/administrative-gender", "male", "x") is None
    assert known.display_of("http://example.org/none", "a") is None


@pytest.mark.parametrize(
    ("above", "below", "said"),
    [("c", "a", False), ("d", "a", False), ("a", "c", True), ("b", "b", True), ("a", "x", None), ("x", "a", None)],
)
def test_subsumption(above, below, said):
    assert terminology().subsumes("http://example.org/cs", above, below) is said


def test_in_system():
    terminology = Terminology(core())
    assert terminology.in_system("http://hl7.org/fhir/administrative-gender", "male") is Membership.IN
    assert terminology.in_system("http://hl7.org/fhir/administrative-gender", "m") is Membership.OUT
    assert terminology.in_system("http://example.org/none", "m") is Membership.UNKNOWN
