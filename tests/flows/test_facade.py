"""Attacks on the façade over real HTTP, each with its permitted twin and the five oracles: canary, two worlds, audit, fault, control.

The rows are in facade_rows.py; what takes more than one request has a test of its own here.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx
import pytest

from gateway.demo.run import Stage
from gateway.errors import NotDurable
from gateway.model.agreement import Site
from gateway.pipeline import pull as pull_line
from gateway.pipeline import world as world_line
from gateway.pipeline.versions import version_id
from tests.flows.conftest import CARE_TEAM, READING, changed
from tests.flows.facade_rows import ROWS, Row
from tests.flows.worlds import CANARY, TYPES, A, B, Twins, World, clean, resources, shape_of, twins

SECRET = "secret content 750101"
ON_RECORD = (200, 403, 404, 410)  # by the line; what a door itself refuses is counted


@pytest.fixture(scope="module")
def worlds(stage: Stage, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    with twins(stage, site, tmp_path_factory.mktemp("worlds")) as made:
        yield made


@pytest.fixture(scope="module")
def ids(worlds: Twins) -> dict[str, str]:
    """The reader's ids by what the sender called them; equal in both worlds, because they derive from what was sent."""
    return worlds.ids()


def filled(text: str, ids: dict[str, str]) -> str:
    for name, id in ids.items():
        text = text.replace("{" + name + "}", id)
    return text


def count(answer: httpx.Response) -> int:
    """How many resources an answer holds."""
    body = answer.json()
    return len(body.get("entry", ())) if body["resourceType"] == "Bundle" else int(body["resourceType"] in TYPES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_an_attack(worlds: Twins, ids: dict[str, str], row: Row) -> None:
    more = {name: filled(value, ids) if isinstance(value, str) else value for name, value in row.more.items()}
    before = worlds.full.kept()
    answer = worlds.alike(row.method, filled(row.path, ids), **more)
    assert answer.status_code == row.status, answer.text
    if row.gives is not None:
        assert count(answer) == row.gives, answer.text
    else:
        assert answer.status_code >= 400
        assert answer.json()["resourceType"] == "OperationOutcome"
    kept = worlds.full.kept() - before
    assert kept == (1 if _asks_the_line(row) else 0)
    control = worlds.alike("GET", filled(row.control, ids))
    assert control.status_code == 200, control.text
    assert count(control) == row.allowed, control.text


def _asks_the_line(row: Row) -> bool:
    """Whether the request comes as far as the line: refusals of the form are counted, unknown paths lead nowhere."""
    nowhere = row.id in ("A17-type", "A17-system", "A30-export", "A54-metadata") or row.id.startswith("A58-")
    return row.id.startswith(("A27", "A29")) or row.id == "A58-dot" or (row.status in ON_RECORD and not nowhere)


def test_the_rows_are_told_apart() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)


def pages(world: World, first: str) -> list[Any]:
    """The Bundles of a search, following the links."""
    found, url = [], filled(first, {"A": world.patient(A)})
    while url:
        answer = world.client.get(url)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        url = next((link["url"] for link in found[-1].get("link", ()) if link["relation"] == "next"), "")
        assert len(found) < 20
    return found


WALKS = (
    ("/fhir/Condition?patient={A}&_count=1", [1, 1, 1]), ("/fhir/Condition?patient={A}&_count=2&_sort=-onset-date", [2, 1]),
    ("/fhir/Observation?patient={A}&_count=1&_include=Observation:encounter", [2, 2, 2]),
    ("/fhir/Condition?patient={A}&_count=1&code:not=I10", [1, 1]), ("/fhir/Patient/{A}/$everything?_count=4", [4, 4, 2]),
    ("/fhir/Condition?patient={A}&_count=3", [3]), ("/fhir/Condition?patient={A}&_count=1&code=F20.0", [0]),
)  # fmt: skip


