"""Labels across the channels: HL7 v2, FHIR, DCI and sensors. What is sensitive is found, and how much of the ordinary is held back.

`python -m tests.consent.test_channels` prints the two figures by channel; here they are exact.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway import convert
from gateway.consent.codes import codes
from gateway.consent.labels import label
from gateway.consent.marks import Marking, labelling
from gateway.model.agreement import Site
from gateway.site import load_site
from gateway.site.text import read_yaml

FOLDER = Path(__file__).with_name("cases")
DCI, DEVICE, ALERT = (
    "https://schema.spdci.org/core/v1/data", "https://smartdatamodels.org/dataModel.Device", "https://smartdatamodels.org/dataModel.Alert",
)  # fmt: skip
FIELDS = [
    {"id": "dci-poverty", "system": DCI, "codePrefix": ["GROUP.POVERTY_SCORE"], "add": ["POVERTY", "R"], "source": "test"},
    {"id": "dci-disability", "system": DCI, "codePrefix": ["PERSON.DISABILITY"], "add": ["DISABILITY", "R"], "source": "test"},
    {"id": "ngsi-location", "system": DEVICE, "codePrefix": ["LOCATION"], "add": ["LOCATION", "R"], "source": "test"},
]  # fmt: skip
HEAD = [
    "MSH|^~\\&|HIS|HANBIT|IEUM|IEUM|20261102090000+0900||{trigger}|1|P|2.5.1|||||KOR|UNICODE UTF-8",
    "PID|1||1^^^HANBIT^MR||김^이음||19500101|F", "PV1|1|I",
]  # fmt: skip


@cache
def site() -> Site:
    return load_site(Path(gateway.__file__).parent / "demo" / "site")


@cache
def register() -> dict[str, Any]:
    """The demo's policies, and the fields of the two vocabularies that it does not have."""
    own = site().register
    return {
        **own, "securityLabelling": [*own["securityLabelling"], *FIELDS],
        "classifiedSystems": [*own["classifiedSystems"], DCI, DEVICE, ALERT],
    }  # fmt: skip


def rows() -> Iterator[dict[str, Any]]:
    for path in sorted(FOLDER.glob("labels-*.yaml")):
        for row in read_yaml(FOLDER, path).value:
            yield {"channel": path.stem.removeprefix("labels-"), **row}


def labels_of(row: dict[str, Any]) -> frozenset[str]:
    """What the gateway says of the row's input."""
    if "items" in row:
        marks = Marking(labelling(register(), codes()), row["items"], row.get("known", {})).of(row["what"])
        return marks.sensitivities | {next(name for name, rank in codes().levels.items() if rank == marks.level)}
    return label(row["resource"] if "resource" in row else _converted(row), register())


def _converted(row: dict[str, Any]) -> Any:
    trigger = "ORU^R01" if row["segments"][0].startswith("OBX") else "ADT^A03"
    order = ["OBR|1|1|1|29463-7^x^LN"] if trigger == "ORU^R01" else []
    head = [line.replace("{trigger}", trigger) for line in HEAD]
    message = "\r".join([*head, *order, *row["segments"]]).encode()
    kind, _, code = row["what"].partition(" ")
    entries = convert(message, site=site(), sender="hanbit-hospital").content["entry"]
    found = [
        e["resource"]
        for e in entries
        if e["resource"]["resourceType"] == kind and code in str(e["resource"].get("code"))
    ]
    assert len(found) == 1, (row["id"], found)
    return found[0]


@pytest.mark.parametrize("row", list(rows()), ids=lambda row: row["id"])
def test_the_labels_of(row: dict[str, Any]) -> None:
    assert sorted(labels_of(row)) == sorted(row["labels"])


def figures() -> dict[str, Counter[str]]:
    """By channel: how many are sensitive and found restricted, how many are ordinary and held back."""
    found: dict[str, Counter[str]] = {}
    for row in rows():
        restricted = not labels_of(row).isdisjoint(("R", "V"))
        kind = "sensitive" if row["sensitive"] else "ordinary"
        found.setdefault(row["channel"], Counter()).update([kind, *([f"{kind} restricted"] if restricted else [])])
    return found


def test_recall_and_over_withholding() -> None:
    """Every sensitive input is restricted; of the ordinary ones only those that nobody has classified."""
    found = figures()
    assert {channel: (c["sensitive restricted"], c["sensitive"]) for channel, c in found.items()} == {
        "hl7v2": (11, 11), "fhir": (10, 10), "dci": (9, 9), "ngsi-ld": (4, 4),
    }  # fmt: skip
    assert {channel: (c["ordinary restricted"], c["ordinary"]) for channel, c in found.items()} == {
        "hl7v2": (1, 4), "fhir": (1, 4), "dci": (0, 2), "ngsi-ld": (0, 2),
    }  # fmt: skip


def test_a_sender_never_lowers() -> None:
    """Whatever label a sender adds, alone or with others, nothing that was there is gone."""
    from gateway.consent.marks import marks_of

    for row in rows():
        if "items" not in row:
            continue
        before = marks_of(labels_of(row), codes())
        for said in (["U"], ["L", "M"], ["N"], ["NEW"], []):
            items = [{**item, "securityLabel": said} for item in row["items"]]
            after = marks_of(labels_of({**row, "items": items}), codes())
            assert after.level >= before.level
            assert after.sensitivities >= before.sensitivities


if __name__ == "__main__":
    for channel, counts in figures().items():
        said = [f"{counts[f'{kind} restricted']} of {counts[kind]} {kind}" for kind in ("sensitive", "ordinary")]
        sys.stdout.write(f"{channel}: restricted {', '.join(said)}\n")
