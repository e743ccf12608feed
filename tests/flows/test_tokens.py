"""Systems that call with tokens, over real HTTP: the attacks on a client's assertion, each with the same words and a control beside it.

The numbers are those of the catalogue of attacks on tokens. What is not a row here: 9, 10, 14, 39, key sets by address, timing and
brute force are in tests/flows/test_client_keys.py and tests/inbound/test_keysets.py; 20, 21 in tests/site/test_clients.py; 29 to 31 in
tests/flows/test_token_workers.py; 37 below, in tests/flows/test_withdrawn.py and tests/inbound/test_oauth.py; 38 in
tests/flows/test_bound_tokens.py. Of 39 only that no such token is taken, because none is given.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from joserfc.jwk import ECKey

from gateway.demo.run import Stage
from gateway.model.agreement import Site
from gateway.model.wire import write_json
from gateway.site import load_site
from tests.flows.callers import BASE, ENDPOINT, ES384, ORGANIZATION, OTHERS, READER, RS384, System, b64, calling, known
from tests.flows.conftest import Clock, Flow, Post, Served, serving

INVALID_CLIENT = {"error": "invalid_client"}
P256 = ECKey.generate_key("P-256", {"kid": "ec-1"})
HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
LISTS = ("https://gateway.example/oauth/token", "https://elsewhere.example/token")
Forge = Callable[[System], str]
_open: list[httpx.Client] = []  # the one connection of all rows


@pytest.fixture(scope="module")
def desk(stage: Stage, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One node for all rows; no attack leaves anything behind that the next would notice."""
    from gateway.app import build_node, close
    from gateway.settings import Settings

    folder = tmp_path_factory.mktemp("desk")
    clock, post = Clock(), Post()
    built = build_node(Settings(data_dir=folder), load_site(stage.site))
    asyncio.run(built.transports["http"].close())
    node = calling(replace(built, clock=clock, transports={**built.transports, "http": post}))
    with pytest.MonkeyPatch.context() as patch, serving(Flow(node, clock, post, stage), patch, folder) as served:
        _open.append(served.client())
        yield served
        _open.pop().close()
    asyncio.run(close(node))


@pytest.fixture
def system(desk: Served) -> System:
    return System(desk.flow.clock)


def asks(desk: Served, form: bytes, **headers: str) -> httpx.Response:
    return _open[0].post("/oauth/token", content=form, headers={**HEADERS, **headers})


def token_of(desk: Served, system: System, scope: str = "system/Patient.rs", **claims: Any) -> str:
    answer = asks(desk, system.form(system.assertion(**claims), scope=scope))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def reads(desk: Served, token: str, path: str = "/fhir/Patient?identifier=urn:x%7C1", **headers: str) -> httpx.Response:
    return _open[0].get(path, headers={"Authorization": f"Bearer {token}", **headers})


def test_a_client_gets_a_token_and_is_heard_with_it(desk: Served, system: System) -> None:
    """The control of everything below, for both algorithms."""
    for one in (system, System(desk.flow.clock, key=RS384, alg="RS384")):
        answer = asks(desk, one.form(scope="system/Patient.rs system/Observation.rs"))
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        said = answer.json()
        assert {name: said[name] for name in ("token_type", "expires_in", "scope")} == {
            "token_type": "Bearer", "expires_in": 300, "scope": "system/Patient.rs",
        }  # fmt: skip
        found = reads(desk, said["access_token"])
        assert (found.status_code, found.json()["type"], found.json().get("entry")) == (200, "searchset", None)
    exchange = desk.flow.exchanges(who_client=READER.id)[0]
    assert exchange.whom.recipient == "mapo-care-team"


def hs256(system: System, secret: bytes) -> str:
    signing = f"{b64(write_json(system.header(alg='HS256')))}.{b64(write_json(system.claims()))}".encode()
    return f"{signing.decode()}.{b64(hmac.new(secret, signing, hashlib.sha256).digest())}"


def public_pem() -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(ES384.public_key.public_bytes(serialization.Encoding.PEM, form))


def cut(text: str, signature: str) -> str:
    return f"{text.rpartition('.')[0]}.{signature}"


def der(system: System) -> str:
    signing = system.assertion().rpartition(".")[0]
    return f"{signing}.{b64(ES384.private_key.sign(signing.encode(), ECDSA(hashes.SHA384())))}"


