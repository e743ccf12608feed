"""FHIR JSON in: what is refused, then what is read."""

import pytest

from gateway.errors import Malformed, Unsound, Unusable
from gateway.standards.fhir import CONTENT_TYPES, NAME, parse, sniff


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", Malformed),
        (b"[]", Malformed),
        (b'"Patient"', Malformed),
        (b"{}", Malformed),
        (b'{"resourceType": 7}', Malformed),
        (b'{"resourceType": "../Patient"}', Malformed),
        (b'{"resourceType": "Patient\\n"}', Malformed),
        (b'{"resourceType": "Patient", "id": "a/b"}', Unsound),
        (b'{"resourceType": "Patient", "id": "abc\\n"}', Unsound),
        (b'{"resourceType": "Patient", "id": 7}', Unsound),
        (b'{"resourceType": "Patient", "resourceType": "Basic"}', Malformed),
    ],
)
def test_what_is_no_resource_is_refused(body: bytes, error: type[Unusable]) -> None:
    with pytest.raises(error):
        parse(body)


@pytest.mark.parametrize(
    ("body", "trigger", "control_id"),
    [
        (b'{"resourceType": "Patient", "id": "a-1"}', "Patient", ""),
        (b'{"resourceType": "Bundle", "type": "transaction"}', "Bundle", ""),
        (b'{"resourceType": "Bundle", "type": "message", "identifier": {"value": "B1"}}', "Bundle", "B1"),
        (
            b'{"resourceType": "Bundle", "type": "message", "entry": [7, {"resource": {"resourceType": "MessageHeader", "id": "m1",'
            b' "eventCoding": {"code": "A03"}}}]}',
            "A03",
            "m1",
        ),
        (
            b'{"resourceType": "Bundle", "type": "message", "entry": [{"resource": {"resourceType": "MessageHeader", "eventCoding": 1}}]}',
            "Bundle",
            "",
        ),
    ],
)
def test_trigger_and_control_id(body: bytes, trigger: str, control_id: str) -> None:
    made = parse(body)
    assert (made.standard, made.trigger, made.control_id) == (NAME, trigger, control_id)


def test_sniff() -> None:
    assert sniff(b'\xef\xbb\xbf {"resourceType": "Patient"}')
    assert not sniff(b"MSH|^~\\&|")
    assert CONTENT_TYPES == ("application/fhir+json",)
