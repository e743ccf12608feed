"""People sign in over real HTTP: what a session is, and every answer that is not the issuer's to what this browser began."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from joserfc import jws, jwt
from joserfc.jwk import ECKey

from tests.flows.conftest import Served
from tests.flows.signing import Bent, Visitor, providing, query_of, registered

OTHER = ECKey.generate_key("P-256", {"kid": "other", "use": "sig"})
Open = Callable[[], Visitor]


@pytest.fixture
def here(flow: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Served]:
    """A served node that knows its secret at the provider."""
    with registered(flow, monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def provider(here: Served) -> Iterator[Bent]:
    with providing(here) as made:
        yield made


@pytest.fixture
def browser(here: Served, provider: Bent) -> Iterator[Open]:
    opened: list[Visitor] = []

    def open_browser() -> Visitor:
        opened.append(Visitor(here))
        return opened[-1]

    yield open_browser
    for one in opened:
        one.close()


def refused(answer: httpx.Response, visitor: Visitor) -> None:
    """One sentence, no session, the sign-in over."""
    assert answer.status_code == 401, answer.text
    assert "Signing in did not work" in answer.text
    assert visitor.session() == ""
    assert "sign-in" not in visitor.http.cookies


@pytest.mark.parametrize(
    ("account", "home"),
    [
        ("kim-demo", "/me"),
        ("han-caseworker", "/console/received"),
        ("seo-auditor", "/console"),
        ("yoon-protection", "/console"),
        ("oh-operator", "/console"),
        ("moon-integrator", "/console/gaps"),
    ],
)
def test_everybody_comes_to_his_own_page(browser: Open, account: str, home: str) -> None:
    visitor = browser()
    answer = visitor.signs_in(account)
    assert (answer.status_code, answer.headers["location"]) == (303, home)
    assert visitor.get(home).status_code == 200
    cookie = next(text for text in answer.headers.get_list("set-cookie") if text.startswith("session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert visitor.session() not in visitor.get(home).text


def test_what_is_asked_of_the_issuer_is_bound(browser: Open) -> None:
    first, second = (query_of(browser().begins()) for _ in range(2))
    assert first["code_challenge_method"] == "S256"
    assert first["response_type"] == "code"
    assert first["scope"] == "openid"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]


def test_somebody_without_a_role_has_no_session(browser: Open) -> None:
    visitor = browser()
    answer = visitor.signs_in("bae-nothing")
    assert answer.status_code == 403
    assert "no role here" in answer.text
    assert visitor.session() == ""


def _other_state(address: str) -> str:
    return address.replace(query_of(address)["state"], "A" * 43)


def _no_state(address: str) -> str:
    return address.replace("state=", "stat=")


def _two_states(address: str) -> str:
    return f"{address}&state={'A' * 43}"


def _other_issuer(address: str) -> str:
    return address[: address.index("&iss=")] + "&iss=https%3A%2F%2Fevil.example"


def _no_issuer(address: str) -> str:
    return address[: address.index("&iss=")]


def _other_code(address: str) -> str:
    return address.replace(query_of(address)["code"], "A" * 32)


def _no_code(address: str) -> str:
    return address.replace("code=", "cod=")


def _error(address: str) -> str:
    return f"{address}&error=access_denied"


@pytest.mark.parametrize(
    "wrong", [_other_state, _no_state, _two_states, _other_issuer, _no_issuer, _other_code, _no_code, _error]
)
def test_an_answer_that_was_changed_is_refused(browser: Open, wrong: Callable[[str], str]) -> None:
    visitor = browser()
    refused(visitor.get(wrong(visitor.picks("kim-demo", visitor.begins()))), visitor)
    assert visitor.signs_in("kim-demo").status_code == 303


def test_an_answer_to_another_browser_is_refused(browser: Open) -> None:
    attacker, victim = browser(), browser()
    stolen = attacker.picks("seo-auditor", attacker.begins())
    refused(victim.get(stolen), victim)
    victim.begins()
    refused(victim.get(stolen), victim)


def test_a_code_of_another_sign_in_is_refused(browser: Open) -> None:
    """Code injection: the verifier and the nonce are those of this browser, the code is another's."""
    attacker, victim = browser(), browser()
    code = query_of(attacker.picks("seo-auditor", attacker.begins()))["code"]
    own = victim.picks("kim-demo", victim.begins())
    refused(victim.get(own.replace(query_of(own)["code"], code)), victim)


def test_an_answer_counts_once(browser: Open) -> None:
    visitor = browser()
    begun = visitor.begins()
    kept = visitor.http.cookies.get("sign-in")
    back = visitor.picks("kim-demo", begun)
    assert visitor.get(back).status_code == 303
    replay = browser()
    replay.http.cookies.set("sign-in", str(kept), domain="127.0.0.1", path="/")
    refused(replay.get(back), replay)


