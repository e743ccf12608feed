"""A gateway whose door would let in what must be refused does not listen (ARCHITECTURE.md, promise 11)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.errors import Misconfigured
from gateway.inbound import fhir, mount, rest
from gateway.model.document import Principal
from gateway.model.released import Notice
from gateway.pipeline.push import Receipt
from tests.flows.conftest import HOSPITAL, Flow, Served, serving


def anybody(*_: Any) -> Principal:
    return Principal(HOSPITAL, "forged", ("system", "admin", "auditor"))


async def taken(*_: Any) -> Receipt:
    return Receipt("kept")


async def told(*_: Any) -> Any:
    return Notice({"resourceType": "Patient"})


BROKEN = {
    "everybody is known": (mount, "principal_of", anybody),
    "no role is asked for": (mount, "_caller", anybody),
    "no agreement is asked for": (rest, "carry", taken),
    "every reader is answered": (fhir, "answer", told),
}


@pytest.mark.parametrize("how", BROKEN)
def test_it_does_not_listen(flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str) -> None:
    monkeypatch.setattr(*BROKEN[how])
    with pytest.raises(Misconfigured, match="Nothing is served"), serving(flow, monkeypatch, tmp_path) as made:
        httpx.get(f"{made.base}/healthz", trust_env=False)


def test_a_sound_one_listens_and_leaves_the_test_on_record(served: Served) -> None:
    assert served.gets("/healthz", "").json() == {"status": "alive"}
    assert served.gets("/readyz", "").json() == {"status": "ready"}
    asked = [e for e in served.flow.exchanges() if "self-test" in (e.who.participant, e.whom.recipient)]
    assert {e.status for e in asked} == {"refused"}
    assert len(asked) == 2  # one push, one pull
    served.flow.verified()


def test_maps_of_the_site_that_are_not_sound_are_not_served(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "site" / "mappings" / "hl7v2" / "segments" / "PID.Patient.yaml"
    broken.parent.mkdir(parents=True)
    broken.write_text("rows: [", encoding="utf-8")
    site = replace(flow.node.site, root=tmp_path / "site")
    with pytest.raises(Misconfigured, match="not sound"), serving(flow.on(site), monkeypatch, tmp_path) as made:
        httpx.get(f"{made.base}/healthz", trust_env=False)
