"""The exact rules of the consent notes, one class per rule, refusals first."""

from __future__ import annotations

from typing import Any

import pytest


def released(result: dict[str, Any]) -> list[str]:
    return [r.partition("/")[2] for r in result["released"]]


class TestRule01Result:
    def test_no_rule_says_yes_so_no(self, world):
        assert world.ask() == {
            "decision": "deny",
            "reason": "default-deny",
            "released": [],
            "redacted": [{"reference": "Observation/a1c", "because": "default-deny"}],
            "obligations": [],
            "consentsUsed": [],
        }

    def test_nothing_asked_for_is_not_a_permit(self, world):
        result = world.ask(world.consent(world.rule("permit")), what=[])
        assert (result["decision"], result["reason"], result["released"]) == ("deny", "default-deny", [])

    def test_a_deny_carries_no_duties(self, world):
        result = world.ask(world.consent(world.rule("permit", purpose=["COC"]), policy=[{"uri": "urn:policy:case"}]))
        assert (result["decision"], result["obligations"]) == ("deny", [])

    def test_the_same_reference_twice_with_different_answers_is_withheld(self, world):
        hidden = {**world.a1c, "subject": "Patient/other"}
        result = world.ask(world.consent(world.rule("permit")), what=[world.a1c, hidden])
        assert result["released"] == []
        assert result["redacted"] == [{"reference": "Observation/a1c", "because": "wrong-subject"}]

    def test_aod_only_when_disclosed(self, world):
        permit = world.consent(world.rule("permit"))
        assert world.ask(permit)["obligations"] == ["AOD"]
        assert world.ask(permit, how={"action": "access"})["obligations"] == []

    def test_reasons_are_joined(self, world):
        rule = world.consent(world.rule("permit", class_=["Coverage"], purpose=["COVERAGE"]))
        who = {"organizationType": "welfare", "authorizedPurposes": ["ELIGVER"]}
        what = [{"reference": "Coverage/a", "code": []}, world.a1c]
        result = world.ask(rule, who=who, what=what, why={"purposeOfUse": ["ELIGVER"], "legalBasis": "ELIGIBILITY"})
        assert result["reason"] == "consent-permit"
        assert result["decision"] == "permit-with-redaction"


class TestRule02ConsentsUsed:
    def test_silent_and_unclear_ones_are_not_listed(self, world):
        silent = world.consent(world.rule("permit", purpose=["COC"]), "c2")
        unclear = world.consent(world.rule(None), "c3")
        assert world.ask(silent, unclear)["consentsUsed"] == []

    def test_a_deny_that_break_glass_overrode_and_a_permit_refused_abroad_are_listed(self, world):
        refusal = world.consent(world.rule("deny", purpose=["TREAT"]))
        opened = world.ask(refusal, why={"purposeOfUse": ["BTG"], "justification": "unconscious"})
        assert (opened["reason"], opened["consentsUsed"]) == ("break-glass", ["c1"])
        abroad = world.ask(world.consent(world.rule("permit")), where={"jurisdiction": "DE"})
        assert (abroad["reason"], abroad["consentsUsed"]) == ("cross-border-no-basis", ["c1"])


LABEL_CASES = [  # type, labels named, item's labels, met
    ("permit", [], ["R"], False),
    ("permit", [], ["PSY"], False),
    ("permit", [], ["N"], True),
    ("permit", ["N"], ["R"], False),
    ("permit", ["R"], ["V"], False),
    ("permit", ["R"], ["HIV", "R"], True),
    ("permit", ["R", "N"], ["R"], True),
    ("permit", ["PSY"], ["N"], False),
    ("permit", ["PSY"], ["PSY", "HIV"], False),
    ("permit", ["PSY"], ["PSY", "V"], False),
    ("permit", ["PSY"], ["PSYTHPN"], True),
    ("permit", ["PSYTHPN"], ["PSY"], False),
    ("permit", ["N", "PSY"], ["PSY", "R"], True),
    ("permit", ["N", "PSY"], ["N"], True),
    ("permit", ["N", "PSY"], ["HIV"], False),
    ("deny", [], ["N"], True),
    ("deny", ["R"], ["N"], False),
    ("deny", ["R"], ["V"], True),
    ("deny", ["R"], ["LOCALLABEL"], True),
    ("deny", ["ETH"], ["OPIOIDUD"], True),
    ("deny", ["ETHUD"], ["ETH"], False),
    ("deny", ["PSY"], ["N"], False),
]


