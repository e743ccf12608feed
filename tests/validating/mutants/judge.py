"""Whether the validator finds what a mutant has wrong."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.validating import Validator
from tests.validating.examples.packages import examples, paths
from tests.validating.mutants.generate import MOST, mutants
from tests.validating.mutants.mutant import Mutant

Errors = frozenset[tuple[str, str]]


class Judge:
    """What the validator says of mutants beside what it says of the examples they come from."""

    def __init__(self) -> None:
        self._validator = Validator(packages=paths())
        self.crashes: list[str] = []
        self._before: dict[str, Errors] = {}
        self._examples = {each.name: each for each in examples()}

    def new_errors(self, mutant: Mutant) -> Errors:
        """(expression, rule) of every error that the example itself does not have."""
        if mutant.example not in self._before:
            example = self._examples[mutant.example]
            self._before[mutant.example] = self._errors(example.resource, example.claims)
        return self._errors(mutant.document, mutant.claims) - self._before[mutant.example]

    def _errors(self, document: Mapping[str, Any], claims: Sequence[str]) -> Errors:
        try:
            findings = self._validator.report(document, claims).findings
        except Exception as error:  # a crash is a result here, and never a finding
            self.crashes.append(f"{type(error).__name__} at {_where(error)}")
            return frozenset()
        return frozenset((f.expression, f.rule) for f in findings if f.severity in ("fatal", "error"))


def sample(every: int, most: int = MOST) -> Iterator[Mutant]:
    """Each N-th mutant of every kind."""
    seen: Counter[str] = Counter()
    for mutant in mutants(most):
        seen[mutant.kind] += 1
        if seen[mutant.kind] % every == 1 or every == 1:
            yield mutant


def _where(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename.rpartition('/')[2]}:{last.lineno}"
