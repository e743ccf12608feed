"""One document through one map: resources with ids, origins, losses and findings. Pure: the same source and context, the same result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.mapping.compile import Compiler
from gateway.mapping.context import MapContext
from gateway.mapping.groups import apply
from gateway.mapping.losses import losses
from gateway.mapping.origins import Cites, Origins, render
from gateway.mapping.scope import Draft, Drafted, Run, Scope
from gateway.mapping.source import Node, Source
from gateway.mapping.undisturbed import undisturbed
from gateway.model.document import Item, Mapped
from gateway.model.report import Report
from gateway.model.wire import write_json


def run(compiler: Compiler, name: str, source: Source, context: MapContext, most: int = 0) -> Mapped:
    """The source through the document map of that name. Origins are keyed `Type/id#element`; a bad field never fails the document.

    Raises TooLarge as soon as there are more than `most` resources (0: any number).
    """
    with undisturbed():
        return _mapped(compiler, name, source, context, most)


def _mapped(compiler: Compiler, name: str, source: Source, context: MapContext, most: int) -> Mapped:
    rules = compiler.rules(name)
    state = Run(source, context, compiler.library.name, most)
    apply(rules, Scope(state, _Root(source), {}))
    drafts = [draft for draft in state.drafts.values() if draft.kept]
    resources = _told_apart(drafts, state)
    state.bound(len(resources))
    items, cites = _finished(resources), [cites for _, (_, cites) in resources]
    origins = Origins([f"{item.reference}#" for item in items], cites)
    cited = {position for one in cites for _, leaf in one for position in leaf.sources}
    lost = losses(source.positions(), cited, {**source.reasons(), **state.because})
    missed = tuple(sorted(state.missed))
    state.drafts.clear()
    version = f"{compiler.library.standard}/{name}@{compiler.version(name)}"
    return Mapped(items, (version,), _bundle_type(items), origins, lost, Report(tuple(state.findings)), missed)


def _bundle_type(items: tuple[Item, ...]) -> str:
    return "message" if items and items[0].resource["resourceType"] == "MessageHeader" else "collection"


class _Root:
    """The document itself as the node that a document map runs at."""

    __slots__ = ("shape", "source")
    position, leaf, name, owner, text = "", "", "", "", ""
    value: Any = None

    def __init__(self, source: Source) -> None:
        self.source = source
        self.shape = source.shape  # it holds what is named there

    def step(self, _name: str) -> tuple[Node, ...]:
        """Nothing: documents are read by `each`."""
        return ()

    def related(self, name: str) -> tuple[Node, ...]:
        """Every node of that name."""
        return tuple(self.source.every(name))

    def leaves(self) -> tuple[Node, ...]:
        """Nothing of its own."""
        return ()

    def texts(self) -> tuple[str, ...]:
        """Nor any text."""
        return ()


Rendered = tuple[dict[str, Any], Cites]


def _rendered(draft: Draft) -> Rendered:
    cites: Cites = []
    return render(draft.body, "", cites) or {}, cites


def _told_apart(drafts: list[Draft], state: Run) -> list[tuple[list[Draft], Rendered]]:
    """Drafts of one id: one thing where their map says so and nothing contradicts, else things of their own (never an overwrite)."""
    groups: dict[str, list[Draft]] = {}
    for draft in drafts:
        groups.setdefault(draft.reference, []).append(draft)
    things: list[list[Draft]] = []
    for same in groups.values():
        apart = _apart(same) if len(same) > 1 else [same]
        for turn, known in enumerate(apart[1:], 1):
            _renamed(known, turn, state)
        things.extend(apart)
    return [(known, _joined(known)) for known in things]


def _apart(drafts: list[Draft]) -> list[list[Draft]]:
    """Drafts of one id as the different things that they are, in order."""
    if not drafts[0].rules.merges:
        equal: dict[bytes, list[Draft]] = {}
        for draft in drafts:
            equal.setdefault(write_json(_rendered(draft)[0], canonical=True), []).append(draft)
        return list(equal.values())
    apart: list[tuple[list[Draft], list[dict[str, Any]]]] = []
    for draft in drafts:
        body = _rendered(draft)[0]
        for known, bodies in apart:
            if _one_thing(draft.rules, bodies, body):
                known.append(draft)
                bodies.append(body)
                break
        else:
            apart.append(([draft], [body]))
    return [known for known, _ in apart]


def _one_thing(rules: Drafted, bodies: list[dict[str, Any]], body: dict[str, Any]) -> bool:
    return all(_agree(other, body) and _in_common(other, body, rules.agree) for other in bodies)


def _in_common(one: Mapping[str, Any], other: Mapping[str, Any], keys: tuple[str, ...]) -> bool:
    """In each of these lists, when both have it, an element of one agrees with one of the other."""
    shared = [(one[key], other[key]) for key in keys if key in one and key in other]
    return all(any(_agree(mine, yours) for mine in ours for yours in theirs) for ours, theirs in shared)


def _renamed(drafts: list[Draft], turn: int, state: Run) -> None:
    for draft in drafts:
        draft.id = state.id_of(draft.rules.to, (*draft.seeds, f"#{turn + 1}"))
        state.find(
            "information",
            "duplicate",
            draft.nodes[0].position,
            "Another thing of the same identifier is in this document.",
            "id",
        )


def _agree(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_agree(one[key], other[key]) for key in one.keys() & other.keys())
    return (isinstance(one, list) and isinstance(other, list)) or one == other


def _joined(drafts: list[Draft]) -> Rendered:
    body, cites = _rendered(drafts[0])
    for draft in drafts[1:]:
        more, more_cites = _rendered(draft)
        moved = _added(body, more, "")
        cites += [(_moved(path, moved), leaf) for path, leaf in more_cites] if moved else more_cites
    return body, cites


def _added(body: dict[str, Any], more: Mapping[str, Any], path: str) -> dict[str, str]:
    """What `body` has not is added; gives where list elements went (`name[0]` → `name[1]`)."""
    moved: dict[str, str] = {}
    for key, value in more.items():
        here = f"{path}.{key}" if path else key
        if key not in body:
            body[key] = value
        elif isinstance(value, dict):
            moved.update(_added(body[key], value, here))
        elif isinstance(value, list):
            for number, element in enumerate(value):
                if element not in body[key]:
                    body[key].append(element)
                moved[f"{here}[{number}]"] = f"{here}[{body[key].index(element)}]"
    return moved


def _moved(path: str, moved: Mapping[str, str]) -> str:
    for start, to in moved.items():
        if path == start or path.startswith((f"{start}.", f"{start}[")):
            return to + path[len(start) :]
    return path


def _finished(resources: list[tuple[list[Draft], Rendered]]) -> tuple[Item, ...]:
    items: list[Item] = []
    for drafts, (body, _) in resources:
        first = drafts[0]
        where = dict.fromkeys([_place(node) for draft in drafts for node in draft.nodes])
        derived = dict.fromkeys([d.reference for draft in drafts for d in draft.derived_from if d.reference])
        resource = {"resourceType": first.rules.to, "id": first.id, **body}
        items.append(Item(resource, origin=" ".join(where), derived_from=tuple(derived)))
    return tuple(items)


def _place(node: Node) -> str:
    """The segment or resource of a node: `PV1[1]`, `Patient/1`."""
    return node.position.split("-")[0] if "]-" in node.position else node.position.split("#")[0]
