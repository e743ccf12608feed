"""The real application over a node on a copy of the demo site, for the tests that walk its doors."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.house.source import ROOT


@dataclass(frozen=True, slots=True)
class Running:
    """A node that serves nobody yet, its application, and the API keys of the demo by name."""

    node: Any
    app: Any
    tokens: Mapping[str, str]


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A node as `gateway serve` builds it; no worker, no listener."""
    from gateway.app import build_app, build_node, close
    from gateway.demo.run import set_up
    from gateway.settings import Settings

    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
            patch.delenv(name)
        stage = set_up(tmp_path_factory.mktemp("a node"), 1, 2)
        node = build_node(Settings(data_dir=stage.data_dir, site=stage.site))
    yield Running(node, build_app(node), stage.tokens)
    asyncio.run(close(node))