def of(key: Any, by: str = "ES384", **header: Any) -> Forge:
    """A token signed by another key."""

    def forge(system: System) -> str:
        other = System(system.clock, key=key, alg=by)
        return other.signs(write_json(system.header(**{"alg": by, **header})), write_json(system.claims()))

    return forge


def own() -> dict[str, Any]:
    return {**OTHERS.as_dict(private=False), "kid": "ec-1"}


def raw(claims: Callable[[bytes], bytes] = bytes, header: Callable[[bytes], bytes] = bytes) -> Forge:
    """A well-signed token whose bytes were changed before signing."""
    return lambda s: s.signs(header(write_json(s.header())), claims(write_json(s.claims())))


def said(header: dict[str, Any] | None = None, **claims: Any) -> Forge:
    return lambda s: s.assertion(header, **claims)


def at(seconds: int, name: str = "exp", **claims: Any) -> Forge:
    return lambda s: s.assertion(**{name: int(s.clock().timestamp()) + seconds}, **claims)


def b2b(**changes: Any) -> Forge:
    rows = {"version": "1", "organization_id": ORGANIZATION, "purpose_of_use": ["COC"], **changes}
    return said(extensions={"hl7-b2b": {name: value for name, value in rows.items() if value is not None}})


ATTACKS: list[tuple[str, Forge]] = [
    ("1 alg none", lambda s: cut(s.assertion({"alg": "none"}), "")),
    ("1 alg none, signed", said({"alg": "none"})),
    ("2 alg NoNe", said({"alg": "NoNe"})),
    ("2 alg nOnE, empty", lambda s: cut(s.assertion({"alg": "nOnE"}), "")),
    ("3 signature stripped", lambda s: cut(s.assertion(), "")),
    ("3 signature and point stripped", lambda s: s.assertion().rpartition(".")[0]),
    ("4 HS256 with the public key (PEM)", lambda s: hs256(s, public_pem())),
    ("5 HS256 with the JWK", lambda s: hs256(s, write_json(ES384.as_dict(private=False)))),
    ("6 jwk in the header", of(OTHERS, jwk=own())),
    ("7 x5c in the header", of(OTHERS, x5c=["MIIB"])),
    ("8 x5u in the header", of(OTHERS, x5u="https://elsewhere.example/keys.pem")),
    ("6 our own jwk in the header", said({"jwk": ES384.as_dict(private=False)})),
    ("7 x5c, signed by the right key", said({"x5c": ["MIIB"]})),
    ("8 x5u, signed by the right key", said({"x5u": "https://elsewhere.example/keys.pem"})),
    ("a header that says what is inside", said({"cty": "JWT"})),
    ("a thumbprint of a certificate", said({"x5t#S256": "x"})),
    ("9 jku of somebody else", of(OTHERS, jku="https://elsewhere.example/jwks.json")),
    ("9 jku where none is registered", said({"jku": "https://elsewhere.example/jwks.json"})),
    ("10 jku file", said({"jku": "file:///etc/passwd"})),
    ("10 jku link-local", said({"jku": "http://169.254.169.254/latest"})),
    ("11 kid that climbs", said({"kid": "../../dev/null"})),
    ("12 kid SQL", said({"kid": "ec-1' OR '1'='1"})),
    ("13 kid list", said({"kid": ["ec-1"]})),
    ("13 kid number", said({"kid": 1})),
    ("13 kid absent", said({"kid": None})),
    ("13 kid empty", said({"kid": ""})),
    ("13 kid of 10 000", said({"kid": "e" * 1000})),
    ("15 kid of another client", of(OTHERS, kid="other-1")),
    ("15 another client's key under our kid", of(OTHERS)),
    ("16 ES384 with the kid of the RSA key", said({"kid": "rsa-1"})),
    ("16 RS384 with the kid of the EC key", of(RS384, "RS384", kid="ec-1")),
    ("17 ES384 said, ES256 signed", of(P256, "ES256", alg="ES384")),
    ("17 ES256", of(P256, "ES256")),
    ("RS256", of(RS384, "RS256", kid="rsa-1")),
    ("PS384", of(RS384, "PS384", kid="rsa-1")),
    ("18 all-zero signature", lambda s: cut(s.assertion(), b64(bytes(96)))),
    ("18 signature of ones", lambda s: cut(s.assertion(), b64(b"\xff" * 96))),
    ("19 DER signature", der),
    ("22 expired", at(-1)),
    ("22 expired an hour ago", at(-3600)),
    ("23 exp missing", said(exp=None)),
    ("23 exp text", lambda s: s.assertion(exp=str(int(s.clock().timestamp()) + 60))),
    ("23 exp NaN", raw(lambda b: b.replace(b'"exp":', b'"exp":NaN,"x":'))),
    ("23 exp 1e400", raw(lambda b: b.replace(b'"exp":', b'"exp":1e400,"x":'))),
    ("23 exp with a fraction", raw(lambda b: b.replace(b',"iat"', b'.5,"iat"'))),
    ("23 exp negative", said(exp=-1)),
    ("23 exp true", said(exp=True)),
    ("23 exp of 60 digits", raw(lambda b: b.replace(b',"iat"', b"0" * 50 + b',"iat"'))),
    ("24 exp an hour ahead", at(3600)),
    ("24 exp over five minutes ahead", at(302)),
    ("25 iat in the future", at(61, "iat")),
    ("25 nbf in the future", at(62, "nbf")),
    ("25 iat text", said(iat="now")),
    ("26 aud of another server", said(aud="https://elsewhere.example/oauth/token")),
    ("26 aud the base", said(aud=BASE)),
    ("26 aud list with a stranger", said(aud=list(LISTS))),
    ("26 aud list of one", said(aud=[ENDPOINT])),
    ("26 aud with a slash at the end", said(aud=ENDPOINT + "/")),
    ("26 aud in capitals", said(aud=ENDPOINT.upper())),
    ("26 aud missing", said(aud=None)),
    ("27 iss is not sub", said(sub="somebody")),
    ("27 sub is not iss", said(iss="somebody")),
    ("27 sub missing", said(sub=None)),
    ("27 iss list", said(iss=[READER.id], sub=[READER.id])),
    ("a client that nobody knows", said(iss="nobody", sub="nobody")),
    ("the id of a participant", said(iss="mapo-care-team", sub="mapo-care-team")),
    ("32 jti empty", said(jti="")),
    ("32 jti missing", said(jti=None)),
    ("32 jti number", said(jti=7)),
    ("32 jti long", said(jti="j" * 257)),
    ("32 jti with a line end", said(jti="a\nb")),
    ("33 crit unknown", said({"crit": ["x"], "x": 1})),
    ("33 b64 false", said({"b64": False, "crit": ["b64"]})),
    ("33 b64 true", said({"b64": True})),
    ("34 a header twice", raw(header=lambda b: b.replace(b'"kid"', b'"kid":"x","kid"'))),
    ("34 a claim twice", raw(lambda b: b.replace(b'"sub"', b'"sub":"x","sub"'))),
    ("34 a claim twice, with blanks", raw(lambda b: b.replace(b'"sub"', b'"sub" :"x","sub"'))),
    ("35 typ of an access token", said({"typ": "at+jwt"})),
    ("35 typ missing", said({"typ": None})),
    ("35 typ of something else", said({"typ": "dpop+jwt"})),
    ("40 purpose for an emergency", b2b(purpose_of_use=["BTG"])),
    ("40 purpose not registered beside one that is", b2b(purpose_of_use=["COC", "TREAT"])),
    ("40 purpose unknown", b2b(purpose_of_use=["https://elsewhere.example|COC"])),
    ("40 no purpose", b2b(purpose_of_use=[])),
    ("40 purpose missing", b2b(purpose_of_use=None)),
    ("40 organisation of somebody else", b2b(organization_id="https://hanbit-hospital.example")),
    ("40 organisation missing", b2b(organization_id=None)),
    ("40 hl7-b2b of another version", b2b(version="2")),
    ("40 hl7-b2b no object", said(extensions={"hl7-b2b": "COC"})),
    ("extensions no object", said(extensions="hl7-b2b")),
    ("a line end after the token", lambda s: s.assertion() + "\n"),
    ("padding", lambda s: cut(s.assertion(), s.assertion().rpartition(".")[2] + "=")),
    ("claims no object", lambda s: s.signs(write_json(s.header()), b'["iss"]')),
    ("claims no JSON", lambda s: s.signs(write_json(s.header()), b"iss")),
    ("claims deep", said(extensions={"a": {"b": {"c": {"d": {"e": {"f": {}}}}}}})),
    ("five parts", lambda s: s.assertion() + ".a.b"),
    ("nothing", lambda s: "."),
    ("a token over the size", said(more="x" * 8192)),
]  # fmt: skip