class TestRule03Labels:
    @pytest.mark.parametrize(("kind", "named", "labels", "met"), LABEL_CASES)
    def test_levels_and_sensitivities(self, world, kind, named, labels, met):
        dims = {"securityLabel": named} if named else {}
        base = [] if kind == "permit" else [world.consent(world.rule("permit", securityLabel=["V"]), "base")]
        result = world.ask(
            world.consent(world.rule(kind, **dims)), *base, what=[{**world.a1c, "securityLabel": labels}]
        )
        assert (result["decision"] == "deny") is (not met if kind == "permit" else met)

    def test_a_sender_cannot_lower(self, world):
        item = world.coded("Condition/dep", "F32", securityLabel=["U"])
        assert world.ask(world.consent(world.rule("permit")), what=[item])["decision"] == "deny"

    def test_a_level_beside_does_not_lower_a_sensitivity_of_another_source(self, world):
        item = world.coded("Observation/hiv", "75622-1", world.LOINC, securityLabel=["N"])
        assert world.ask(world.consent(world.rule("permit")), what=[item])["decision"] == "deny"

    def test_the_register_says_how_far_an_unlabelled_permit_goes(self, world):
        permit, more = world.consent(world.rule("permit")), {"permitWithoutLabelCovers": "L"}
        assert world.ask(permit, register=more)["decision"] == "deny"


class TestRule04Actors:
    @pytest.mark.parametrize(
        ("actors", "reason"),
        [
            ([("IRCP", "Organization/h9")], "outside-consent"),
            ([("WITNESS", "Organization/h2")], "outside-consent"),
            ([("IRCP", "Organization/h2"), ("WITNESS", "Organization/h2")], "outside-consent"),
            ([("IRCP", "Organization/h2"), ("CST", "Organization/h9")], "outside-consent"),
            ([("AUT", "Practitioner/unknown")], "outside-consent"),
            ([("IRCP", "Organization/h9"), ("PRCP", "Practitioner/kim")], "consent-permit"),
            ([("TRC", "Organization/h2"), ("CST", "Organization/h1")], "consent-permit"),
            ([("CST", "Organization/h9"), ("AUT", "Practitioner/choi")], "consent-permit"),
        ],
    )
    def test_sides_are_anded_members_ored(self, world, why, actors, reason):
        item = {**world.a1c, "custodian": "Organization/h1", "author": ["Practitioner/choi"]}
        assert why(world.consent(world.rule("permit", actor=actors)), what=[item]) == reason

    def test_a_deny_with_an_unknown_role_beside_still_denies(self, world, why):
        both = world.rule("deny", actor=[("IRCP", "Organization/h2"), ("WITNESS", "Organization/x")])
        assert why(world.consent(world.rule("permit", both))) == "consent-deny"
        alone = world.rule("deny", actor=[("WITNESS", "Organization/h2")])
        assert why(world.consent(world.rule("permit", alone))) == "consent-permit"

    def test_an_actor_that_names_nobody_is_not_understood(self, world, why):
        broken = world.rule("permit", actor=[("IRCP", "x")])
        broken["actor"][0].pop("reference")
        assert why(world.consent(broken)) == "indeterminate:no-base-rule"

    def test_a_versioned_reference_is_the_same_organisation(self, world, why):
        versioned = world.rule("deny", actor=[("IRCP", "Organization/h2/_history/3")])
        assert why(world.consent(world.rule("permit", versioned))) == "consent-deny"


class TestRule05Nesting:
    def test_too_deep_and_typeless_are_indeterminate_even_when_they_do_not_match(self, world, why):
        far = world.rule("deny", actor=[("IRCP", "Organization/h9")])
        deep = world.rule("permit", world.rule("permit", world.rule("permit", world.rule("permit", far))))
        assert why(world.consent(deep)) == "indeterminate:provision-too-deep"
        typeless = world.rule(None, actor=[("IRCP", "Organization/h9")])
        assert why(world.consent(world.rule("permit", typeless))) == "indeterminate:provision-type-missing"
        assert why(world.consent(world.rule("permit", world.rule("maybe")))) == "indeterminate:provision-type-missing"

    def test_siblings_in_conflict_deny(self, world, why):
        root = world.rule("permit", world.rule("permit", class_=["Observation"]), world.rule("deny", code=["4548-4"]))
        assert why(world.consent(root)) == "consent-deny"

    def test_children_are_walked_when_the_parent_does_not_match(self, world, why):
        child = world.rule("permit", purpose=["TREAT"])
        assert why(world.consent(world.rule("deny", child, purpose=["COC"]))) == "consent-permit"

    def test_a_child_inherits_what_it_does_not_restate(self, world, why):
        child = world.rule("deny", actor=[("IRCP", "Organization/h2")])
        assert why(world.consent(world.rule("permit", child, class_=["Condition"]))) == "outside-consent"

    def test_periods_accumulate(self, world, why):
        inner = world.rule("permit", class_=["Observation"], period={"end": "2030-01-01"})
        outer = world.rule("permit", inner, period={"end": "2026-01-01"}, purpose=["TREAT"])
        assert why(world.consent(world.rule("deny", outer))) == "consent-deny"


