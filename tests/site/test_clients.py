"""Registrations of clients: each slip is one problem with its line; keys that are weak, private or there twice (20, 21)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from gateway.errors import Malformed, Misconfigured
from gateway.model.base64url import encoded
from gateway.model.wire import write_json
from gateway.site import check_site, client_of, load_site
from gateway.site.jwks import key_problem, public_keys
from gateway.site.new import new_site

EC = ECKey.generate_key("P-384", {"kid": "a"}).as_dict(private=False)
RSA = RSAKey.generate_key(2048, {"kid": "a"}).as_dict(private=False)
Json = dict[str, Any]


def number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def rsa_of(bits: int, exponent: int) -> Json:
    numbers = rsa.generate_private_key(exponent, bits).public_key().public_numbers()
    return {"kty": "RSA", "kid": "a", "n": number(numbers.n), "e": number(numbers.e)}


def roca() -> Json:
    """A modulus of the form that such chips make: a power of 65537 modulo the product of the first primes."""
    primes = [p for p in range(2, 170) if all(p % q for q in range(2, p))]
    product = 1
    for prime in primes:
        product *= prime
    n = pow(65537, 12345, product)
    n += product * ((1 << 2047) // product + 1)
    return {"kty": "RSA", "kid": "a", "n": number(n), "e": "AQAB"}


PROBLEMS: list[tuple[str, Callable[[], Any], str]] = [
    ("no object", lambda: "key", "must be EC or RSA"),
    ("a secret", lambda: OctKey.generate_key(256, {"kid": "a"}).as_dict(), "must be EC or RSA"),
    ("another type", lambda: OKPKey.generate_key("Ed25519", {"kid": "a"}).as_dict(private=False), "must be EC or RSA"),
    ("a private key", lambda: ECKey.generate_key("P-384", {"kid": "a"}).as_dict(private=True), "private key"),
    ("a private RSA key", lambda: RSAKey.generate_key(2048, {"kid": "a"}).as_dict(private=True), "private key"),
    ("kid missing", lambda: {**EC, "kid": None}, "(kid)"),
    ("kid empty", lambda: {**EC, "kid": ""}, "(kid)"),
    ("kid long", lambda: {**EC, "kid": "k" * 129}, "(kid)"),
    ("for encryption", lambda: {**EC, "use": "enc"}, "use must be sig"),
    ("for signing", lambda: {**EC, "key_ops": ["sign"]}, "use must be sig"),
    ("P-256 said to be for ES384", lambda: {**ECKey.generate_key("P-256").as_dict(private=False), "kid": "a", "alg": "ES384"}, "P-384"),
    ("an algorithm of the other type", lambda: {**EC, "alg": "RS384"}, "is ES384"),
    ("another algorithm", lambda: {**RSA, "alg": "RS256"}, "is RS384"),
    ("a point beside the curve", lambda: {**EC, "y": EC["x"]}, "no public key"),
    ("a point without y", lambda: {n: v for n, v in EC.items() if n != "y"}, "no public key"),
    ("a point of numbers", lambda: {**EC, "x": 7}, "no public key"),
    ("padding", lambda: {**EC, "x": EC["x"] + "="}, "no public key"),
    ("RSA 1024", lambda: rsa_of(1024, 65537), "2048 to 8192"),
    ("RSA 16384", lambda: {**RSA, "n": number((1 << 16383) + 1)}, "2048 to 8192"),
    ("RSA of nothing", lambda: {**RSA, "n": ""}, "2048 to 8192"),
    ("e = 1", lambda: {**RSA, "e": "AQ"}, "exponent"),
    ("e = 3", lambda: rsa_of(2048, 3), "exponent"),
    ("e even", lambda: {**RSA, "e": number(65538)}, "exponent"),
    ("an even modulus", lambda: {**RSA, "n": number((1 << 2047) + 2)}, "small factor"),
    ("ROCA", roca, "ROCA"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "said"), [row[1:] for row in PROBLEMS], ids=[row[0] for row in PROBLEMS])
def test_a_key_that_is_not_sound(made: Callable[[], Any], said: str) -> None:
    jwk = made()
    assert said in key_problem(jwk)
    assert public_keys({"keys": [jwk, EC]})[0].jwk["kty"] == "EC"
    assert len(public_keys({"keys": [jwk, EC]})) == 1


def test_sound_keys() -> None:
    for jwk in (EC, RSA, {**EC, "alg": "ES384", "use": "sig", "x5t": "x"}, rsa_of(4096, 65537)):
        assert key_problem(jwk) == ""
    found = public_keys({"keys": [EC, RSA]})
    assert [(key.kid, key.kty, set(key.jwk)) for key in found] == [
        ("a", "EC", {"kty", "crv", "x", "y"}),
        ("a", "RSA", {"kty", "n", "e"}),
    ]


@pytest.mark.parametrize("jwks", [None, [], {}, {"keys": EC}, {"keys": [EC] * 21}, "keys"])
def test_what_is_no_key_set(jwks: Any) -> None:
    with pytest.raises(Malformed):
        public_keys(jwks)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    new_site(tmp_path / "site")
    return tmp_path / "site"


def with_clients(root: Path, *rows: Json, name: str = "care-team") -> list[str]:
    """The problems of the starter with these clients."""
    path = root / "participants" / f"{name}.yaml"
    lines = "".join(f"  - {write_json(row).decode()}\n" for row in rows)
    path.write_text(f"{path.read_text('utf-8')}clients:\n{lines}", "utf-8")
    return [str(problem).partition(": ")[2] for problem in check_site(root)[1]]


GOOD: Json = {"id": "team-records", "scopes": ["system/Patient.rs"], "jwks": {"keys": [EC]}}
URL: Json = {"id": "team-forms", "scopes": ["system/*.c"], "jwks-url": "https://care-team.example/jwks.json"}
FETCHED = (
    "clients[0].jwks-url: this must be an https address (http only on this machine), without user, query and fragment."
)
SLIPS: list[tuple[Json, str]] = [
    ({**GOOD, "jwks": {"keys": []}}, "clients[0].jwks.keys: this must not be empty."),
    ({**GOOD, "scopes": []}, "clients[0].scopes: this must not be empty."),
    ({**GOOD, "scopes": ["patient/*.rs"]}, "clients[0].scopes[0]: this must be a SMART v2 scope of a system: system/Patient.rs, system/*.c."),
    ({**GOOD, "scopes": ["system/*.read"]}, "clients[0].scopes[0]: this must be a SMART v2 scope of a system: system/Patient.rs, system/*.c."),
    ({**GOOD, "id": "a b"}, "clients[0].id: this must be a client_id of up to 200 characters: letters, digits and . _ ~ : / -."),
    ({**GOOD, "secret": "x"}, "clients[0].secret: there is no such setting."),
    ({**GOOD, "jwks-url": URL["jwks-url"]}, "clients[0]: either jwks or jwks-url is needed, and not both."),
    ({"id": "x", "scopes": ["system/*.r"]}, "clients[0]: either jwks or jwks-url is needed, and not both."),
    ({**GOOD, "jwks": {"keys": [EC, EC]}}, "clients[0].jwks.keys[1]: another key of this type has the same kid."),
    ({**GOOD, "jwks": {"keys": [{**EC, "crv": "P-256"}]}}, "clients[0].jwks.keys[0]: ES384 needs the curve P-384."),
    *(({**URL, "jwks-url": one}, FETCHED) for one in (
        "http://care-team.example/jwks.json", "ftp://care-team.example/x", "https://", "https://a:b@care-team.example/", "file:///etc/passwd",
        "https://care-team.example/?a=b", "https://care-team.example/#a", "https://care-team.example/\u0430", "https://x:99999/",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("row", "said"), SLIPS, ids=[said[:40] for _, said in SLIPS])
def test_a_slip_in_a_registration(root: Path, row: Json, said: str) -> None:
    assert said in with_clients(root, row)
    with pytest.raises(Misconfigured):
        load_site(root)


def test_a_client_and_a_key_belong_to_one(root: Path) -> None:
    assert with_clients(root, GOOD, {**URL, "id": "team-records"}) == [
        "clients: this is already taken at participants/care-team.yaml:20."
    ]


def test_one_key_is_not_two_clients(root: Path) -> None:
    """Nobody can say any more which of the two has signed."""
    other = {**GOOD, "id": "another", "jwks": {"keys": [{**EC, "kid": "b"}]}}
    assert with_clients(root, other, name="hospital") == []
    assert [said.partition(" at ")[0] for said in with_clients(root, GOOD)] == ["clients: this is already taken"]


ISSUER: Json = {
    "issuer": "https://idp.example", "url": "https://idp.example/introspect", "client-id": "ieum", "secret": "file:idp.secret",
    "clients": ["emr"], "scopes": ["system/Patient.rs"],
}  # fmt: skip


def with_issuer(root: Path, name: str = "care-team", **changes: Any) -> list[str]:
    path = root / "participants" / f"{name}.yaml"
    row = {key: value for key, value in {**ISSUER, **changes}.items() if value is not None}
    path.write_text(f"{path.read_text('utf-8')}introspection: {write_json(row).decode()}\n", "utf-8")
    return [str(problem).partition(": ")[2] for problem in check_site(root)[1]]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "http://idp.example/introspect"}, f"introspection.url: {FETCHED.partition(': ')[2]}"),
        ({"url": "https://idp.example/introspect?a=b"}, f"introspection.url: {FETCHED.partition(': ')[2]}"),
        ({"secret": "the secret itself"}, "introspection.secret: this must be the name of an environment variable, or file:NAME in secrets/ "
         "of the data directory; never the secret itself."),
        ({"clients": []}, "introspection.clients: this must not be empty."),
        ({"clients": None}, "introspection: clients is missing."),
        ({"scopes": ["user/*.rs"]}, "introspection.scopes[0]: this must be a SMART v2 scope of a system: system/Patient.rs, system/*.c."),
        ({"issuer": "idp"}, "introspection.issuer: this must be an absolute URI."),
    ],
)  # fmt: skip
def test_a_slip_in_an_issuer(root: Path, changes: Json, said: str) -> None:
    assert said in with_issuer(root, **changes)


def test_an_issuer_belongs_to_one(root: Path) -> None:
    assert with_issuer(root) == []
    found = load_site(root).participants["care-team"].issuer
    assert found is not None
    assert (found.issuer, found.client_id, found.clients) == ("https://idp.example", "ieum", ("emr",))
    assert with_issuer(root, "hospital") == ["introspection: this is already taken at participants/care-team.yaml:19."]


def test_a_sound_registration_is_loaded(root: Path) -> None:
    assert with_clients(root, GOOD, {**URL, "bound": True, "jwks-private": True, "authn-level": 2}) == []
    site = load_site(root)
    found = client_of(site, "team-records")
    assert found is not None
    assert (found[0].id, [key.kid for key in found[1].keys], found[1].bound) == ("care-team", ["a"], False)
    other = client_of(site, "team-forms")
    assert other is not None
    assert (other[1].jwks_url, other[1].bound, other[1].private, other[1].authn_level) == (
        URL["jwks-url"],
        True,
        True,
        2,
    )
    assert client_of(site, "care-team") is None
