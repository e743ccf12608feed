"""Expressions of findings as paths into a document, and all of them joined to one tree, so that a document is walked once (FHIRPath, 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Step = str | int
_AS_TYPE = ("ofType", "as")


@dataclass(slots=True)
class Branch:
    """What is wanted at one place and below it. Numbers are those of the findings; `exact` are wanted here, `below` here or deeper."""

    names: dict[str, Branch] = field(default_factory=dict)
    places: dict[int, Branch] = field(default_factory=dict)
    keys: dict[str, list[int]] = field(default_factory=dict)  # members whose name itself is wanted
    below: list[int] = field(default_factory=list)

    def child(self, step: Step) -> Branch:
        """The branch of a member or of a place in a list, made where there is none."""
        return (
            self.places.setdefault(step, Branch()) if isinstance(step, int) else self.names.setdefault(step, Branch())
        )


def steps(expression: str) -> tuple[Step, ...]:
    """`Patient.name[0].value.ofType(Quantity)` to ("name", 0, "valueQuantity"): members and places below the root.

    A function that names no member ends the path: the place is that of what stands before it.
    """
    made: list[Step] = []
    for part in list(_parts(expression))[1:]:
        name, _, rest = part.partition("(")
        if rest:
            if name not in _AS_TYPE or not made or not isinstance(made[-1], str):
                break
            kind = rest.partition(")")[0].rpartition(".")[2]
            made[-1] += kind[:1].upper() + kind[1:]
            made.extend(_places(rest.partition(")")[2]))
            continue
        bare, _, _ = name.partition("[")
        made.append(bare.partition(":")[0].strip("`"))
        made.extend(_places(name))
    return tuple(made)


def _parts(expression: str) -> Iterator[str]:
    """Split at the dots that stand outside parentheses."""
    depth = start = 0
    for offset, sign in enumerate(expression):
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
        elif sign == "." and depth <= 0:
            yield expression[start:offset]
            start = offset + 1
    yield expression[start:]


def _places(part: str) -> Iterator[int]:
    """The numbers in brackets."""
    for piece in part.split("[")[1:]:
        number = piece.partition("]")[0]
        if number.isascii() and number.isdigit() and len(number) < 10:
            yield int(number)


def tree(wanted: Sequence[tuple[tuple[Step, ...], str]]) -> Branch:
    """(path, name of a wanted member or "") of each finding to one tree; the numbers in it are the places in `wanted`."""
    root = Branch()
    for number, (path, key) in enumerate(wanted):
        branch = root
        branch.below.append(number)
        for step in path:
            branch = branch.child(step)
            branch.below.append(number)
        if key:
            branch.keys.setdefault(key, []).append(number)
    return root


@dataclass(slots=True)
class Marks:
    """The best place known of each finding: how deep on its path, and where. A path not found to its end keeps its deepest place."""

    goals: Sequence[int]  # how deep the path of each finding is
    at: list[tuple[int, int]]
    left: int

    @classmethod
    def of(cls, wanted: Sequence[tuple[tuple[Step, ...], str]]) -> Marks:
        """Nothing found yet."""
        goals = [2 * len(path) + (1 if key else 0) for path, key in wanted]
        return cls(goals, [(-1, 0)] * len(goals), len(goals))

    def put(self, numbers: Sequence[int], depth: int, offset: int) -> None:
        """A place for findings. Depths count twice, so that a guess between two steps is worth less than the step."""
        for number in numbers:
            if depth > self.at[number][0]:
                self.at[number] = (depth, offset)
                self.left -= depth == self.goals[number]