class TestRule06BaseRule:
    @pytest.mark.parametrize(
        ("over", "reason"),
        [
            ({}, "indeterminate:no-base-rule"),
            ({"provision": {"type": "Permit"}}, "indeterminate:no-base-rule"),
            ({"policyRule": {"coding": [{"code": "UNHEARD"}]}}, "indeterminate:no-base-rule"),
            ({"policyRule": {"coding": [{"code": "OPTOUT"}]}}, "consent-deny"),
            ({"policyRule": {"coding": [{"code": "OPTIN"}, {"code": "OPTOUTE"}]}}, "consent-deny"),
            ({"policy": [{"uri": "urn:policy:all-in"}, {"uri": "urn:policy:all-out"}]}, "consent-deny"),
            ({"policyRule": {"coding": [{"code": "OPTIN"}]}, "provision": {"type": "deny"}}, "consent-deny"),
            ({"policyRule": {"coding": [{"code": "OPTINR"}]}}, "consent-permit"),
            ({"policy": [{"uri": "urn:policy:all-in"}]}, "consent-permit"),
        ],
    )
    def test_type_then_policy_rule_then_base_policies(self, world, why, over, reason):
        assert why(world.consent(**over)) == reason

    def test_a_register_with_a_base_policy_nobody_understands(self, world, why):
        strange = {"basePolicies": {"urn:policy:c1": "perhaps"}}
        assert why(world.consent(), register=strange) == "indeterminate:no-base-rule"

    @pytest.mark.parametrize(
        ("period", "reason"),
        [
            ({"end": "2026-11-21"}, "default-deny"),
            ({"start": "2026-11-23"}, "default-deny"),
            ({"end": "2026-11-22T08:59:58+09:00"}, "default-deny"),
            ({"start": "2027", "end": "2026"}, "indeterminate:no-base-rule"),
            ({"end": "yesterday"}, "indeterminate:no-base-rule"),
            ({"end": "2027-1-1"}, "indeterminate:no-base-rule"),
            ({"start": "2026-11-22T09:00:00"}, "consent-permit"),
            ({"start": "2026-11-22T10:00:00"}, "default-deny"),
            ({"end": "2026-11-22"}, "consent-permit"),
            ({"end": "2026-11"}, "consent-permit"),
            ({"start": "2026", "end": "2026"}, "consent-permit"),
            ({"end": "2026-11-22T09:00:00+09:00"}, "consent-permit"),
        ],
    )
    def test_the_root_period_silences(self, world, why, period, reason):
        assert why(world.consent(world.rule("permit", period=period))) == reason


class TestRule07Data:
    def test_unknown_attributes(self, world, why):
        bare = {"reference": "Encounter/e", "code": []}
        for dims in (
            {"dataPeriod": {"start": "2026"}},
            {"code": ["4548-4"]},
            {"data": [("authoredby", "Practitioner/x")]},
        ):
            assert why(world.consent(world.rule("permit", **dims)), what=[bare]) == "outside-consent"
        for dims in ({"dataPeriod": {"start": "2026"}}, {"code": ["4548-4"]}):
            assert why(world.consent(world.rule("permit", world.rule("deny", **dims))), what=[bare]) == "consent-deny"
        for dims in ({"actor": [("CST", "Organization/x")]}, {"data": [("authoredby", "Practitioner/x")]}):
            assert why(world.consent(world.rule("permit", world.rule("deny", **dims))), what=[bare]) == "consent-permit"

    def test_a_date_that_cannot_be_read_is_unknown(self, world, why):
        item = {**world.a1c, "date": "spring"}
        assert why(world.consent(world.rule("permit", dataPeriod={"start": "2026"})), what=[item]) == "outside-consent"
        denied = world.rule("permit", world.rule("deny", dataPeriod={"end": "1990"}))
        assert why(world.consent(denied), what=[item]) == "consent-deny"

    @pytest.mark.parametrize(
        ("meaning", "target", "hits"),
        [
            ("instance", "Observation/b", {"b"}),
            ("dependents", "Observation/b", {"a", "b"}),
            ("related", "Observation/b", {"b", "c", "e"}),
            ("related", "Encounter/e", {"b", "e"}),
            ("dependents", "Encounter/e", {"b", "e"}),
            ("authoredby", "Practitioner/choi", {"c"}),
        ],
    )
    def test_meanings(self, world, meaning, target, hits):
        what = [
            world.coded("Observation/a", "1", world.LOINC, refersTo=["Observation/b"]),
            world.coded("Observation/b", "1", world.LOINC, refersTo=["Observation/c", "Encounter/e"]),
            world.coded("Observation/c", "1", world.LOINC, author=["Practitioner/choi"]),
            {"reference": "Encounter/e", "code": []},
        ]
        permit = world.consent(world.rule("permit", data=[(meaning, target)]))
        deny = world.consent(world.rule("permit", world.rule("deny", data=[(meaning, target)])))
        assert set(released(world.ask(permit, what=what))) == hits
        assert set(released(world.ask(deny, what=what))) == {"a", "b", "c", "e"} - hits

    def test_a_deny_on_an_instance_reaches_its_fields(self, world, why):
        field = {"reference": "Patient/p#address", "code": []}
        deny = world.rule("deny", data=[("instance", "Patient/p")])
        assert why(world.consent(world.rule("permit", deny)), what=[field]) == "consent-deny"
        assert (
            why(world.consent(world.rule("permit", data=[("instance", "Patient/p")])), what=[field])
            == "outside-consent"
        )

    def test_an_unknown_meaning_is_not_understood(self, world, why):
        assert why(world.consent(world.rule("permit", data=[("cousins", "A/b")]))) == "indeterminate:no-base-rule"

    def test_periods_of_data(self, world):
        what = [
            {**world.a1c, "reference": f"Observation/{n}", "date": d}
            for n, d in {
                "in": "2026-04-03",
                "over": {"start": "2026-03-30", "end": "2026-04-02"},
                "open": {"start": "2026-04-02"},
                "out": "2026-05",
                "none": {},
            }.items()
        ]
        april = {"start": "2026-04-01", "end": "2026-04-30"}
        assert released(world.ask(world.consent(world.rule("permit", dataPeriod=april)), what=what)) == ["in"]
        denied = world.consent(world.rule("permit", world.rule("deny", dataPeriod=april)))
        assert released(world.ask(denied, what=what)) == ["out"]

    def test_a_document_class_and_words_without_a_code(self, world, why):
        document = world.coded("DocumentReference/d", "34133-9", world.LOINC)
        named = {"class": [{"system": world.LOINC, "code": "34133-9"}]}
        assert why(world.consent(world.rule("permit") | named), what=[document]) == "consent-permit"
        assert why(world.consent(world.rule("permit", world.rule("deny") | named)), what=[document]) == "consent-deny"
        assert why(world.consent(world.rule("permit", world.rule("deny") | named))) == "consent-permit"
        words = {"code": [{"text": "anything about my mood"}]}
        assert why(world.consent(world.rule("permit") | words)) == "outside-consent"
        assert why(world.consent(world.rule("permit", world.rule("deny") | words))) == "consent-deny"

    def test_a_deny_on_a_code_reaches_the_local_code_mapped_to_it(self, world, why):
        local = world.coded("Observation/l", "A1C", world.LOCAL)
        assert (
            why(world.consent(world.rule("permit", world.rule("deny", code=["4548-4"]))), what=[local])
            == "consent-deny"
        )

    def test_action(self, world, why):
        assert why(world.consent(world.rule("permit", action=["access"]))) == "outside-consent"
        assert why(world.consent(world.rule("permit", action=["disclose"]))) == "consent-permit"
        assert why(world.consent(world.rule("permit", world.rule("deny", action=["use"])))) == "consent-permit"
        unknown = {"action": [{"text": "look"}]}
        assert why(world.consent(world.rule("permit", world.rule("deny") | unknown))) == "consent-deny"
        assert why(world.consent(world.rule("permit") | unknown)) == "outside-consent"


