# ruff: noqa: E501 — rows of settings
"""FHIR servers of participants in a site's files: what is read of them, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.site import check_site, load_site
from gateway.site.new import new_site
from gateway.site.upstreams import is_base

SYSTEM = "https://hospital.example/fhir/sid/patient-number"
GOOD: dict[str, Any] = {"id": "his", "url": "https://fhir.hospital.example/r4/", "types": ["Patient", "Condition"], "identifier": SYSTEM,
                        "secret": "file:his.token", "certificate": "file:gateway.pem", "authority": "file:ca.pem", "private": True,
                        "entries": 100, "bytes": 1_000_000, "seconds": 2.5}  # fmt: skip
_ADDRESS = "this must be an https address (http only on this machine)"


def written(root: Path, *rows: dict[str, Any]) -> Path:
    path = root / "site" / "participants" / "hospital.yaml"
    new_site(root / "site")
    value = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**value, "upstreams": list(rows)}, allow_unicode=True))
    return root / "site"


def test_a_server_is_read_as_it_is_written(tmp_path: Path) -> None:
    (found,) = load_site(written(tmp_path, GOOD)).participants["hospital"].upstreams
    assert found.url == "https://fhir.hospital.example/r4"
    assert (found.types, found.identifier, found.entries, found.seconds) == (("Patient", "Condition"), SYSTEM, 100, 2.5)
    assert (found.secret, found.certificate, found.authority, found.private) == (
        "file:his.token",
        "file:gateway.pem",
        "file:ca.pem",
        True,
    )


BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"url": "http://fhir.hospital.example/r4"}, f"upstreams[0].url: {_ADDRESS}"), ({"url": "https://u:p@x.example/r4"}, f"upstreams[0].url: {_ADDRESS}"),
    ({"url": "https://x.example/r4/../admin"}, f"upstreams[0].url: {_ADDRESS}"), ({"url": "https://x.example//r4"}, f"upstreams[0].url: {_ADDRESS}"),
    ({"url": "https://x.example/r4;a"}, f"upstreams[0].url: {_ADDRESS}"), ({"url": "https://x.example/%2e"}, f"upstreams[0].url: {_ADDRESS}"),
    ({"url": "https://x.example/r4?x=1"}, f"upstreams[0].url: {_ADDRESS}"), ({"url": "file:///etc"}, f"upstreams[0].url: {_ADDRESS}"),
    ({"identifier": "https://other.example/number"}, "upstreams[0].identifier: this must be one of the identifier-systems"),
    ({"identifier": "https://my-gateway.example/fhir/sid/kr-resident-number"}, "upstreams[0].identifier: this must be one of the identifier-systems"),
    ({"types": []}, "upstreams[0].types: this must not be empty."), ({"secret": "the token itself"}, "upstreams[0].secret: this must be the name of"),
    ({"certificate": "GATEWAY_PEM"}, "upstreams[0].certificate: this must be file:NAME"), ({"entries": 5000}, "upstreams[0].entries: this must be"),
    ({"seconds": 0}, "upstreams[0].seconds: this must be"), ({"base": "x"}, "upstreams[0].base: there is no such setting."),
)  # fmt: skip


@pytest.mark.parametrize(("change", "said"), BAD)
def test_what_is_wrong_with_a_server_is_said_with_its_place(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    site, problems = check_site(written(tmp_path, {**GOOD, **change}))
    assert site is None
    assert [p.file for p in problems] == ["participants/hospital.yaml"]
    assert problems[0].text.startswith(said), problems


def test_a_type_is_held_by_one_server(tmp_path: Path) -> None:
    _, problems = check_site(written(tmp_path, GOOD, {**GOOD, "id": "lab", "types": ["Observation", "Condition"]}))
    assert [p.text for p in problems] == ["upstreams[1].types: another one holds this type already."]
    _, problems = check_site(written(tmp_path / "again", GOOD, {**GOOD, "types": ["Observation"]}))
    assert "already taken" in problems[0].text


def test_bases() -> None:
    assert is_base("https://x.example")
    assert is_base("https://x.example/")
    assert is_base("http://127.0.0.1:8090/fhir")
