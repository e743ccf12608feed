"""Broken sites: each slip of the pen is one problem with its file and line (the starter with one change)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import Misconfigured
from gateway.model.agreement import V2Form
from gateway.site import check_site, load_site
from gateway.site.new import new_site

HOSPITAL, TEAM, SELF = "participants/hospital.yaml", "participants/care-team.yaml", "participants/my-gateway.yaml"
AGREED, RECORD = "agreements/discharge-to-care-team.yaml", "agreements/hospital-record.yaml"
RULES, LABELS, REPORTS = "policies/rules.yaml", "policies/labels.yaml", "policies/report-rules.yaml"

FORM = [
    (HOSPITAL, "kind: hospital ", "kind: hospital\nkind: hospital ", "The key 'kind' stands here twice."),
    (SELF, "purposes: [HOPERAT]", f"keys: [{{id: k1, kind: api-key, sha256: {'0' * 64}, roles: [administrator]}}]\npurposes: [HOPERAT]",
     "keys[0].roles[0]: this must be system, operator, integrator, auditor, protection-officer or admin."),
    (HOSPITAL, "kind: hospital ", "kindd: hospital ", "kindd: there is no such setting."),
    (HOSPITAL, "id: hospital\n", "id: Hospital A\n", "id: this must be lower-case letters, digits and hyphens."),
    (HOSPITAL, "references: [Organization/hospital]", "references: []", "references: this must not be empty."),
    (HOSPITAL, "name: {ko:", "name: {korean:", "name.korean: there is no such setting."),
    (HOSPITAL, "zone: Asia/Seoul ", "zone: !!python/name:os.system x", "Tags are not taken here."),
    (HOSPITAL, "purposes: [TREAT, COC] ", "purposes: [TREAT, TREAT] ", "purposes: a value stands here twice."),
    (
        TEAM, "transport: http ", "transport: carrier-pigeon ",
        "endpoints[0].transport: this must be http or mllp.",
    ),
    (AGREED, "state: draft", "state: maybe", "state: this must be draft, shadow, active or ended."),
    (AGREED, "[Patient, Encounter,", "[Patient, Visit,", "what.types[1]: this must be a resource type of FHIR R4."),
    (AGREED, "label: N ", "label: X ", "what.label: this must be a level of v3-Confidentiality: U L M N R V."),
    (AGREED, "basis: consent}", "basis: trust}", "why.basis: this must be consent, {statute: ID} or {policy: NAME}."),
    (AGREED, "2027-12-31,", "2027-13-31T00,", "when.valid: this must be an ISO 8601 interval: YYYY-MM-DD/YYYY-MM-DD."),
    (AGREED, "keep: P2Y", "keep: 2 years", "when.keep: this must be an ISO 8601 duration: P2Y, P3D, PT24H."),
    (AGREED, "loss-budget: 0", "loss-budget: none", "how.loss-budget: this must be a whole number."),
    ("site.yaml", "implicit-policy: deny", "implicit-policy: permit",
     "implicit-policy: this must be deny, permit-treatment-normal or permit-authorised-normal."),
    ("site.yaml", "# packages:\n#   - {name", "packages:\n  - {nam",
     "packages[0]: name is missing."),
    ("site.yaml", "# packages:\n#   - {name: hl7.fhir.uv.ips, version: \"1.1.0\"",
     "packages:\n  - {name: hl7.fhir.uv.ips, version: 1.1",
     "packages[0].version: this must be a text."),
    ("site.yaml", "# profiles: [\"http:", "profiles: [\"",
     "profiles[0]: this must be an absolute URI."),
    (RULES, "majority: 19", "majority: old", "ages.majority: this must be a whole number."),
    (LABELS, "unclassified: [R]", "unclassified: [N]", "unclassified: this has the wrong form."),
    (REPORTS, "deadline: PT24H", "deadline: soon", "reportRules[0].deadline: this has the wrong form."),
]  # fmt: skip

TWO = 'packages: [{name: hl7.fhir.us.core, version: "6.1.0"}, {name: hl7.fhir.us.core, version: "7.0.0"}]'
CROSS = [
    ("site.yaml", "# packages:", TWO, "packages: this is already taken at site.yaml:25."),
    (AGREED, "participant: hospital}", "participant: clinic}", "who.participant: there is no such participant."),
    (AGREED, "recipient: care-team,", "recipient: nobody,", "whom.recipient: there is no such participant."),
    (AGREED, "purpose: COC,", "purpose: BTG,", "why.purpose: this purpose goes with the interaction read, and with nothing else."),
    (TEAM, "staff-roles: [physician]", "staff-roles: [nurse]",
     "why.purpose: nobody of the recipient has a role (staff-roles) that breakGlass of the policies names."),
    (AGREED, "purpose: COC,", "purpose: HMARKT,", "why.purpose: the recipient may not claim this purpose."),
    (AGREED, "basis: consent}", "basis: {statute: KR-99}}", "why.basis.statute: the policies have no such statute."),
    (AGREED, "basis: consent}", "basis: {policy: any}}", "why.basis.policy: site.yaml names no such policy."),
    (AGREED, "basis: consent}", "basis: {statute: KR-IDCPA-11}}",
     "why.basis.statute: this statute is not for the recipient's kind of organisation."),
    (AGREED, "map: fhir/discharge-to-referral", "map: fhir/discharge-to-nowhere", "how.map: there is no such map."),
    (AGREED, "endpoint: care-team-fhir", "endpoint: fax", "how.endpoint: the recipient has no such endpoint."),
    (AGREED, ", endpoint: care-team-fhir", "", "how.endpoint is missing."),
    (AGREED, "[ADT^A03]", "[ADT^A03, read]",
     "what.trigger: read and search go with the interaction read, and nothing else does."),
    (AGREED, "interaction: transaction", "interaction: keep",
     "how.interaction: keep is for the operator as recipient, and for nobody else."),
    (AGREED, "2026-01-01/2027-12-31", "2027-01-01/2026-12-31", "when.valid: these are not two days in their order."),
    (AGREED, "state: draft ", "state: active ", "state: an active agreement needs the approval of two people."),
    (AGREED, "id: discharge-to-care-team\n", "id: hospital-record\n", "id: the file must be named like the id."),
    (RECORD, "id: hospital-record\n", "id: discharge-to-care-team\n",
     f"id: this is already taken at {AGREED}:3."),
    (HOSPITAL, "zone: Asia/Seoul ", "zone: Asia/Atlantis ", "zone: there is no such time zone."),
    (HOSPITAL, "references: [Organization/hospital]", "references: [Organization/care-team]",
     f"references: this is already taken at {TEAM}:5."),
    (TEAM, "https://care-team.example/fhir", "care-team.example", "endpoints[0].url: this must be an http(s) address without query."),
    (TEAM, "transport: http              # http: FHIR 주소 · a FHIR base; mllp: mllp://host:port\n    url: https://care-team.example/fhir",
     "transport: mllp\n    url: care-team.example:2575", "endpoints[0].url: this must be mllp://host:port."),
    (TEAM, "transport: http              # http: FHIR 주소 · a FHIR base; mllp: mllp://host:port\n    url: https://care-team.example/fhir",
     "transport: mllp\n    url: mllp://care-team.example", "endpoints[0].url: this must be mllp://host:port."),
    (AGREED, "standard: fhir-r4,", "standard: hl7v2,", "how.interaction: HL7 v2 is delivered as message."),
    (AGREED, "interaction: transaction", "interaction: message, trigger: ADT^A03", "how.trigger: this goes with the standard hl7v2."),
    (TEAM, "# hl7v2: {", "hl7v2: {processing: X, ", "hl7v2.processing: this must be MSH-11: production, training or debugging."),
    (TEAM, '# hl7v2: {application: "CARE^1.2.3^ISO", facility: CARE-TEAM, version: "2.5.1"', "hl7v2: {version: 2.5",
     'hl7v2.version: this must be MSH-12 as a text: "2.3" to "2.8.2".'),
    (TEAM, '# hl7v2: {application: "CARE^1.2.3^ISO"', 'hl7v2: {application: "CARE|MAPO"',
     "hl7v2.application: this must be without | ~ \\ & and control characters."),
    (TEAM, '# hl7v2: {application: "CARE^1.2.3^ISO"', 'hl7v2: {application: "CARE\\r"',
     "hl7v2.application: this must be without | ~ \\ & and control characters."),
    (TEAM, '# hl7v2: {application: "CARE^1.2.3^ISO", facility: CARE-TEAM', "hl7v2: {facility: CARE&TEAM",
     "hl7v2.facility: this must be without | ~ \\ & and control characters."),
    (TEAM, '# hl7v2: {application: "CARE^1.2.3^ISO", facility: CARE-TEAM, version: "2.5.1", charset: KS X 1001',
     "hl7v2: {facility: 돌봄팀, charset: ASCII", "hl7v2.facility: the character set has no such characters."),
    *(
        (TEAM, '# hl7v2: {application: "CARE^1.2.3^ISO", facility: CARE-TEAM, version: "2.5.1", charset: KS X 1001',
         f"hl7v2: {{charset: {name}",
         "hl7v2.charset: this must be a name of HL7 table 0211, as it stands there, of a set that is taken.")
        for name in ("HANGUL", "UNICODE UTF-16", "ks x 1001")
    ),
    (HOSPITAL, "# mllp: {port: 2575, peers: [10.0.0.5]", "mllp: {port: 2575, peers: [the-lab]",
     "mllp.peers[0]: this is no address or network."),
    ("site.yaml", "id: my-gateway ", "id: another ", "id: no participant has this id; the operator is a participant too."),
    (RULES, "permitWithoutLabelCovers: N", "permitWithoutLabelCovers: N\nhome: DE", "home differs from home in site.yaml."),
    (LABELS, "unclassified: [R]", "unclassified: [R]\nages: {ownConsentFrom: 12}", "ages.ownConsentFrom is already set by another file."),
    (RULES, "permitWithoutLabelCovers: N", "permitWithoutLabelCovers: N\nuncodedNormal: N", "uncodedNormal is already set by another file."),
    (LABELS, "id: icd-psy,", "id: kcd-psy,", "securityLabelling[2]: the id is already taken by another row."),
    (REPORTS, "statute: KR-IDCPA-11", "statute: KR-99", "reportRules[0].statute: no such statute takes report rules."),
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    new_site(tmp_path / "site")
    return tmp_path / "site"


def _line(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(("file", "old", "new", "said"), FORM + CROSS, ids=lambda value: str(value)[:50])
def test_a_slip_names_its_file_and_line(root: Path, file: str, old: str, new: str, said: str) -> None:
    path = root / file
    text = path.read_text("utf-8")
    assert text.count(old) >= 1, "the starter has changed"
    path.write_text(text.replace(old, new, 1), "utf-8")
    site, problems = check_site(root)
    assert site is None
    found = {p.text: p for p in problems}
    assert said in found, [str(p) for p in problems]
    if found[said].file == file and not said.startswith("how.endpoint is"):
        assert _line(text, old) <= found[said].line <= _line(text, old) + new.count("\n")
    with pytest.raises(Misconfigured) as refused:
        load_site(root)
    assert str(found[said]) in refused.value.text


@pytest.mark.parametrize("text", ["", "{", "a: [", "- &a [*a]", "a: &x {b: *x}", "\tkey: 1", "a: 1\n---\nb: 2"])
def test_what_is_no_yaml_document_is_refused(root: Path, text: str) -> None:
    (root / "agreements" / "bad.yaml").write_text(text, "utf-8")
    _, problems = check_site(root)
    assert [(p.file, p.line >= 1) for p in problems] == [("agreements/bad.yaml", True)]


def test_aliases_cannot_unfold_without_bound(root: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (root / "policies" / "bomb.yaml").write_text("\n".join(rows), "utf-8")
    _, problems = check_site(root)
    assert "too many values" in problems[0].text


def test_other_bytes_than_utf8_are_refused(root: Path) -> None:
    (root / "site.yaml").write_bytes("name: 한빛".encode("euc-kr"))
    _, problems = check_site(root)
    assert str(problems[0]) == "site.yaml:1: The file cannot be read as UTF-8 text."


def test_two_agreements_of_one_id_are_refused(root: Path) -> None:
    copy = root / "agreements" / "second.yaml"
    copy.write_text((root / AGREED).read_text("utf-8"), "utf-8")
    _, problems = check_site(root)
    assert "agreements/second.yaml:3: id: the file must be named like the id." in map(str, problems)
    assert f"agreements/second.yaml:3: id: this is already taken at {AGREED}:3." in map(str, problems)


def test_one_person_cannot_approve_twice(root: Path) -> None:
    path = root / AGREED
    approved = "approved: [{by: lead, on: 2026-01-02}, {by: lead, on: 2026-01-03}]"
    text = path.read_text("utf-8").replace("approved: []", approved).replace("state: draft", "state: active")
    path.write_text(text, "utf-8")
    _, problems = check_site(root)
    assert [p.text for p in problems] == ["state: an active agreement needs the approval of two people."]


def _over_mllp(root: Path, how: str) -> list[str]:
    """The problems of the starter with an endpoint for MLLP and this `how`."""
    team, agreed = root / TEAM, root / AGREED
    text = team.read_text("utf-8").replace("transport: http ", "transport: mllp ")
    team.write_text(text.replace("https://care-team.example/fhir", "mllps://care-team.example:2575"), "utf-8")
    lines = agreed.read_text("utf-8").splitlines()
    agreed.write_text("\n".join(how if line.startswith("how:") else line for line in lines) + "\n", "utf-8")
    return [p.text for p in check_site(root)[1]]


def test_fhir_does_not_go_over_mllp(root: Path) -> None:
    how = "how: {standard: fhir-r4, interaction: message, endpoint: care-team-fhir}"
    assert _over_mllp(root, how) == ["how.endpoint: over MLLP goes HL7 v2 only."]


def test_hl7v2_goes_over_mllp(root: Path) -> None:
    how = "how: {standard: hl7v2, interaction: message, trigger: ADT^A03, endpoint: care-team-fhir}"
    assert _over_mllp(root, how) == []
    assert load_site(root).participants["care-team"].endpoints["care-team-fhir"].url == "mllps://care-team.example:2575"


def test_a_recipient_says_how_messages_are_written(root: Path) -> None:
    team = root / TEAM
    team.write_text(team.read_text("utf-8").replace("# hl7v2: {", "hl7v2: {"), "utf-8")
    form = load_site(root).participants["care-team"].v2
    assert form == V2Form("CARE^1.2.3^ISO", "CARE-TEAM", "P", "2.5.1", "KS X 1001")
    assert load_site(root).participants["hospital"].v2 == V2Form()


def test_a_folder_without_a_site_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"site\.yaml:1"):
        load_site(tmp_path)


def test_an_api_key_written_by_mistake_is_not_repeated(root: Path) -> None:
    path = root / HOSPITAL
    secret = "ieum_hospital_" + "x" * 43
    path.write_text(path.read_text("utf-8") + f"keys: [{{id: k1, kind: api-key, sha256: {secret}}}]\n", "utf-8")
    with pytest.raises(Misconfigured) as refused:
        load_site(root)
    assert "never the key itself" in refused.value.text
    assert secret not in refused.value.text


@pytest.mark.parametrize("name", ["policies/rules.yml", "policies/more/rules.yaml", "agreements/one.json"])
def test_a_file_that_nobody_would_read_is_not_passed_over(root: Path, name: str) -> None:
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("prohibitions: []\n", "utf-8")
    _, problems = check_site(root)
    place = "policies/more" if "more" in name else name
    assert [str(p) for p in problems] == [f"{place}:1: Only files named *.yaml are read here."]


def test_notes_for_people_and_copies_of_editors_are_passed_over(root: Path) -> None:
    for name in ("README.md", ".rules.yaml.swp", "rules.yaml~"):
        (root / "policies" / name).write_text("x", "utf-8")
    assert check_site(root)[1] == ()
