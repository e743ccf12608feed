"""How an expression fails: it cannot be compiled, or it cannot be evaluated on what it was given (FHIRPath 2.0, 4.5 and 12)."""

from __future__ import annotations

from typing import ClassVar

from gateway.errors import Misconfigured


class NotCompiled(Misconfigured):
    """Not FHIRPath, or a function, type or length that is not taken here; the position is a place in the text."""

    said = "The expression cannot be compiled."


class NotEvaluated(Misconfigured):
    """The values do not fit the expression: several where one is needed, text where a number is."""

    said = "The expression cannot be evaluated on these values."
    too_costly: ClassVar[bool] = False


class TooCostly(NotEvaluated):
    """The budget of steps is used up."""

    issue = "too-costly"
    said = "The expression takes more steps than it is allowed."
    too_costly = True
