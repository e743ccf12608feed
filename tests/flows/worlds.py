"""Two nodes that differ only in what the reader may not see: the same key, clock and messages, one with hidden resources, one without.

The same request to both has to give the same answer, byte for byte, once what is random (the ids of persons, sealed links) has been given
names in the order in which it appears (notes on attacks, oracle 2). What is hidden carries a canary (oracle 1).
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy import text as sql

from gateway.app import build_node, close
from gateway.demo.messages import Moment
from gateway.demo.people import Person
from gateway.demo.run import Stage
from gateway.model.agreement import Site
from gateway.model.questions import Exchange
from gateway.model.wire import read_json
from gateway.pipeline.versions import version_id
from gateway.settings import Settings
from tests.flows.conftest import CARE_TEAM, NUMBER, START, Flow, Post, Served, serving, somebody

CANARY = "CANARY-PSY-7f3a"
KCD, LOINC, ATC = "http://www.hl7korea.or.kr/CodeSystem/kostat-kcd-8", "http://loinc.org", "http://www.whocc.no/atc"
LOCAL = "https://hanbit-hospital.example/fhir/CodeSystem/ward"
A, B = somebody(900), somebody(901)
TYPES = ("Patient", "Encounter", "Condition", "AllergyIntolerance", "MedicationStatement", "Observation")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PAGE = re.compile(r"_page=[A-Za-z0-9_\-]+")
_TAG = re.compile(r'W/\\?"[0-9a-f]{32}')


class Still:
    """A clock that goes on only when it is told to: both worlds write the same times."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **much: float) -> None:
        self.now += timedelta(**much)


@dataclass
class World:
    """One of the two nodes behind its real doors."""

    served: Served
    client: httpx.Client
    database: Engine

    def kept(self) -> int:
        """How many exchanges are on record."""
        with self.database.connect() as connection:
            return int(connection.execute(sql("SELECT count(*) FROM exchanges")).scalar_one())

    @property
    def flow(self) -> Flow:
        return self.served.flow

    def patient(self, person: Person = A, reader: str = CARE_TEAM) -> str:
        """The reader's id of a person, whether or not it may know it."""
        (key,) = self.flow.persons(person)
        return self.flow.node.keyring.rekey(reader, key)

    def filed(self, kind: str, person: Person = A) -> list[str]:
        """The reader's ids of what is kept of a person, hidden or not."""
        (key,) = self.flow.persons(person)
        rows = self.flow.node.store.resources(key, kind)  # type: ignore[arg-type]
        return [self.flow.node.keyring.rekey(CARE_TEAM, row.id) for row in rows]

    def exchanges(self) -> Sequence[Exchange]:
        return self.flow.node.store.exchanges({"whom_recipient": CARE_TEAM}, 1000)


