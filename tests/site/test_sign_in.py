"""How people sign in, as `site.yaml` says it: what is taken, and every slip with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gateway.model.signin import RoleRow
from gateway.site import check_site, load_site
from gateway.site.new import new_site

SOUND = {
    "issuer": "https://login.example.org/realm",
    "client-id": "ieum",
    "secret": "file:sign-in.secret",
    "roles-claim": "groups",
    "person": {"claim": "number", "system": "https://hospital.example.org/fhir/sid/patient-number"},
    "roles": [
        {"value": "people", "roles": ["citizen"]},
        {"value": "team", "roles": ["caseworker"], "participant": "care-team"},
        {"value": "audit", "roles": ["auditor", "protection-officer"]},
    ],
}
CASEWORKER = {"value": "team", "roles": ["caseworker"]}
WRONG = [
    ({"issuer": "http://login.example.org"}, "sign-in.issuer: this must be https (http only on this machine)."),
    ({"issuer": "http://localhost.example.org"}, "sign-in.issuer: this must be https (http only on this machine)."),
    ({"issuer": "ftp://login.example.org"}, "sign-in.issuer: this must be the issuer's address, as its metadata and its tokens write it."),
    ({"address": "http://ieum.example.org"}, "sign-in.address: this must be https (http only on this machine)."),
    ({"secret": "s3cret"}, "sign-in.secret: this must be the name of an environment variable, or file:NAME in secrets/ of the data directory; "
     "never the secret itself."),
    ({"roles": []}, "sign-in.roles: this must not be empty."),
    ({"roles": [{"value": "a", "roles": ["admin"]}]},
     "sign-in.roles[0].roles[0]: this must be one of: operator, integrator, auditor, protection-officer, caseworker, citizen."),
    ({"roles": [{"value": "a", "roles": ["auditor"], "participant": "nobody"}]},
     "sign-in.roles[0].participant: there is no such participant."),
    ({"roles": [CASEWORKER]}, "sign-in.roles[0]: a caseworker works for a participant."),
    ({"roles": [{"value": "a", "roles": ["citizen", "auditor"]}]},
     "sign-in.roles[0]: a citizen has no other role, and sign-in.person says which person it is."),
    ({"person": {"claim": "number", "system": "https://elsewhere.example/number"}},
     "sign-in.person.system: this is not one of person-systems."),
    ({"idle": 5}, "sign-in.idle: this must be seconds, 60 to 86400."),
    ({"redirect": "https://evil.example"}, "sign-in.redirect: there is no such setting."),
]  # fmt: skip


def made(folder: Path, **changes: object) -> Path:
    root = folder / "site"
    new_site(root)
    file = root / "site.yaml"
    said = yaml.safe_load(file.read_text("utf-8"))
    systems = said.get("person-systems") or []
    person = {"claim": "number", "system": systems[0]} if systems else SOUND["person"]
    told = {**SOUND, "person": person, **changes}
    file.write_text(file.read_text("utf-8") + yaml.safe_dump({"sign-in": told}, sort_keys=False), "utf-8")
    return root


def test_what_is_sound_is_taken(tmp_path: Path) -> None:
    terms = load_site(made(tmp_path)).sign_in
    assert terms is not None
    assert terms.roles[1] == RoleRow("team", ("caseworker",), "care-team")
    assert (terms.idle, terms.longest, terms.user_claim) == (900, 28_800, "sub")


def test_without_it_nobody_signs_in(tmp_path: Path) -> None:
    new_site(tmp_path / "site")
    assert load_site(tmp_path / "site").sign_in is None


@pytest.mark.parametrize(("changes", "said"), WRONG)
def test_every_slip_is_named(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    site, problems = check_site(made(tmp_path, **changes))
    assert site is None
    assert said in [problem.text for problem in problems]
    assert all(problem.file == "site.yaml" and problem.line > 1 for problem in problems)


def test_citizens_need_to_be_somebody(tmp_path: Path) -> None:
    root = made(tmp_path)
    file = root / "site.yaml"
    said = yaml.safe_load(file.read_text("utf-8"))
    del said["sign-in"]["person"]
    file.write_text(yaml.safe_dump(said), "utf-8")
    assert "a citizen has no other role" in str(check_site(root)[1])
