"""A decision of consent: 200 resources of one person against 5 Consents, in milliseconds of processor time (one thread, warmed up)."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

from figures import Figure

from gateway.consent import decide

ROUNDS = 400
WARM = 20
_RESOURCES, _CONSENTS = 200, 5
_BUDGET = 8.0  # seconds for each kind
_ICD, _LOINC = "http://hl7.org/fhir/sid/icd-10", "http://loinc.org"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_LABEL = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_ROLE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_CODES = ("I10", "I63.9", "S72.0", "F32.1", "E11.9", "B20", "J45.0", "F10.2", "N18.3", "M54.5", "K21.9", "Z96.6")
_REGISTER: dict[str, Any] = {
    "home": "KR", "ages": {"ownConsentFrom": 14, "majority": 19}, "limits": {"maxProvisionDepth": 4}, "permitWithoutLabelCovers": "N",
    "classifiedSystems": [_ICD, _LOINC], "unclassified": ["R"], "uncodedNormal": ["Patient", "Encounter"],
    "securityLabelling": [
        {"id": "psy", "system": _ICD, "codePrefix": [f"F{n}" for n in range(2, 10)], "add": ["PSY", "R"], "source": "bench"},
        {"id": "eth", "system": _ICD, "codePrefix": ["F1"], "add": ["ETH", "R"], "source": "bench"},
        {"id": "hiv", "system": _ICD, "codePrefix": ["B20", "B21", "B22", "B23", "B24", "Z21"], "add": ["HIV", "R"], "source": "bench"},
    ],
}  # fmt: skip


def measured() -> list[Figure]:
    """The median and the 99th percentile, for items that repeat (as of a chronic patient) and for items that are all different."""
    made = []
    for name, alike in (("codes that repeat", True), ("every item different", False)):
        times = _times(lambda arguments: decide(*arguments), _arguments(alike))
        for said, share in (("median", 0.5), ("p99", 0.99)):
            value = times[min(len(times) - 1, int(len(times) * share))]
            made.append(
                Figure(
                    "consent",
                    f"{name}, {said}",
                    "ms CPU",
                    (value,),
                    f"{_RESOURCES} resources, {_CONSENTS} Consents; {len(times)} decisions",
                )
            )
    return [*made, _tail()]


def _tail() -> Figure:
    """How far the tail of work that never changes lies from its median here: what the machine adds to any p99 of this length."""
    times = _times(lambda numbers: sum(n * n for n in numbers), range(30_000))
    ratio = times[int(len(times) * 0.99)] / times[len(times) // 2]
    return Figure(
        "consent",
        "a loop that never changes, p99",
        "× its median",
        (ratio,),
        f"{len(times)} turns; the machine's share",
    )


def _times(work: Callable[[Any], Any], arguments: Any) -> Sequence[float]:
    times: list[float] = []
    end = time.monotonic() + _BUDGET
    gc.collect()
    gc.disable()
    try:
        for turn in range(WARM + ROUNDS):
            if turn > WARM and time.monotonic() > end:
                break
            start = time.thread_time()
            work(arguments)
            if turn >= WARM:
                times.append(1000 * (time.thread_time() - start))
    finally:
        gc.enable()
    return sorted(times)


def _arguments(alike: bool) -> tuple[Any, Any, Any]:
    request = {
        "who": {"references": ["Practitioner/kim", "Organization/h2"], "role": "physician", "organizationType": "hospital",
                "authorizedPurposes": ["TREAT", "COC"], "authnLevel": 2},
        "whom": {"reference": "Patient/p", "birthDate": "1980-03-01"}, "when": "2026-11-22T09:00:00+09:00", "where": {"jurisdiction": "KR"},
        "what": [_item(number, alike) for number in range(_RESOURCES)], "why": {"purposeOfUse": ["TREAT"]},
        "how": {"action": "disclose", "interaction": "read"},
    }  # fmt: skip
    return request, {"implicitPolicy": "deny", "consents": _consents()}, _REGISTER


def _item(number: int, alike: bool) -> dict[str, Any]:
    code = _CODES[number % len(_CODES)] if alike else f"{_CODES[number % len(_CODES)]}{number}"
    day = f"2026-{number % 9 + 1:02}-{number % 27 + 1:02}" if not alike else "2026-05-10"
    return {
        "reference": f"Condition/c{number}", "code": [{"system": _ICD, "code": code}], "date": day, "subject": "Patient/p",
        "author": ["Practitioner/lee"], "custodian": "Organization/h1", "securityLabel": ["N"],
        "refersTo": ["Patient/p", f"Encounter/e{number % 20}"],
    }  # fmt: skip


def _consents() -> list[dict[str, Any]]:
    def coded(system: str, *names: str) -> list[dict[str, str]]:
        return [{"system": system, "code": name} for name in names]

    recipient = [{"role": {"coding": coded(_ROLE, "IRCP")}, "reference": {"reference": "Organization/h2"}}]
    keeper = [{"role": {"coding": coded(_ROLE, "CST")}, "reference": {"reference": "Organization/h9"}}]
    provisions: Sequence[dict[str, Any]] = (
        {"type": "permit", "purpose": coded(_REASON, "TREAT"), "provision": [{"type": "deny", "securityLabel": coded(_LABEL, "R")}]},
        {"type": "permit", "actor": recipient, "period": {"start": "2026-01-01", "end": "2027-12-31"}},
        {"type": "deny", "actor": keeper},
        {"type": "permit", "dataPeriod": {"start": "2026-01-01", "end": "2026-06-30"},
         "class": coded("http://hl7.org/fhir/resource-types", "Condition"),
         "provision": [{"type": "deny", "code": [{"coding": coded(_ICD, "B20")}]}]},
        {"type": "permit", "purpose": coded(_REASON, "HRESCH"), "data": [{"meaning": "related", "reference": {"reference": "Encounter/e1"}}]},
    )  # fmt: skip
    return [
        {"resourceType": "Consent", "id": f"c{number}", "status": "active", "scope": {"coding": [{"code": "patient-privacy"}]},
         "patient": {"reference": "Patient/p"}, "dateTime": f"2026-03-0{number + 1}T10:00:00+09:00", "policy": [{"uri": f"urn:policy:{number}"}],
         "provision": provision}
        for number, provision in enumerate(provisions)
    ]  # fmt: skip


__all__ = ["measured"]
