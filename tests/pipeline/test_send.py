"""A delivery that may have arrived is in doubt, whoever says so; what follows from it is in tests/flows/test_deliveries.py."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.errors import InDoubt
from gateway.pipeline.delivery import send


class Slow:
    """Takes its time, or says that it does not know."""

    def __init__(self, doubt: bool) -> None:
        self.doubt = doubt

    async def send(self, *_: Any) -> bytes:
        if self.doubt:
            raise InDoubt
        await asyncio.sleep(5)
        return b""


@pytest.mark.parametrize("doubt", [True, False], ids=["in doubt", "out of time"])
async def test_what_may_have_arrived(doubt: bool) -> None:
    node: Any = SimpleNamespace(transports={"http": Slow(doubt)}, pace=SimpleNamespace(lease=0.05))
    ready: Any = SimpleNamespace(
        endpoint=SimpleNamespace(transport="http"), rendered=SimpleNamespace(body=b"", headers={})
    )
    with pytest.raises(InDoubt):
        await send(node, ready)
