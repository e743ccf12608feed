"""Discriminators: what tells the values of one slice from the others, made from what the slice itself says (FHIR R4, profiling.html 5.1.0.13.1).

A path is a row of steps; the same steps lead through the places of the profile when it is compiled and through the nodes of a document
when it is judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.definitions.structure import Element, Value
from gateway.fhirpath import Node
from gateway.validating.structure.claims import Fixed, Pattern, keeps
from gateway.validating.structure.constraint import Constraint
from gateway.validating.structure.finding import unsound
from gateway.validating.structure.occurrences import occurrences_of
from gateway.validating.structure.places import Place
from gateway.validating.structure.reference import target_type
from gateway.validating.structure.resolving import resolve
from gateway.validating.structure.scope import Scope

if TYPE_CHECKING:
    from gateway.validating.structure.profiled import Profiles
    from gateway.validating.structure.slicing import Match

_STEP = re.compile(
    r"(?:(extension|ofType|as)\(\s*(?:'([^']*)'|([A-Za-z0-9.]+))\s*\)|(resolve)\(\)|([A-Za-z_$][A-Za-z0-9_]*)(?:\[x\])?)(?:\.|$)"
)
At = tuple[Node, Scope]


@dataclass(frozen=True, slots=True)
class Step:
    """`kind` child | extension | type | resolve, with the name, url or type."""

    kind: str
    name: str = ""


def steps_of(path: str) -> tuple[Step, ...] | None:
    """`code.coding`, `extension('url').value`, `item.resolve()`, `value.ofType(Coding)`; None for what a discriminator may not say."""
    steps: list[Step] = []
    at = 0
    while at < len(path) or path.endswith("."):
        found = _STEP.match(path, at)
        if found is None:
            return None
        at = found.end()
        function, quoted, bare, resolving, name = found.groups()
        if function:
            name = quoted or (bare or "").removeprefix("FHIR.")
            steps.append(Step("extension" if function == "extension" else "type", name))
        elif resolving:
            steps.append(Step("resolve"))
        elif name != "$this":
            steps.append(Step("child", name))
    return tuple(steps)


def matcher(place: Place, discriminators: Iterable[tuple[str, str]], profiles: Profiles) -> Match | None:
    """Whether a value is in the slice of a place: all discriminators say so. None when one of them says nothing of the slice."""
    tests: list[Match] = []
    for kind, path in discriminators:
        steps = steps_of(path)
        test = _MAKERS[kind](place, steps, profiles) if steps is not None and kind in _MAKERS else None
        if test is None:
            return None
        tests.append(test)
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:  # as system and code; the most usual after one
        first, second = tests
        return lambda node, scope: first(node, scope) and second(node, scope)
    return (lambda node, scope: all(test(node, scope) for test in tests)) if tests else None


def _by_value(place: Place, steps: tuple[Step, ...], profiles: Profiles) -> Match | None:
    """value, pattern: some node at the path has what the slice says of it; where it says no value, whether there may be one."""
    if url := _url_of(place, steps):
        return lambda node, _scope: isinstance(node.value, Mapping) and node.value.get("url") == url
    places = places_at([place], steps, profiles)
    wanted = [c for at in places if (c := profiles.telling(at)) is not None]
    if not wanted:
        return _by_presence(place, steps, profiles)
    if (texts := _only_texts(places, steps, wanted)) is not None:
        names = tuple(step.name for step in steps)
        return lambda node, _scope: _has(node.value, names, texts)
    return lambda node, scope: any(
        not unsound(constraint.of_node(at, inner))
        for at, inner in nodes_at(node, steps, scope)
        for constraint in wanted
    )


def _only_texts(places: list[Place], steps: tuple[Step, ...], wanted: list[Constraint]) -> frozenset[str] | None:
    """The texts that tell, where the path is names alone, none of them a choice, and texts are all that is wanted; else None."""
    if not all(step.kind == "child" for step in steps) or any("[x]" in at.element.path for at in places):
        return None
    texts: set[str] = set()
    for each in wanted:
        rule = each.rules[0] if len(each.rules) == 1 and not each.children and not each.cuts else None
        if not isinstance(rule, Fixed | Pattern) or not isinstance(rule.value, str):
            return None
        texts.add(rule.value)
    return frozenset(texts)


def _has(value: Any, names: tuple[str, ...], texts: frozenset[str]) -> bool:
    """Whether one of the texts stands at the path, in any repetition."""
    found = value if type(value) is list else [value]
    for name in names:
        deeper: list[Any] = []
        for each in found:
            if type(each) is dict and name in each:
                inner = each[name]
                if type(inner) is list:
                    deeper += inner
                else:
                    deeper.append(inner)
        found = deeper
    for each in found:  # noqa: SIM110 - asked of every value for every slice; any() doubles its time
        if type(each) is str and each in texts:
            return True
    return False


_BY_URL = (Step("child", "url"),)


def _url_of(place: Place, steps: tuple[Step, ...]) -> str:
    """The url of a slice of extensions: fixed in the slice, else the address of its definition, at hand or not."""
    if steps != _BY_URL:
        return ""
    own = place.children.get("url")
    if own is not None and own.element.fixed:
        return str(own.element.fixed.value)
    urls = [url for kind in place.element.types if kind.code == "Extension" for url in kind.profiles]
    return urls[0].partition("|")[0] if len(urls) == 1 else ""


def _by_presence(place: Place, steps: tuple[Step, ...], profiles: Profiles) -> Match | None:
    """exists: there when the slice requires it, not there when the slice forbids it."""
    for at in places_at([place], steps, profiles):
        if at.element.max == 0:
            return lambda node, scope: not nodes_at(node, steps, scope)
        if at.element.min:
            return lambda node, scope: bool(nodes_at(node, steps, scope))
    return None


def _by_type(place: Place, steps: tuple[Step, ...], profiles: Profiles) -> Match | None:
    """type: the node at the path is of a type the slice allows."""
    names = frozenset(kind.code for at in places_at([place], steps, profiles) for kind in at.element.types)
    names |= frozenset(at.element.path for at in places_at([place], steps, profiles) if at.url)
    if not names or "Resource" in names or "Element" in names:
        return None
    return lambda node, scope: any(at.type in names for at, _ in nodes_at(node, steps, scope))


def _by_profile(place: Place, steps: tuple[Step, ...], profiles: Profiles) -> Match | None:
    """profile: the node at the path keeps one of the profiles that the slice names."""
    found = places_at([place], steps, profiles)
    urls = [at.url for at in found if at.url] or [url for at in found for k in at.element.types for url in k.profiles]
    given = [profile for url in urls if (profile := profiles.get(url)) is not None]
    if not given:
        return None
    return lambda node, scope: any(
        profile.of_type(at.type) and (at.value is None or keeps(profile, at, inner))  # of what is elsewhere, the type
        for at, inner in nodes_at(node, steps, scope)
        for profile in given
    )


_MAKERS: Mapping[str, Callable[[Place, tuple[Step, ...], Profiles], Match | None]] = {
    "value": _by_value, "pattern": _by_value, "exists": _by_presence, "type": _by_type, "profile": _by_profile,
}  # fmt: skip


def places_at(start: list[Place], steps: tuple[Step, ...], profiles: Profiles) -> list[Place]:
    """What a profile says at a path: 0..* places, more than one where types or slices differ."""
    at = start
    for step in steps:
        at = [found for place in at for found in _PLACES[step.kind](place, step.name, profiles)]
    return at


def nodes_at(node: Node, steps: tuple[Step, ...], scope: Scope) -> list[At]:
    """The nodes of a document at a path, each with the scope of the resource it is in."""
    at: list[At] = [(node, scope)]
    for step in steps:
        at = [found for one, inner in at for found in _NODES[step.kind](one, step.name, inner)]
    return at


def _child_places(place: Place, name: str, profiles: Profiles) -> list[Place]:
    child = place.child(name)
    if child is not None:
        choice = child.element.name.endswith("[x]")
        return [child, *(cut for cut in child.slices.values() if choice or cut.element.min)]
    given = place.element.fixed or place.element.pattern
    if given is not None:
        return list(_valued_places(place.element, given.value, name))
    return [child for root in profiles.roots(place.element) if (child := root.child(name)) is not None]


def _valued_places(element: Element, value: Any, name: str) -> Iterator[Place]:
    """What a fixed or pattern value of a whole element says of a part of it; of the items of a list each for itself."""
    given = value.get(name) if isinstance(value, Mapping) else None
    for part in given if isinstance(given, list) else [] if given is None else [given]:
        yield Place(Element(f"{element.path}.{name}", f"{element.id}.{name}", pattern=Value("", part)))


def _extension_places(place: Place, url: str, profiles: Profiles) -> list[Place]:
    """The slice of extensions of that url, and what its own definition says."""
    extensions = place.children.get("extension")
    slices = extensions.slices.values() if extensions else ()
    found = [one for one in slices if _url_of(one, _BY_URL) == url]
    root = profiles.place(url)
    return found or ([root] if root else [])


def _typed_places(place: Place, name: str, _profiles: Profiles) -> list[Place]:
    return [place] if any(kind.code == name for kind in place.element.types) else []


def _target_places(place: Place, _name: str, profiles: Profiles) -> list[Place]:
    urls = [url for kind in place.element.types for url in kind.targets]
    return [root for url in urls if (root := profiles.place(url)) is not None]


def _child_nodes(node: Node, name: str, scope: Scope) -> list[At]:
    return [(one, inner) for _, one, inner in occurrences_of(name).of(node, scope)]


def _extension_nodes(node: Node, url: str, scope: Scope) -> list[At]:
    found = _child_nodes(node, "extension", scope)
    return [(n, s) for n, s in found if isinstance(n.value, Mapping) and n.value.get("url") == url]


def _typed_nodes(node: Node, name: str, scope: Scope) -> list[At]:
    return [(node, scope)] if node.type == name else []


def _target_nodes(node: Node, _name: str, scope: Scope) -> list[At]:
    """What a reference names; where it is not in the document, a node that knows its type only."""
    if not isinstance(node.value, Mapping):
        return []
    text = node.value.get("reference")
    target = resolve(text, scope) if isinstance(text, str) else None
    if target is not None:
        return [(target.node, target)]
    named = target_type(node.value, scope.tools.library.resource_types)
    return [(Node(None, named), scope)] if named else []


_PLACES: Mapping[str, Callable[[Place, str, Profiles], list[Place]]] = {
    "child": _child_places, "extension": _extension_places, "type": _typed_places, "resolve": _target_places,
}  # fmt: skip
_NODES: Mapping[str, Callable[[Node, str, Scope], list[At]]] = {
    "child": _child_nodes, "extension": _extension_nodes, "type": _typed_nodes, "resolve": _target_nodes,
}  # fmt: skip