@pytest.mark.parametrize("forge", [forge for _, forge in ATTACKS], ids=[name for name, _ in ATTACKS])
def test_attack_on_an_assertion(desk: Served, system: System, forge: Forge, capfd: pytest.CaptureFixture[str]) -> None:
    """The same words for all of them, nothing of the token in the log, and the client goes on unhindered."""
    forged, before = forge(system), issued(desk)
    answer = asks(desk, system.form(forged))
    assert (answer.status_code, answer.json()) == (401, INVALID_CLIENT)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert issued(desk) == before
    logged = "".join(capfd.readouterr())
    assert not [part for part in forged.split(".") if len(part) > 20 and part in logged]
    assert asks(desk, system.form()).status_code == 200
    assert issued(desk) == before + 1


def issued(desk: Served) -> int:
    return sum(row["outcome"] == "issued" for row in desk.flow.facts(kind="admin"))


def refused_form(desk: Served, form: bytes, **headers: str) -> tuple[int, str]:
    answer = asks(desk, form, **headers)
    assert answer.headers["content-type"] == "application/json"
    said = answer.json()
    assert set(said) == {"error"}
    return answer.status_code, said["error"]


def test_what_a_form_must_be(desk: Served, system: System) -> None:
    good = system.form()
    twice = good + b"&scope=system%2FPatient.r"
    rows: list[tuple[bytes, dict[str, str], tuple[int, str]]] = [
        (system.form(grant_type="authorization_code"), {}, (400, "unsupported_grant_type")),
        (system.form(grant_type="password"), {}, (400, "unsupported_grant_type")),
        (system.form(grant_type=None), {}, (400, "invalid_request")),
        (system.form(client_assertion_type=None), {}, (401, "invalid_client")),
        (system.form(client_assertion_type="urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), {}, (401, "invalid_client")),
        (system.form(client_secret="x"), {}, (401, "invalid_client")),
        (system.form(client_id="somebody-else"), {}, (401, "invalid_client")),  # 28
        (urlencode({"grant_type": "client_credentials"}).encode(), {}, (401, "invalid_client")),
        (twice, {}, (400, "invalid_request")),
        (b"", {}, (400, "invalid_request")),
        (b"\xff\xfe", {}, (400, "invalid_request")),
        (b"&".join([b"a=1"] * 50), {}, (400, "invalid_request")),
        (b"x" * 1_000_000, {}, (400, "invalid_request")),  # 32: a jti of 1 MB never gets in
        (good, {"Content-Type": "application/json"}, (400, "invalid_request")),
        (good, {"Authorization": "Basic eDp5"}, (400, "invalid_request")),
        (good, {"Content-Encoding": "gzip"}, (400, "invalid_request")),
    ]  # fmt: skip
    for form, headers, expected in rows:
        assert refused_form(desk, form, **headers) == expected, form[:80]
    with desk.client() as client:
        answer = client.post("/oauth/token?client_assertion=x", content=good, headers=HEADERS)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    assert asks(desk, system.form(client_id=READER.id)).status_code == 200


@pytest.mark.parametrize(
    "scope",
    [
        None, "", "system/Observation.rs", "system/*.c", "system/Patient.cud", "patient/Patient.rs", "user/Patient.rs", "launch",
        "openid fhirUser", "system/Patient.read", "system/*.read", "system/Patient.*", "system/Patient.rs system/Patient.read",
        "system/Patient.rs patient/Patient.rs", "system/Condition.rs?category=problem-list-item", "system/Patient.sr",
        "system/Patient.", "system/Patient.rr", "system/patient.rs", "system/Patient.rs  system/Condition.rs",
        "system/Patient.rs\tsystem/Condition.rs", "system/Patient.rs\n", "SYSTEM/Patient.rs", "x" * 5000,
    ],
)  # fmt: skip
def test_scopes_that_nobody_gets(desk: Served, system: System, scope: str | None) -> None:
    """36: unregistered, of v1, mixed, of a person, restricted by a query."""
    assert refused_form(desk, system.form(scope=scope)) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("system/*.cruds", "system/Condition.rs system/Patient.rs"),
        ("system/Patient.cruds", "system/Patient.rs"),
        ("system/Patient.s system/Observation.rs", "system/Patient.s"),
        ("system/Patient.r system/Patient.s", "system/Patient.rs"),
    ],
)
def test_scopes_are_what_is_asked_and_registered(desk: Served, system: System, asked: str, given: str) -> None:
    assert asks(desk, system.form(scope=asked)).json()["scope"] == given


