"""An exception in any function of consent, decision, release or audit gives no data: walked by name, over real HTTP and at a delivery."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import gateway.consent
from gateway.demo.messages import cases, discharge
from tests.flows.conftest import REFERRAL, Flow, Served, serving, somebody

pytestmark = pytest.mark.long
CASE = cases()["discharges"]["consenting"]
MODULES = [f"gateway.consent.{found.name}" for found in pkgutil.iter_modules(gateway.consent.__path__)]
MODULES += [
    "gateway.stages.decide",
    "gateway.stages.release",
    "gateway.stages.record",
    "gateway.audit.row",
    "gateway.audit.facts",
]
SECRET = "secret content 750101"
OUTCOMES = (
    "gateway.stages.record",
    "gateway.audit.row",
    "gateway.audit.facts",
)  # at a delivery they run after sending; the intent is on record


@pytest.fixture
def store_url(sqlite_url: str) -> str:
    """One kind of database is enough: what is made to fail here is never the store."""
    return sqlite_url


class Fault:
    """Stands in for a function: raises, and counts how often."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error
        self.called = 0

    def __call__(self, *_: Any, **__: Any) -> Any:
        self.called += 1
        raise self.error(SECRET)


def functions(module: str) -> dict[str, tuple[Any, str]]:
    """Every function of a module, and every method of its classes that a test can replace, as (owner, name)."""
    loaded = importlib.import_module(module)
    found: dict[str, tuple[Any, str]] = {}
    for name, value in vars(loaded).items():
        if getattr(value, "__module__", "") != module or name.startswith("__"):
            continue
        if inspect.isclass(value):
            own = {n: v for n, v in vars(value).items() if not n.startswith("__")}
            found |= {
                f"{name}.{n}": (value, n) for n, v in own.items() if inspect.isfunction(v) or isinstance(v, property)
            }
        elif callable(value):
            found[name] = (loaded, name)
    return found


@contextmanager
def broken(owner: Any, name: str, error: type[Exception]) -> Iterator[Fault]:
    """The function replaced wherever the gateway has a name for it, in tables as well."""
    fault, was = Fault(error), vars(owner)[name]
    with pytest.MonkeyPatch.context() as patch:
        if inspect.isclass(owner):
            patch.setattr(
                owner,
                name,
                property(lambda self: fault(self)) if isinstance(was, property) else lambda *a, **k: fault(*a, **k),
            )
        else:
            for module in [m for key, m in list(sys.modules.items()) if key.startswith("gateway") and m is not None]:
                for there, value in list(vars(module).items()):
                    if value is was:
                        patch.setattr(module, there, fault)
                    elif isinstance(value, tuple) and any(one is was for one in value):
                        patch.setattr(module, there, tuple(fault if one is was else one for one in value))
                    elif isinstance(value, dict) and any(one is was for one in value.values()):
                        patch.setattr(module, there, {k: fault if v is was else v for k, v in value.items()})
        yield fault


@pytest.fixture
async def recorded(flow: Flow) -> Flow:
    await flow.consents(somebody(400))
    await flow.sends(discharge(somebody(400), flow.moment(), CASE))
    await flow.drains()
    return flow


@pytest.fixture
def doors(recorded: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    with serving(recorded, monkeypatch, tmp_path) as made:
        yield made


def read(served: Served) -> bytes:
    """What a reader who may read gets of one type of one person, content or none."""
    (person,) = served.flow.persons(somebody(400))
    id = served.flow.node.keyring.rekey("mapo-care-team", person)
    return served.gets("/fhir/Condition", patient=id).content


CANARIES = (b"S72.0", b"I10", b"F32")


def leaked(content: bytes) -> list[bytes]:
    return [canary for canary in CANARIES if canary in content]


@pytest.mark.parametrize("error", [RuntimeError, ValueError], ids=lambda e: e.__name__)
def test_a_read(doors: Served, error: type[Exception]) -> None:
    """What was reached gives nothing; the withheld diagnosis (F32) never, whatever fails.

    A ValueError is what broken data raises: it withholds the item it is about, or only that items are decided together.
    """
    assert leaked(read(doors)) == [b"S72.0", b"I10"]
    reached = []
    for module in MODULES:
        for name, (owner, attribute) in functions(module).items():
            with broken(owner, attribute, error) as fault:
                content = read(doors)
            if fault.called:
                reached.append(f"{module}.{name}")
            whole = [] if fault.called and error is RuntimeError else [b"S72.0", b"I10"]
            assert leaked(content) == whole or (error is ValueError and set(leaked(content)) <= set(whole)), (
                f"{module}.{name}"
            )
            assert SECRET.encode() not in content
    assert leaked(read(doors)) == [b"S72.0", b"I10"]
    assert len(reached) > 60, reached
    doors.flow.verified()


async def test_a_delivery(recorded: Flow) -> None:
    """Decided at receipt, and broken when asked again: nothing is sent, and nothing is lost."""
    reached = []
    for module in MODULES:
        for name, (owner, attribute) in functions(module).items():
            await recorded.sends(discharge(somebody(400), recorded.moment(), CASE))
            before = len(recorded.post.sent)
            with broken(owner, attribute, RuntimeError) as fault:
                try:
                    await recorded.drains()
                except Exception as error:
                    assert module in OUTCOMES, f"{module}.{name} {error!r}"
            if fault.called:
                reached.append(f"{module}.{name}")
            assert (len(recorded.post.sent) == before) is bool(fault.called) or module in OUTCOMES, f"{module}.{name}"
            assert SECRET not in str(recorded.exchanges(agreement=REFERRAL)[0])
            await _made_up_for(recorded)
    assert len(reached) > 60, reached
    recorded.verified()


async def _made_up_for(flow: Flow) -> None:
    """What is parked is given up, what waits is sent: the next round begins with empty lanes."""
    from gateway.pipeline.replay import given_up
    from tests.flows.conftest import done, wish

    for exchange in flow.exchanges(status="parked"):
        await done(flow, given_up(flow.node, exchange.id, wish()))
    flow.clock.pass_by(minutes=60)
    await flow.drains()
    await asyncio.sleep(0)


async def test_a_receipt(recorded: Flow) -> None:
    """Broken when the document comes in: nothing of it goes on by itself."""
    walked: list[Callable[..., Any]] = []
    for module in MODULES:
        for name, (owner, attribute) in functions(module).items():
            before = len(recorded.post.sent)
            with broken(owner, attribute, RuntimeError) as fault:
                try:
                    await recorded.sends(discharge(somebody(400), recorded.moment(), CASE))
                except Exception as error:
                    assert SECRET not in str(error) or isinstance(error, RuntimeError), name
            await recorded.drains()
            if fault.called:
                walked.append(owner)
            assert (len(recorded.post.sent) == before) is bool(fault.called), f"{module}.{name}"
            await _made_up_for(recorded)
    assert len(walked) > 60
