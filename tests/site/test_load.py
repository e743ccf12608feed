"""A sound site: what is loaded, which agreements apply, and how its revision follows its content."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.data import data_path
from gateway.model.agreement import Site
from gateway.model.wire import read_json
from gateway.site import (
    agreements_for,
    check_site,
    endpoint_of,
    listeners,
    load_site,
    participant_of_key,
    reading_agreements,
)
from gateway.site.new import new_site
from gateway.site.revision import revision

DEMO = Path(__file__).parents[2] / "gateway" / "demo" / "site"
DAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def demo() -> Site:
    return load_site(DEMO)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    new_site(tmp_path / "site")
    return tmp_path / "site"


def _with(site: Site, agreement: str, **changes: object) -> Site:
    changed = replace(site.agreements[agreement], **changes)  # type: ignore[arg-type]
    return replace(site, agreements={**site.agreements, agreement: changed})


def test_nothing_is_found_for_who_or_what_is_not_agreed(demo: Site) -> None:
    assert agreements_for(demo, "nobody", "ADT^A03", DAY) == ()
    assert agreements_for(demo, "hanbit-hospital", "ADT^A60", DAY) == ()
    assert agreements_for(demo, "mapo-care-team", "ADT^A03", DAY) == ()
    assert reading_agreements(demo, "kdca-demo", DAY) == ()


@pytest.mark.parametrize("state", ["draft", "ended"])
def test_drafts_and_ended_agreements_never_apply(demo: Site, state: str) -> None:
    changed = _with(_with(demo, "discharge-to-community-care", state=state), "care-team-reads", state=state)
    assert [a.id for a in agreements_for(changed, "hanbit-hospital", "ADT^A03", DAY)] == ["hospital-record"]
    assert reading_agreements(changed, "mapo-care-team", DAY) == ()


def test_an_agreement_in_shadow_runs_for_a_push_and_never_for_a_pull(demo: Site) -> None:
    found = agreements_for(demo, "hanbit-hospital", "ADT^A01", DAY)
    assert [(a.id, a.state) for a in found] == [("admission-notice", "shadow"), ("hospital-record", "active")]
    assert reading_agreements(_with(demo, "care-team-reads", state="shadow"), "mapo-care-team", DAY) == ()


def test_both_ends_of_the_period_are_inside(demo: Site) -> None:
    agreement = demo.agreements["care-team-reads"]
    first, last, one = agreement.valid_from, agreement.valid_to, timedelta(days=1)
    found = [bool(reading_agreements(demo, "mapo-care-team", day)) for day in (first - one, first, last, last + one)]
    assert found == [False, True, True, False]


@pytest.mark.parametrize("participant", ["hanbit-hospital", "mapo-care-team"])
def test_who_is_switched_off_takes_no_part(demo: Site, participant: str) -> None:
    off = replace(demo.participants[participant], active=False)
    changed = replace(demo, participants={**demo.participants, participant: off})
    found = [a.id for a in agreements_for(changed, "hanbit-hospital", "ADT^A03", DAY)]
    assert "discharge-to-community-care" not in found
    assert reading_agreements(changed, "mapo-care-team", DAY) == ()
    assert len(listeners(changed)) == (participant != "hanbit-hospital")


@pytest.mark.parametrize("digest", ["", "0" * 64, "00", "é" * 64])
def test_an_unknown_key_is_nobodys(demo: Site, digest: str) -> None:
    assert participant_of_key(demo, digest) is None


def test_the_demo_site_is_loaded_as_written(demo: Site) -> None:
    hospital, agreement = demo.participants["hanbit-hospital"], demo.agreements["notifiable-results"]
    assert (demo.id, demo.home, demo.zone, demo.implicit_policy) == ("ieum-demo", "KR", "Asia/Seoul", "deny")
    assert hospital.name == {"ko": "한빛병원", "en": "Hanbit Hospital"}
    assert hospital.mllp is not None
    assert (hospital.mllp.port, hospital.mllp.peers, hospital.facilities) == (2575, ("127.0.0.1", "::1"), ())
    assert (agreement.basis, agreement.statute, agreement.purpose) == ("statute", "KR-IDCPA-11", "PUBHLTH")
    assert (agreement.valid_from, agreement.keep, agreement.due) == (date(2026, 1, 1), "P5Y", "")
    assert agreement.loss_budget is None
    assert agreement.approved[0]["on"] == "2026-01-02"
    endpoint = endpoint_of(demo, agreement)
    assert endpoint is not None
    assert (endpoint.secret, endpoint.timeout) == ("file:public-health.token", 5.0)
    assert endpoint_of(demo, demo.agreements["hospital-record"]) is None


def test_the_register_is_all_policy_files_and_what_site_yaml_says(demo: Site) -> None:
    register = demo.register
    assert (register["home"], register["timeZone"]) == ("KR", "Asia/Seoul")
    assert register["nationalIdentifiers"] == list(demo.national_systems)
    assert {"statutes", "securityLabelling", "reportRules", "ages", "prohibitions"} <= register.keys()
    assert [row["id"] for row in demo.report_rules] == [row["id"] for row in register["reportRules"]]


def test_lists_of_two_files_follow_each_other_with_their_own_lines(root: Path) -> None:
    extra = root / "policies" / "z-more.yaml"
    extra.write_text("prohibitions:\n  - {id: NO-FRAUD, purposes: [FRAUD], source: test}\n", "utf-8")
    site, _ = check_site(root)
    assert site is not None
    assert [row["id"] for row in site.register["prohibitions"]] == ["NO-MARKETING", "NO-FRAUD"]
    extra.write_text("prohibitions:\n  - {id: NO-FRAUD, purpose: [FRAUD], source: test}\n", "utf-8")
    _, problems = check_site(root)
    assert {(p.file, p.line) for p in problems} == {("policies/z-more.yaml", 2)}


def test_the_schema_names_exactly_the_resource_types_of_r4() -> None:
    schema = read_json(data_path("validators", "site", "site.schema.json").read_bytes())
    core = read_json(data_path("profiles", "fhir", "r4-core", "structures.json").read_bytes())
    concrete = {
        name
        for name, row in core.items()
        if row["kind"] == "resource" and not row["abstract"] and row.get("derivation") != "constraint"
    }
    assert set(schema["$defs"]["resourceType"]["enum"]) == concrete


def test_the_revision_follows_the_content_and_nothing_else(root: Path) -> None:
    before = revision(root)
    assert len(before) == 16
    (root / "keys").mkdir()
    (root / "keys" / "site.key").write_text("secret")
    (root / "policies" / ".swap").write_text("x")
    (root / "agreements" / "draft.yaml~").write_text("x")
    assert revision(root) == before
    label = root / "policies" / "labels.yaml"
    label.write_text(label.read_text("utf-8") + "# one more line\n", "utf-8")
    changed = revision(root)
    assert changed != before
    label.rename(root / "policies" / "labels2.yaml")
    assert revision(root) not in (before, changed)


@pytest.mark.parametrize("folder", ["mappings", "profiles"])
def test_overlays_belong_to_the_revision(root: Path, folder: str) -> None:
    before = revision(root)
    (root / folder).mkdir()
    (root / folder / "own.yaml").write_text("a: 1\n")
    assert revision(root) != before


def test_keys_of_a_mapping_are_texts_and_dates_stay_as_written(root: Path) -> None:
    path = root / "agreements" / "discharge-to-care-team.yaml"
    path.write_text(path.read_text("utf-8").replace("approved: []", "approved: [{by: a, on: 2026-01-02}]"), "utf-8")
    site = load_site(root)
    assert site.agreements["discharge-to-care-team"].approved == ({"by": "a", "on": "2026-01-02"},)
