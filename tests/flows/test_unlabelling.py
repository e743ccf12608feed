"""Labels stick to what is kept; one act takes them off, with a reason, on record."""

from __future__ import annotations

import pytest

from gateway.demo.messages import cases, discharge
from gateway.errors import Conflict, NotFound
from gateway.pipeline.unlabel import unlabelled
from tests.flows.conftest import Flow, somebody, wish

CASE = cases()["discharges"]["consenting"]


async def kept(flow: Flow, code: str) -> str:
    """The Condition of a discharge with that label, in the store."""
    await flow.sends(discharge(somebody(420), flow.moment(), CASE))
    await flow.drains()
    (person,) = flow.persons(somebody(420))
    rows = flow.node.store.resources(person, "Condition")
    return next(f"Condition/{row.id}" for row in rows if (code in row.labels))


async def test_a_label_sticks_until_it_is_taken_off(flow: Flow) -> None:
    reference = await kept(flow, "PSY")
    with pytest.raises(NotFound):
        unlabelled(flow.node, "Condition/nothing", ["PSY"], wish())
    for labels in ([], ["HIV"], ["PSY", "HIV"]):
        with pytest.raises(Conflict):
            unlabelled(flow.node, reference, labels, wish())
    assert flow.facts(kind="admin") == []
    flow.node.store.commit(unlabelled(flow.node, reference, ["PSY"], wish(reason="entered by mistake"))).result()
    assert flow.node.store.labels([reference]) == {reference: ("R",)}
    (fact,) = flow.facts(kind="admin")
    assert (fact["outcome"], fact["facts"]["why"]["reason"]) == ("label-removed", "entered by mistake")
    assert fact["facts"]["what"] == {"unlabelled": reference, "labels": ["PSY"], "left": ["R"]}
    assert fact["person"] in flow.persons(somebody(420))
    flow.verified()


async def test_what_the_lists_say_of_a_code_counts_all_the_same(flow: Flow) -> None:
    from gateway.model.document import Principal
    from gateway.model.questions import Question
    from gateway.pipeline import answer
    from tests.flows.conftest import CARE_TEAM, NUMBER

    await flow.consents(somebody(420))
    reference = await kept(flow, "PSY")
    flow.node.store.commit(unlabelled(flow.node, reference, ["PSY", "R"], wish())).result()
    found = await answer(
        flow.node, Principal(CARE_TEAM, "test"), Question("Condition", identifier=(NUMBER, somebody(420).number))
    )
    assert found is not None
    assert "F32" not in str(found.resources)
    assert "I10" in str(found.resources)  # the control


async def test_the_command(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from gateway.cli import app

    reference = await kept(flow, "PSY")

    async def left_open(_: object) -> None:
        """The flow's fixture closes it."""

    monkeypatch.setattr("gateway.app.build_node", lambda _: flow.node)
    monkeypatch.setattr("gateway.app.close", left_open)
    monkeypatch.setattr("gateway.cli.labels.asyncio.run", lambda closing: closing.close())
    site = str(flow.stage.site)

    def run(*words: str) -> int:
        return CliRunner().invoke(app, ["labels", "remove", *words, "--site", site]).exit_code

    assert run(reference, "--label", "PSY") == 2
    assert run(reference, "--label", "PSY", "--reason", " ") == 2
    assert run("Condition/nothing", "--label", "PSY", "--reason", "x") == 2
    assert flow.node.store.labels([reference])[reference] == ("PSY", "R")
    assert run(reference, "--label", "PSY", "--reason", "entered by mistake") == 0
    assert flow.node.store.labels([reference])[reference] == ("R",)
