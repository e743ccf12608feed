"""Keys: what is refused, and that a participant's file otherwise stays as its author wrote it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from gateway.errors import Misconfigured
from gateway.site import load_site, participant_of_key
from gateway.site.new import new_site
from gateway.site.register import new_api_key, register_key

LISTS = [
    "",
    "keys: []  # none yet\n",
    "keys: [{id: k1, kind: api-key, sha256: %s}]\n" % ("a" * 64),
    "keys:  # the old ones\n  - {id: k1, kind: api-key, sha256: %s}  # in use\n# below\n" % ("a" * 64),
    "keys:\n- id: k1\n  kind: api-key\n  sha256: %s\n  roles:\n  - system\n  - admin # both\nactive: true\n"
    % ("a" * 64),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    new_site(tmp_path / "site")
    return tmp_path / "site"


@pytest.mark.parametrize("participant", ["nobody", "../site", "", "hospital.yaml"])
def test_who_is_not_there_gets_no_key(root: Path, participant: str) -> None:
    with pytest.raises(Misconfigured):
        register_key(root, participant, "x")


@pytest.mark.parametrize("roles", [[], [""], ["Admin"], ["admin}]"], ["a b"]])
def test_what_is_no_role_is_refused_and_nothing_is_written(root: Path, roles: list[str]) -> None:
    path = root / "participants" / "hospital.yaml"
    before = path.read_bytes()
    with pytest.raises(Misconfigured):
        register_key(root, "hospital", "x", roles)
    assert path.read_bytes() == before
    assert {p.name for p in path.parent.iterdir()} == {"hospital.yaml", "care-team.yaml", "my-gateway.yaml"}


def test_a_broken_file_is_not_extended(root: Path) -> None:
    path = root / "participants" / "hospital.yaml"
    path.write_text(path.read_text("utf-8").replace("kind: hospital", "kind: 7"), "utf-8")
    with pytest.raises(Misconfigured, match=r"participants/hospital\.yaml:4: kind"):
        register_key(root, "hospital", "x")


def test_a_key_has_256_random_bits() -> None:
    keys = {new_api_key("hospital") for _ in range(20)}
    assert len(keys) == 20
    assert all(re.fullmatch(r"ieum_hospital_[A-Za-z0-9_-]{43}", key) for key in keys)


@pytest.mark.parametrize("written", LISTS)
def test_the_rest_of_the_file_stays(root: Path, written: str) -> None:
    path = root / "participants" / "hospital.yaml"
    text = path.read_text("utf-8") + written
    path.write_text(text, "utf-8")
    before = len(load_site(root).participants["hospital"].keys)
    for roles in (["system"], ["admin", "auditor"]):
        key = new_api_key("hospital")
        entry = register_key(root, "hospital", key, roles)
        found = participant_of_key(load_site(root), hashlib.sha256(key.encode()).hexdigest())
        assert found is not None
        assert (found[0].id, found[1].id, found[1].roles) == ("hospital", entry, tuple(roles))
        assert key not in path.read_text("utf-8")
    after = path.read_text("utf-8")
    assert len(load_site(root).participants["hospital"].keys) == before + 2
    assert all(comment in after for comment in re.findall(r"#.*", text))
    lines = after.splitlines()
    assert [line for line in text.splitlines() if not line.startswith("keys: [")] == [
        line for line in lines if line in text.splitlines() and not line.startswith("keys: [")
    ]
