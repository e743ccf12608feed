"""Whether a code is in a value set or a code system (FHIR R4, ValueSet/$validate-code and CodeSystem/$validate-code)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.definitions.canonical import parted
from gateway.errors import NotFound, Unanswerable
from gateway.terminology.codes import Membership
from gateway.terminology.membership import Terminology
from gateway.terminology.operations.asked import Asked, Names, answered
from gateway.terminology.reasons import Reason, Verdict

IN_VALUE_SET: Names = {
    "url": "uri", "valueSetVersion": "string", "code": "code", "system": "uri", "systemVersion": "string", "display": "string",
    "coding": "Coding", "codeableConcept": "CodeableConcept", "abstract": "boolean", "displayLanguage": "code",
}  # fmt: skip
IN_CODE_SYSTEM: Names = {
    "url": "uri", "version": "string", "code": "code", "display": "string", "coding": "Coding",
    "codeableConcept": "CodeableConcept", "abstract": "boolean", "displayLanguage": "code",
}  # fmt: skip
_WRONG_DISPLAY = "The display is not one of the names of the code."
_NO_CODE = "No code is given that could be checked."

Coding = Mapping[str, Any]


def validate_in_value_set(terminology: Terminology, asked: Asked) -> dict[str, Any]:
    """Parameters with result, message, display, code, system. Raises NotFound for a value set not at hand, Unanswerable."""
    asked.needed("url")
    url, version = asked.text("url"), asked.text("valueSetVersion")
    address = f"{parted(url)[0]}|{version}" if version else url
    if terminology.systems.value_set(address) is None:
        raise NotFound("This value set is not at hand.")
    return _answer(terminology, asked, address, _codings(asked, asked.text("system"), asked.text("systemVersion")))


def validate_in_code_system(terminology: Terminology, asked: Asked) -> dict[str, Any]:
    """Parameters with result, message, display, code, system. Raises NotFound for a code system not at hand, Unanswerable."""
    asked.needed("url", "coding", "codeableConcept")
    url = asked.text("url")
    codings = _codings(asked, url, asked.text("version"))
    if url:
        codings = [coding for coding in codings if parted(coding.get("system", url))[0] == parted(url)[0]]
    if not any(terminology.system_at_hand(coding.get("system", "")) for coding in codings):
        raise NotFound("This code system is not at hand.")
    return _answer(terminology, asked, "", codings)


def _codings(asked: Asked, system: str, version: str) -> list[Coding]:
    """The one code that is asked about, or the codes of a concept. Raises Unanswerable for none and for two ways at once."""
    given = [name for name in ("code", "coding", "codeableConcept") if name in asked.values]
    if len(given) != 1:
        raise Unanswerable("One of code, coding and codeableConcept is needed.", *given)
    if given == ["code"]:
        coding = {"code": asked.text("code"), "display": asked.text("display")}
        return [coding | ({"system": system} if system else {}) | ({"version": version} if version else {})]
    if given == ["coding"]:
        return [asked.one("coding")]
    codings: list[Coding] = asked.one("codeableConcept").get("coding", [])
    return codings


def _answer(terminology: Terminology, asked: Asked, value_set: str, codings: list[Coding]) -> dict[str, Any]:
    """The best of the codings: one that belongs, else one that cannot be told, else the first."""
    judged = [(_verdict(terminology, asked, value_set, coding), coding) for coding in codings if coding.get("code")]
    if not judged:
        return answered(("result", "Boolean", False), ("message", "String", _NO_CODE))
    best = [Membership.IN, Membership.UNKNOWN, Membership.OUT]
    verdict, coding = min(judged, key=lambda pair: best.index(pair[0].membership))
    return _said(terminology, asked, verdict, coding)


def _verdict(terminology: Terminology, asked: Asked, value_set: str, coding: Coding) -> Verdict:
    verdict = terminology.verdict(value_set, coding["code"], coding.get("system"), coding.get("version", ""))
    if verdict.reason is Reason.ABSTRACT and asked.one("abstract", True) is False:
        return Verdict(Membership.OUT, Reason.ABSTRACT, verdict.address)
    return verdict


def _said(terminology: Terminology, asked: Asked, verdict: Verdict, coding: Coding) -> dict[str, Any]:
    """A code that cannot be told is no member as far as can be said here; the message says why."""
    code, system = coding["code"], coding.get("system", "")
    belongs = verdict.membership is Membership.IN
    wrong = bool(coding.get("display")) and terminology.display_differs(system, code, coding["display"]) is True
    messages = [verdict.reason.value, _WRONG_DISPLAY if wrong else ""]
    return answered(
        ("result", "Boolean", belongs and not wrong),
        ("message", "String", " ".join(text for text in messages if text)),
        ("display", "String", terminology.display_of(system, code, asked.text("displayLanguage")) if belongs else None),
        ("code", "Code", code),
        ("system", "Uri", system),
    )
