"""Near misses of names and codes, found without comparing one by one: a slip of the keyboard, case, plural, order of the words."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

_LONGEST = 48
_MOST_CODES = 500  # beyond, a code is nobody's slip of another: languages, units, nomenclatures
_SHORT_WORDS = frozenset(("of", "the", "is", "has", "to", "in", "for"))


@dataclass(frozen=True, slots=True)
class Hints:
    """The neighbourhood of the names of one object, made when the first unknown name is met."""

    _forms: dict[str, str] = field(default_factory=dict)

    def near(self, wrong: str, names: Iterable[str]) -> str:
        """The known name that the wrong one is closest to, or empty."""
        if len(wrong) > _LONGEST:
            return ""
        if not self._forms:
            self._forms.update(_forms_of(name for name in names if not name.startswith("_")))
        return _nearest(wrong, self._forms)


def near_code(wrong: str, codes: frozenset[str]) -> str:
    """The code of a value set that was probably meant (`finale`, `FINAL`, `fin` or `F i n a l` for `final`), or empty.

    The neighbourhood of a set is made once and kept for the sets that were asked for last.
    """
    if not wrong or len(wrong) > _LONGEST or len(codes) > _MOST_CODES:
        return ""
    known = _known(codes)
    found = _nearest(wrong, known.forms) or known.longer(wrong.strip().lower())
    return "" if found == wrong else found


@dataclass(frozen=True, slots=True)
class _Codes:
    """Codes by their forms, and in lower case, sorted, for those that begin alike."""

    forms: Mapping[str, str]
    lowered: tuple[str, ...]

    def longer(self, start: str) -> str:
        """The only code that begins so (`m` for `male`), or the longest that the word begins with (`finalised` for `final`)."""
        at = bisect_left(self.lowered, start)
        alike = [code for code in self.lowered[at : at + 2] if start and code.startswith(start)]
        if len(alike) == 1:
            return self.forms[alike[0]]
        starts = (start[:length] for length in range(len(start) - 1, 3, -1))
        return next((self.forms[one] for one in starts if one in self.forms and self.forms[one].lower() == one), "")


@lru_cache(maxsize=64)
def _known(codes: frozenset[str]) -> _Codes:
    return _Codes(_forms_of(sorted(codes)), tuple(sorted(code.lower() for code in codes)))


def _nearest(wrong: str, forms: Mapping[str, str]) -> str:
    """By spelling first, then by the words it is made of (`dateOfBirth`, `birth_date`)."""
    near = next((forms[form] for form in _shortened(wrong.lower()) if form in forms), "")
    return near or forms.get(_words(wrong), "")


def _forms_of(names: Iterable[str]) -> dict[str, str]:
    """Lower case wins over the words of a name, and both over a name with a letter left out."""
    forms: dict[str, str] = {}
    plain = list(names)
    for name in plain:
        forms.setdefault(name.lower(), name)
    for name in plain:
        forms.setdefault(_words(name), name)
    for name in plain:
        for form in _shortened(name.lower()):
            forms.setdefault(form, name)
    return forms


def _shortened(name: str) -> Iterator[str]:
    """The name, then the name with each one letter left out: two names that share one are at most two edits apart."""
    yield name
    if len(name) > 3:
        yield from (name[:i] + name[i + 1 :] for i in range(len(name)))


def _words(name: str) -> str:
    """The words of a name in one order and number, behind a space, so that they meet no spelling."""
    spaced = "".join(f" {sign}" if sign.isupper() else sign if sign.isalnum() else " " for sign in name)
    words = sorted({_singular(word) for word in spaced.lower().split()} - _SHORT_WORDS)
    return f" {' '.join(words)}" if words else name


def _singular(word: str) -> str:
    """Without the ending of a plural: good enough to compare, not to show."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "shes", "ches")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
