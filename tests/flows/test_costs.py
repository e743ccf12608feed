"""What is too much for one answer is refused to whoever is told something, and nobody learns by it what is hidden."""

from __future__ import annotations

import pytest

from gateway.errors import GatewayError, TooCostly
from gateway.inbound.fhir import searched
from gateway.model.document import Principal
from gateway.model.released import Released
from gateway.pipeline import answer, world
from gateway.stages import read
from tests.flows.conftest import CARE_TEAM, NUMBER, Flow, somebody
from tests.flows.worlds import _bundle, _condition, _patient

READER = Principal(CARE_TEAM, "test")
FEW = 4


@pytest.fixture
async def few(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> Flow:
    """Four rows are too many; 750 consents and has four, 751 has four and has said nothing, 752 consents and has three."""
    monkeypatch.setattr(world, "MOST_ROWS", FEW)
    monkeypatch.setattr(read, "MOST_ROWS", FEW)
    for number, many, consents in ((750, 3, True), (751, 3, False), (752, 2, True)):
        who = somebody(number)
        if consents:
            await flow.consents(who)
        rows = [_condition(f"c{number}-{one}", "I10", "2020", who) for one in range(many)]
        assert (await flow.sends(_bundle([_patient(who), *rows]))).error is None
    await flow.drains()
    return flow


async def asked(flow: Flow, number: str) -> int | str:
    question = searched(flow.node, "Condition", (("patient.identifier", f"{NUMBER}|{number}"),))
    try:
        found = await answer(flow.node, READER, question)
    except GatewayError as error:
        return type(error).__name__
    return len(found.resources) if isinstance(found, Released) else 0


async def test_too_much_is_said_to_whoever_is_told_something(few: Flow) -> None:
    assert await asked(few, somebody(751).number) == await asked(few, "F9999999") == 0
    assert await asked(few, somebody(750).number) == TooCostly.__name__
    assert few.exchanges(status="refused")[0].why.reason == TooCostly.__name__
    assert (
        await asked(few, somebody(752).number) == 2
    )  # the control: its Consent is a row as well, which nobody asks about


async def test_what_others_gave_is_not_counted(few: Flow) -> None:
    (person,) = few.persons(somebody(752))
    reading = few.changed("care-team-reads", types=("Patient", "Encounter"))
    assert len(few.node.store.resources(person)) == FEW  # with the Consent
    assert await asked(few, somebody(750).number) == TooCostly.__name__
    question = searched(few.node, "Patient", (("identifier", f"{NUMBER}|{somebody(750).number}"),))
    found = await answer(reading.node, READER, question)
    assert found is not None
    assert len(found.resources) == 1
