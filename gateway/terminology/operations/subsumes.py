"""Whether one code is above another in the hierarchy of their code system (FHIR R4, CodeSystem/$subsumes)."""

from __future__ import annotations

from typing import Any

from gateway.errors import NotFound, Unanswerable
from gateway.terminology.membership import Terminology
from gateway.terminology.operations.asked import Asked, Names, answered

NAMES: Names = {
    "codeA": "code", "codeB": "code", "system": "uri", "version": "string", "codingA": "Coding", "codingB": "Coding",
}  # fmt: skip


def subsumes(terminology: Terminology, asked: Asked) -> dict[str, Any]:
    """Parameters with the outcome: equivalent, subsumes, subsumed-by, not-subsumed. Raises NotFound, Unanswerable."""
    system, left = _side(asked, "A")
    other, right = _side(asked, "B")
    if system != other:
        raise Unanswerable("Both codes are of one code system.")
    above = terminology.subsumes(system, left, right)
    below = terminology.subsumes(system, right, left)
    if above is None or below is None:
        raise NotFound("The code system is not at hand, or a code is not in it.")
    outcomes = {
        (True, True): "equivalent", (True, False): "subsumes", (False, True): "subsumed-by", (False, False): "not-subsumed",
    }  # fmt: skip
    return answered(("outcome", "Code", outcomes[above, below]))


def _side(asked: Asked, side: str) -> tuple[str, str]:
    """System and code of one side. Raises Unanswerable when it is not told, or told twice."""
    code, coding = asked.one(f"code{side}"), asked.one(f"coding{side}")
    if (code is None) == (coding is None):
        raise Unanswerable("Each side is given once, as a code or as a coding.", f"code{side}", f"coding{side}")
    system = asked.text("system") if coding is None else coding.get("system", asked.text("system"))
    code = code if coding is None else coding.get("code")
    if not system or not code:
        raise Unanswerable("A code system and a code are needed.", f"coding{side}")
    return system, code
