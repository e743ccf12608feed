"""One message is one result, whichever way it comes: command line, `$convert`, dry run, alone or in a batch, and what the line keeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from gateway import convert
from gateway.cli.convert import convert_command
from gateway.demo.messages import admission, cases, discharge, laboratory
from gateway.demo.sender import over_mllp
from gateway.model.wire import read_json, write_json
from gateway.pipeline import drain
from gateway.site import load_site
from tests.flows.conftest import HOSPITAL, Flow, Served, somebody

BHS = b"BHS|^~\\&|HANBIT-HIS|HANBIT|IEUM|IEUM-DEMO|20261102000000+0000||||NIGHT-7\r"
KINDS = ("ADT^A01", "ADT^A03", "ORU^R01", "ORU^R01 corrected")


def messages(flow: Flow) -> dict[str, bytes]:
    person, all_cases = somebody(700), cases()
    result = all_cases["results"]["reported"]
    return dict(
        zip(
            KINDS,
            (
                admission(person, flow.moment()),
                discharge(person, flow.moment(), all_cases["discharges"]["consenting"]),
                laboratory(person, flow.moment(), result, "L700"),
                laboratory(person, flow.moment(), result, "L700", corrected=True),
            ),
            strict=True,
        )
    )


def batch(bodies: Mapping[str, bytes]) -> bytes:
    return BHS + b"".join(bodies.values()) + f"BTS|{len(bodies)}\r".encode()


def by_command_line(folder: Path, name: str, body: bytes, site: Path, *more: str) -> list[bytes]:
    """The results in their order, as the wire would write them."""
    app = typer.Typer()
    app.command()(convert_command)
    (folder / name).write_bytes(body)
    out = folder / f"out-{name}"
    told = CliRunner().invoke(
        app, [str(folder / name), "--site", str(site), "--sender", HOSPITAL, "--out", str(out), *more]
    )
    assert told.exit_code == 0, told.output
    return [write_json(read_json(path.read_bytes())) for path in sorted(out.iterdir())]


def test_every_way_gives_the_same_bytes(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = served.flow
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))  # the node's, whose key makes the ids
    bodies = messages(flow)
    alone = {name: served.posts(body, path="/fhir/$convert") for name, body in bodies.items()}
    assert {answer.status_code for answer in alone.values()} == {200}
    expected = {name: write_json(answer.json()) for name, answer in alone.items()}

    tried = {name: served.posts(body, path="/messages?dry-run").json()["content"] for name, body in bodies.items()}
    assert {name: write_json(content) for name, content in tried.items()} == expected

    many = served.posts(batch(bodies), path="/messages?dry-run").json()["messages"]
    assert [write_json(one["content"]) for one in many] == list(expected.values())

    collected = served.posts(batch(bodies), path="/fhir/$convert").json()
    assert [write_json(entry["resource"]) for entry in collected["entry"]] == list(expected.values())

    site = flow.stage.site
    for name, body in bodies.items():
        assert by_command_line(tmp_path, f"{KINDS.index(name)}.hl7", body, site) == [expected[name]], name
    assert by_command_line(tmp_path, "night.hl7", batch(bodies), site) == list(expected.values())

    explained = served.posts(bodies["ORU^R01"], path="/fhir/$convert?explain=true").json()
    assert write_json(explained["output"]) == expected["ORU^R01"]


def test_the_line_keeps_what_a_conversion_shows(served: Served) -> None:
    """Over MLLP, over HTTP and in a batch the same resources come on file, but for the person's key, which is random."""
    flow = served.flow
    bodies = messages(flow)
    shown = {name: served.posts(body, path="/fhir/$convert").json() for name, body in bodies.items()}
    ways = {
        "ADT^A03": lambda body: over_mllp(served.mllp, body),
        "ORU^R01": lambda body: served.posts(BHS + body + b"BTS|1\r").content,
        "ORU^R01 corrected": lambda body: over_mllp(served.mllp, BHS + body + b"BTS|1\r"),
    }
    for name, send in ways.items():
        assert b"\rMSA|AA|" in send(bodies[name]), name
        served.runs(drain(flow.node, "test"))
        (person,) = flow.persons(somebody(700))
        compared = 0
        for entry in shown[name]["entry"]:
            resource = entry["resource"]
            kept = flow.node.store.resource(resource["resourceType"], resource["id"])
            if kept is None or resource["resourceType"] == "Patient":
                continue
            compared += 1
            found = read_json(flow.node.keyring.open(kept.content))
            assert write_json(plain(found, person), canonical=True) == write_json(plain(resource, ""), canonical=True)
        assert compared, name


def plain(tree: Any, person: str) -> Any:
    """References by the id alone, and the person's as no id at all."""
    if isinstance(tree, list):
        return [plain(child, person) for child in tree]
    if not isinstance(tree, dict):
        return tree
    made = {key: plain(child, person) for key, child in tree.items()}
    for key in ("subject", "patient"):
        if key in made:
            made[key] = "the person"
    if isinstance(made.get("reference"), str):
        made["reference"] = made["reference"].rpartition("/")[2].rpartition(":")[2]
    return made


def test_python_with_a_site_is_the_line_with_the_development_key(flow: Flow) -> None:
    site = load_site(flow.stage.site)
    body = messages(flow)["ADT^A03"]
    known, unknown = convert(body, site=site, sender=HOSPITAL), convert(body)
    systems = {
        i["system"] for e in known.content["entry"] for i in e["resource"].get("identifier", ()) if "system" in i
    }
    assert "https://hanbit-hospital.example/fhir/sid/patient-number" in systems
    assert known.content != unknown.content
