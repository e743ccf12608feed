"""The differential of a profile as a whole: paths that exist, in the order of the base, and slices that are announced (R4, profiling.html)."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.model.report import Finding
from gateway.validating.structure.content.drafted import Draft
from gateway.validating.structure.content.reading import Row, text
from gateway.validating.structure.finding import NONE, Findings, error, warning

_SLICED_ALREADY = ("extension", "modifierExtension")
_FORBIDDEN = frozenset(",;'\"/|?!@#$%^&*(){}")
_LONGEST_NAME = 64


def placed(draft: Draft, elements: list[tuple[int, Row]]) -> Iterator[Finding]:
    """0..* findings, each at its element, and one for the whole when elements can not be applied."""
    lost: dict[int, str] = {}
    paths = {place: text(element, "path") for place, element in elements}
    for place, path in paths.items():
        yield from _path(draft, path, place, first=place == 0)
        if path and not _exists(draft, path):
            lost[place] = "The base has no element of this path."
    for place in _disordered(draft, elements):
        lost.setdefault(place, "The element stands after one that comes later in the base.")
    for place, says in lost.items():
        yield from error("value", "differential-path", says, found=paths[place], at=f"differential.element[{place}]")
    if lost:
        says = "The differential has elements that have no place in the base, so that it can not be applied."
        yield from error("value", "differential", says)
    yield from _slices(draft, elements)


def _path(draft: Draft, path: str, place: int, *, first: bool) -> Findings:
    """A path starts with the type, and its parts are names."""
    at, type_name = f"differential.element[{place}]", text(draft.row, "type")
    simple = type_name.rpartition("/")[2]
    if not path or not simple:
        return NONE
    if path.partition(".")[0] not in (simple, type_name) or (path in (simple, type_name) and not first):
        says = "The path of an element starts with the type; the type alone is the first element."
        return error("invalid", "element-path", says, expected=simple, found=path, at=at)
    if any(not _is_name(name) for name in path.split(".")[1:]):
        says = "A part of the path is not a name."
        return error("invalid", "element-path", says, found=path, at=at)
    return NONE


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_NAME and not any(c in _FORBIDDEN or c.isspace() for c in name)


def _exists(draft: Draft, path: str) -> bool:
    """Whether a path of a constraint is one of its base; what can not be told counts as there."""
    if not draft.constrains or draft.paths is None or path.partition(".")[0] != draft.paths.root.elements[0].path:
        return True
    return draft.paths.find(path) != ()


def _disordered(draft: Draft, elements: list[tuple[int, Row]]) -> Iterator[int]:
    """The elements that a later one precedes in the base, compared among the children of one parent (one slice of it)."""
    if not draft.constrains or draft.paths is None:
        return
    first: dict[str, int] = {}
    late = []
    for place, element in reversed(elements):
        steps = list(_steps(draft, element))
        if any(mine > first.get(parent, mine) for parent, mine in steps):
            late.append(place)
            continue
        for parent, mine in steps:
            first[parent] = min(mine, first.get(parent, mine))
    yield from reversed(late)


def _steps(draft: Draft, element: Row) -> Iterator[tuple[str, int]]:
    """For each part of the path: the id of the parent, and the place among its children in the base."""
    path, id = text(element, "path").split("."), text(element, "id").split(".")
    if draft.paths is None or len(path) != len(id):
        return
    for depth in range(1, len(path)):
        spots = draft.paths.find(".".join(path[: depth + 1]))
        if not spots:
            return
        yield ".".join(id[:depth]), spots[0].place


def _slices(draft: Draft, elements: list[tuple[int, Row]]) -> Iterator[Finding]:
    """Slices of an element whose slicing is defined neither here nor in the base."""
    announced = {text(element, "id") for _, element in elements if "slicing" in element}
    told: dict[str, int] = {}
    for place, element in elements:
        id, name = text(element, "id"), text(element, "sliceName")
        whole = id.rpartition(":")[0]
        if not name or not draft.constrains or not whole or not id.endswith(f":{name}") or "/" in name:
            continue
        if whole in announced or _sliced_by_nature(draft, element, whole):
            continue
        told[whole] = told.get(whole, 0) + 1
        say = error if told[whole] > 1 else warning
        says = "The element is a slice, but neither the differential nor the base says how the element is sliced."
        yield from say("invalid", "slice-without-slicing", says, found=name, at=f"differential.element[{place}]")


def _sliced_by_nature(draft: Draft, element: Row, whole: str) -> bool:
    """Extensions are sliced by url and choices by type, without anybody saying so; and the base may have done it."""
    name = text(element, "path").rpartition(".")[2]
    above = draft.base.element(whole) if draft.base is not None else None
    if name in _SLICED_ALREADY or name.endswith("[x]") or draft.base is None:
        return True
    return above is None or above.slicing is not None
