"""Official examples made wrong in one place: what is wrong is found (at least 99 of 100; `score.py` counts by kind and lists the others)."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.validating.examples.packages import paths
from tests.validating.mutants.generate import mutants
from tests.validating.mutants.judge import Judge, sample

_EVERY = 5
_KINDS = 16
needs_packages = pytest.mark.skipif(not paths(), reason="the official packages are not at hand")


def _judged(every: int) -> tuple[Counter[str], list[str]]:
    judge, total, survivors = Judge(), Counter[str](), list[str]()
    for mutant in sample(every):
        total[mutant.kind] += 1
        if not judge.new_errors(mutant):
            survivors.append(mutant.id)
    assert judge.crashes == []
    return total, survivors


@needs_packages
def test_what_is_wrong_in_a_sample_is_found() -> None:
    total, survivors = _judged(_EVERY)
    assert len(total) >= _KINDS - 1
    assert len(survivors) <= total.total() // 100, survivors


@needs_packages
@pytest.mark.long
def test_what_is_wrong_is_found() -> None:
    total, survivors = _judged(1)
    assert len(total) >= _KINDS - 1
    assert len(survivors) <= total.total() // 100, survivors


@needs_packages
def test_the_same_mutants_are_made_again() -> None:
    assert [each.id for each in mutants(1)] == [each.id for each in mutants(1)]
