"""What a recipient must not learn of, made ready to be looked for in many texts: a look-up for each place, not one for each reference."""

from __future__ import annotations

_WORD = 4  # an id of this length is no code by chance
_LONG = 12  # an id of this length does not stand inside a text by chance


class Hidden:
    """The references (`Type/id`) of one release that are withheld, sorted by length once for all that leaves with it.

    `references` are those it was made of.
    """

    __slots__ = ("_ids", "_sizes", "references")

    def __init__(self, references: frozenset[str]) -> None:
        self.references = references
        ids = {reference.rpartition("/")[2] for reference in references}
        self._ids = frozenset(id for id in ids if len(id) >= _WORD)
        found: dict[int, tuple[set[str], set[str]]] = {}
        for reference in references:
            found.setdefault(len(reference), (set(), set()))[0].add(reference)
        for id in self._ids:
            if len(id) >= _LONG:
                found.setdefault(len(id), (set(), set()))[1].add(id)
        self._sizes = tuple(sorted(found.items()))

    def named_in(self, text: str) -> bool:
        """Whether a text names one of them: by reference, or by its id alone when that cannot be chance."""
        if text in self._ids:
            return True
        for size, (whole, long) in self._sizes:
            if size > len(text):
                return False
            for start in range(len(text) - size + 1):
                word = text[start : start + size]
                if word in long or (word in whole and _stands_alone(text, start, start + size)):
                    return True
        return False


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 2]
    return not before.isalnum() and not after[:1].isalnum() and not (after[:1] in ("-", ".") and after[1:].isalnum())
