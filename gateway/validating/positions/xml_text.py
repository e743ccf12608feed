"""Where the elements of a FHIR XML text stand: its tags in the order of the document, followed only where something is wanted (R4, xml.html).

The text has been read already (`read_xml`), so that it is well-formed and has no DOCTYPE. lxml itself knows lines only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gateway.validating.positions.path import Branch, Marks

_TAG = re.compile(
    r"<!--(?s:.*?)-->|<!\[CDATA\[(?s:.*?)\]\]>|<\?(?s:.*?)\?>"
    r"|<(?P<close>/)?(?P<name>[^\s/>]++)(?:[^\"'/>]++|\"[^\"]*+\"|'[^']*+'|/(?!>))*+(?P<empty>/)?>"
)
_LONGEST = 120  # a name in a finding is cut there


@dataclass(slots=True)
class _Open:
    """An element whose end has not come, with the 0..2 places of the tree that it stands for and how deep they are."""

    places: tuple[tuple[Branch, int], ...] = ()
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class XmlText:
    """A walk over one text, which puts what it finds into `marks`."""

    text: str
    marks: Marks

    def walk(self, root: Branch) -> None:
        """Finds the places of a whole tree."""
        opened: list[_Open] = []
        for tag in _TAG.finditer(self.text):
            name = tag["name"]
            if name is None:
                continue
            if tag["close"]:
                opened.pop()
                continue
            entered = self._entered(opened, name.rpartition(":")[2], tag.start(), root)
            if not self.marks.left:
                return
            if not tag["empty"]:
                opened.append(entered)

    def _entered(self, opened: list[_Open], name: str, at: int, root: Branch) -> _Open:
        if not opened:
            self.marks.put(root.below, 0, at)
            return _Open(((root, 0),))
        holder = opened[-1]
        if name[:1].isupper() and not any(name in branch.keys for branch, _ in holder.places):
            return _Open(holder.places)  # a resource: one more tag in XML, none in the path
        return self._child(holder, name, at) if holder.places else _Open()

    def _child(self, holder: _Open, name: str, at: int) -> _Open:
        """An element by its name and its number among those of the name."""
        number = holder.counts.get(name, 0)
        holder.counts[name] = number + 1
        found = []
        for branch, depth in holder.places:
            self.marks.put(branch.keys.get(name[:_LONGEST], ()), depth + 1, at)
            wanted = branch.names.get(name)
            if wanted is None:
                self._choice(branch, name, depth, at)
                continue
            self.marks.put(wanted.below, depth + 2, at)
            if number == 0:
                found.append((wanted, depth + 2))
            item = wanted.places.get(number)
            if item is not None:
                self.marks.put(item.below, depth + 4, at)
                found.append((item, depth + 4))
        return _Open(tuple(found))

    def _choice(self, branch: Branch, name: str, depth: int, at: int) -> None:
        """`value` is wanted and `valueText` is there."""
        for stem, wanted in branch.names.items():
            if name.startswith(stem) and name[len(stem) :][:1].isupper():
                self.marks.put(wanted.below, depth + 1, at)


def deepest_allowed(text: str, most: int) -> int:
    """The offset of the first element that stands deeper than allowed; 0 where none does."""
    depth = 0
    for tag in _TAG.finditer(text):
        if tag["name"] is None:
            continue
        if tag["close"]:
            depth -= 1
            continue
        if depth >= most:
            return tag.start()
        depth += not tag["empty"]
    return 0
