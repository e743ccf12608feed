"""An ID token judged by itself: whatever is not the issuer's answer is one refusal, never another exception."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from gateway.errors import UnknownCaller
from gateway.pipeline.idtoken import Expected, claims_of, key_id

NOW = datetime(2026, 11, 2, tzinfo=UTC)
KEY = ECKey.generate_key("P-256", {"kid": "k", "use": "sig"})
KEYS = [KEY.as_dict(private=False)]
EXPECTED = Expected("https://issuer.example", "ieum", "n" * 43, NOW)
AT = int(NOW.timestamp())
CLAIMS = {"iss": EXPECTED.issuer, "aud": "ieum", "sub": "s", "nonce": EXPECTED.nonce, "iat": AT, "exp": AT + 300}


def signed(claims: Any, **header: Any) -> str:
    return jws.serialize_compact({"alg": "ES256", "kid": "k", **header}, json.dumps(claims).encode(), KEY)


TOKEN = signed(CLAIMS)


def judged(token: str, keys: Any = KEYS) -> Any:
    key_id(token)
    return claims_of(token, keys, EXPECTED)


def test_the_right_one_is_taken() -> None:
    assert judged(TOKEN) == CLAIMS
    assert judged(signed(CLAIMS, typ="JWT")) == CLAIMS


@given(st.text(max_size=300))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(UnknownCaller):
        judged(text)


@given(st.integers(0, len(TOKEN) - 1), st.characters(max_codepoint=255))
def test_a_token_with_one_other_character_says_the_same_or_is_refused(place: int, other: str) -> None:
    token = TOKEN[:place] + other + TOKEN[place + 1 :]
    try:
        assert judged(token) == CLAIMS
    except UnknownCaller:
        assert token != TOKEN


@given(
    st.dictionaries(
        st.sampled_from([*CLAIMS, "azp", "nbf"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()),
        min_size=1,
    )
)
def test_claims_of_any_kind_are_judged(changes: dict[str, Any]) -> None:
    claims = {**CLAIMS, **changes}
    try:
        assert judged(signed(claims))["sub"] == claims["sub"]
    except UnknownCaller:
        assert claims != CLAIMS


@pytest.mark.parametrize(
    "header",
    [{"typ": "at+jwt"}, {"jku": "https://elsewhere.example/keys"}, {"typ": ""}, {"x5u": "https://elsewhere.example"}],
)
def test_a_header_of_another_kind_is_refused(header: dict[str, str]) -> None:
    with pytest.raises(UnknownCaller):
        judged(signed(CLAIMS, **header))


def test_a_large_token_is_read_and_a_larger_one_is_not() -> None:
    assert judged(signed({**CLAIMS, "groups": "g" * 9_000}))["sub"] == "s"
    with pytest.raises(UnknownCaller):
        judged(signed({**CLAIMS, "groups": "g" * 16_384}))


def test_a_claim_that_stands_twice_is_refused() -> None:
    body = json.dumps(CLAIMS).encode().replace(b"{", b'{"sub": "other", ', 1)
    with pytest.raises(UnknownCaller):
        judged(jws.serialize_compact({"alg": "ES256", "kid": "k"}, body, KEY))


ODD_KEYS = [
    [],
    [KEYS[0], KEYS[0]],
    [{**KEYS[0], "kid": "other"}],
    [{**KEYS[0], "use": "enc"}],
    [{**KEYS[0], "crv": "P-384"}],
    [{**KEYS[0], "x": "AAAA"}],
    [{**KEYS[0], "x": 1}],
    [{**KEYS[0], "x": None}],
    [{"kid": "k", "kty": "EC"}],
    [{"kid": "k", "kty": "EC", "crv": "P-256", "x": "é", "y": "é"}],
    [{"kid": "k", "kty": "oct", "k": "AAAA"}],
]


@pytest.mark.parametrize("keys", ODD_KEYS)
def test_keys_that_are_none_prove_nothing(keys: Any) -> None:
    with pytest.raises(UnknownCaller):
        judged(TOKEN, keys)