class TestRule08Purposes:
    @pytest.mark.parametrize(
        ("purposes", "reason"),
        [
            ([], "purpose-missing"),
            (["BLAH"], "purpose-unknown"),
            (["TREAT", "BLAH"], "purpose-unknown"),
            (["HPAYMT"], "purpose-not-authorised-for-client"),
            (["TREAT", "HRESCH"], "outside-consent"),
            (["COC"], "consent-permit"),
        ],
    )
    def test_known_registered_and_all_covered(self, world, why, purposes, reason):
        assert why(world.consent(world.rule("permit", purpose=["TREAT"])), why={"purposeOfUse": purposes}) == reason

    def test_a_deny_needs_any(self, world, why):
        both = {"purposeOfUse": ["TREAT", "HRESCH"]}
        assert (
            why(world.consent(world.rule("permit", world.rule("deny", purpose=["HRESCH"]))), why=both) == "consent-deny"
        )

    def test_a_permit_in_another_code_system_permits_nothing(self, world, why):
        other = [{"system": "urn:x", "code": "TREAT"}]
        assert why(world.consent({"type": "permit", "purpose": other})) == "outside-consent"
        assert why(world.consent({"type": "deny", "purpose": other})) == "consent-deny"

    def test_the_narrower_permit_does_not_cover_the_broader_request(self, world, why):
        assert why(world.consent(world.rule("permit", purpose=["COC"]))) == "outside-consent"


class TestRule09Series:
    @pytest.mark.parametrize(
        ("over", "reason"),
        [
            ({"status": "inactive"}, "default-deny"),
            ({"status": ...}, "default-deny"),
            ({"patient": {"reference": "Patient/q"}}, "default-deny"),
            ({"patient": ...}, "default-deny"),
            ({"scope": {"coding": [{"code": "adr"}]}}, "default-deny"),
            ({"scope": ...}, "default-deny"),
            ({"scope": {"coding": [{"code": "research"}]}}, "default-deny"),
            ({"dateTime": "2026-11-22T09:00:01+09:00"}, "default-deny"),
            ({"dateTime": "soon"}, "indeterminate:no-base-rule"),
            ({"dateTime": ...}, "consent-permit"),
        ],
    )
    def test_live(self, world, why, over, reason):
        assert why(world.consent(world.rule("permit"), **over)) == reason

    def test_research_scope_only_when_all_is_research(self, world, why):
        research = world.consent(world.rule("permit"), scope={"coding": [{"code": "research"}]})
        assert why(research, why={"purposeOfUse": ["CLINTRCH"]}) == "consent-permit"
        assert why(research, why={"purposeOfUse": ["CLINTRCH", "TREAT"]}) == "default-deny"

    def test_only_the_newest_counts_and_ties_keep_all(self, world, why):
        same = {"policy": [{"uri": "urn:policy:s"}]}
        old = world.consent(world.rule("permit"), "old", **same)
        new = world.consent(world.rule("deny"), "new", dateTime="2026-06-01", **same)
        tie = world.consent(world.rule("deny"), "tie", **same)
        assert why(old, new) == why(old, tie) == "consent-deny"
        later = world.consent(world.rule("permit"), "later", dateTime="2026-07-01", **same)
        assert why(new, later) == "consent-permit"

    def test_an_untrusted_one_never_supersedes_a_trusted_one(self, world, why):
        same = {"policy": [{"uri": "urn:policy:s"}]}
        deny = world.consent(world.rule("deny"), "old", **same)
        void = world.consent(
            world.rule("permit"), "new", dateTime="2026-06-01", verification=[{"verified": False}], **same
        )
        assert why(deny, void) == "consent-deny"


