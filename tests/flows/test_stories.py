"""The five stories through the real programs, once on each kind of database (ARCHITECTURE.md, promise 12)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.row import row_of
from gateway.audit.search import stream
from gateway.audit.verify import verify
from gateway.demo import run as demo
from gateway.store import open_store


@pytest.mark.long
def test_the_stories_come_out_as_told(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this environment says reaches none of the demo's programs; its database is told by its own settings."""
    monkeypatch.setitem(demo._SETTINGS, "GATEWAY_DATABASE_URL", store_url)
    assert demo.run(once=True, port=0, mllp_port=0, data_dir=tmp_path) == 0
    store = open_store(store_url, place=row_of)
    try:
        assert len(store.exchanges({}, 500)) >= 15
        assert verify(stream(store, {})).ok
    finally:
        store.close()
