# ruff: noqa: E501 — rows of addresses, one attack in one line
"""The attack catalogue over the façade, one row for each request (notes on attacks, section 3), with its permitted twin.

`{A}` consents, `{B}` does not; `{psy}`, `{secret}`, `{v}` are the reader's ids of what is hidden, `{b1}` of what is B's, `{c1}`, `{c2}`,
`{e1}`, `{o1}` of what is not; `{c2v1}`, `{c2v2}` are its names of the versions of `{c2}`. `gives` is how many resources the attack gives,
None where it is refused; `control` is the permitted twin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One attack: the request, what it is answered with, and the same kind of request that is answered with `allowed` resources."""

    id: str
    path: str
    status: int
    control: str
    allowed: int
    gives: int | None = None
    method: str = "GET"
    more: dict[str, Any] = field(default_factory=dict)


def _form(text: str) -> dict[str, Any]:
    return {"content": text, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}


def _json(text: str) -> dict[str, Any]:
    return {"content": text, "headers": {"Content-Type": "application/fhir+json"}}


_C = "/fhir/Condition?patient={A}"
_O = "/fhir/Observation?patient={A}"
_P = "/fhir/Patient?_id={A}"
_SET = (
    '{"resourceType":"Observation","id":"x","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/{A}"}}'
)

