"""The Provenance of a conversion: about all that was made, of these bytes, by these maps; the same bytes give the same one."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from hashlib import sha256
from typing import Any

import pytest

from gateway import __version__, convert
from gateway.mapping import provenance
from gateway.model.wire import write_json
from gateway.validating import Validator

HEADER = "MSH|^~\\&|HIS|HOSP|IEUM|IEUM|{time}||ADT^A01^ADT_A01|{control}|P|2.5.1\r"
REST = "EVN|A01|20260301093000+0900\rPID|1||H1^^^HOSP^MR||Kim^Ieum||1980|F\rPV1|1|I\r"


def message(time: str = "20260301093000+0900", control: str = "C1") -> bytes:
    return (HEADER.format(time=time, control=control) + REST).encode()


def told(document: bytes) -> dict[str, Any]:
    made: dict[str, Any] = convert(document, provenance=True).content["entry"][-1]["resource"]
    assert made["resourceType"] == "Provenance"
    return made


def test_nothing_is_added_unasked() -> None:
    types = {entry["resource"]["resourceType"] for entry in convert(message()).content["entry"]}
    assert "Provenance" not in types


def test_what_became_nothing_has_none() -> None:
    assert "entry" not in convert(b'{"resourceType":"Bundle","type":"collection"}', provenance=True).content


@pytest.mark.parametrize(
    "document",
    [message(), message("20260301093000"), message(control=""), b'{"resourceType":"Patient","id":"p","active":true}'],
)
def test_it_is_sound_and_the_same_again(document: bytes) -> None:
    one = convert(document, provenance=True)
    assert write_json(one.content) == write_json(convert(document, provenance=True).content)
    found = Validator().validate(told(document))["issue"]
    assert [issue["details"]["text"] for issue in found if issue["severity"] != "information"] == []
    assert one.content["entry"][:-1] == convert(document).content["entry"]


def test_it_names_what_was_made_of_what_by_what() -> None:
    made, document = told(message()), message()
    entries = convert(document).content["entry"]
    assert [target["reference"] for target in made["target"]] == [entry["fullUrl"] for entry in entries]
    (entity,) = made["entity"]
    assert (entity["role"], entity["what"]["identifier"]["value"]) == ("source", "C1")
    digest = entity["extension"][0]["valueUri"].removeprefix("ni:///sha-256;")
    assert urlsafe_b64decode(digest + "=") == sha256(document).digest()
    assert made["contained"][0]["version"] == [{"value": __version__}]
    assert [policy.partition("@")[0] for policy in made["policy"]] == ["urn:ieum:map:hl7v2/ADT_A01"]


def test_it_is_recorded_when_the_document_says_or_nobody_knows() -> None:
    assert told(message())["recorded"] == "2026-03-01T09:30:00+09:00"
    unknown = told(message("20260301093000"))  # no zone: no moment
    assert "recorded" not in unknown
    assert unknown["_recorded"]["extension"][0]["valueCode"] == "unknown"


def test_a_document_without_a_number_is_named_by_its_digest() -> None:
    (entity,) = told(b'{"resourceType":"Patient","id":"p","active":true}')["entity"]
    assert entity["what"]["identifier"]["value"] == entity["extension"][0]["valueUri"]


def test_other_bytes_have_another() -> None:
    assert told(message())["id"] != told(message(control="C2"))["id"]


def test_every_element_of_it_has_an_origin_and_every_rule_a_place() -> None:
    made = convert(message(), provenance=True)
    place = f"Bundle.entry[{len(made.content['entry']) - 1}].resource."
    named = {path.removeprefix(place): origin.rule for path, origin in made.origins.items() if path.startswith(place)}
    assert set(named) == set(told(message())) - {"resourceType", "id"}
    assert set(named.values()) <= set(provenance.rules())
