"""What a row sees on the way back: an element to carry, a place to write to, the run around them; all that is tried can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any

from gateway.mapping.back.element import Element, reached
from gateway.mapping.back.journal import Step
from gateway.mapping.back.place import Draft, Place
from gateway.mapping.context import MapContext
from gateway.mapping.paths import Target
from gateway.mapping.plan import CONSTANT
from gateway.mapping.scope import Run, Scope
from gateway.model.report import Finding, Severity


class Frame:
    """One visit of a resource: which of its elements have been carried, and which of its lists' elements a row has taken.

    A practitioner who is named twice is visited twice, and each visit carries everything.
    """

    __slots__ = ("carried", "latest", "once", "taken")

    def __init__(self) -> None:
        self.carried: set[str] = set()
        self.taken: set[str] = set()
        self.once: set[tuple[str, str]] = set()
        self.latest: dict[str, str] = {}


class BackRun(Run):
    """Resources on their way into one document."""

    def __init__(
        self,
        resources: Mapping[str, Element],
        draft: Draft,
        context: MapContext,
        name_of: Callable[[str], str],
    ) -> None:
        super().__init__(draft, context, name_of)
        self.draft = draft
        self.by_reference = resources
        self.cited: dict[str, list[tuple[Place | None, str]]] = {}
        self.segments: dict[tuple[str, str], Place] = {}
        self.places: dict[str, list[Place]] = {}  # the same by resource
        self.occupied: dict[Hashable, list[str]] = {}  # the maps that wrote to a place
        self.needs: Mapping[str, Sequence[int | list[int]]] = {}
        self.frames: dict[str, Frame] = {}
        self.later: dict[tuple[str, str], tuple[Element, Frame, tuple[str, ...], Place]] = {}
        self.count = 0
        self._filled: set[tuple[str, Hashable]] = set()
        self.journal = draft.journal

    def tried(self, action: Callable[[], int]) -> int:
        """What an action gives; when that is nothing, all that it wrote and cited is taken back."""
        mark = self.journal.mark()
        if not (done := action()):
            self.journal.undo(mark)
        return done

    def best(self, attempts: Sequence[Callable[[], int]], turns: Sequence[int] = ()) -> int:
        """The attempt that carries most; on a tie that of the lower turn, then that gives more, that writes less, the first."""
        if len(attempts) < 2:
            return self.tried(attempts[0]) if attempts else 0
        found: list[tuple[tuple[int, ...], int, list[tuple[Step, Step]]]] = []
        for number, attempt in enumerate(attempts):
            count, written, mark = self.count, self.draft.written, self.journal.mark()
            done = attempt()
            score = (
                count - self.count,
                turns[number] if turns else 0,
                -_worth(done),
                self.draft.written - written,
                number,
            )
            undone = self.journal.undo(mark)
            if done:
                found.append((score, done, undone))
        if not found:
            return 0
        _, done, steps = min(found, key=lambda one: one[0])
        self.journal.redo(steps)
        return done

    def cite(self, paths: Sequence[str], place: Place | None, frame: Frame, rule: str) -> None:
        """These elements are in the document now: at that place, or (None) by what the document is."""
        for path in paths:
            self.journal.do(partial(self._cited, path, place, rule), partial(self._uncited, path))
            if path not in frame.carried:
                self.journal.do(partial(self._carried, frame, path), partial(self._dropped, frame, path))

    def meant(self, path: str, place: Place, rule: str) -> None:
        """A value that is written because of an element, and says nothing of it by itself."""
        self.journal.do(partial(self._cited, path, place, rule), partial(self._uncited, path))

    def _cited(self, path: str, place: Place | None, rule: str) -> None:
        self.cited.setdefault(path, []).append((place, rule))

    def _uncited(self, path: str) -> None:
        self.cited[path].pop()

    def _carried(self, frame: Frame, path: str) -> None:
        frame.carried.add(path)
        self.count += 1

    def _dropped(self, frame: Frame, path: str) -> None:
        frame.carried.discard(path)
        self.count -= 1

    def repeated(self, since: int) -> None:
        """What was carried a second time since then counts for nothing."""
        gained = self.count - since
        self.journal.do(partial(self._counted, -gained), partial(self._counted, gained))

    def _counted(self, more: int) -> None:
        self.count += more

    def take(self, frame: Frame, path: str) -> None:
        """An element of a list belongs to the row that carried it, and is the latest of its list (`[=]`)."""
        if path not in frame.taken:
            of, before = path.rpartition("[")[0], frame.latest.get(path.rpartition("[")[0], "")
            self.journal.do(lambda: frame.taken.add(path), lambda: frame.taken.discard(path))
            self.journal.do(lambda: frame.latest.update({of: path}), lambda: frame.latest.update({of: before}))

    def once(self, frame: Frame, rule: str, path: str) -> None:
        """A row has carried an element, and need not a second time."""
        self.journal.do(lambda: frame.once.add((rule, path)), lambda: frame.once.discard((rule, path)))

    def filled(self, rule: str, place: Hashable) -> bool:
        """Whether a row that fills a place once may fill this one; from now on it has."""
        key = rule, place
        if key in self._filled:
            return False
        self.journal.do(lambda: self._filled.add(key), lambda: self._filled.discard(key))
        return True

    def written(self, reference: str, name: str, place: Place) -> None:
        """A resource went into this place by the map of that name."""
        if (reference, name) not in self.segments:
            step, opposite = (
                partial(self._went, reference, name, place),
                partial(self._came_back, reference, name, place),
            )
            self.journal.do(step, opposite)

    def _went(self, reference: str, name: str, place: Place) -> None:
        self.segments[reference, name] = place
        self.places.setdefault(reference, []).append(place)
        self.occupied.setdefault(place.key, []).append(name)

    def _came_back(self, reference: str, name: str, place: Place) -> None:
        del self.segments[reference, name]
        self.places[reference].remove(place)
        self.occupied[place.key].remove(name)

    def sound(self, place: Place) -> bool:
        """Does a segment have the fields without which it says nothing?"""
        return not place.whole or all(
            any(place.at(str(field)).leaves() for field in (one if isinstance(one, list) else [one]))
            for one in self.needs.get(place.name, ())
        )

    def noticed(self, severity: Severity, code: str, place: str, text: str, rule: str) -> None:
        """A finding that goes with what is taken back."""
        found = Finding(severity, code, place, text, rule=rule)
        self.journal.do(lambda: self.findings.append(found), lambda: self.findings.remove(found))

    def wait(self, element: Element, back: Back, names: tuple[str, ...], rule: str) -> None:
        """A reference to what may come into the document later."""
        if (element.path, rule) not in self.later:
            key, about = (element.path, rule), (element, back.frame, names, back.top)
            self.journal.do(lambda: self.later.setdefault(key, about), lambda: self.later.pop(key))

    def resolved(self, element: Element) -> Element | None:
        """The resource that a reference of these resources means."""
        value = element.value.get("reference") if isinstance(element.value, dict) else None
        if not isinstance(value, str):
            return None
        if value.startswith("#"):
            return self.by_reference.get(f"{element.path.partition('#')[0]}{value}")
        plain = value.partition("/_history/")[0]
        return self.by_reference.get(plain)


def _worth(done: int) -> int:
    """What needs nothing to be written is worth most."""
    return _MOST if done == CONSTANT else done


_MOST = 9
_NONE: Mapping[str, Any] = {}


class Back:
    """One row at work: `top` is the place of its map, `place` the current one, `element` what is carried into it."""

    __slots__ = ("element", "frame", "params", "place", "run", "top")

    def __init__(
        self, run: BackRun, place: Place, element: Element, frame: Frame, params: Mapping[str, Any] = _NONE
    ) -> None:
        self.run = run
        self.top = place
        self.place = place
        self.element = element
        self.frame = frame
        self.params = params

    def at(self, place: Place, element: Element) -> Back:
        """The same map at another place, carrying another element."""
        made = Back(self.run, place, element, self.frame, self.params)
        made.top = self.top
        return made

    def given(self, params: Mapping[str, Any]) -> Back:
        """The same with more parameters."""
        made = self.at(self.place, self.element)
        made.params = {**self.params, **params}
        return made

    def forward(self, place: Place | None = None) -> Scope:
        """The scope in which predicates and types of the way there are asked about what is written."""
        made = Scope(self.run, self.top, {}, None, self.params)
        made.node = place or self.place
        return made

    def elements(self, target: Target, *, again: bool = False) -> list[Element]:
        """What the target names and nobody has carried yet; `again`: also what another row of the same list took."""
        taken = (lambda _path: False) if again else self.frame.taken.__contains__
        found = reached(self.element, target.parts, taken, self.frame.latest)
        return [one for one in found if again or not self._done(one)]

    def _done(self, element: Element) -> bool:
        leaves = list(element.leaves()) or list(element.beside_leaves())
        return bool(leaves) and all(leaf in self.frame.carried for leaf in leaves)

    def cite(self, element: Element, place: Place | None, rule: str) -> None:
        """All of a primitive, or of a constant object, is carried."""
        self.run.cite(list(element.leaves()) or [element.path], place, self.frame, rule)