def test_a_token_opens_what_its_scopes_name(desk: Served, system: System) -> None:
    token = token_of(desk, system, "system/Patient.s")
    assert reads(desk, token).status_code == 200
    for path in (
        "/fhir/Patient/x",
        "/fhir/Condition?patient=x",
        "/fhir/Observation?patient=x",
        "/exchanges",
        "/audit/rows",
    ):
        answer = reads(desk, token, path)
        assert answer.status_code == 403, path
        assert answer.json()["issue"][0]["code"] == "forbidden"
    assert 'error="insufficient_scope"' in reads(desk, token, "/fhir/Patient/x").headers["www-authenticate"]
    with desk.client() as client:
        for path in ("/messages", "/exchanges/x/replay"):
            answer = client.post(path, content=b"MSH|", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 403, path
    writer = System(desk.flow.clock, "hanbit-emr", OTHERS)
    sends = token_of(desk, writer, "system/*.c")
    with desk.client() as client:
        answer = client.post("/messages", content=b"MSH|", headers={"Authorization": f"Bearer {sends}"})
    assert answer.status_code not in (401, 403)  # heard, and not understood
    assert reads(desk, sends).status_code == 403


def test_an_assertion_is_no_access_token_and_the_other_way_round(desk: Served, system: System) -> None:
    """35, and tokens made up by their holder."""
    token = token_of(desk, system)
    assert reads(desk, system.assertion()).status_code == 401
    assert refused_form(desk, system.form(token)) == (401, "invalid_client")
    header, claims, signature = token.split(".")
    forged = [
        f"{header}.{claims}.", f"{header}.{claims}.{b64(bytes(64))}", f"{header}.{claims}.{signature}x", token + ".",
        f"{b64(b'{}')}.{claims}.{signature}", system.assertion({"typ": "at+jwt"}, aud=BASE), f"{token}\n",
        System(desk.flow.clock, key=P256, alg="ES256").assertion({"typ": "at+jwt"}, aud=BASE, iss=BASE),
    ]  # fmt: skip
    for one in forged:
        with desk.client() as client:
            headers = httpx.Headers([(b"authorization", b"Bearer " + one.strip().encode())])
            answer = client.get("/fhir/Patient?identifier=urn:x%7C1", headers=headers)
        assert answer.status_code == (200 if one.strip() == token else 401), one[:40]


def test_a_token_in_an_address_is_none(desk: Served, system: System) -> None:
    """40: not even beside a proof that is one."""
    token = token_of(desk, system)
    with desk.client() as client:
        assert client.get(f"/fhir/Patient?access_token={token}").status_code == 401
        assert client.get(f"/fhir/Patient?acc%65ss_token={token}").status_code == 401
    assert reads(desk, token, f"/fhir/Patient?identifier=urn:x%7C1&access_token={token}").status_code == 401


def test_a_token_lives_five_minutes(desk: Served, system: System) -> None:
    token = token_of(desk, system)
    desk.flow.clock.pass_by(seconds=298)
    assert reads(desk, token).status_code == 200
    desk.flow.clock.pass_by(seconds=3)
    assert reads(desk, token).status_code == 401


def test_clocks_may_differ_by_a_minute(desk: Served, system: System) -> None:
    """25: the control of what is refused above."""
    for seconds in (-59, 0, 59):
        for name in ("iat", "nbf"):
            assert asks(desk, system.form(at(seconds, name)(system))).status_code == 200


def test_a_purpose_narrows_what_is_read(desk: Served, system: System) -> None:
    """The agreement is for COC; a token for HOPERAT finds none, and one that names no purpose has those of its participant."""
    hl7 = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
    for purposes, status in (
        (["COC"], 200), ([f"{hl7}|COC"], 200), ([f"{hl7}#COC"], 200), (["urn:oid:2.16.840.1.113883.5.8#COC"], 200),
        (["HOPERAT", "COC"], 200), (["HOPERAT"], 403),
    ):  # fmt: skip
        extension = {"version": "1", "organization_id": ORGANIZATION, "purpose_of_use": purposes}
        token = token_of(desk, system, extensions={"hl7-b2b": extension})
        assert reads(desk, token).status_code == status, purposes
    assert reads(desk, token_of(desk, system)).status_code == 200


def test_who_sits_at_the_system_is_on_record(desk: Served, system: System) -> None:
    """An account as it is; a name only as a keyed token."""
    extension = {"version": "1", "organization_id": ORGANIZATION, "purpose_of_use": ["COC"]}
    for claims, shown in (
        ({"extensions": {"hl7-b2b": {**extension, "subject_id": "kim.care", "subject_name": "김돌봄"}}}, "kim.care"),
        ({"user": "lee-2"}, "lee-2"),
        ({"extensions": {"hl7-b2b": {**extension, "subject_name": "김돌봄"}}}, "token:"),
    ):
        assert reads(desk, token_of(desk, system, **claims)).status_code == 200
        assert desk.flow.exchanges(who_client=READER.id)[0].who.user.startswith(shown)
        facts = [row["facts"] for row in desk.flow.facts(kind="admin")]
        assert facts[-1]["who"]["user"].startswith(shown)
        assert "김돌봄" not in repr(facts)


def test_a_grant_and_a_refusal_of_somebody_known_are_on_record(desk: Served, system: System) -> None:
    def rows() -> list[dict[str, Any]]:
        return [row for row in desk.flow.facts(kind="admin") if row["facts"]["what"]["asked"] == "token"]

    before = len(rows())
    token_of(desk, system, "system/Patient.r")
    refused_form(desk, system.form(scope="system/Observation.r"))
    refused_form(desk, system.form(b2b(purpose_of_use=["BTG"])(system)))
    assert [row["outcome"] for row in rows()[before:]] == ["issued", "NotAllowed", "UnknownCaller"]
    assert rows()[before]["facts"]["what"]["scope"] == "system/Patient.r"
    counts = desk.flow.node.counts
    assert counts["UnknownCaller", "/oauth/token"] > 0
    assert counts["UnknownCaller", f"client:{READER.id}"] > 0
    assert not [where for _, where in counts if where.startswith("client:") and where != f"client:{READER.id}"]


def test_what_a_client_is_told_of_this_gateway(desk: Served) -> None:
    with desk.client() as client:
        for path in ("/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration"):
            said = client.get(path).json()
            assert said["token_endpoint"] == ENDPOINT
            assert said["token_endpoint_auth_signing_alg_values_supported"] == ["ES384", "RS384"]
        keys = client.get("/.well-known/jwks.json").json()["keys"]
    assert len({key["kid"] for key in keys}) == 3
    assert all(set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in keys)


def test_the_published_keys_verify_a_token(desk: Served, system: System) -> None:
    from joserfc import jwt
    from joserfc.jwk import KeySet

    with desk.client() as client:
        keys = KeySet.import_key_set(client.get("/.well-known/jwks.json").json())
    read = jwt.decode(token_of(desk, system), keys, algorithms=["ES256"])
    assert (read.header["typ"], read.claims["aud"], read.claims["client_id"]) == ("at+jwt", BASE, READER.id)


def test_what_the_site_takes_away_counts_at_once(desk: Served, system: System) -> None:
    """37: a participant or a client switched off, a key taken away, a scope or a purpose taken back, for a token that is out already."""
    from gateway.errors import UnknownCaller
    from gateway.inbound.oauth.access import access_tokens

    token = token_of(desk, system)
    node, site = desk.flow.node, desk.flow.node.site

    def heard(site: Site) -> Any:
        return access_tokens(replace(node, site=site)).principal(token, "", "127.0.0.1")

    assert heard(site).may("Patient", "r")
    only = READER.keys[1:]
    for gone in (
        known(site, READER, active=False),
        known(site),
        known(site, replace(READER, active=False)),
        known(site, replace(READER, keys=only)),
        known(site, replace(READER, bound=True)),
        known(known(site), READER, to="kdca-demo"),
    ):
        with pytest.raises(UnknownCaller):
            heard(gone)
    narrowed = heard(known(site, replace(READER, scopes=frozenset({("Condition", "s")}))))
    assert not narrowed.may("Patient", "r")
    assert heard(site).claims("HOPERAT")