MOM = "RelatedPerson/mom"
PARENT = {"guardian": MOM, "basis": "parent", "period": {"start": "2010-01-01"}}


class TestRule10Trust:
    @pytest.mark.parametrize(
        ("over", "birth", "guardianships"),
        [
            ({"verification": [{"verified": False}]}, "1980", []),
            ({"verification": [{"verified": True}, {}]}, "1980", []),
            ({}, None, []),
            ({}, "not a date", []),
            ({}, "2012-03-02", []),
            ({}, "2012", []),
            ({"performer": [{"reference": MOM}]}, "2016-01-01", []),
            ({"performer": [{}]}, "1980", [PARENT]),
            ({"performer": [{"reference": MOM}, {"reference": "Practitioner/x"}]}, "2016-01-01", [PARENT]),
            ({"performer": [{"reference": MOM}]}, "2007-01-01", [PARENT]),
            ({"performer": [{"reference": MOM}]}, None, [PARENT]),
            ({"performer": [{"reference": MOM}]}, "2016-01-01", [{**PARENT, "status": "revoked"}]),
            ({"performer": [{"reference": MOM}]}, "2016-01-01", [{**PARENT, "patient": "Patient/q"}]),
            ({"performer": [{"reference": MOM}]}, "2016-01-01", [{**PARENT, "period": {"start": "2026-06-01"}}]),
            ({"performer": [{"reference": MOM}]}, "2016-01-01", [{**PARENT, "period": {"end": "2026-06-01"}}]),
        ],
    )
    def test_an_untrusted_permit_is_void_and_an_untrusted_deny_honoured(self, world, why, over, birth, guardianships):
        rest = {"whom": {"birthDate": birth}, "given": {"guardianships": guardianships}}
        assert why(world.consent(world.rule("permit"), **over), **rest) == "default-deny"
        assert why(world.consent(world.rule("deny"), **over), **rest) == "consent-deny"

    @pytest.mark.parametrize(
        ("over", "birth", "guardianships"),
        [
            ({"verification": [{"verified": True}]}, "1980", []),
            ({}, "2012-03-01", []),
            ({"performer": [{"reference": MOM}]}, "2016-01-01", [PARENT]),
            ({"performer": [{"reference": MOM}]}, "1980-01-01", [{**PARENT, "basis": "court"}]),
        ],
    )
    def test_trusted(self, world, why, over, birth, guardianships):
        rest = {"whom": {"birthDate": birth}, "given": {"guardianships": guardianships}}
        assert why(world.consent(world.rule("permit"), **over), **rest) == "consent-permit"

    def test_without_ages_nobody_is_old_enough(self, world, why):
        assert why(world.consent(world.rule("permit")), register={"ages": {}}) == "default-deny"


