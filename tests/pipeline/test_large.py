"""A large document walks the same line as a small one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.messages import Moment, admission
from gateway.demo.people import people
from gateway.demo.run import set_up
from gateway.errors import Malformed
from gateway.model.document import Principal, Received
from gateway.pipeline import carry
from gateway.pipeline.node import Node


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    from gateway.app import build_node, close
    from gateway.settings import Settings

    made = build_node(Settings(data_dir=tmp_path, site=set_up(tmp_path, 1, 2).site))
    yield made
    await close(made)


def received(node: Node, body: bytes) -> Received:
    who = Principal("hanbit-hospital", "test")
    return Received(node.ids(), who, body, "x-application/hl7-v2+er7", "http", node.clock())


@pytest.mark.long
async def test_a_large_document(node: Node) -> None:
    small = admission(people()["silent"], Moment(node.clock().replace(microsecond=0), 1))
    large = small + b"".join(b"NTE|%d||%s\r" % (n, b"x" * 10_000) for n in range(1, 31))
    receipt = await carry(node, received(node, large))
    assert receipt.error is None
    assert {agreement for _, agreement in receipt.exchanges} == {"hospital-record", "admission-notice"}
    again = await carry(node, received(node, large))
    assert again.received == receipt.received
    broken = await carry(node, received(node, large + b"\xff"))
    assert isinstance(broken.error, Malformed)
    assert node.store.exchanges({"received_id": broken.received}, 10)[0].why.reason == "Malformed"