@pytest.mark.parametrize(("first", "sizes"), WALKS)
def test_pages_are_as_many_in_both_worlds_and_none_is_empty(worlds: Twins, first: str, sizes: list[int]) -> None:
    """A15: the pages are cut of what was released."""
    for world in (worlds.full, worlds.bare):
        assert [len(page.get("entry", ())) for page in pages(world, first)] == sizes
    whole = pages(worlds.full, first.replace("_count=1&", "").replace("_count=1", "_count=200"))
    ids = [
        e["resource"]["id"]
        for page in pages(worlds.full, first)
        for e in page.get("entry", ())
        if e["search"]["mode"] == "match"
    ]
    assert ids == [
        e["resource"]["id"] for page in whole for e in page.get("entry", ()) if e["search"]["mode"] == "match"
    ]


def next_of(world: World, first: str = "/fhir/Condition?patient={A}&_count=1") -> str:
    answer = world.client.get(filled(first, {"A": world.patient(A)}))
    return str(next(link["url"] for link in answer.json()["link"] if link["relation"] == "next"))


def test_a_link_is_the_callers_own_and_says_nothing(worlds: Twins) -> None:
    """A16: neither another participant nor another door takes it; nothing of it can be read or changed."""
    world = worlds.full
    url = next_of(world)
    token = url.partition("_page=")[2]
    assert world.patient(A) not in url
    for other in ("hospital", "public-health"):
        assert world.served.gets(url, other).status_code == 410
    wrong = [
        f"/fhir/Observation?_page={token}", f"/fhir/Condition?_page={token[:-4]}AAAA", f"/fhir/Condition?_page={token[4:]}",
        f"/fhir/Patient/{world.patient(A)}/$everything?_page={token}", "/fhir/Condition?_page=%C3%A9", f"/fhir/Condition?_page={'A' * 9000}",
    ]  # fmt: skip
    answers = [world.client.get(one) for one in wrong]
    assert {answer.status_code for answer in answers} == {410}
    assert len({answer.text for answer in answers}) == 1
    for beside in (
        f"{url}&_count=2",
        f"{url}&patient={world.patient(A)}",
        f"{url}&_page={token}",
        "/fhir/Condition?_page=",
    ):
        assert world.client.get(beside).status_code == 400
    assert len(resources(world.client.get(url))) == 1
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    posted = world.client.post("/fhir/Condition/_search", content=f"_page={token}", headers=form)
    assert posted.json() == world.client.get(url).json()


def test_get_and_post_are_the_same(worlds: Twins) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for query in (
        "patient={A}&_sort=-onset-date",
        "patient={A}&code=I10,I63.9&_total=accurate",
        "patient={A}&_count=1",
    ):
        asked = worlds.alike("GET", f"/fhir/Condition?{query}")
        posted = worlds.alike("POST", "/fhir/Condition/_search", content=query, headers=form)
        assert shape_of(posted) == shape_of(asked)
        halved = worlds.alike(
            "POST", f"/fhir/Condition/_search?{query.partition('&')[0]}", content=query.partition("&")[2], headers=form
        )
        assert shape_of(halved) == shape_of(asked)
    parameters = '{"resourceType":"Parameters","parameter":[{"name":"_type","valueCode":"Condition"}]}'
    whole = worlds.alike(
        "POST", "/fhir/Patient/{A}/$everything", content=parameters, headers={"Content-Type": "application/fhir+json"}
    )
    assert shape_of(whole) == shape_of(worlds.alike("GET", "/fhir/Patient/{A}/$everything?_type=Condition"))
    assert len(resources(whole)) == 3


