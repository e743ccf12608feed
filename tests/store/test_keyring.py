"""The keyring: what is sealed opens only for its owner and untouched, derived values outlive rotation, rotation survives a crash."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Conflict, GatewayError, Misconfigured, NotDurable, NotFound
from gateway.model.records import Sealed, Unit
from gateway.model.wire import read_json, write_json
from gateway.store.keyring import SiteKeyring, create_site_key, development_keyring, open_keyring, read_site_key
from gateway.store.rotation import rotate

ID = "6b1d2c1e-0d3f-4f4e-9a55-0d6a7a6a1b11"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "keys" / "site.key"
    create_site_key(made)
    return made


def kept(store: Any, keyring: SiteKeyring, owner: str, data: bytes) -> Sealed:
    sealed, keys = keyring.seal(owner, data)
    store.commit(Unit(keys)).result(60)
    return sealed


def several(store: Any, keyring: SiteKeyring, persons: int) -> list[Sealed]:
    """One payload each of so many persons, their data keys kept in one unit."""
    made = [keyring.seal(f"person:{n}", b"%d" % n) for n in range(persons)]
    store.commit(Unit(tuple(key for _, keys in made for key in keys))).result(60)
    return [sealed for sealed, _ in made]


# Refusals


def test_an_erased_key_is_not_found(store: Any, path: Path) -> None:
    sealed, _not_kept = open_keyring(path, store).seal("person:p", b"data")
    with pytest.raises(NotFound):
        open_keyring(path, store).open(sealed)


@pytest.mark.parametrize("place", [0, 11, 12, -1])
def test_a_changed_byte_is_noticed(store: Any, path: Path, place: int) -> None:
    keyring = open_keyring(path, store)
    sealed = kept(store, keyring, "person:p", b"data")
    changed = bytearray(sealed.data)
    changed[place] ^= 1
    with pytest.raises(GatewayError):
        keyring.open(Sealed(sealed.key, bytes(changed)))
    assert keyring.open(sealed) == b"data"


def test_ciphertexts_and_data_keys_cannot_be_swapped(store: Any, path: Path) -> None:
    keyring = open_keyring(path, store)
    first, second = kept(store, keyring, "person:p", b"one"), kept(store, keyring, "person:q", b"two")
    with pytest.raises(GatewayError):
        keyring.open(Sealed(first.key, second.data))
    p, q = store.data_keys(["person:p", "person:q"]).values()

    class Swapped:
        def data_keys(self, ids: Any) -> Any:
            return {"person:p": type(p)("person:p", q.generation, q.sealed if p.id == "person:p" else p.sealed)}

    with pytest.raises(GatewayError):
        SiteKeyring(read_site_key(path), Swapped()).open(first)


def test_another_sites_key_opens_nothing(store: Any, path: Path, tmp_path: Path) -> None:
    sealed = kept(store, open_keyring(path, store), "person:p", b"data")
    create_site_key(tmp_path / "other.key")
    with pytest.raises(GatewayError):
        open_keyring(tmp_path / "other.key", store).open(sealed)


def test_a_key_file_is_private_whole_and_never_overwritten(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Misconfigured):
        create_site_key(path)
    path.chmod(0o640)
    with pytest.raises(Misconfigured):
        read_site_key(path)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(Misconfigured):
        read_site_key(path)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"generations": {}, "inner": {}}',
        b'{"generations": {"1": "00"}, "inner": []}',
        b"\xff",
    ],
)
def test_what_is_no_site_key_is_misconfigured(path: Path, body: bytes) -> None:
    path.write_bytes(body)
    with pytest.raises(Misconfigured):
        read_site_key(path)


def test_a_changed_secret_in_the_site_key_is_noticed(path: Path) -> None:
    said = read_json(path.read_bytes())
    for name, secret in said["inner"].items():
        changed = {**said["inner"], name: ("0" if secret[-1] != "0" else "1").join([secret[:-1], ""])}
        path.write_bytes(write_json({**said, "inner": changed}))
        with pytest.raises(Misconfigured):
            read_site_key(path)
    swapped = {**said["inner"], "id": said["inner"]["token"], "token": said["inner"]["id"]}
    path.write_bytes(write_json({**said, "inner": swapped}))
    with pytest.raises(Misconfigured):
        read_site_key(path)


def test_a_site_key_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    for wrong in (tmp_path / "none", tmp_path):
        tmp_path.chmod(0o700)
        with pytest.raises(Misconfigured):
            read_site_key(wrong)


@pytest.mark.parametrize(
    "id", ["", "1", "nonsense", ID.upper(), "{" + ID + "}", "urn:uuid:" + ID, ID.replace("-", ""), ID + "\n"]
)
def test_what_is_no_uuid_is_not_found(id: str) -> None:
    with pytest.raises(NotFound):
        development_keyring().unkey("care-team", id)


# What it does


@given(id=st.uuids(), recipient=st.text(max_size=20))
def test_rekeying_is_a_permutation_per_recipient(id: UUID, recipient: str) -> None:
    keyring = development_keyring()
    theirs = keyring.rekey(recipient, str(id))
    assert str(UUID(theirs)) == theirs != str(id)
    assert keyring.unkey(recipient, theirs) == str(id)
    assert keyring.rekey(recipient + "x", str(id)) != theirs


@given(data=st.binary(max_size=200), owner=st.text(min_size=1, max_size=20))
def test_sealing_round_trips(data: bytes, owner: str) -> None:
    keyring = development_keyring()
    sealed, keys = keyring.seal(owner, data)
    assert keyring.open(sealed) == data
    assert data not in sealed.data or len(data) < 8
    assert [key.id for key in keys] == [owner]


def test_derived_values_are_keyed_and_distinct(store: Any, path: Path, tmp_path: Path) -> None:
    create_site_key(tmp_path / "other.key")
    one, other, same = open_keyring(path, store), open_keyring(tmp_path / "other.key", store), open_keyring(path, store)
    assert derived(one) == derived(same)
    assert not set(derived(one)) & set(derived(other))
    assert one.token("a", "bc") != one.token("ab", "c")


def derived(keyring: SiteKeyring) -> tuple[Any, ...]:
    return keyring.id_key, keyring.digest(b"x"), keyring.token("s", "v"), keyring.rekey("r", ID), keyring.unkey("r", ID)


def test_a_new_data_key_goes_along_until_it_is_kept(store: Any, path: Path) -> None:
    keyring = open_keyring(path, store)
    _, first = keyring.seal("person:p", b"1")
    sealed, second = keyring.seal("person:p", b"2")
    assert first == second != ()
    store.commit(Unit(second)).result(60)
    assert keyring.seal("person:p", b"3")[1] == ()
    assert open_keyring(path, store).open(sealed) == b"2"


def test_of_two_processes_one_makes_the_data_key(store: Any, path: Path) -> None:
    one, other = open_keyring(path, store), open_keyring(path, store)
    (_, first), (_, second) = one.seal("person:p", b"1"), other.seal("person:p", b"2")
    store.commit(Unit(first)).result(60)
    with pytest.raises(Conflict):
        store.commit(Unit(second)).result(60)
    sealed, again = other.seal("person:p", b"2")
    assert again == ()
    assert one.open(sealed) == b"2"


# Rotation


class Crash(Exception):
    pass


def test_rotation_changes_no_derived_value_and_lets_the_old_key_go(store: Any, path: Path) -> None:
    before = open_keyring(path, store)
    sealed = several(store, before, 1200)
    old, heard = read_site_key(path), []
    assert rotate(path, store, heard.append) >= 1200
    after = open_keyring(path, store)
    assert derived(after) == derived(before)
    assert [after.open(one) for one in sealed] == [b"%d" % n for n in range(1200)]
    assert list(read_site_key(path).generations) == [2]
    assert heard == sorted(heard)
    assert len(heard) >= 2
    assert not store.data_keys_before(2, 1)
    with pytest.raises(GatewayError):
        SiteKeyring(old, store).open(sealed[0])
    rotate(path, store)
    assert open_keyring(path, store).open(sealed[0]) == b"0"


def test_rotation_goes_on_after_a_crash_in_the_middle(store: Any, path: Path) -> None:
    keyring = open_keyring(path, store)
    sealed = several(store, keyring, 700)

    def crash(_moved: int) -> None:
        raise Crash

    with pytest.raises(Crash):
        rotate(path, store, crash)
    assert set(read_site_key(path).generations) == {1, 2}
    half = open_keyring(path, store)
    assert [half.open(one) for one in sealed] == [b"%d" % n for n in range(700)]
    rotate(path, store)
    assert set(read_site_key(path).generations) == {2}
    whole = open_keyring(path, store)
    assert [whole.open(one) for one in sealed] == [b"%d" % n for n in range(700)]


def test_a_store_that_refuses_stops_a_rotation_with_both_generations(store: Any, path: Path) -> None:
    sealed = kept(store, open_keyring(path, store), "person:p", b"data")

    class Refusing:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def reseal(self, _keys: Any) -> None:
            raise NotDurable

    with pytest.raises(NotDurable):
        rotate(path, Refusing())
    assert open_keyring(path, store).open(sealed) == b"data"
    rotate(path, store)
    assert open_keyring(path, store).open(sealed) == b"data"


def test_a_node_that_runs_through_a_rotation_loses_nothing(store: Any, path: Path) -> None:
    keyring = open_keyring(path, store)
    sealed: list[Sealed] = [kept(store, keyring, "person:before", b"before")]
    _, pending = keyring.seal("person:waiting", b"waiting")
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            try:
                sealed.append(kept(store, keyring, f"person:{number}", b"during"))
                number += 1
            except Conflict:
                continue

    worker = threading.Thread(target=work)
    worker.start()
    rotate(path, store)
    rotate(path, store)
    stop.set()
    worker.join(60)
    with pytest.raises(Conflict):
        store.commit(Unit(pending)).result(60)
    sealed.append(kept(store, keyring, "person:waiting", b"waiting"))
    for one in sealed:
        assert open_keyring(path, store).open(one) in (b"before", b"during", b"waiting")
        assert keyring.open(one)


def test_the_command(store_url: str, store: Any, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from gateway.cli.keys import app

    monkeypatch.setenv("GATEWAY_DATABASE_URL", store_url)
    monkeypatch.setenv("GATEWAY_SITE_KEY_FILE", str(path))
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    before = open_keyring(path, store)
    sealed = several(store, before, 3)
    said = CliRunner().invoke(app, ["rotate"])
    assert (said.exit_code, " data keys are sealed" in said.output) == (0, True), said.output
    after = open_keyring(path, store)
    assert [after.open(one) for one in sealed] == [b"0", b"1", b"2"]
    assert (list(read_site_key(path).generations), derived(after)) == ([2], derived(before))
    path.unlink()
    said = CliRunner().invoke(app, ["rotate"])
    assert type(said.exception) is Misconfigured
    assert not path.exists()
