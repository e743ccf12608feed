"""The gateway's own keys and tokens, without a door: another gateway's, another address's, keys that change; how a refusal is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import errors
from gateway.errors import UnknownCaller
from gateway.inbound.oauth.access import LASTING, AccessTokens, Grant
from gateway.inbound.oauth.business import Business, business_of
from gateway.inbound.oauth.signing import PERIOD, own_keys, signed
from gateway.inbound.oauth.token import told
from gateway.model.agreement import Client, Participant, Site
from gateway.model.scopes import read_scopes
from gateway.pipeline.keysets import KeySets
from gateway.settings import Settings
from gateway.store.keyring import SiteKey, SiteKeyring, development_keyring

BASE = "https://gateway.example"
SCOPES = read_scopes("system/Patient.rs")
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
GRANT = Grant("team", "team-records", "thumbprint", SCOPES, ("COC",))
ELSEWHERE = Client("team-records", SCOPES, jwks_url="https://team.example/jwks.json")  # its keys are not at hand


class Elsewhere:
    """A shelf without keys."""

    def data_keys(self, ids: Any) -> dict[str, Any]:
        return {}


def site(client: Client = ELSEWHERE, **changes: Any) -> Site:
    team = Participant(
        "team", {"en": "Team"}, "welfare-office", ("Organization/team",), purposes=("COC", "TREAT"), clients=(client,), **changes
    )  # fmt: skip
    return Site(Path("site"), "node", {}, "r1", "KR", "Asia/Seoul", {"team": team}, {}, {}, "deny", (), (), ())


def tokens(at: datetime = NOON, **changes: Any) -> AccessTokens:
    made = AccessTokens(site(), development_keyring(), lambda: at, KeySets(None, lambda: 0.0), BASE)
    return replace(made, **changes)


def test_a_token_says_who_calls() -> None:
    """The control of what is refused below."""
    found = tokens().principal(tokens().issued(replace(GRANT, user="kim"), "1"), "", "192.0.2.1")
    assert (found.participant, found.client, found.user, found.roles) == ("team", "team-records", "kim", ("system",))
    assert (found.scopes, found.purposes, found.proof, found.network) == (SCOPES, ("COC",), "token", "192.0.2.1")


@pytest.mark.parametrize(
    "made",
    [
        tokens(keyring=SiteKeyring(SiteKey({1: b"1" * 32}, dict.fromkeys(("id", "digest", "token", "rekey"), b"2" * 32)), Elsewhere())),
        tokens(base="https://elsewhere.example"),
        tokens(base=BASE + "/"),
        tokens(at=NOON - timedelta(seconds=LASTING)),
        tokens(at=NOON + timedelta(seconds=90)),
        tokens(at=NOON - timedelta(seconds=2 * PERIOD)),
    ],
    ids=["another key", "another address", "almost this address", "run out", "of the future", "of long ago"],
)  # fmt: skip
def test_a_token_of_somebody_else_or_of_another_time(made: AccessTokens) -> None:
    with pytest.raises(UnknownCaller):
        tokens().principal(made.issued(GRANT, "1"), "", "")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"}, {"iss": None}, {"aud": [BASE]}, {"aud": None}, {"exp": 2**39}, {"exp": None},
        {"iat": None}, {"exp": "1"}, {"sub": "other"},
        {"client_id": "other"}, {"participant": "other"}, {"scope": ""}, {"scope": "system/*.read"}, {"key": ""}, {"user": 7},
        {"cnf": {}}, {"cnf": {"x5t#S256": ""}}, {"cnf": "x"}, {"iat": 0},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_of_ours_that_was_never_given(claims: dict[str, Any]) -> None:
    """Signed with our key, as no part of ours does it: each claim is looked at."""
    now = int(NOON.timestamp())
    sound: dict[str, Any] = {
        "iss": BASE, "aud": BASE, "sub": "team-records", "client_id": "team-records", "jti": "1", "iat": now, "exp": now + LASTING,
        "participant": "team", "scope": "system/Patient.rs", "purpose": "COC", "key": "thumbprint",
    }  # fmt: skip
    keyring = development_keyring()
    assert tokens().principal(signed(keyring, "at+jwt", sound, NOON), "", "").client == "team-records"
    changed = {name: value for name, value in {**sound, **claims}.items() if value is not None}
    for typ in ("at+jwt", "JWT", "at+JWT "):
        with pytest.raises(UnknownCaller):
            tokens().principal(signed(keyring, typ, changed, NOON), "", "")
    with pytest.raises(UnknownCaller):
        tokens().principal(signed(keyring, "JWT", sound, NOON), "", "")


def test_keys_change_and_tokens_outlive_it() -> None:
    keyring = development_keyring()
    edge = datetime.fromtimestamp((int(NOON.timestamp()) // PERIOD + 1) * PERIOD, UTC)
    before, after = edge - timedelta(seconds=100), edge + timedelta(seconds=100)
    token = tokens(at=before).issued(GRANT, "1")
    assert tokens(at=after).principal(token, "", "").client == "team-records"
    early, late = own_keys(keyring, before), own_keys(keyring, after)
    assert early[1] == late[0]  # published thirty days before it signs
    assert early[0] == late[2]
    assert len({key["kid"] for key in (*early, *late)}) == 4


def test_what_the_site_narrows_is_narrow() -> None:
    token = tokens().issued(replace(GRANT, purposes=("COC", "HOPERAT")), "1")
    found = tokens(site=site(replace(ELSEWHERE, scopes=read_scopes("system/Patient.r")))).principal(token, "", "")
    assert (found.may("Patient", "r"), found.may("Patient", "s")) == (True, False)
    assert found.purposes == ("COC",)
    for gone in (site(replace(ELSEWHERE, active=False)), site(active=False), site(replace(ELSEWHERE, id="other"))):
        with pytest.raises(UnknownCaller):
            tokens(site=gone).principal(token, "", "")


def test_every_error_is_one_of_oauth() -> None:
    for one in vars(errors).values():
        if isinstance(one, type) and issubclass(one, errors.GatewayError):
            notice = told(one("words that must not be said", "place"))
            assert isinstance(notice.content, dict)
            assert set(notice.content) == {"error"}
            assert notice.headers["Cache-Control"] == "no-store"
    assert told(errors.NotDurable()).content == {"error": "temporarily_unavailable"}
    assert told(errors.Defect()).content == {"error": "server_error"}


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"port": 1, "host": "::1"}, "http://[::1]:1"),
        ({"tls_certificate": "x.pem"}, "https://127.0.0.1:8080"),
        ({"public_url": "https://gateway.example/ieum/"}, "https://gateway.example/ieum"),
    ],
)
def test_the_address_of_a_gateway(settings: dict[str, Any], base: str) -> None:
    assert Settings(**settings).base == base


B2B: dict[str, Any] = {"version": "1", "organization_id": "https://team.example", "purpose_of_use": ["COC"]}
TEAM = site(organization="https://team.example").participants["team"]


@pytest.mark.parametrize(
    ("participant", "changes"),
    [
        (replace(TEAM, organization=""), {"organization_id": ""}),
        (replace(TEAM, organization=""), {}),
        (TEAM, {"organization_id": "https://team.example/"}),
        (TEAM, {"organization_id": ["https://team.example"]}),
        (TEAM, {"version": 1}),
        (TEAM, {"purpose_of_use": "COC"}),
        (TEAM, {"purpose_of_use": ["COC"] * 21}),
        (TEAM, {"purpose_of_use": [7]}),
        (TEAM, {"purpose_of_use": ["coc"]}),
        (TEAM, {"purpose_of_use": ["BTG"]}),
        (TEAM, {"purpose_of_use": ["|COC"]}),
        (TEAM, {"subject_id": 7}),
        (TEAM, {"subject_name": "x" * 129}),
        (TEAM, {"subject_name": "a\nb"}),
        (replace(TEAM, purposes=()), {}),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_what_a_call_may_not_say_of_itself(participant: Participant, changes: dict[str, Any]) -> None:
    with pytest.raises(UnknownCaller):
        business_of({"extensions": {"hl7-b2b": {**B2B, **changes}}}, participant)


def test_what_a_call_says_of_itself() -> None:
    """A hint that a Consent is somewhere is no proof and is left where it is; what is unheard of widens nothing."""
    said = {**B2B, "consent_reference": ["https://team.example/Consent/1"], "subject_id": "kim", "more": {"x": 1}}
    assert business_of({"extensions": {"hl7-b2b": said, "other": 1}, "user": "lee"}, TEAM) == Business(("COC",), "kim")
    assert business_of({"user": "lee"}, TEAM) == Business(("COC", "TREAT"), "lee")
    assert business_of({}, replace(TEAM, purposes=())) == Business(())


def test_emergencies_are_claimed_by_name_or_not() -> None:
    team = replace(TEAM, purposes=("COC", "BTG"), organization="https://team.example")
    named = {"version": "1", "organization_id": team.organization, "purpose_of_use": ["BTG"]}
    assert business_of({}, team) == Business(("COC",))
    assert business_of({"extensions": {}}, team) == Business(("COC",))
    assert business_of({"extensions": {"hl7-b2b": named}}, team) == Business(("BTG",))
    with pytest.raises(UnknownCaller):
        business_of({"extensions": {"hl7-b2b": named}}, replace(team, purposes=("COC",)))