class TestRule11SelfAndGuardian:
    def family(self, world, birth, *consents, what=None, guardianships=(PARENT,), **over):
        who = {"references": [MOM], "role": "guardian"}
        how = {"action": "access", "interaction": "read"}
        given = {"guardianships": list(guardianships)}
        rest = {"why": {"purposeOfUse": ["FAMRQT"]}, "whom": {"birthDate": birth}, **over}
        return world.ask(*consents, who=who, how=how, given=given, what=what or [world.a1c], **rest)

    @pytest.mark.parametrize(
        ("birth", "guardianships", "reason"),
        [
            ("2007-01-01", [PARENT], "guardian-not-authorised"),
            ("2016-01-01", [{**PARENT, "status": "ended"}], "guardian-not-authorised"),
            (None, [PARENT], "guardian-not-authorised"),
            ("2016-01-01", [{**PARENT, "excludedLabels": ["N"]}], "guardian-excluded-label"),
            ("2016-01-01", [], "default-deny"),
            ("2016-01-01", [PARENT], "guardian-access"),
            ("1980-01-01", [{**PARENT, "basis": "court"}], "guardian-access"),
        ],
    )
    def test_guardian(self, world, birth, guardianships, reason):
        assert self.family(world, birth, guardianships=guardianships)["reason"] == reason

    def test_what_an_adolescent_keeps_is_left_to_the_consents(self, world):
        dep = [world.coded("Condition/dep", "F32")]
        assert self.family(world, "2011-01-01", what=dep)["reason"] == "adolescent-confidential"
        silent = world.consent(world.rule("permit", purpose=["TREAT"]))
        assert self.family(world, "2011-01-01", silent, what=dep)["reason"] == "adolescent-confidential"
        yes = world.consent(world.rule("permit", securityLabel=["PSY"], purpose=["FAMRQT"]))
        assert self.family(world, "2011-01-01", yes, what=dep)["reason"] == "consent-permit"
        assert self.family(world, "2018-01-01", what=dep)["reason"] == "guardian-access"

    def test_what_nobody_has_classified_counts_as_excluded_and_confidential(self, world):
        local = [world.coded("Observation/l", "PX", world.LOCAL)]
        barred = [{**PARENT, "excludedLabels": ["SDV"]}]
        assert self.family(world, "2018-01-01", what=local, guardianships=barred)["reason"] == "guardian-excluded-label"
        assert self.family(world, "2011-01-01", what=local)["reason"] == "adolescent-confidential"

    def test_the_person_reads_everything_of_his_or_her_own(self, world, why):
        own = {"who": {"references": ["Patient/p"]}, "why": {"purposeOfUse": ["PATRQT"]}}
        dep = [world.coded("Condition/dep", "F32", securityLabel=["V"])]
        assert why(world.consent(world.rule("deny")), what=dep, **own) == "self-access"
        mixed = own | {"why": {"purposeOfUse": ["PATRQT", "TREAT"]}}
        assert why(world.consent(world.rule("deny")), what=dep, **mixed) == "consent-deny"


class TestRule12BreakGlass:
    GLASS = {"purposeOfUse": ["BTG"], "justification": "unconscious"}

    @pytest.mark.parametrize(
        "over",
        [
            {"why": {"purposeOfUse": ["BTG"]}},
            {"why": {"purposeOfUse": ["BTG"], "justification": "  "}},
            {"why": {"purposeOfUse": ["BTG"], "justification": 7}},
            {"why": GLASS, "who": {"role": "clerk"}},
            {"why": GLASS, "who": {"authnLevel": 1}},
            {"why": GLASS, "who": {"authnLevel": None}},
            {"why": GLASS, "how": {"action": "disclose", "interaction": "push"}},
            {"why": GLASS, "register": {"breakGlass": None}},
        ],
    )
    def test_refused(self, world, why, over):
        assert why(**over) == "break-glass-not-authorised"
        assert why(world.consent(world.rule("permit", purpose=["COC"])), **over) == "break-glass-not-authorised"
        assert why(world.consent(world.rule("deny")), **over) == "consent-deny"

    def test_never_above_restricted(self, world, why):
        secret = [{**world.a1c, "securityLabel": ["V"]}]
        assert why(why=self.GLASS, what=secret) == "break-glass-not-authorised"
        assert why(world.consent(world.rule("deny")), why=self.GLASS, what=secret) == "consent-deny"

    def test_refused_by_name_anywhere(self, world, why):
        by_name = world.rule("deny", world.rule("deny", purpose=["ETREAT"], class_=["Condition"]), purpose=["TREAT"])
        assert why(world.consent(by_name), why=self.GLASS) == "consent-deny"
        inherited = world.rule("permit", world.rule("deny", class_=["Observation"]), purpose=["BTG"])
        assert why(world.consent(inherited), why=self.GLASS) == "consent-deny"

    def test_opens_deny_unclear_and_silence_with_its_duties(self, world):
        for consents in ([world.consent(world.rule("deny"))], [world.consent(world.rule(None))], []):
            result = world.ask(*consents, why=self.GLASS)
            assert result["reason"] == "break-glass"
            assert result["obligations"] == ["AOD", "AUDTR", "NOTIFY-SUBJECT", "REVIEW-24H"]

    def test_its_duties_go_with_a_plain_permit_too(self, world):
        result = world.ask(world.consent(world.rule("permit")), why={"purposeOfUse": ["BTG"]})
        assert (result["reason"], "AUDTR" in result["obligations"]) == ("consent-permit", True)


class TestRule13Duties:
    def test_policies_research_and_substance_use(self, world):
        two = [
            world.consent(world.rule("permit", securityLabel=["R"]), "a", policy=[{"uri": "urn:policy:case"}]),
            world.consent(world.rule("permit", securityLabel=["R"]), "b", policy=[{"uri": "urn:policy:other"}]),
        ]
        assert world.ask(*two)["obligations"] == ["AOD", "DELAU", "KEEP-UNTIL-P1Y", "MINEC"]
        study = world.ask(*two, why={"purposeOfUse": ["CLINTRCH"]})["obligations"]
        assert {"PSEUD", "NORELINK"} <= set(study)
        drinking = world.ask(*two, what=[world.coded("Condition/alc", "F10.2")])["obligations"]
        assert "NORDSCLCD" in drinking


