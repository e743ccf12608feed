"""Same bytes in, same bytes out; every element knows where it came from; what is unfamiliar is converted and not let in (7, 8, 13, 14)."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway import convert
from gateway.demo.messages import Moment, admission, cases, discharge
from gateway.model.wire import read_json, write_json
from tests.flows.conftest import HOSPITAL, RECORD, START, Clock, Flow, Post, somebody

CASE = cases()["discharges"]["consenting"]


async def test_two_gateways_with_one_key_give_the_same_bytes(flow: Flow, tmp_path: Path) -> None:
    """Another database, the same site key: the same ids, apart from the person's, which is random."""
    from gateway.app import build_node, close
    from gateway.settings import Settings

    shutil.copytree(tmp_path / "keys", tmp_path / "second" / "keys")
    built = build_node(Settings(data_dir=tmp_path / "second"), flow.node.site)
    await built.transports["http"].close()
    post, clock = Post(), Clock()
    other = Flow(replace(built, clock=clock, transports={"http": post}), clock, post, flow.stage)
    person, moment = somebody(500), Moment(START, 1)
    try:
        for one in (flow, other):
            one.clock.pass_by(minutes=1)
            await one.consents(person)
            await one.sends(discharge(person, moment, CASE))
            await one.drains()
        first, second = (
            [plain(entry["resource"]) for entry in read_json(p.sent[0].body)["entry"]] for p in (flow.post, post)
        )
        assert [write_json(r) for r in first] == [write_json(r) for r in second]
    finally:
        await close(other.node)


def plain(resource: Any) -> Any:
    """Without the person's reference, and the id of its Patient."""
    if resource["resourceType"] == "Patient":
        return {**resource, "id": "person"}
    return {name: value for name, value in resource.items() if name not in ("subject", "patient", "for")}


async def test_every_element_knows_its_source_and_every_loss_is_listed(flow: Flow) -> None:
    message = discharge(somebody(501), flow.moment(), CASE) + b"ZZZ|1|local\r"
    told = await flow.sends(message, dry_run=True)
    assert told.echo is not None
    origins, content = told.echo["origins"], told.echo["content"]
    assert all(origin["rule"] for origin in origins.values())  # a constant of a rule has no source, and names the rule
    leaves = {path for path, _ in leaf_paths(content, "Bundle") if ".resource." in path}
    known = set(origins)
    unknown = {
        p
        for p in leaves
        if not any(p == k or p.startswith((f"{k}.", f"{k}[")) or k.startswith((f"{p}.", f"{p}[")) for k in known)
    }
    assert {p.rpartition(".")[2] for p in unknown} <= {"resourceType", "id"}
    assert any(loss["source"].startswith("ZZZ") for loss in told.echo["losses"])


def leaf_paths(tree: Any, path: str) -> Any:
    if isinstance(tree, dict):
        for name, child in tree.items():
            yield from leaf_paths(child, f"{path}.{name}")
    elif isinstance(tree, list):
        for number, child in enumerate(tree):
            yield from leaf_paths(child, f"{path}[{number}]")
    else:
        yield path, tree


async def test_an_unfamiliar_message_is_converted_and_not_let_in(flow: Flow) -> None:
    message = admission(somebody(502), flow.moment()).replace(b"ADT^A01^ADT_A01", b"ZZX^Z99^ZZX_Z99")
    made = convert(message)
    assert {e["resource"]["resourceType"] for e in made.content["entry"]} >= {"MessageHeader", "Patient"}
    receipt = await flow.sends(message)
    assert receipt.error is not None
    assert (receipt.error.status, receipt.error.ack) == (422, "AR")
    assert flow.exchanges(agreement=RECORD) == []


async def test_a_time_without_an_offset_is_the_senders_or_cut_to_its_day(flow: Flow) -> None:
    from datetime import UTC, datetime

    message = admission(somebody(503), Moment(datetime(2026, 11, 2, 9, 30, tzinfo=UTC), 1)).replace(b"+0000", b"")
    zoned = await flow.sends(message, dry_run=True)
    sender = flow.node.site.participants[HOSPITAL]
    nowhere = replace(flow.node.site, participants={**flow.node.site.participants, HOSPITAL: replace(sender, zone="")})
    cut = await flow.on(nowhere).sends(message, dry_run=True)
    assert zoned.echo is not None
    assert cut.echo is not None
    assert "2026-11-02T09:30:00+09:00" in str(zoned.echo["content"])
    assert "2026-11-02T09:30" not in str(cut.echo["content"]).replace("20261102093000", "")
    assert "20261102093000" in str(cut.echo["content"])