def test_what_a_resource_is_does_not_depend_on_how_it_was_asked_for(worlds: Twins, ids: dict[str, str]) -> None:
    """Read, search, include, history, `$everything` and batch cut the same resource out of the same released record."""
    client, a = worlds.full.client, worlds.full.patient(A)
    everything = {r["id"]: r for r in resources(client.get(f"/fhir/Patient/{a}/$everything"))}
    assert len(everything) == 10
    for id, whole in everything.items():
        kind = whole["resourceType"]
        assert client.get(f"/fhir/{kind}/{id}").json() == whole
        assert resources(client.get(f"/fhir/{kind}?_id={id}")) == [whole]
        assert resources(client.get(f"/fhir/{kind}/{id}/_history"))[0] == whole
    found = client.get(f"/fhir/Encounter?patient={a}&_include=*&_revinclude=Observation:encounter")
    assert {r["id"] for r in resources(found)} == {r["id"] for r in resources(found) if everything[r["id"]] == r}
    assert ids["psy"] not in str(everything)


def test_a_history_is_whole(worlds: Twins, ids: dict[str, str]) -> None:
    bundle = worlds.alike("GET", f"/fhir/Condition/{ids['c2']}/_history").json()
    assert (bundle["type"], bundle["total"]) == ("history", 2)
    assert [e["resource"]["onsetDateTime"] for e in bundle["entry"]] == ["2019-06", "2019-05"]
    assert [e["request"]["method"] for e in bundle["entry"]] == ["PUT", "POST"]
    for version in ("3", "0", "x", "1.0", "01", "99999999999"):
        assert worlds.alike("GET", f"/fhir/Condition/{ids['c2']}/_history/{version}").status_code == 404
    assert worlds.alike("GET", f"/fhir/Condition/{ids['c2']}/_history?_count=1").status_code == 400


def test_a_version_is_what_the_reader_is_given_anew(worlds: Twins, ids: dict[str, str]) -> None:
    """What changed only where the reader sees nothing is no version: not its name, its time, the entity tag, the history, nor a search."""
    node = worlds.full.flow.node
    (key,) = worlds.full.flow.persons(A)
    kept = {r.at for r in node.store.resources(key, "Condition")}  # type: ignore[arg-type]
    for name, versions in (("c1", 1), ("c2", 2), ("c3", 1)):
        shown = worlds.alike("GET", f"/fhir/Condition/{ids[name]}")
        history = worlds.alike("GET", f"/fhir/Condition/{ids[name]}/_history").json()
        metas = [entry["resource"]["meta"] for entry in history["entry"]]
        assert history["total"] == len(metas) == len({meta["versionId"] for meta in metas}) == versions
        assert metas[0] == shown.json()["meta"]
        for at, one in enumerate(history["entry"]):
            path = f"/fhir/Condition/{ids[name]}/_history/{metas[at]['versionId']}"
            assert worlds.alike("GET", path).json() == one["resource"]
            assert one["response"]["etag"] == f'W/"{metas[at]["versionId"]}"'
    told = worlds.full.client.get(f"/fhir/Condition/{ids['c1']}").json()["meta"]["lastUpdated"]
    assert datetime.fromisoformat(told) < max(kept)  # it was said anew since
    assert [
        r["id"]
        for r in resources(worlds.alike("GET", f"/fhir/Condition?patient={{A}}&_lastUpdated=gt{told[:-1]}%2B00:00"))
    ] == [ids["c2"]]
    for row in node.store.versions("Condition", node.keyring.unkey(CARE_TEAM, ids["c1"]))[:-1]:
        name = version_id(node.keyring.id_key, CARE_TEAM, f"Condition/{row.id}", row.at)
        for asked in (name, str(row.version)):
            assert worlds.alike("GET", f"/fhir/Condition/{ids['c1']}/_history/{asked}").status_code == 404