class TestRule14Statutes:
    AGENCY = {"organizationType": "agency", "authorizedPurposes": ["PUBHLTH", "DISASTER", "TREAT"]}
    REPORT = {"purposeOfUse": ["PUBHLTH"], "legalBasis": "REPORT"}

    def ask(self, world, *consents, **over):
        rest = {"who": self.AGENCY, "why": self.REPORT, "what": [world.coded("Condition/tb", "A15.0")]} | over
        return world.ask(*consents, **rest)

    @pytest.mark.parametrize(
        "over",
        [
            {"who": AGENCY | {"organizationType": "payer"}},
            {"why": {"purposeOfUse": ["PUBHLTH"]}},
            {"why": {"purposeOfUse": ["PUBHLTH"], "legalBasis": "UNHEARD"}},
            {"why": {"purposeOfUse": ["PUBHLTH", "TREAT"], "legalBasis": "REPORT"}},
            {"how": {"action": "access"}},
            {"where": {"jurisdiction": None}},
            {"where": {"jurisdiction": "KRX"}},
            {"what": [{"reference": "Condition/x", "code": []}]},
            {"what": [{"reference": "Condition/x", "code": [{"code": "A15"}]}]},
        ],
    )
    def test_not_met(self, world, over):
        assert self.ask(world, **over)["reason"] == "default-deny"

    def test_mandatory_before_and_permissive_after_the_consents(self, world):
        deny = world.consent(world.rule("deny"))
        result = self.ask(world, deny)
        assert (result["reason"], result["obligations"]) == ("statute:REPORT", ["AOD", "MINEC", "NOREUSE"])
        coverage = {
            "who": {"organizationType": "welfare", "authorizedPurposes": ["ELIGVER"]},
            "why": {"purposeOfUse": ["ELIGVER"], "legalBasis": ["ELIGIBILITY"]},
            "what": [{"reference": "Coverage/c", "code": []}],
        }
        assert world.ask(deny, **coverage)["reason"] == "consent-deny"
        assert world.ask(**coverage)["reason"] == "statute:ELIGIBILITY"
        silent = world.consent(world.rule("permit", purpose=["TREAT"]))
        assert world.ask(silent, **coverage)["reason"] == "statute:ELIGIBILITY"

    def test_evidence(self, world, why):
        court = {"who": {"organizationType": "court", "authorizedPurposes": ["HLEGAL"]}}
        basis = {"purposeOfUse": ["HLEGAL"], "legalBasis": "ORDER"}
        assert why(why=basis, **court) == "prohibited:NEEDS-ORDER"
        assert why(why=basis | {"evidence": "court-order"}, **court) == "statute:ORDER"

    def test_marketing_is_prohibited_even_with_consent(self, world, why):
        assert why(world.consent(world.rule("permit")), why={"purposeOfUse": ["HMARKT"]}) == "prohibited:NO-ADS"

    def test_a_part_of_the_jurisdiction_is_inside(self, world):
        assert self.ask(world, where={"jurisdiction": "KR-11"})["reason"] == "statute:REPORT"

    @pytest.mark.parametrize("place", [{"jurisdiction": "DE"}, {}, {"jurisdiction": None}])
    def test_abroad_or_nobody_knows_where(self, world, why, place):
        permit = world.consent(world.rule("permit"))
        assert why(permit, where=place or {"jurisdiction": ""}) == "cross-border-no-basis"
        assert why(permit, where={**place, "transferBasis": "treaty"}) == "consent-permit"

    def test_districts_must_both_be_known_and_equal(self, world, why):
        rest = {
            "who": {"organizationType": "welfare", "authorizedPurposes": ["CAREMGT"]},
            "why": {"purposeOfUse": ["CAREMGT"], "legalBasis": "NEAR"},
            "what": [{"reference": "Coverage/c", "code": []}],
        }
        assert why(**rest) == "default-deny"
        assert why(whom={"district": "1"}, **rest) == "default-deny"
        assert why(whom={"district": "1"}, where={"district": "2"}, **rest) == "default-deny"
        assert why(whom={"district": "1"}, where={"district": "1"}, **rest) == "statute:NEAR"


class TestRule15Store:
    def test_a_store_that_could_not_be_asked(self, world, why):
        assert (
            why(given={"consents": None, "implicitPolicy": "permit-treatment-normal"})
            == "indeterminate:store-unavailable"
        )
        tb = {"who": TestRule14Statutes.AGENCY, "why": TestRule14Statutes.REPORT}
        assert why(given={"consents": None}, what=[world.coded("Condition/tb", "A15")], **tb) == "statute:REPORT"
        assert why(given={"consents": None}, why=TestRule12BreakGlass.GLASS) == "break-glass"


class TestRule16Implicit:
    @pytest.mark.parametrize(
        ("name", "purpose", "reason"),
        [
            ("deny", "TREAT", "default-deny"),
            (None, "TREAT", "default-deny"),
            ("permit-everything", "TREAT", "default-deny"),
            ("permit-treatment-normal", "HRESCH", "default-deny"),
            ("permit-treatment-normal", "COC", "implicit:permit-treatment-normal"),
            ("permit-authorised-normal", "HRESCH", "implicit:permit-authorised-normal"),
        ],
    )
    def test_implicit(self, world, why, name, purpose, reason):
        assert why(given={"implicitPolicy": name}, why={"purposeOfUse": [purpose]}) == reason

    def test_never_above_normal_and_displaced_by_an_opt_in(self, world, why):
        given = {"implicitPolicy": "permit-authorised-normal"}
        assert why(given=given | {"consents": []}, what=[world.coded("Condition/d", "F32")]) == "default-deny"
        silent = world.consent(world.rule("permit", purpose=["COC"]))
        assert why(silent, given=given) == "outside-consent"
        only_deny = world.consent(world.rule("deny", purpose=["COC"]))
        assert why(only_deny, given=given) == "implicit:permit-authorised-normal"


