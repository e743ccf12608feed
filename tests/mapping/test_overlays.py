"""Overlays of a site: base < jurisdiction < sender < receiver, refused with file and line, renewed while a node runs or left as they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from gateway.data import data_path
from gateway.errors import Misconfigured
from gateway.mapping import MapContext
from gateway.mapping.load import MAX_BYTES, read_yaml
from gateway.mapping.overlay import OVERLAYS, Overlays, combinations, layers, look_at, mapped_standards, sound, unknown
from gateway.stages.map import map_document
from gateway.standards.hl7v2 import parse

BASE = data_path("mappings")
MESSAGE = b"MSH|^~\\&|APP|FAC|||20260101000000Z||ADT^A01|C1|P|2.5\rPID|1||1^^^A^MR||Doe^Ann||19800229|F\r"
PATIENT = "hl7v2/segments/PID.Patient.yaml"
Write = Callable[..., Path]


def sex(value: str) -> str:
    return f"map: PID[Patient]\nrows:\n  - {{id: PID-8, from: PID-8, to: gender, const: {value}}}\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str, name: str = PATIENT, of: str = "") -> Path:
        path = tmp_path / "mappings" / of / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return tmp_path / "mappings"

    return written


def gender(overlays: tuple[Path, ...]) -> str:
    mapped = map_document(parse(MESSAGE), context=MapContext(overlays=overlays))
    return next(i.resource["gender"] for i in mapped.items if i.resource["resourceType"] == "Patient")


def test_the_order_is_site_sender_receiver(write: Write) -> None:
    mappings = write(sex("male"))
    write(sex("other"), of="senders/hanbit")
    write(sex("unknown"), of="receivers/agency")
    assert gender(layers(mappings)) == "male"
    assert gender(layers(mappings, "hanbit")) == "other"
    assert gender(layers(mappings, "somebody", "nobody")) == "male"
    assert gender(layers(mappings, "hanbit", "agency")) == "unknown"


def test_only_folders_that_are_there_and_names_that_are_ids(write: Write, tmp_path: Path) -> None:
    mappings = write(sex("other"), of="senders/hanbit")
    assert layers(tmp_path / "nothing", "hanbit") == ()
    assert layers(mappings, "../senders/hanbit", "..") == (mappings,)


def test_each_layer_has_its_own_version(write: Write) -> None:
    mappings = write(sex("other"), of="senders/hanbit")
    write("local-code-system: 'urn:x:'\n", "names.yaml", of="senders/named")
    write("race: {unmapped: drop}\n", "hl7v2/codes/tables.yaml", of="senders/tabled")
    orders = [(), *(layers(mappings, name) for name in ("hanbit", "named", "tabled"))]
    versions = {map_document(parse(MESSAGE), context=MapContext(overlays=order)).map for order in orders}
    assert len(versions) == len(orders)


def test_a_row_of_the_general_map_is_dropped_from_a_map_like_it(write: Write) -> None:
    mappings = write("map: ADT_A01\nrows:\n  - {id: PID, drop: true}\n", "hl7v2/messages/ADT_A01.yaml")
    mapped = map_document(parse(MESSAGE), context=MapContext(overlays=(mappings,)))
    assert "Patient" not in {item.resource["resourceType"] for item in mapped.items}


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("map: PID[Patient]\nrows:\n  - {id: PID-8, form: PID-8}\n", PATIENT, f"{PATIENT}:3: "),
        ("map: PID[Patient]\nrows:\n  - {id: A, from: PID-8, to: gender, as: colour}\n", PATIENT, f"{PATIENT}:3: "),
        ("map: PID[Patient]\nrows:\n  - {id: A, from: PID-8, to: x, use: No}\n", PATIENT, f"{PATIENT}:3: "),
        ("map: PID[Patient]\nrows:\n\n  - {id: A, from: PID-8, to: x, table: no}\n", PATIENT, f"{PATIENT}:4: "),
        ("map: PID[Patient]\nrows:\n  - {id: nothing, drop: true}\n", PATIENT, f"{PATIENT}:3: there is no row nothing"),
        ("map: PID[Patient]\nrows:\n  - {from: PID-8, to: gender}\n", PATIENT, f"{PATIENT}:3: a row needs an id"),
        ("map: PID[Patient]\nrows: [{id: A, drop: true}, {id: A, from: PID-8, to: x}]\n", PATIENT, f"{PATIENT}:2: "),
        ("map: PID[Patient]\nrows: 5\n", PATIENT, f"{PATIENT}:1: rows is a list"),
        ("map: PID[Patient]\nignore: 5\n", PATIENT, f"{PATIENT}:1: ignore is a mapping"),
        ("map: PID[Patient]\nlike: PID[Patient]\n", PATIENT, f"{PATIENT}:1: like: PID[Patient] leads back"),
        ("map: PID[Patient]\nrows: [{id: A, from: PID-8, to: x, limit: [}\n", PATIENT, f"{PATIENT}:2: "),
        ("map: PID[Patient]\nrows:\n  - {id: A, to: x, from: PID-8, when: {count: [PID-8, z]}}\n", PATIENT, f"{PATIENT}:3: "),
        ("a: &a [*a]\n", PATIENT, f"{PATIENT}:1: "),
        ("map: X\n", "hl7v2/segment/PID.Patient.yaml", "hl7v2/segment/PID.Patient.yaml:1: nothing reads this file"),
        ("map: X\n", "hl7v3/X.yaml", "hl7v3/X.yaml:1: nothing reads this file"),
        ("id,code,target,source\n", "hl7v2/codes/new.csv", "hl7v2/codes/new.csv:1: nothing reads this file"),
        ("id,code,target,source\nA,A,B\n", "hl7v2/codes/race.csv", "hl7v2/codes/race.csv:2: "),
        ("id,code,target,source,back\nA,A,B,x,perhaps\n", "hl7v2/codes/race.csv", "hl7v2/codes/race.csv:2: "),
        ("race: {unmapped: perhaps}\n", "hl7v2/codes/tables.yaml", "hl7v2/codes/tables.yaml:1: "),
        ("local-code-system: [\n", "names.yaml", "names.yaml:2: "),
    ],
)  # fmt: skip
def test_what_is_broken_is_refused_with_file_and_line(write: Write, text: str, name: str, said: str) -> None:
    mappings = write(text, name, of="senders/hanbit")
    with pytest.raises(Misconfigured) as refused:
        sound("hl7v2", (BASE, *layers(mappings, "hanbit")))
    assert refused.value.text.startswith(f"mappings/senders/hanbit/{said}")


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b"a: [" + b"0," * 100_001 + b"0]", b" " * (MAX_BYTES + 1)])
def test_no_file_that_is_no_text_or_too_much(body: bytes) -> None:
    with pytest.raises(Misconfigured):
        read_yaml(body, "x.yaml")


def test_what_people_and_editors_leave_there_is_not_refused(write: Write) -> None:
    for name in ("README.md", "hl7v2/notes.md", "hl7v2/segments/.PID.swp", "hl7v2/segments/PID.yaml~"):
        mappings = write("x", name)
    sound("hl7v2", (BASE, mappings))


def test_folders_of_nobody_are_told(write: Write) -> None:
    mappings = write(sex("male"), of="senders/hanbit")
    write(sex("male"), of="receivers/ghost")
    assert list(unknown(mappings, {"hanbit"})) == ["mappings/receivers/ghost:1: there is no such participant"]


def test_two_that_write_on_one_file_are_looked_at_together(write: Write) -> None:
    mappings = write(sex("male"), of="senders/hanbit")
    write(sex("male"), of="receivers/agency")
    write("race: {unmapped: drop}\n", "hl7v2/codes/tables.yaml", of="receivers/other")
    together = [order for order in combinations(mappings) if len(order) == 3]
    assert together == [layers(mappings, "hanbit", "agency")]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_change_is_taken_at_the_next_look(write: Write) -> None:
    clock = Clock()
    overlays, mappings = Overlays(clock, pause=1.0), write(sex("male"))
    first = overlays.compiler("hl7v2", (BASE, mappings))
    write(sex("female"))
    assert overlays.compiler("hl7v2", (BASE, mappings)) is first
    clock.now = 1.0
    second = overlays.compiler("hl7v2", (BASE, mappings))
    clock.now = 2.0
    assert second is not first
    assert overlays.compiler("hl7v2", (BASE, mappings)) is second  # nothing has changed
    assert first.version("ADT_A01") != second.version("ADT_A01")


def test_a_broken_overlay_leaves_the_old_one_until_it_is_sound_again(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    overlays, mappings = Overlays(Clock(), pause=0.0), write(sex("male"))
    first = overlays.compiler("hl7v2", (BASE, mappings))
    write("map: PID[Patient]\nrows:\n  - {id: PID-8, colour: red}\n")
    assert overlays.compiler("hl7v2", (BASE, mappings)) is first
    assert f"mappings/{PATIENT}:3: " in capsys.readouterr().out
    assert overlays.compiler("hl7v2", (BASE, mappings)) is first
    assert capsys.readouterr().out == ""  # it is told once
    write(sex("female"))
    assert overlays.compiler("hl7v2", (BASE, mappings)) is not first


def test_an_overlay_that_was_never_sound_is_not_run_without(write: Write) -> None:
    mappings = write("map: PID[Patient]\nrows:\n  - {id: PID-8, colour: red}\n")
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(Misconfigured) as refused:
                OVERLAYS.compiler("hl7v2", (BASE, mappings))
            assert "PID" not in refused.value.text  # a sender does not learn how a site is made
    (line,) = lines
    assert line["event"] == "overlay refused"
    assert line["problems"][0].startswith(f"mappings/{PATIENT}:3: ")


def test_a_folder_is_swapped_by_its_link(write: Write, tmp_path: Path) -> None:
    overlays = Overlays(Clock(), pause=0.0)
    new, link = write(sex("male")).rename(tmp_path / "new"), tmp_path / "mappings"
    old = write(sex("female")).rename(tmp_path / "old")
    link.symlink_to(old)
    first = overlays.compiler("hl7v2", (BASE, link))
    (tmp_path / "next").symlink_to(new)
    (tmp_path / "next").replace(link)
    second = overlays.compiler("hl7v2", (BASE, link))
    assert first.version("ADT_A01") != second.version("ADT_A01")


def test_what_is_in_force_does_not_read_a_file_again(write: Write) -> None:
    overlays, mappings = Overlays(Clock(), pause=1.0), write(sex("male"))
    held = overlays.compiler("hl7v2", (BASE, mappings))
    held.rules("ADT_A01")
    version = held.version("ADT_A01")
    (mappings / PATIENT).unlink()
    assert held.rules("PID[Patient]").name == "PID[Patient]"
    assert held.version("ADT_A01") == version


@pytest.mark.parametrize("of", ["", "senders/hanbit", "receivers/hanbit"])
def test_a_look_at_every_layer_refuses_what_is_not_sound(write: Write, of: str) -> None:
    mappings = write(sex("male"))
    write("rows: [", of=of)
    with structlog.testing.capture_logs() as logs, pytest.raises(Misconfigured, match="not sound"):
        look_at(BASE, mappings, {"hanbit"})
    (line,) = logs
    assert PATIENT in line["problems"][0]


def test_a_look_refuses_a_layer_of_nobody(write: Write) -> None:
    mappings = write(sex("male"), of="senders/nobody")
    with structlog.testing.capture_logs() as logs, pytest.raises(Misconfigured, match="not sound"):
        look_at(BASE, mappings, {"hanbit"})
    assert "there is no such participant" in logs[0]["problems"][0]


def test_a_look_at_sound_layers_and_at_none(write: Write, tmp_path: Path) -> None:
    look_at(BASE, tmp_path / "none", {"hanbit"})
    look_at(BASE, write(sex("male"), of="senders/hanbit"), {"hanbit"})
    assert mapped_standards(BASE) == ["fhir", "hl7v2"]