def test_an_entity_tag_is_no_oracle(worlds: Twins, ids: dict[str, str]) -> None:
    """A55: what is decided first is not answered from a cache, and nobody may keep it."""
    client = worlds.full.client
    got = client.get(f"/fhir/Condition/{ids['c1']}")
    tag, changed_at = got.headers["etag"], got.headers["last-modified"]
    assert got.headers["cache-control"] == "private, no-store"
    same = client.get(f"/fhir/Condition/{ids['c1']}", headers={"If-None-Match": f'"x", {tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert same.headers["cache-control"] == "private, no-store"
    assert client.get(f"/fhir/Condition/{ids['c1']}", headers={"If-Modified-Since": changed_at}).status_code == 304
    for header in (
        {"If-None-Match": 'W/"other"'},
        {"If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"},
        {"If-Modified-Since": "soon"},
    ):
        assert client.get(f"/fhir/Condition/{ids['c1']}", headers=header).status_code == 200
    for header in ({"If-None-Match": "*"}, {"If-None-Match": tag}, {"If-Modified-Since": changed_at}):
        for hidden in ("psy", "secret", "v", "b1"):
            kind = "Observation" if hidden == "secret" else "Condition"
            assert worlds.alike("GET", f"/fhir/{kind}/{ids[hidden]}", headers=header).status_code == 404


def batch(*urls: str, **more: Any) -> dict[str, Any]:
    entries = [{"request": {"method": "GET", "url": url, **more}} for url in urls]
    return {"resourceType": "Bundle", "type": "batch", "entry": entries}


def test_a_batch_is_decided_entry_by_entry(worlds: Twins, ids: dict[str, str]) -> None:
    """A24: each entry is a question of its own, and on record; no address but of this façade is taken, and nothing is called."""
    urls = [
        f"Condition/{ids['psy']}", f"Condition/{ids['c1']}", "Condition?patient={A}", "Condition?patient={B}", "AuditEvent?patient={A}",
        "http://127.0.0.1:1/fhir/Condition?patient={A}", "//host/Condition?patient={A}", "/fhir/Condition?patient={A}", "../admin",
        "Condition/../Patient/{A}", "Condition?patientt={A}", "metadata", "$convert", "Patient/{A}/$everything?_type=Condition",
        f"Condition/{ids['c2']}/_history/{ids['c2v1']}", f"Condition/{ids['v']}/_history", f"Condition/{ids['c2']}/_history", "%50atient/{A}",
    ]  # fmt: skip
    expected = [404, 200, 200, 200, 403, 400, 400, 400, 404, 404, 400, 404, 404, 200, 200, 404, 200, 200]
    json_type = {"Content-Type": "application/fhir+json", "Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    answers = worlds.both("POST", "/fhir", content=json.dumps(batch(*urls)), headers=json_type)
    assert shape_of(answers[0]) == shape_of(answers[1])
    assert clean(answers[0])
    assert b"evil" not in answers[0].content
    bundle = answers[0].json()
    assert bundle["type"] == "batch-response"
    assert [int(e["response"]["status"][:3]) for e in bundle["entry"]] == expected
    assert len(bundle["entry"][2]["resource"]["entry"]) == 3
    assert "entry" not in bundle["entry"][3]["resource"]
    refused = [e for e in bundle["entry"] if e["response"]["status"] > "399"]
    assert all("resource" not in e and e["response"]["outcome"]["resourceType"] == "OperationOutcome" for e in refused)


BATCHES: tuple[tuple[Any, int], ...] = (
    ({"resourceType": "Bundle", "type": "batch", "entry": [{"resource": {"resourceType": "Bundle", "type": "batch"}}]}, 200),
    (batch("Condition", method="POST"), 200), (batch("Condition", method="DELETE"), 200), (batch(*["Condition"] * 51), 413),
    ({"resourceType": "Bundle", "type": "batch", "entry": {}}, 400), ({"resourceType": "Bundle", "type": "searchset"}, 400),
    ({"resourceType": "Patient"}, 422), ([], 422), ({"resourceType": "Bundle", "type": "batch"}, 200),
)  # fmt: skip


@pytest.mark.parametrize("place", range(len(BATCHES)))
def test_what_is_no_batch_of_questions(worlds: Twins, place: int) -> None:
    body, status = BATCHES[place]
    answer = worlds.alike("POST", "/fhir", content=json.dumps(body), headers={"Content-Type": "application/fhir+json"})
    assert answer.status_code == status, answer.text
    entries = answer.json().get("entry", ())
    assert {e["response"]["status"] for e in entries} <= {"400 Bad Request"}


def test_a_transaction_is_taken_like_a_message(worlds: Twins) -> None:
    """The façade writes nothing by itself: a transaction goes through the intake, its agreement and its record."""
    entry = {"fullUrl": "urn:uuid:0a6f2f4e-4b1e-4c68-9a68-2f0b7c0f9d11", "request": {"method": "POST", "url": "Procedure"},
             "resource": {"resourceType": "Procedure", "status": "done"}}  # fmt: skip
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    headers = {"Content-Type": "application/fhir+json"}
    with worlds.full.served.client("hospital") as hospital:
        through = hospital.post("/fhir", content=body, headers=headers)
        direct = hospital.post("/messages", content=body, headers=headers)
    assert (through.status_code, through.json()) == (direct.status_code, direct.json())
    assert through.status_code >= 400
    assert (
        worlds.full.client.post("/fhir", content=body, headers=headers).status_code >= 400
    )  # who only reads has no agreement to send


FAULTS: dict[str, Any] = {
    "decide_items": world_line, "labelled": world_line, "file_of": world_line, "asked_under": world_line, "rows_held": world_line,
    "release": pull_line, "cut": pull_line,
    "chosen": pull_line, "fact_of": pull_line, "decision_row": pull_line,
}  # fmt: skip
ASKED = (
    "/fhir/Condition?patient={A}", "/fhir/Condition/{c1}", "/fhir/Patient/{A}/$everything", "/fhir/Condition/{c2}/_history",
    "/fhir/Encounter?patient={A}&_include=Encounter:diagnosis", "/fhir/Condition?patient={A}&_summary=count",
)  # fmt: skip


@pytest.mark.parametrize("broken", FAULTS)
def test_a_fault_gives_nothing(
    worlds: Twins, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Oracle 4: an exception in deciding, labelling, releasing or recording is 500, with nothing of anybody in it."""
    world = worlds.full
    for path in ASKED:
        url = filled(path, {**ids, "A": world.patient(A)})
        with monkeypatch.context() as patch:
            patch.setattr(FAULTS[broken], broken, _fails)
            answer = world.client.get(url)
        assert answer.status_code == 500, answer.text
        assert set(answer.json()) == {"resourceType", "issue"}
        assert SECRET not in answer.text
        assert CANARY not in answer.text
        assert world.client.get(url).status_code == 200


def _fails(*_: Any, **__: Any) -> Any:
    raise ValueError(SECRET)


def test_what_is_not_on_record_is_not_answered(worlds: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    world = worlds.full
    for path in ASKED[:1]:
        with monkeypatch.context() as patch:
            patch.setattr(type(world.flow.node.store), "commit", _not_durable)
            answer = world.client.get(filled(path, {"A": world.patient(A)}))
        assert (answer.status_code, answer.json()["resourceType"]) == (503, "OperationOutcome")


def _not_durable(*_: Any) -> Any:
    raise NotDurable


def test_what_is_on_record_names_what_was_shown_and_counts_what_was_not(worlds: Twins) -> None:
    """Oracle 3: one record, with decision, consents, what was shown and how much was withheld under which labels."""
    world = worlds.full
    before = {exchange.id for exchange in world.exchanges()}
    world.client.get(filled("/fhir/Condition?patient={A}&code=I10", {"A": world.patient(A)}))
    (newest,) = [exchange for exchange in world.exchanges() if exchange.id not in before]
    assert (newest.status, newest.agreement, len(newest.what.released)) == ("answered", READING, 1)
    assert newest.what.withheld == 5  # and words of what was shown of the record
    assert {"PSY", "HIV"} <= set(newest.what.withheld_labels)
    (decision,) = world.flow.node.store.decisions(newest.id)
    assert len(decision.consents_used) == 1
    assert {fact["kind"] for fact in world.flow.facts(exchange=newest.id)} == {"read"}
    assert newest.steps[0].note == "patient,code"  # what was asked by, never for what
    assert CANARY not in str(world.flow.facts(exchange=newest.id))
    world.flow.verified()


def raw(world: World, path: str) -> int:
    """The status of a request whose path no client has tidied up."""
    port = int(world.served.base.rpartition(":")[2])
    key = world.flow.stage.tokens["welfare"]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n".encode()
        )
        return int(line.recv(4096).split()[1])


def test_a_path_is_what_it_says(worlds: Twins) -> None:
    """A58: nothing is tidied up after the decision, because there is no second reading of a path."""
    world = worlds.full
    a, b = world.patient(A), world.patient(B)
    tricks = (
        f"/fhir/Observation/../Patient/{b}", f"/fhir/Observation/%2e%2e/Patient/{b}", f"/fhir/./Patient/{b}", f"/fhir/Patient/{b}/",
        f"/fhir//Patient/{b}", f"/fhir/Patient%2F{b}", f"/fhir/Patient/{a}%00", f"/fhir/Patient/{a}%2F..%2F{b}", f"/FHIR/Patient/{a}",
        f"/fhir/Patient/{a};x=1", f"/fhir/Patient/{a.upper()}",
    )  # fmt: skip
    assert {trick: raw(world, trick) for trick in tricks if raw(world, trick) != 404} == {}
    assert raw(world, f"/fhir/Patient/{a}") == 200


def test_metadata_is_what_the_caller_may_ask(worlds: Twins) -> None:
    """A54: types by agreement, no participant and no person."""
    of_reader = worlds.alike("GET", "/fhir/metadata").json()
    rows = {row["type"]: row for row in of_reader["rest"][0]["resource"]}
    assert set(rows) == {*TYPES, "RelatedPerson"}
    assert {one["code"] for one in rows["RelatedPerson"]["interaction"]} == {
        "create",
        "update",
    }  # who is whose guardian
    assert {"code", "onset-date", "subject", "_lastUpdated"} <= {p["name"] for p in rows["Condition"]["searchParam"]}
    assert "code-value-quantity" not in {p["name"] for p in rows["Observation"]["searchParam"]}
    assert "Encounter:diagnosis" in rows["Encounter"]["searchInclude"]
    with worlds.full.served.client("public-health") as other:
        assert "resource" not in other.get("/fhir/metadata").json()["rest"][0]
    with worlds.full.served.client("auditor") as auditor:
        assert {row["type"] for row in auditor.get("/fhir/metadata").json()["rest"][0]["resource"]} > set(TYPES)
    assert worlds.full.client.get("/fhir/Condition?patient=x&code:not=y").status_code == 200


def test_what_is_shown_of_a_resource(worlds: Twins, ids: dict[str, str]) -> None:
    """A37: elements are cut from what was released; what R4 makes mandatory and the duties stay."""
    for path in (
        f"/fhir/Condition/{ids['c3']}?_elements=onset",
        "/fhir/Condition?_id=" + ids["c3"] + "&_elements=onset",
    ):
        answer = worlds.alike("GET", path)
        found = answer.json() if "?_el" in path else resources(answer)[0]
        assert set(found) == {"resourceType", "id", "meta", "subject", "onsetDateTime"}
        assert found["meta"]["tag"][0]["code"] == "SUBSETTED"
        assert {"NOREUSE", "KEEP-UNTIL-2027-11-02"} == {one["code"] for one in found["meta"]["security"]}
    brief = worlds.alike("GET", f"/fhir/Condition/{ids['c3']}?_summary=true").json()
    assert {"code", "encounter", "onsetDateTime", "subject"} <= set(brief)
    assert worlds.alike("GET", f"/fhir/Condition/{ids['c3']}?_summary=count").status_code == 400
    assert worlds.alike("GET", f"/fhir/Condition/{ids['c3']}?_count=1").status_code == 400


def test_a_count_is_of_what_was_released(worlds: Twins) -> None:
    for query, total in (("code=F20.0", 0), ("", 3), ("code=I10", 1), ("onset-date=ge2020", 2)):
        for more in ("_summary=count", "_total=accurate", "_total=estimate&_count=1"):
            assert (
                worlds.alike("GET", f"/fhir/Condition?patient={{A}}&{query}&{more}".replace("&&", "&")).json()["total"]
                == total
            )
    assert "total" not in worlds.alike("GET", "/fhir/Condition?patient={A}").json()


def test_an_order_is_of_what_was_released(worlds: Twins) -> None:
    def onsets(sort: str) -> list[str]:
        return [
            r["onsetDateTime"] for r in resources(worlds.alike("GET", f"/fhir/Condition?patient={{A}}&_sort={sort}"))
        ]

    assert onsets("onset-date") == ["2019-06", "2021-03-04T10:00:00+09:00", "2026-10-01"]
    assert onsets("-onset-date") == onsets("onset-date")[::-1]
    assert onsets("-_lastUpdated")[0] == "2019-06"
    assert onsets("encounter,onset-date")[0].startswith("2021")


def test_an_agreement_that_ended_takes_its_links_with_it(worlds: Twins) -> None:
    from gateway.errors import Gone
    from gateway.model.document import Principal
    from gateway.model.questions import Question
    from gateway.model.search import Search
    from gateway.pipeline import answer as answered

    world = worlds.full
    node = world.flow.node
    caller = next(key for key in node.site.participants["mapo-care-team"].keys if "system" in key.roles)
    principal = Principal("mapo-care-team", caller.id)
    question = Question(
        "Condition",
        patient=world.patient(A),
        search=Search("Condition", count=1, pairs=(("patient", world.patient(A)), ("_count", "1"))),
    )
    found = world.served.runs(answered(node, principal, question))
    assert found is not None and found.page is not None  # noqa: PT018 one condition for the type checker
    token = dict(found.page.links)["next"].partition("_page=")[2]
    assert world.served.runs(answered(node, principal, Question("Condition", page=token))) is not None
    for other in (replace(principal, client="another-key"), replace(principal, participant="kdca-demo")):
        with pytest.raises(Gone):
            world.served.runs(answered(node, other, Question("Condition", page=token)))
    for changes in ({"state": "ended"}, {"purpose": "TREAT"}, {"types": ("Patient",)}):
        off = world.flow.on(changed(node.site, READING, **changes))
        with pytest.raises(Gone):
            world.served.runs(answered(off.node, principal, Question("Condition", page=token)))


def test_a_withdrawal_ends_every_link_and_every_answer(
    stage: Stage, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A16, A46: what was given before is not given after; the link says no more than that it does not hold."""
    with twins(stage, site, tmp_path_factory.mktemp("withdrawn")) as made:
        world = made.full
        urls = [next_of(world), next_of(world, "/fhir/Patient/{A}/$everything?_count=2")]
        late = next_of(world)
        assert all(world.client.get(url).status_code == 200 for url in urls)
        clock: Any = world.flow.clock
        clock.pass_by(minutes=16)
        assert world.client.get(late).status_code == 410
        urls = [next_of(world), next_of(world, "/fhir/Patient/{A}/$everything?_count=2")]
        clock.pass_by(seconds=30)
        before = {exchange.id for exchange in world.exchanges()}
        asyncio.run(world.flow.consents(A, "inactive"))
        clock.pass_by(seconds=30)
        answers = [world.client.get(url) for url in urls]
        assert [answer.status_code for answer in answers] == [410, 410]
        assert answers[0].text == answers[1].text
        assert {e.why.reason for e in world.exchanges() if e.id not in before} == {"consents-changed"}
        assert resources(world.client.get(f"/fhir/Condition?patient={world.patient(A)}")) == []
        assert world.client.get(f"/fhir/Patient/{world.patient(A)}/$everything").status_code == 404