ROWS = (
    Row("A1-condition", "/fhir/Condition/{psy}", 404, "/fhir/Condition/{c1}", 1),
    Row("A1-observation", "/fhir/Observation/{secret}", 404, "/fhir/Observation/{o1}", 1),
    Row("A1-by-id", "/fhir/Condition?_id={psy}", 200, "/fhir/Condition?_id={c1}", 1, 0),
    Row("A1-by-id-of-a", _C + "&_id={psy}", 200, _C + "&_id={c1}", 1, 0),
    Row("A1-several", _C + "&_id={psy},{v},{c1}", 200, _C + "&_id={c2},{c1}", 2, 1),
    Row("A2", "/fhir/Condition/{b1}", 404, "/fhir/Condition/{c1}", 1),
    Row("A2-person", "/fhir/Patient/{B}", 404, "/fhir/Patient/{A}", 1),
    Row("A3", "/fhir/Condition?patient=Patient/{B}", 200, "/fhir/Condition?patient=Patient/{A}", 3, 0),
    Row("A3-total", "/fhir/Condition?patient={B}&_total=accurate", 200, _C + "&_total=accurate", 3, 0),
    Row("A4-two", "/fhir/Observation?patient=Patient/{A},Patient/{B}", 400, _O, 3),
    Row("A4-group", "/fhir/Observation?subject=Patient/{A},Group/G1", 400, "/fhir/Observation?subject=Patient/{A}", 3),
    Row("A4-only-group", "/fhir/Observation?subject=Group/G1", 200, "/fhir/Observation?subject={A}", 3, 0),
    Row("A5-both", "/fhir/Observation?patient={A}&subject=Patient/{B}", 200, "/fhir/Observation?patient={A}&subject=Patient/{A}", 3, 0),
    Row("A5-other-way", "/fhir/Observation?subject={B}&patient={A}", 200, _O + "&patient={A}", 3, 0),
    Row("A5-repeated", _O + "&patient={B}", 200, _O + "&patient={A}", 3, 0),
    Row("A5-patient", "/fhir/Patient?_id={A}&_id={B}", 200, _P + "&_id={A}", 1, 0),
    Row("A6", _P + "&_include=Patient:link", 200, "/fhir/Encounter?patient={A}&_include=Encounter:patient", 2, 1),
    Row("A7", _P + "&_revinclude=Observation:focus", 200, _P + "&_revinclude=Observation:patient", 4, 1),
    Row("A7-hidden", _P + "&_revinclude=Condition:patient", 200, _P + "&_revinclude=Encounter:patient", 2, 4),
    Row("A8-iterate", "/fhir/Encounter?patient={A}&_include:iterate=Encounter:diagnosis", 200, "/fhir/Encounter?patient={A}&_include=Encounter:diagnosis", 2, 2),
    Row("A8-star", "/fhir/Encounter?patient={A}&_include=*", 200, "/fhir/Encounter?patient={A}&_include=Encounter:*", 3, 3),
    Row("A8-reverse-star", "/fhir/Encounter?patient={A}&_revinclude=*:*", 400, "/fhir/Encounter?patient={A}&_revinclude=Observation:encounter", 4),
    Row("A8-qualified", "/fhir/Encounter?patient={A}&_include=Encounter:subject:Patient", 200, "/fhir/Encounter?patient={A}&_include=Encounter:patient", 2, 2),
    Row("A8-reverse-iterate", _P + "&_revinclude=Encounter:patient&_revinclude:iterate=Observation:encounter", 200, _P + "&_revinclude=Encounter:patient", 2, 5),
    Row("A9", "/fhir/Patient?_has:Observation:patient:code=http://loinc.org|69737-5", 200, _P + "&_has:Observation:patient:code=http://loinc.org|4548-4", 1, 0),
    Row("A9-hidden-code", _P + "&_has:Condition:patient:code=F20.0", 200, _P + "&_has:Condition:patient:code=I63.9", 1, 0),
    Row("A9-outside", _P + "&_has:Procedure:patient:code=1", 403, _P + "&_has:Encounter:patient:status=finished", 1),
    Row("A9-audit", _P + "&_has:AuditEvent:patient:action=R", 403, _P + "&_has:Encounter:patient:class=IMP", 1),
    Row("A10-composite", _P + "&_has:Observation:patient:code-value-quantity=x$gt10", 400, _P + "&_has:Observation:patient:value-quantity=gt7", 1),
    Row("A10-bisect", _P + "&_has:Observation:patient:value-quantity=gt10", 200, _P + "&_has:Observation:patient:value-quantity=gt7.3", 1, 0),
    Row("A10-bisect-closer", _O + "&value-quantity=ge99", 200, _O + "&value-quantity=ge6.9", 2, 0),
    Row("A11", "/fhir/MedicationStatement?patient={A}&context:Encounter.diagnosis:Condition.code=F20.0", 200, "/fhir/Encounter?patient={A}&diagnosis:Condition.code=I63.9", 1, 0),
    Row("A11-hidden", "/fhir/Encounter?patient={A}&diagnosis:Condition.code=F20.0", 200, "/fhir/Encounter?patient={A}&diagnosis:Condition.code=I63.9", 1, 0),
    Row("A11-outside", "/fhir/MedicationStatement?patient={A}&part-of:Procedure.code=1", 403, "/fhir/MedicationStatement?patient={A}&status=active", 1),
    Row("A11-to-hidden", "/fhir/Encounter?patient={A}&diagnosis=Condition/{psy}", 200, "/fhir/Encounter?patient={A}&diagnosis=Condition/{c1}", 1, 0),
    Row("A12-national", "/fhir/Observation?subject:Patient.identifier=https://ieum-gateway.example/fhir/sid/kr-resident-number|900101-1000000", 400, "/fhir/Observation?subject:Patient.identifier=https://hanbit-hospital.example/fhir/sid/patient-number|F0000900", 3),
    Row("A12-untyped", "/fhir/Observation?subject.identifier=urn:rrn|900101-1000000", 400, "/fhir/Observation?patient.identifier=https://hanbit-hospital.example/fhir/sid/patient-number|F0000900", 3),
    Row("A12-nobody", "/fhir/Observation?patient.identifier=urn:rrn|900101-1000000", 200, _O, 3, 0),
    Row("A12-b", "/fhir/Condition?patient.identifier=https://hanbit-hospital.example/fhir/sid/patient-number|F0000901", 200, _C, 3, 0),
    Row("A13-onset", _C + "&_sort=onset-date", 200, _C + "&_sort=-onset-date", 3, 3),
    Row("A13-updated", _C + "&_sort=-_lastUpdated", 200, _C + "&_sort=_lastUpdated", 3, 3),
    Row("A13-code", _C + "&_sort=code&_count=1", 200, _C + "&_sort=code", 3, 1),
    Row("A13-unknown", _C + "&_sort=note", 400, _C + "&_sort=code,-onset-date", 3),
    Row("A14-count", _C + "&_summary=count", 200, _C, 3, 0),
    Row("A14-total", _C + "&_total=accurate", 200, _C + "&_total=none", 3, 3),
    Row("A14-hidden", _C + "&code=F20.0&_total=accurate", 200, _C + "&code=I10&_total=accurate", 1, 0),
    Row("A15", _C + "&_count=1", 200, _C + "&_count=2", 2, 1),
    Row("A16-guessed", "/fhir/Condition?_page=00000000-0000-0000-0000-000000000000", 410, _C, 3),
    Row("A16-other-name", "/fhir?_getpages=00000000-0000-0000-0000-000000000000", 405, _C, 3),
    Row("A17-history", "/fhir/Condition/{psy}/_history", 404, "/fhir/Condition/{c2}/_history", 2),
    Row("A17-version", "/fhir/Condition/{psy}/_history/1", 404, "/fhir/Condition/{c2}/_history/{c2v1}", 1),
    Row("A17-type", "/fhir/Condition/_history", 404, "/fhir/Condition/{c1}/_history", 1),
    Row("A17-system", "/fhir/_history?_since=2000-01-01", 404, "/fhir/Condition/{c1}/_history", 1),
    Row("A18-now", "/fhir/Condition/{v}", 404, "/fhir/Condition/{c2}", 1),
    Row("A18-then", "/fhir/Condition/{v}/_history/1", 404, "/fhir/Condition/{c2}/_history/{c2v2}", 1),
    Row("A18-later", "/fhir/Condition/{v}/_history/2", 404, "/fhir/Condition/{c2}/_history/{c2v2}", 1),
    Row("A18-all", "/fhir/Condition/{v}/_history", 404, "/fhir/Condition/{c2}/_history", 2),
    Row("A19", "/fhir/Patient/{A}/$everything", 200, "/fhir/Patient/{A}/$everything?_type=Patient", 1, 10),
    Row("A19-b", "/fhir/Patient/{B}/$everything", 404, "/fhir/Patient/{A}/$everything", 10),
    Row("A19-type", "/fhir/Patient/{A}/$everything?_type=Condition", 200, "/fhir/Patient/{A}/$everything?_type=Observation", 3, 3),
    Row("A19-outside", "/fhir/Patient/{A}/$everything?_type=Condition,Consent", 403, "/fhir/Patient/{A}/$everything?_type=Condition", 3),
    Row("A19-since", "/fhir/Patient/{A}/$everything?_since=2026-11-02T00:00:30Z", 200, "/fhir/Patient/{A}/$everything?_since=2020-01-01", 10, 1),
    Row("A21-binary", "/fhir/Binary/{psy}", 403, "/fhir/Condition/{c1}", 1),
    Row("A23", "/fhir/Observation/_search?patient=Patient/{A}", 200, "/fhir/Observation?patient=Patient/{A}", 3, 0, "POST", _form("patient=Patient/{B}")),
    Row("A23-other-way", "/fhir/Condition/_search?patient=Patient/{B}", 200, _C, 3, 0, "POST", _form("patient=Patient/{A}")),
    Row("A23-no-form", "/fhir/Condition/_search?patient={A}", 415, _C, 3, None, "POST", _json('{"patient":"{A}"}')),
    Row("A25-conditional", "/fhir", 400, _C, 3, None, "POST", _json('{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Condition","ifNoneExist":"code=F20.0"},"resource":{"resourceType":"Condition","subject":{"reference":"Patient/{A}"}}}]}')),
    Row("A25-conditional-url", "/fhir", 400, _C, 3, None, "POST", _json('{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"PUT","url":"Condition?code=F20.0"},"resource":{"resourceType":"Condition","subject":{"reference":"Patient/{A}"}}}]}')),
    Row("A25-header", "/fhir/Condition", 400, _C, 3, None, "POST", {"content": "{}", "headers": {"Content-Type": "application/fhir+json", "If-None-Exist": "code=F20.0"}}),
    Row("A26-put", "/fhir/Observation?identifier=x|1", 405, _O, 3, None, "PUT", _json(_SET)),
    Row("A26-delete", "/fhir/Condition?patient={A}&code=F20.0", 405, _C, 3, None, "DELETE"),
    Row("A26-patch", "/fhir/Condition?patient={A}&code=F20.0", 405, _C, 3, None, "PATCH", _json("[]")),
    Row("A26-in-transaction", "/fhir", 400, _C, 3, None, "POST", _json('{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Condition/{psy}"}}]}')),
    Row("A27", "/fhir/Condition/{b1}", 422, "/fhir/Condition/{c1}", 1, None, "PUT", _json('{"resourceType":"Condition","id":"{b1}","subject":{"reference":"Patient/{A}"}}')),
    Row("A27-hidden", "/fhir/Condition/{psy}", 422, "/fhir/Condition/{c1}", 1, None, "PUT", _json('{"resourceType":"Condition","id":"{psy}","subject":{"reference":"Patient/{A}"}}')),
    Row("A28", "/fhir/Observation/{secret}", 405, "/fhir/Observation/{o1}", 1, None, "PATCH", _json('[{"op":"test","path":"/code/text","value":"guess"}]')),
    Row("A29", "/fhir/Patient/{B}", 422, "/fhir/Patient/{A}", 1, None, "PUT", _json('{"resourceType":"Patient","id":"{B}"}')),
    Row("A30-export", "/fhir/Group/G1/$export?_type=Patient,Condition", 404, _C, 3),
    Row("A34-name", "/fhir/Patient?name=Kim&birthdate=1950-08-19", 200, _P + "&name=Kim", 1, 0),
    Row("A36-audit", "/fhir/AuditEvent?patient={B}", 403, _C, 3),
    Row("A36-audit-a", "/fhir/AuditEvent?patient={A}", 403, _C, 3),
    Row("A36-provenance", "/fhir/Provenance?target=Condition/{psy}", 403, _C, 3),
    Row("A36-consent", "/fhir/Consent?patient={A}", 403, _C, 3),
    Row("A36-include", _P + "&_revinclude=Consent:patient", 403, _P + "&_revinclude=Encounter:patient", 2),
    Row("A37-elements", _C + "&_elements=code", 200, _C + "&_elements=code,subject", 3, 3),
    Row("A37-elements-unknown", _C + "&_elements=kode", 400, _C + "&_elements=code", 3),
    Row("A37-summary", _C + "&_summary=data", 200, _C + "&_summary=true", 3, 3),
    Row("A37-text", _C + "&_summary=text", 200, _C + "&_summary=false", 3, 3),
    Row("A37-fields", _C + "&_fields=code", 400, _C, 3),
    Row("A37-lenient", "/fhir/Condition?patientt={A}", 400, _C, 3, None, "GET", {"headers": {"Prefer": "handling=lenient"}}),
    Row("A38-xml", _C + "&_format=xml", 406, _C + "&_format=json", 3),
    Row("A38-turtle", "/fhir/Condition/{c1}?_format=application/fhir%2Bturtle", 406, "/fhir/Condition/{c1}?_format=application/fhir%2Bjson", 1),
    Row("A38-accept", _C, 406, _C, 3, None, "GET", {"headers": {"Accept": "text/html"}}),
    Row("A38-accept-xml", "/fhir/Condition/{c1}", 406, "/fhir/Condition/{c1}", 1, None, "GET", {"headers": {"Accept": "application/fhir+xml"}}),
    Row("A38-accept-hidden", "/fhir/Condition/{psy}", 406, "/fhir/Condition/{c1}", 1, None, "GET", {"headers": {"Accept": "application/fhir+xml"}}),
    Row("A38-accept-not", "/fhir/Condition/{c1}", 406, "/fhir/Condition/{c1}", 1, None, "GET", {"headers": {"Accept": "application/fhir+json;q=0, text/turtle"}}),
    Row("A38-accept-either", _C, 200, _C, 3, 3, "GET", {"headers": {"Accept": "application/fhir+xml, application/json;q=0.5"}}),
    Row("A38-format-first", _C + "&_format=json", 200, _C, 3, 3, "GET", {"headers": {"Accept": "application/fhir+xml"}}),
    Row("A38-history", "/fhir/Condition/{c2}/_history?_format=xml", 406, "/fhir/Condition/{c2}/_history?_format=json", 2),
    Row("A38-everything", "/fhir/Patient/{A}/$everything?_format=xml", 406, "/fhir/Patient/{A}/$everything", 10),
    Row("A38-form", "/fhir/Condition/_search", 406, _C, 3, None, "POST", _form("patient={A}&_format=xml")),
    Row("A38-write", "/fhir/Condition?_format=xml", 406, _C, 3, None, "POST", _json(_SET)),
    Row("A39-text", _C + "&_text=CANARY", 400, _C + "&code=I10", 1),
    Row("A39-content", _C + "&_content=CANARY", 400, _C + "&code=I10", 1),
    Row("A39-identifier", _C + "&identifier=urn:x|", 200, _P + "&identifier=https://hanbit-hospital.example/fhir/sid/patient-number|F0000900", 1, 0),
    Row("A40-reference", "/fhir/MedicationStatement?patient={A}", 200, "/fhir/MedicationStatement?_id={m1}", 1, 1),
    Row("A40-encounter", "/fhir/Encounter/{e1}", 200, "/fhir/Encounter?patient={A}&diagnosis={c1}", 1, 1),
    Row("A41-members", _O + "&has-member:missing=false", 200, _O + "&has-member:missing=true", 3, 0),
    Row("A41-missing", _C + "&encounter:missing=false", 200, _C + "&encounter:missing=true", 2, 1),
    Row("A41-not", _C + "&code:not=I10", 200, _C + "&code:not=F20.0", 3, 2),
    Row("A54-metadata", "/fhir/metadata", 200, _C, 3, 0),
    Row("A57-includes", "/fhir/Encounter?patient={A}" + "&_include=Encounter:diagnosis" * 60, 400, "/fhir/Encounter?patient={A}" + "&_include=Encounter:diagnosis" * 20, 2),
    Row("A57-count", _C + "&_count=100000", 200, _C + "&_count=200", 3, 3),
    Row("A57-values", _C + "&code=" + "x," * 150 + "x", 400, _C + "&code=" + "x," * 90 + "I10", 1),
    Row("A57-deep", _P + "&_has:Encounter:patient" * 1 + ":_has:Observation:encounter:_has:Observation:has-member:_has:Observation:has-member:_has:Observation:has-member:code=1", 400, _P + "&_has:Encounter:patient:_has:Observation:encounter:status=final", 1),
    Row("A57-long", _C + "&code=" + "x" * 5000, 400, _C + "&code=I10", 1),
    Row("A57-encoded", "/fhir", 415, _C, 3, None, "POST", {"content": b"\x1f\x8b", "headers": {"Content-Type": "application/fhir+json", "Content-Encoding": "gzip"}}),
    Row("A57-nested", "/fhir", 400, _C, 3, None, "POST", _json("[" * 10_000 + "]" * 10_000)),
    Row("A58-case", "/fhir/patient/{B}", 404, "/fhir/Patient/{A}", 1),
    Row("A58-dot", "/fhir/Patient/{B}.", 404, "/fhir/Patient/{A}", 1),
    Row("A58-session", "/fhir/Patient/{B};jsessionid=1", 404, "/fhir/Patient/{A}", 1),
    Row("A58-double", "/fhir//Patient/{B}", 404, "/fhir/Patient/{A}", 1),
    Row("A58-slash", "/fhir/Condition/?patient={B}", 404, "/fhir/Condition?patient={A}", 3),
    Row("A58-confusable", "/fhir/Patient/%D0%B0{B}", 404, "/fhir/Patient/{A}", 1),
    Row("A58-other-case", "/fhir/Condition?PATIENT={B}", 400, _C, 3),
)  # fmt: skip