def _claims(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {name: value for name, value in {**claims, **changes}.items() if value is not None}


def _late(seconds: int, *names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {**claims, **{name: claims[name] + seconds for name in names}}


BAD_CLAIMS = {
    "no nonce": _claims(nonce=None),
    "another nonce": _claims(nonce="A" * 43),
    "a nonce that is no text": _claims(nonce=["a"]),
    "another issuer": _claims(iss="https://evil.example"),
    "the issuer with a slash": lambda claims: {**claims, "iss": claims["iss"] + "/"},
    "no issuer": _claims(iss=None),
    "another client": _claims(aud="another"),
    "two clients": _claims(aud=["ieum-demo", "another"]),
    "no client": _claims(aud=None),
    "given to another client": _claims(azp="another"),
    "expired": _late(-700, "exp", "iat"),
    "ended before it was made": _late(-400, "exp"),
    "no end": _claims(exp=None),
    "an end that is a text": _claims(exp="9999999999"),
    "an end that is true": _claims(exp=True),
    "an end without end": _claims(exp=1 << 60),
    "an end with a fraction": _claims(exp=4e9),
    "made later": _late(300, "iat", "exp"),
    "made long ago": _late(-3600, "iat"),
    "no time": _claims(iat=None),
    "not yet": lambda claims: {**claims, "nbf": claims["iat"] + 300},
    "nobody": _claims(sub=None),
    "an empty subject": _claims(sub=""),
    "a long subject": _claims(sub="a" * 256),
}


@pytest.mark.parametrize("name", BAD_CLAIMS)
def test_a_token_that_says_something_else_is_refused(browser: Open, provider: Bent, name: str) -> None:
    visitor = browser()
    provider.bend = BAD_CLAIMS[name]
    refused(visitor.signs_in("kim-demo"), visitor)


def test_sound_claims_of_every_form_are_taken(browser: Open, provider: Bent) -> None:
    for bend in (_claims(aud=["ieum-demo"]), _claims(azp="ieum-demo"), _late(-50, "iat", "exp"), _late(50, "iat")):
        provider.bend = bend
        assert browser().signs_in("kim-demo").status_code == 303


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _header(self: Bent, **more: Any) -> dict[str, Any]:
    return {"alg": "ES256", "kid": self.key.kid, "typ": "JWT", **more}


def _unsigned(algorithm: str) -> Callable[[Bent, dict[str, Any]], str]:
    return lambda self, claims: f"{_part(_header(self, alg=algorithm))}.{_part(claims)}."


def _mac(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    body = f"{_part(header)}.{_part(claims)}"
    made = hmac.digest(secret, body.encode(), "sha256")
    return f"{body}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


def _by_public_key(self: Bent, claims: dict[str, Any]) -> str:
    """HS256 with the public key as the secret."""
    return _mac(_header(self, alg="HS256"), claims, self.key.as_pem(private=False))


def _by_jwk(self: Bent, claims: dict[str, Any]) -> str:
    return _mac(_header(self, alg="HS256"), claims, json.dumps(self.key.as_dict(private=False)).encode())


def _by_own_key(**more: Any) -> Callable[[Bent, dict[str, Any]], str]:
    def sign(self: Bent, claims: dict[str, Any]) -> str:
        header = {name: value for name, value in _header(self, **more).items() if value is not None}
        return jws.serialize_compact(header, json.dumps(claims).encode(), OTHER, registry=_Loose())

    return sign


class _Loose(jws.JWSRegistry):
    """Writes any header."""

    def __init__(self) -> None:
        super().__init__(algorithms=["ES256"])

    def check_header(self, header: Any) -> None:
        """Whatever an attacker writes."""


def _stripped(self: Bent, claims: dict[str, Any]) -> str:
    return jwt.encode(_header(self), claims, self.key).rpartition(".")[0] + "."


def _zeros(self: Bent, claims: dict[str, Any]) -> str:
    return f"{_part(_header(self))}.{_part(claims)}.{base64.urlsafe_b64encode(bytes(64)).rstrip(b'=').decode()}"


def _with(**more: Any) -> Callable[[Bent, dict[str, Any]], str]:
    """Rightly signed, with a header that says something more, or nothing (None)."""

    def sign(self: Bent, claims: dict[str, Any]) -> str:
        header = {name: value for name, value in _header(self, **more).items() if value is not None}
        return jws.serialize_compact(header, json.dumps(claims).encode(), self.key, registry=_Loose())

    return sign


def _twice(self: Bent, claims: dict[str, Any]) -> str:
    """One name twice in what is signed."""
    body = json.dumps(claims)[:-1] + ', "sub": "seo-auditor"}'
    return jws.serialize_compact(_header(self), body.encode(), self.key)


BAD_SIGNATURES = {
    "none": _unsigned("none"),
    "None": _unsigned("nOnE"),
    "ES256 without one": _stripped,
    "ES256 of zeros": _zeros,
    "HS256 by the public key": _by_public_key,
    "HS256 by the JWK": _by_jwk,
    "another key": _by_own_key(),
    "another key that the header brings": _by_own_key(kid="other", jwk=OTHER.as_dict(private=False)),
    "another key by address": _by_own_key(kid="other", jku="https://evil.example/jwks"),
    "an unknown key id": _by_own_key(kid="other"),
    "no key id": _with(kid=None),
    "a key id that is a number": _with(kid=1),
    "something critical": _with(crit=["exp"], exp=1),
    "another type": _with(typ="at+jwt"),
    "a body that is not encoded": _with(b64=False, crit=["b64"]),
    "claims twice": _twice,
    "no token": lambda self, claims: "",
    "not a token": lambda self, claims: "a.b.c",
    "an endless token": lambda self, claims: "a" * 20_000,
}


@pytest.mark.parametrize("name", BAD_SIGNATURES)
def test_a_token_that_the_issuer_did_not_sign_is_refused(browser: Open, provider: Bent, name: str) -> None:
    visitor = browser()
    provider.sign = BAD_SIGNATURES[name]
    refused(visitor.signs_in("kim-demo"), visitor)


def test_what_this_test_signs_itself_is_taken_when_it_is_right(browser: Open, provider: Bent) -> None:
    provider.sign = _with()
    assert browser().signs_in("kim-demo").status_code == 303


def test_a_token_of_another_sign_in_is_refused(browser: Open, provider: Bent) -> None:
    """Rightly signed for this client, but for somebody else's sign-in."""
    seen: list[str] = []
    provider.sign = lambda self, claims: seen.append(_with()(self, claims)) or seen[-1]  # type: ignore[func-returns-value]
    assert browser().signs_in("seo-auditor").status_code == 303
    provider.sign = lambda self, claims: seen[0]
    visitor = browser()
    refused(visitor.signs_in("kim-demo"), visitor)


class _Rsa:
    """An RSA key of the provider, of any strength."""

    def __init__(self, bits: int, exponent: int = 65_537) -> None:
        self.kid = f"rsa-{bits}-{exponent}"
        self._key = rsa.generate_private_key(exponent, bits)

    def as_dict(self, private: bool) -> dict[str, Any]:
        public = self._key.public_key().public_numbers()
        pair = {"n": public.n, "e": public.e}
        texts = {
            name: base64.urlsafe_b64encode(n.to_bytes((n.bit_length() + 7) // 8, "big")) for name, n in pair.items()
        }
        return {"kty": "RSA", "kid": self.kid, **{name: text.rstrip(b"=").decode() for name, text in texts.items()}}

    def sign(self, claims: dict[str, Any]) -> str:
        body = f"{_part({'alg': 'RS256', 'kid': self.kid, 'typ': 'JWT'})}.{_part(claims)}"
        made = self._key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{body}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


@pytest.mark.parametrize(("bits", "exponent", "status"), [(1024, 65_537, 401), (2048, 3, 401), (2048, 65_537, 303)])
def test_a_weak_key_is_refused(browser: Open, provider: Bent, bits: int, exponent: int, status: int) -> None:
    key = _Rsa(bits, exponent)
    provider.key = key  # type: ignore[assignment]
    provider.sign = lambda self, claims: key.sign(claims)
    assert browser().signs_in("kim-demo").status_code == status


def test_the_same_answer_twice_at_once_counts_once(browser: Open, here: Served) -> None:
    """The record that an answer was used is put once: two that look at the same moment cannot both go on."""
    from concurrent.futures import ThreadPoolExecutor

    visitor = browser()
    begun = visitor.begins()
    kept = str(visitor.http.cookies.get("sign-in"))
    back = visitor.picks("kim-demo", begun)
    visitors = [browser() for _ in range(4)]
    for one in visitors:
        one.http.cookies.set("sign-in", kept, domain="127.0.0.1", path="/")
    with ThreadPoolExecutor(4) as pool:
        answers = [answer.status_code for answer in pool.map(lambda one: one.get(back), visitors)]
    assert sorted(answers) == [303, 401, 401, 401]
    assert len(here.flow.node.store.records("sign-in-used", 10)) == 1


def test_answers_that_fail_wait_and_a_flood_costs_no_record(browser: Open, here: Served) -> None:
    slowing, pauses = here.flow.node.slowing, []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    slowing.pauses = pause
    for _ in range(6):
        visitor = browser()
        refused(visitor.get(_other_code(visitor.picks("kim-demo", visitor.begins()))), visitor)
    assert len(pauses) == 3
    assert pauses == sorted(pauses)
    records = len(here.flow.node.store.records("sign-in-used", 100))
    waiting = browser()
    back = waiting.picks("kim-demo", waiting.begins())
    slowing.places = 0  # as many wait as may
    assert waiting.get(back).status_code == 503
    assert len(here.flow.node.store.records("sign-in-used", 100)) == records
    slowing.places = 256
    assert waiting.get(back).status_code == 303  # the control: whoever proves himself is not shut out


def test_a_new_session_for_each_sign_in_and_none_that_was_brought(browser: Open) -> None:
    """Session fixation: what the browser had before is never the session afterwards, and ends."""
    visitor = browser()
    visitor.http.cookies.set("session", "chosen-by-somebody-else", domain="127.0.0.1", path="/")
    visitor.signs_in("kim-demo")
    first = visitor.http.cookies.get("session", domain="127.0.0.1", path="/")
    assert first != "chosen-by-somebody-else"
    visitor.signs_in("kim-demo")
    assert visitor.session() != first
    stale = browser()
    stale.http.cookies.set("session", str(first), domain="127.0.0.1", path="/")
    assert stale.get("/me").status_code == 401
    assert visitor.get("/me").status_code == 200


def test_signing_out_ends_the_session_here(browser: Open) -> None:
    visitor = browser()
    visitor.signs_in("kim-demo")
    kept = visitor.session()
    assert visitor.post("/logout", {"token": "x"}).status_code == 403
    assert visitor.get("/me").status_code == 200
    assert visitor.post("/logout", {"token": visitor.token("/me")}).status_code == 200
    assert visitor.session() == ""
    visitor.http.cookies.set("session", kept, domain="127.0.0.1", path="/")
    assert visitor.get("/me").status_code == 401


def test_a_session_ends_by_itself(browser: Open, here: Served) -> None:
    visitor = browser()
    visitor.signs_in("kim-demo")
    for _ in range(4):
        here.flow.clock.pass_by(seconds=800)
        assert visitor.get("/me").status_code == 200
    here.flow.clock.pass_by(seconds=901)
    assert visitor.get("/me").status_code == 401
    visitor.signs_in("kim-demo")
    for _ in range(35):
        here.flow.clock.pass_by(seconds=800)
        visitor.get("/me")
    assert visitor.get("/me").status_code == 200
    here.flow.clock.pass_by(seconds=800)
    assert visitor.get("/me").status_code == 401


def test_a_protection_officer_ends_a_session_at_once(browser: Open, here: Served) -> None:
    citizen, officer, auditor = browser(), browser(), browser()
    citizen.signs_in("kim-demo")
    officer.signs_in("yoon-protection")
    auditor.signs_in("seo-auditor")
    assert auditor.get("/console/sessions").status_code == 403
    page = officer.get("/console/sessions").text
    assert "kim-demo" not in page
    rows = here.flow.node.store.records("session")
    key = next(row.key for row in rows if row.value["values"] == ["citizen"])
    assert key in page
    said = {"token": officer.token("/console/sessions"), "session": key}
    assert auditor.post("/console/sessions", {**said, "token": auditor.token("/console")}).status_code == 403
    assert citizen.get("/me").status_code == 200
    assert officer.post("/console/sessions", said).status_code == 303
    assert citizen.get("/me").status_code == 401
    assert officer.post("/console/sessions", said).status_code == 404


def test_nothing_of_a_person_is_kept_in_clear(browser: Open, here: Served) -> None:
    visitor = browser()
    visitor.signs_in("kim-demo")
    row = here.flow.node.store.records("session")[0]
    kept = repr(row)
    assert "H0000001" not in kept
    assert "kim-demo" not in kept
    assert visitor.session() not in kept
    facts = repr(here.flow.facts())
    assert "signed-in" in facts
    assert "kim-demo" not in facts


def test_nobody_is_sent_elsewhere(browser: Open) -> None:
    """No parameter of ours says where to go after signing in."""
    visitor = browser()
    begun = visitor.get("/login?next=https://evil.example&redirect_uri=https://evil.example").headers["location"]
    assert "evil" not in begun
    assert visitor.get(visitor.picks("kim-demo", begun)).headers["location"] == "/me"


def test_another_name_pointing_here_signs_nobody_in(browser: Open, here: Served) -> None:
    with httpx.Client(base_url=here.base, trust_env=False) as client:
        for path in ("/login", "/login/callback", "/me"):
            assert client.get(path, headers={"Host": "evil.example"}).status_code == 403


def test_when_the_issuer_is_away_nobody_signs_in_and_the_rest_goes_on(here: Served) -> None:
    visitor = Visitor(here)
    assert visitor.get("/login").status_code == 503
    assert here.gets("/exchanges", "auditor").status_code == 200
    visitor.close()