@dataclass
class Twins:
    """The world with hidden resources, and the one without."""

    full: World
    bare: World
    _ids: dict[str, str] = field(default_factory=dict)

    def ids(self) -> dict[str, str]:
        """The reader's ids by the names that the sender gave, hidden or not: they derive from what was sent, so both worlds have the same."""
        if self._ids:
            return self._ids
        sent = [*_record(hidden=True), _condition("v", "I10", "2022-01-01"), _condition("b1", "I10", "2020", B)]
        named = {_mark(row): row["id"] for row in sent if row["resourceType"] != "Patient"} | {
            ("Condition", "2019-06"): "c2"
        }
        made, keyring = {}, self.full.flow.node.keyring
        for key in self.full.flow.persons(A, B):
            for row in self.full.flow.node.store.resources(key):  # type: ignore[arg-type]
                mark = _mark(read_json(keyring.open(row.content)))
                if mark in named:
                    made[named[mark]] = keyring.rekey(CARE_TEAM, row.id)
                if mark == ("Condition", "2019-06"):
                    told = self.full.flow.node.store.versions(row.type, row.id)
                    names = [version_id(keyring.id_key, CARE_TEAM, f"{row.type}/{row.id}", one.at) for one in told]
                    made["c2v2"], made["c2v1"] = names[0], names[-1]
        self._ids = made
        return made

    def both(self, method: str, path: str, **more: Any) -> tuple[httpx.Response, httpx.Response]:
        """The same request to both; `{A}` and `{B}` in path and content are the persons' ids there."""
        one, other = (_asked(world, method, path, more) for world in (self.full, self.bare))
        return one, other

    def alike(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer of the full world, after all oracles that hold for every request: two worlds, canary, one record each."""
        before = [world.kept() for world in (self.full, self.bare)]
        one, other = self.both(method, path, **more)
        after = [world.kept() for world in (self.full, self.bare)]
        assert shape_of(one) == shape_of(other), path
        assert clean(one), path
        assert after[0] - before[0] == after[1] - before[1], path
        return one


def _mark(row: Mapping[str, Any]) -> tuple[str, str]:
    """What tells the resources of these worlds apart, whatever their ids."""
    return row["resourceType"], str(row.get("onsetDateTime") or row.get("effectiveDateTime") or "")


def _asked(world: World, method: str, path: str, more: Mapping[str, Any]) -> httpx.Response:
    here = {"{A}": world.patient(A), "{B}": world.patient(B)}

    def told(text: str) -> str:
        for name, id in here.items():
            text = text.replace(name, id)
        return text

    filled = {name: told(value) if isinstance(value, str) else value for name, value in more.items()}
    return world.client.request(method, told(path), **filled)


def shape_of(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], str, int]:
    """Status, headers apart from the date, body with names for what is random, and the number of bytes."""
    names: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"id-{len(names)}")

    text = _TAG.sub("tag", _PAGE.sub("page", _UUID.sub(named, answer.text)))
    headers = sorted((k, _TAG.sub("tag", v)) for k, v in answer.headers.items() if k != "date")
    return answer.status_code, headers, text, len(answer.content)


def clean(answer: httpx.Response) -> bool:
    """Whether no canary is in what the caller gets (attack oracle 1)."""
    return CANARY.encode() not in answer.content and CANARY not in str(answer.headers)


def resources(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.json().get("entry", ())]


def _coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _subject(person: Person) -> dict[str, Any]:
    return {"identifier": {"system": NUMBER, "value": person.number}}


def _condition(id: str, code: str, onset: str, person: Person = A, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": id,
        "subject": _subject(person),
        "code": _coded(KCD, code),
        "onsetDateTime": onset,
        **more,
    }


def _observation(id: str, value: float, at: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id, "status": "final", "code": _coded(LOINC, "4548-4"), "subject": _subject(A),
        "effectiveDateTime": at, "encounter": {"reference": "Encounter/e1"},
        "valueQuantity": {"value": value, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}, **more,
    }  # fmt: skip


def _patient(person: Person) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "id": "p", "birthDate": person.birth.isoformat(), "gender": "female",
        "identifier": [{"system": NUMBER, "value": person.number}], "name": [{"family": "Kim", "given": ["Flow"]}],
    }  # fmt: skip


def _record(hidden: bool) -> list[dict[str, Any]]:
    """A's record. What is hidden is named by what is not, which must not show (A40)."""
    diagnoses = [{"condition": {"reference": "Condition/c1"}}]
    reasons = [{"reference": "Condition/c1"}]
    if hidden:
        secret = {"reference": "Condition/psy", "display": CANARY}
        diagnoses, reasons = [*diagnoses, {"condition": secret}], [*reasons, secret]
    visible = [
        _patient(A),
        {"resourceType": "Encounter", "id": "e1", "status": "finished", "subject": _subject(A), "diagnosis": diagnoses,
         "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
         "period": {"start": "2026-10-01T09:00:00+09:00", "end": "2026-10-08T11:00:00+09:00"}},
        _condition("c1", "I63.9", "2026-10-01"),
        _condition("c2", "I10", "2019-05"),
        _condition("c3", "E11.9", "2021-03-04T10:00:00+09:00", encounter={"reference": "Encounter/e1"}),
        _observation("o1", 6.1, "2026-10-02T08:00:00+09:00"),
        _observation("o2", 6.9, "2026-10-04T08:00:00+09:00"),
        _observation("o3", 7.4, "2026-10-07T08:00:00+09:00"),
        {"resourceType": "AllergyIntolerance", "id": "a1", "patient": _subject(A), "code": _coded(ATC, "J01CA04"),
         "clinicalStatus": _coded("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active")},
        {"resourceType": "MedicationStatement", "id": "m1", "status": "active", "subject": _subject(A),
         "medicationCodeableConcept": _coded(ATC, "B01AC06"), "reasonReference": reasons},
    ]  # fmt: skip
    return visible + (_secrets() if hidden else [])


def _secrets() -> list[dict[str, Any]]:
    """What the agreement and the consent keep back: by code list, by a code that nobody classified, in words and in numbers."""
    note = [{"text": CANARY}]
    return [
        _condition("psy", "F20.0", "2020-02-02", identifier=[{"system": "urn:x", "value": CANARY}], note=note,
                   encounter={"reference": "Encounter/e1"}),
        _condition("hiv", "B20", "2018-08-08", note=note),
        {**_observation("secret", 99.5, "2026-10-05T08:00:00+09:00", note=note), "code": _coded(LOCAL, CANARY)},
        {**_observation("second", 98.5, "2026-10-06T08:00:00+09:00"), "code": _coded(LOCAL, CANARY),
         "hasMember": [{"reference": "Observation/secret"}]},
    ]  # fmt: skip


def _bundle(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    entries = [{"fullUrl": f"https://x.example/{r['resourceType']}/{r['id']}", "resource": r} for r in rows]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


async def _filled(flow: Flow, hidden: bool) -> None:
    """The messages of a world, at times that do not depend on what is hidden."""
    clock: Any = flow.clock
    messages: list[tuple[list[dict[str, Any]], bool]] = [
        (_record(hidden), True),
        ([_patient(B), _condition("b1", "I10", "2020", B)], True),
        (
            [_patient(A), _condition("v", "F20.0", "2022-01-01", note=[{"text": CANARY}])],
            hidden,
        ),  # what was once labelled …
        ([_patient(A), _condition("v", "I10", "2022-01-01")], hidden),  # … stays so when a version is not (A18)
        ([_patient(A), _condition("c2", "I10", "2019-05", note=[{"text": CANARY}])], hidden),  # no version to who reads
        ([_patient(A), _condition("c2", "I10", "2019-06")], True),
        ([_patient(A), _condition("c1", "I63.9", "2026-10-01", note=[{"text": CANARY}])], hidden),
        ([_patient(A), _condition("c1", "I63.9", "2026-10-01", note=[{"text": CANARY[::-1]}])], hidden),
    ]
    clock.pass_by(seconds=10)
    await flow.consents(A)
    for rows, sent in messages:
        clock.pass_by(seconds=10)
        if sent:
            receipt = await flow.sends(_bundle(rows))
            assert receipt.error is None, receipt.error
            await flow.drains()
    clock.pass_by(seconds=10)


class Moments(Flow):
    """A flow on a still clock."""

    def moment(self) -> Moment:
        self.written += 1
        return Moment(self.clock().replace(microsecond=0) - timedelta(seconds=1), self.written % 100)


@contextmanager
def twins(stage: Stage, site: Site, folder: Path, urls: Sequence[str] = ()) -> Iterator[Twins]:
    """Both worlds, served on sockets of this machine, on databases of `urls` or files of their own."""
    names = ("full", "bare")
    databases = list(urls) or [f"sqlite:///{folder / name / 'gateway.db'}" for name in names]
    with ExitStack() as stack:
        flows = [
            stack.enter_context(_filled_node(stage, site, folder, name, url))
            for name, url in zip(names, databases, strict=True)
        ]
        worlds = []
        for flow, name, url in zip(flows, names, databases, strict=True):
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            served = stack.enter_context(serving(flow, patch, folder / name))
            engine = create_engine(url)
            stack.callback(engine.dispose)
            worlds.append(World(served, stack.enter_context(served.client("welfare")), engine))
        yield Twins(*worlds)


@contextmanager
def _filled_node(stage: Stage, site: Site, folder: Path, name: str, url: str) -> Iterator[Flow]:
    """A node of one world; the second has the keys of the first."""
    own = folder / name
    own.mkdir(parents=True)
    if name != "full":
        shutil.copytree(folder / "full" / "keys", own / "keys")
    built = build_node(Settings(data_dir=own, database_url=url), site)
    node = replace(built, clock=Still(), transports={**built.transports, "http": Post()})
    flow = Moments(node, node.clock, node.transports["http"], stage)  # type: ignore[arg-type]
    asyncio.run(built.transports["http"].close())
    asyncio.run(_filled(flow, name == "full"))
    yield flow
    asyncio.run(close(node))
