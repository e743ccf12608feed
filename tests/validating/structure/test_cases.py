"""Documents and the findings they must give: rule, expression, and what was expected where the case says so."""

from pathlib import Path

import pytest

from gateway.model.wire import read_json
from gateway.validating import Validator

CASES = read_json((Path(__file__).parent / "cases.json").read_bytes())
VALIDATOR = Validator()


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_case(case):
    report = VALIDATOR.report(case["document"])
    said = [[f.rule, f.expression, f.expected] for f in report.findings]
    assert [row[: len(wanted)] for row, wanted in zip(said, case["findings"], strict=True)] == case["findings"]
    assert report.ok == (not case["findings"])


def test_texts_never_hold_what_was_sent():
    texts = [f.text for case in CASES for f in VALIDATOR.report(case["document"]).findings]
    sent = ("Kim", "favouriteColour", "2023-02-30", "man", "http://example.org")
    assert not [t for t in texts if any(f" {value} " in f" {t} " for value in sent)]
