"""The shared decision vectors, when they are beside the checkout; the project keeps no copy of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.consent import decide
from gateway.consent.explain import explain

FOLDER = Path(__file__).resolve().parents[2] / ".." / "shared" / "conformance" / "consent"


def _vectors() -> list[Any]:
    files = sorted(FOLDER.glob("vectors*.json")) if FOLDER.is_dir() else []
    read = [json.loads(file.read_text()) for file in files]
    found = [pytest.param(v, d["policyRegister"], id=v["id"]) for d in read for v in d["vectors"]]
    return found or [
        pytest.param(None, None, marks=pytest.mark.skip(reason="the shared conformance folder is not here"))
    ]


@pytest.mark.parametrize(("vector", "register"), _vectors())
def test_vector(vector: dict[str, Any], register: dict[str, Any]) -> None:
    result = decide(vector["request"], vector["given"], register)
    assert result == vector["expect"] | {"redacted": result["redacted"], "released": result["released"]}
    assert sorted(result["released"]) == sorted(vector["expect"]["released"])
    by_reference = {row["reference"]: row["because"] for row in vector["expect"]["redacted"]}
    assert {row["reference"]: row["because"] for row in result["redacted"]} == by_reference
    last = explain(vector["request"], vector["given"], register)[-1]
    assert (last["says"], last["reason"]) == (result["decision"], result["reason"])
