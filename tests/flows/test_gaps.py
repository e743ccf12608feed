"""What met no rule is counted with commit A, by sender and day, without values of people (gateway/mapping/gaps.py)."""

from __future__ import annotations

import pytest

from gateway.demo.messages import update
from gateway.mapping.gaps import HIDDEN, MOST
from gateway.model.records import GapCount
from tests.flows.conftest import HOSPITAL, Flow, somebody


def counted(flow: Flow, since: str = "") -> dict[tuple[str, str], int]:
    return {(one.position, one.code): one.count for one in flow.node.store.gaps(since)}


async def test_codes_and_fields_without_a_rule_are_counted(flow: Flow) -> None:
    person = somebody(60)
    for _ in range(2):
        await flow.sends(update(person, flow.moment()) + b"ZPI|private words|x\rOBX|1|NM|1^x^L||1||||||QQ\r")
    found = flow.node.store.gaps()
    assert GapCount("2026-11-02", HOSPITAL, "code", "", "observation-status", "QQ", 2) in found
    assert GapCount("2026-11-02", HOSPITAL, "field", "ZPI-1.1", "", "", 2) in found
    assert "private" not in str(found)
    flow.clock.pass_by(days=1)
    await flow.sends(update(person, flow.moment()) + b"ZPI|other|x\r")
    assert counted(flow, "2026-11-03")["ZPI-1.1", ""] == 1
    assert counted(flow)["ZPI-1.1", ""] == 3


async def test_what_looks_like_a_person_is_counted_and_not_shown(flow: Flow) -> None:
    person = somebody(61)
    family = person.english[0]
    await flow.sends(update(person, flow.moment()) + f"OBX|1|NM|1^x^L||1||||||{family}\r".encode())
    assert counted(flow)["", HIDDEN] >= 1
    assert family not in str(flow.node.store.gaps())


@pytest.mark.parametrize("said", ["M12345678", "12345", "900101-1234567", "HONG.GILDONG", "KIMMINSU", "F0000401", "홍"])
async def test_an_identifier_in_a_field_of_codes_is_not_kept(flow: Flow, said: str) -> None:
    message = update(somebody(64), flow.moment())
    wrong = message.replace(b"|F|||", b"|" + said.encode() + b"|||", 1)
    assert wrong != message
    await flow.sends(wrong)
    assert [one.code for one in flow.node.store.gaps() if one.what == "code"] == [HIDDEN]


async def test_a_document_has_no_more_rows_than_it_may(flow: Flow) -> None:
    fields = "|".join("x" for _ in range(MOST + 50))
    await flow.sends(update(somebody(62), flow.moment()) + f"ZPI|{fields}\r".encode())
    found = flow.node.store.gaps()
    assert len(found) == MOST + 1
    assert sum(one.count for one in found if one.position == HIDDEN) >= 50


async def test_what_is_not_taken_is_not_counted(flow: Flow) -> None:
    message = update(somebody(63), flow.moment()) + b"ZPI|x\r"
    await flow.sends(message, dry_run=True)
    await flow.sends(message.replace(b"ADT^A08", b"ADT^A99"))
    assert counted(flow) == {}
    await flow.sends(message)
    await flow.sends(message)  # a second copy
    assert counted(flow)["ZPI-1.1", ""] == 1
