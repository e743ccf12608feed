"""Types of elements as facts write them: their names, and the names of a choice (FHIR R4, formats.html, "Choice of Data Types")."""

from __future__ import annotations

from gateway.definitions.facts import Facts
from gateway.definitions.merge import least
from gateway.definitions.tree import Node, nodes

_SYSTEM = "http://hl7.org/fhirpath/System."
_FHIR = "http://hl7.org/fhir/StructureDefinition/"
BY_TYPE: Facts = {"discriminator": [{"type": "type", "path": "$this"}], "ordered": False, "rules": "open"}
_ID = "Resource.id 0..1"


def code_of(type_: str | Facts) -> str:
    """The name of a type: `Quantity`; a System type by the FHIR type beside it, or the one that is named like it."""
    code = type_ if isinstance(type_, str) else str(type_.get("fhirType") or type_["code"])
    return code[len(_SYSTEM)].lower() + code[len(_SYSTEM) + 1 :] if code.startswith(_SYSTEM) else code


def stem(name: str) -> str:
    """`value` of `value[x]`, empty for a name that is no choice."""
    return name[:-3] if name.endswith("[x]") else ""


def instance(choice: str, name: str) -> str:
    """`Quantity` where the choice is `value[x]` and the name `valueQuantity`, else empty."""
    start = stem(choice)
    tail = name[len(start) :] if start and name.startswith(start) else ""
    return tail if tail[:1].isupper() else ""


def narrowed(choice: Node, code: str) -> str | Facts:
    """The type of that code as the choice allows it, with its profiles."""
    types: list[str | Facts] = choice.row.get("types", [])
    return next((t for t in types if code_of(t).lower() == code.lower()), code)


def spelled_out(node: Node, said: Node, *, inside: bool) -> list[Node]:
    """A differential's children with `valueQuantity` as what it means: the slice of that name of `value[x]`.

    Inside a slice a type that stands alone narrows the choice itself, as the official snapshots have it.
    """
    made: dict[str, Node] = {}
    shorts: dict[str, list[Node]] = {}
    for child in said.children:
        choice = next((c for c in node.children if instance(c.name, child.name)), None)
        if choice is None or node.child(child.name):
            made[child.name] = child
            continue
        named = {"types": [narrowed(choice, instance(choice.name, child.name))], **child.row}
        shorts.setdefault(choice.name, []).append(
            Node(choice.name, child.name, named, child.children, child.slices, short=True)
        )
        made.setdefault(choice.name, Node(choice.name))
    for name, cuts in shorts.items():
        alone = inside and len(cuts) == 1 and not made[name].row and not made[name].slices
        made[name] = _whole(cuts[0]) if alone else _with(made[name], cuts)
    return list(made.values())


def _whole(cut: Node) -> Node:
    return Node(cut.name, "", cut.row, cut.children, cut.slices)


def _with(plain: Node, cuts: list[Node]) -> Node:
    return Node(plain.name, "", plain.row, plain.children, [*plain.slices, *cuts])


def settle_slicing(choice: Node, said: Node) -> None:
    """Slices by type are closed where they name every type, else open, whatever the profile said.

    A type that must be there leaves no other, and an extension whose value is written with its type has only that type.
    """
    slicing = choice.row.setdefault("slicing", BY_TYPE)
    if slicing.get("discriminator") != BY_TYPE["discriminator"]:
        return
    named = {code_of(t) for cut in choice.slices for t in cut.row.get("types", ())}
    needed = [cut for cut in said.slices if least(cut.row) not in ("", "0")]
    extension = all(cut.short for cut in said.slices) and choice.row["base"].startswith("Extension.")
    if len(needed) == len(said.slices) == 1 or extension:
        choice.row["types"] = [t for t in choice.row.get("types", ()) if code_of(t) in named]
    if len(needed) == len(said.slices) == 1:
        choice.row["card"] = f"{least(needed[0].row)}..{choice.row['card'].partition('..')[2]}"
    closed = {code_of(t) for t in choice.row.get("types", ())} <= named
    choice.row["slicing"] = {**BY_TYPE, "rules": "closed" if closed else "open"}


def settled(root: Node) -> Node:
    """A base's tree as profiles show it: references between elements absolute, the id of a resource of type id (both R4 errata)."""
    for node in nodes(root):
        reference = node.row.get("contentReference", "")
        if reference.startswith("#"):
            node.row["contentReference"] = f"{_FHIR}{reference[1:].partition('.')[0]}{reference}"
        if node.row.get("base") == _ID:
            node.row["types"] = [{"code": f"{_SYSTEM}String", "fhirType": "id"}]
    return root
