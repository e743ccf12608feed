"""Near misses of element names, found in constant time: one letter too many, too few, wrong, or swapped, or wrong case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_LONGEST = 48


@dataclass(frozen=True, slots=True)
class Hints:
    """The neighbourhood of the names of one object, made when the first unknown name is met."""

    _forms: dict[str, str] = field(default_factory=dict)

    def near(self, wrong: str, names: Iterable[str]) -> str:
        """The known name that the wrong one is closest to, or empty."""
        if len(wrong) > _LONGEST:
            return ""
        if not self._forms:
            self._forms.update(_forms_of(names))
        return next((self._forms[form] for form in _shortened(wrong.lower()) if form in self._forms), "")


def _forms_of(names: Iterable[str]) -> dict[str, str]:
    forms: dict[str, str] = {}
    plain = [name for name in names if not name.startswith("_")]
    for name in plain:
        forms.setdefault(name.lower(), name)
    for name in plain:
        for form in _shortened(name.lower()):
            forms.setdefault(form, name)
    return forms


def _shortened(name: str) -> Iterable[str]:
    """The name, then the name with each one letter left out: two names that share one are at most two edits apart."""
    yield name
    if len(name) > 3:
        yield from (name[:i] + name[i + 1 :] for i in range(len(name)))