class TestRule17Channels:
    NORMAL = {"implicitPolicy": "permit-treatment-normal"}

    @pytest.mark.parametrize(
        "item",
        [
            {"reference": "Observation/x", "code": [{"code": "4548-4"}]},
            {"reference": "Observation/x", "code": [{"system": "urn:who-knows", "code": "4548-4"}]},
            {"reference": "Observation/x", "code": [{"system": "http://loinc.org"}]},
            {"reference": "Observation/x", "code": []},
            {
                "reference": "Observation/x",
                "code": [{"system": "http://loinc.org", "code": "4548-4"}],
                "freeText": True,
            },
            {"reference": "Patient/p", "code": [], "freeText": True},
            {"reference": "DocumentReference/d", "code": [], "derivedFrom": ["Observation/not-here"]},
            {"reference": "DocumentReference/d", "code": [], "derivedFrom": ["DocumentReference/d"]},
            {"reference": "DocumentReference/d", "code": [], "derivedFrom": "Condition/known"},
            {"reference": "Condition/known", "code": [{"system": "http://loinc.org", "code": "1"}]},
            {"reference": "Observation/x", "code": [{"system": "https://lab.example/local", "code": "HIVAB"}]},
            {"reference": "Observation/x", "code": [{"system": "http://loinc.org", "code": "1"}], "subject": None},
            {
                "reference": "Observation/x",
                "code": [{"system": "http://loinc.org", "code": "1"}],
                "subject": ["Patient/p"],
            },
        ],
    )
    def test_restricted_until_classified(self, world, item):
        given = {**self.NORMAL, "knownLabels": {"Condition/known": ["PSY", "R"]}}
        assert world.ask(given=given, what=[item])["decision"] == "deny"

    @pytest.mark.parametrize(
        "item",
        [
            {"reference": "Patient/p#birthDate", "code": []},
            {"reference": "Observation/x", "code": [{"system": "https://lab.example/local", "code": "A1C"}]},
            {"reference": "Observation/x", "code": [{"code": "zz"}, {"system": "http://loinc.org", "code": "1"}]},
            {"reference": "DocumentReference/d", "code": [], "derivedFrom": ["Condition/fine"]},
        ],
    )
    def test_classified_or_mapped_is_normal(self, world, item):
        given = {**self.NORMAL, "knownLabels": {"Condition/fine": []}}
        assert world.ask(given=given, what=[item])["decision"] == "permit"

    def test_labels_pass_through_several_steps(self, world):
        what = [
            world.coded("Condition/dep", "F32"),
            {"reference": "DocumentReference/a", "code": [], "derivedFrom": ["Condition/dep"]},
            {"reference": "DocumentReference/b", "code": [], "derivedFrom": ["DocumentReference/a"]},
        ]
        assert world.ask(given=self.NORMAL, what=what)["released"] == []

    def test_an_unknown_sensitivity_is_not_covered_and_is_denied(self, world, why):
        local = [world.coded("Observation/l", "PX", world.LOCAL)]
        assert why(world.consent(world.rule("permit", securityLabel=["R"])), what=local) == "consent-permit"
        assert why(world.consent(world.rule("permit", securityLabel=["R", "PSY"])), what=local) == "outside-consent"
        deny = world.rule("permit", world.rule("deny", securityLabel=["PSY"]), securityLabel=["R"])
        assert why(world.consent(deny), what=local) == "consent-deny"

    def test_without_the_additions_everything_uncoded_is_normal(self, world):
        plain = {k: v for k, v in world.register.items() if k not in ("classifiedSystems", "unclassified")}
        item = {"reference": "Observation/x", "code": [], "freeText": True, "derivedFrom": ["A/b"]}
        request, given, _ = world.asked(given=self.NORMAL, what=[item])
        from gateway.consent import decide

        assert decide(request, given, plain)["decision"] == "permit"

    def test_nobody_named_and_forbidden_filters(self, world, why):
        permit = world.consent(world.rule("permit"))
        assert why(permit, whom={}) == why(permit, whom=None, what=[]) == "subject-missing"
        secret = {"query": {"fields": [{"system": world.ICD, "code": "F32.x"}]}}
        assert why(permit, how=secret) == why(permit, how=secret, what=[]) == "query-not-authorised"
        assert why(permit, how={"query": {"fields": ["plain words"]}}) == "default-deny"
        fine = {"query": {"fields": [{"system": world.LOINC, "code": "Observation.code"}]}}
        assert why(permit, how=fine) == "consent-permit"
