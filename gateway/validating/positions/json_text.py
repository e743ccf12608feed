"""Where the values of a JSON text stand: one pass, going only into what is wanted and jumping over the rest (RFC 8259).

The text has been read already (`read_json`), so that it is sound and not deep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.model.wire import read_json
from gateway.validating.positions.path import Branch, Marks

_SPACE = re.compile(r"[ \t\r\n]*+")
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_BRACKET = re.compile(r'[^"{}\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}\[\]]*+)*+[{}\[\]]')
_SCALAR = re.compile(r"[^,\]}\s]*+")
_LONGEST = 120  # a name in a finding is cut there


@dataclass(frozen=True, slots=True)
class JsonText:
    """A walk over one text, which puts what it finds into `marks`."""

    text: str
    marks: Marks

    def walk(self, root: Branch) -> None:
        """Finds the places of a whole tree."""
        self._value(self._after(0), root, 0)

    def _value(self, at: int, branch: Branch, depth: int) -> int:
        """The value that begins at an offset; its end, or anything once nothing is wanted any more."""
        self.marks.put(branch.below, depth, at)
        if not self.marks.left:
            return at
        sign = self.text[at]
        if sign == "{" and (branch.names or branch.keys):
            return self._object(at, branch, depth)
        if branch.places:
            if sign == "[":
                return self._list(at, branch, depth)
            if 0 in branch.places:  # one value where a list belongs
                return self._value(at, branch.places[0], depth + 2)
        return self._end(at)

    def _object(self, at: int, branch: Branch, depth: int) -> int:
        at = self._after(at + 1)
        while self.text[at] == '"' and self.marks.left:
            end = self._end(at)
            name = self._name(at, end)
            if branch.keys:
                self.marks.put(branch.keys.get(name[:_LONGEST], ()), depth + 1, at)
            at = self._after(self._after(end) + 1)
            at = self._member(at, name, branch, depth)
            at = self._after(at)
            if self.text[at] == ",":
                at = self._after(at + 1)
        return at + 1

    def _member(self, at: int, name: str, branch: Branch, depth: int) -> int:
        """The value of a member: of the element, of what stands beside it in `_name`, or of some type of a choice."""
        wanted = branch.names.get(name) or branch.names.get(name.removeprefix("_"))
        if wanted is not None:
            return self._value(at, wanted, depth + 2)
        for choice in _choices(name, branch):
            self.marks.put(choice.below, depth + 1, at)
        return self._end(at)

    def _list(self, at: int, branch: Branch, depth: int) -> int:
        at, place = self._after(at + 1), 0
        while self.text[at] != "]" and self.marks.left:
            wanted = branch.places.get(place)
            at = self._after(self._end(at) if wanted is None else self._value(at, wanted, depth + 2))
            place += 1
            if self.text[at] == ",":
                at = self._after(at + 1)
        return at + 1

    def _after(self, at: int) -> int:
        """The next offset that is no white space."""
        found = _SPACE.match(self.text, at)
        return found.end() if found else at

    def _end(self, at: int) -> int:
        """Behind the value that begins here."""
        sign = self.text[at]
        if sign not in "{[":
            found = (_STRING if sign == '"' else _SCALAR).match(self.text, at)
            return found.end() if found else len(self.text)
        depth = 0
        while found := _BRACKET.match(self.text, at):
            at = found.end()
            depth += 1 if self.text[at - 1] in "{[" else -1
            if depth == 0:
                return at
        return len(self.text)

    def _name(self, start: int, end: int) -> str:
        raw = self.text[start:end]
        return str(read_json(raw.encode())) if "\\" in raw else raw[1:-1]


def _choices(name: str, branch: Branch) -> Iterator[Branch]:
    """`value` is wanted and `valueText` is there."""
    for stem, wanted in branch.names.items():
        if name.startswith(stem) and name[len(stem) :][:1].isupper():
            yield wanted
