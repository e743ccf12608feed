"""A profile that says only what it changes, made whole: its base's elements with the differential over them (FHIR R4, profiling.html).

Works on facts (facts.py). What is not at hand (a base, a profile of a type) is named in `missing`, and the elements that are known are
given all the same; nothing is fetched. A profile that names one which is itself being made (`making`) is not held up by it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.definitions.choice import code_of, instance, narrowed, settle_slicing, settled, spelled_out, stem
from gateway.definitions.facts import Facts
from gateway.definitions.merge import merged, minimum_zero, under_profile
from gateway.definitions.tree import MAX_ELEMENTS, Node, at, rows_of, tree_of
from gateway.errors import TooLarge

Lookup = Callable[[str], Facts | None]  # canonical or type name → facts with a snapshot, or None when not at hand
_BY_URL: Facts = {"discriminator": [{"type": "value", "path": "url"}], "ordered": False, "rules": "open"}
_MOST_COPIED = 10 * MAX_ELEMENTS
_EXTENSIONS = ("extension", "modifierExtension")


def snapshot_of(facts: Facts, lookup: Lookup, making: frozenset[str] = frozenset()) -> Facts:
    """The facts of a profile with a snapshot made from its differential; `missing` names the 0..* addresses that were not at hand,
    `strays` the 0..* elements that it speaks of and its base does not have.

    A profile whose base is not at hand is laid over its type; when that is not at hand either, it stays a differential. Raises
    Misconfigured, TooLarge for what is no tree of elements.
    """
    return _Making(facts, lookup, making).made()


@dataclass(slots=True)
class _Making:
    """One profile in the making. `grown` counts the nodes that were added, so that a few rows cannot unfold into millions."""

    facts: Facts
    lookup: Lookup
    making: frozenset[str]
    missing: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    trees: dict[str, Node] = field(default_factory=dict)
    grown: int = 0

    def made(self) -> Facts:
        """The whole profile."""
        said = tree_of(self.facts) if self.facts["elements"] else None
        below = self.facts.get("baseDefinition", "")
        base = self._found(below)
        if base is None:
            if below in self.making:  # it leads back to this profile
                self.missing.append(below)
            base = self.lookup(self.facts.get("type", ""))
        if base is None:
            return {**self.facts, "missing": self.missing}
        root = settled(tree_of(base))
        if said is not None:
            root.name = said.name
            self._apply(root, said, inside=False)
        rows, invariants = rows_of(root)
        gaps = {"missing": [*self.missing, *base.get("missing", ())], "strays": self.strays}
        named = {name: list(dict.fromkeys(found)) for name, found in gaps.items() if found}
        return {**self.facts, "snapshot": True, "invariants": invariants, "elements": rows, **named}

    def _apply(self, node: Node, said: Node, *, inside: bool) -> None:
        """A differential's node over a node of the base: its row, its slices, its children. `inside` a slice or not."""
        unsaid = self._copied(node) if said.slices else node
        if said.row:
            self._constrain(node, said.row)
        for cut in said.slices:
            self._slice(node, cut, unsaid)
        if stem(node.name) and said.slices and not unsaid.slices:
            settle_slicing(node, said)
        if said.children and not node.children:
            self._expand(node)
        for child in spelled_out(node, said, inside=inside):
            found = node.child(child.name)
            if found is not None:
                self._apply(found, child, inside=inside)
            elif self.facts.get("derivation") == "specialization":
                node.children.append(child)
            else:
                self.strays.append(f"{node.name}.{child.name}")

    def _constrain(self, node: Node, row: Facts) -> None:
        """What the root of a type's profile says comes before what the differential says."""
        types: list[str | Facts] = row.get("types", [])
        template = self._template(types[0]) if len(types) == 1 else None
        if template is not None:
            node.row = under_profile(template.row, node.row, extension=code_of(types[0]) == "Extension")
        node.row = merged(node.row, row, self.facts.get("url", ""))

    def _template(self, type_: str | Facts) -> Node | None:
        """The root of the one profile a type names, or the element of it that is meant."""
        profiles: Sequence[str] = type_.get("profile", ()) if isinstance(type_, dict) else ()
        profile = self._root(profiles[0]) if len(profiles) == 1 else None
        if profile is None or isinstance(type_, str):
            return None
        meant = next(iter(type_.get("profileElement", ())), None)
        return at(profile, meant) if meant else profile

    def _slice(self, node: Node, said: Node, unsaid: Node) -> None:
        """A slice the base has is constrained further; a new one begins as the element looks without it."""
        cut = node.sliced(said.slice)
        if cut is None:
            cut = self._cut(node, said, unsaid)
        self._apply(cut, said, inside=True)

    def _cut(self, node: Node, said: Node, unsaid: Node) -> Node:
        above = node.sliced(said.slice.rpartition("/")[0])
        cut = self._copied(above or unsaid)
        cut.slice, cut.slices = said.slice, []
        cut.row = minimum_zero({key: value for key, value in cut.row.items() if key != "slicing"})
        if code := instance(node.name, said.slice):
            cut.row["types"] = [narrowed(cut, code)]
        if node.name in _EXTENSIONS:
            node.row.setdefault("slicing", _BY_URL)
        place = max((n for n, s in enumerate(node.slices) if above and _under(s, above)), default=len(node.slices) - 1)
        node.slices.insert(place + 1, cut)
        return cut

    def _expand(self, node: Node) -> None:
        """The children of an element's type, or those of the element it refers to."""
        if reference := node.row.get("contentReference"):
            self._refer(node, reference.rpartition("#")[2])
            return
        types: list[str | Facts] = node.row.get("types", [])
        single = len({code_of(t) for t in types}) == 1
        source = self._type(types[0]) if single else self._root("Element")
        if source is not None:
            node.children = self._copied(source).children

    def _refer(self, node: Node, target: str) -> None:
        """`#Observation.referenceRange`: the element becomes what it refers to."""
        source = self._root(target.partition(".")[0])
        found = at(source, target) if source else None
        if found is not None:
            del node.row["contentReference"]
            node.row["types"], node.children = found.row.get("types", []), self._copied(found).children

    def _type(self, type_: str | Facts) -> Node | None:
        template = self._template(type_)
        return template if template and template.children else self._root(code_of(type_))

    def _root(self, url: str) -> Node | None:
        """The tree of another structure, to be read and copied from only."""
        if url not in self.trees:
            facts = self._found(url)
            if facts is None:
                return None
            self.trees[url] = tree_of(facts)
        return self.trees[url]

    def _found(self, url: str) -> Facts | None:
        facts = self.lookup(url) if url else None
        if facts is None and url and url not in self.making:
            self.missing.append(url)
        return facts

    def _copied(self, node: Node) -> Node:
        made = node.copy()
        self.grown += made.size()
        if self.grown > _MOST_COPIED:
            raise TooLarge("A profile unfolds into more elements than the limit.")
        return made


def _under(cut: Node, above: Node) -> bool:
    return cut is above or cut.slice.startswith(f"{above.slice}/")
