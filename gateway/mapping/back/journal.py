"""All that was done on the way back, so that what was only tried can be taken back, and what was best be done again at once."""

from __future__ import annotations

from collections.abc import Callable

Step = Callable[[], object]


class Journal:
    """Steps with their opposites, in order."""

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps: list[tuple[Step, Step]] = []

    def do(self, step: Step, opposite: Step) -> None:
        """Take a step."""
        step()
        self._steps.append((step, opposite))

    def mark(self) -> int:
        """Where we are."""
        return len(self._steps)

    def undo(self, mark: int) -> list[tuple[Step, Step]]:
        """Back to there; gives what was undone, in order."""
        undone = self._steps[mark:]
        for _, opposite in reversed(undone):
            opposite()
        del self._steps[mark:]
        return undone

    def redo(self, undone: list[tuple[Step, Step]]) -> None:
        """The same steps again."""
        for step, opposite in undone:
            self.do(step, opposite)
