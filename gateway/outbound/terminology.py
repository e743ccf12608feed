"""A FHIR terminology server over HTTP, asked about one code at a time (FHIR R4, $validate-code); the port is gateway.terminology.remote.

The question goes in the body, so that no address holds a code. No redirect is followed, and whatever fails is no answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from gateway.errors import Unusable
from gateway.model.wire import read_json, write_json
from gateway.terminology.codes import Membership

_MAX_ANSWER = 1_000_000
_UNSURE = ("x-caused-by-unknown-system", "x-unknown-system")
_JSON = "application/fhir+json"


class TerminologyServer:
    """A server at a base address (`https://tx.example.org/r4`). `deadline` in seconds is for one whole question.

    `secret` is a file with a bearer token, read when it is used, so that it can be changed without a restart.
    """

    def __init__(
        self,
        base: str,
        deadline: float = 2.0,
        secret: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = base.rstrip("/")
        self._deadline = deadline
        self._secret = secret
        self._clock = clock
        self._client = httpx.Client(follow_redirects=False, trust_env=False, timeout=deadline)
        self._systems: dict[str, bool] = {}

    def validate_code(self, system: str, code: str, value_set: str) -> Membership | None:
        """IN or OUT as the server says; UNKNOWN when it does not know the code system; None when it gives no answer in time."""
        until = self._clock() + self._deadline
        kind = "ValueSet" if value_set else "CodeSystem"
        address, _, version = system.partition("|")
        rows = [("code", "valueCode", code)]
        rows += (
            [("url", "valueUri", value_set), ("system", "valueUri", address)]
            if value_set
            else [("url", "valueUri", address)]
        )
        rows += [("systemVersion" if value_set else "version", "valueString", version)] if version else []
        asked = {"resourceType": "Parameters", "parameter": [{"name": name, key: value} for name, key, value in rows]}
        status, answer = self._called("POST", f"/{kind}/$validate-code", until, write_json(asked))
        if status in (404, 422):
            return Membership.UNKNOWN
        said = _result(answer) if status == 200 else None
        if said is None or said:
            return Membership.IN if said else None
        return self._refused(answer, address, until)

    def _refused(self, answer: Any, system: str, until: float) -> Membership | None:
        """A server that has not the code system says no as well, so a no counts only where it has it."""
        if any(name in _UNSURE for name in _names(answer)):
            return Membership.UNKNOWN
        if system not in self._systems:
            status, found = self._called(
                "GET", "/CodeSystem", until, params={"url": system, "_elements": "url,content"}
            )
            if status != 200 or not isinstance(found, Mapping):
                return None
            self._systems[system] = _held(found)
        return Membership.OUT if self._systems[system] else Membership.UNKNOWN

    def _called(
        self, method: str, path: str, until: float, body: bytes | None = None, params: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of the answer; status 0 when there is none in time."""
        left = until - self._clock()
        if left <= 0:
            return 0, None
        try:
            with self._client.stream(
                method, self._base + path, content=body, params=params, headers=self._headers(), timeout=left
            ) as answer:
                return answer.status_code, read_json(self._read(answer, until))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, Unusable):
            return 0, None

    def _read(self, answer: httpx.Response, until: float) -> bytes:
        parts, size = [], 0
        for part in answer.iter_bytes():
            size += len(part)
            if size > _MAX_ANSWER or self._clock() > until:
                raise httpx.ReadTimeout("the answer is too long or too late")
            parts.append(part)
        return b"".join(parts)

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": _JSON, "Content-Type": _JSON}
        if self._secret is not None:
            headers["Authorization"] = f"Bearer {self._secret.read_text('utf-8').strip()}"
        return headers

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def _rows(answer: Any) -> list[Mapping[str, Any]]:
    rows = answer.get("parameter") if isinstance(answer, Mapping) else None
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _result(answer: Any) -> bool | None:
    found = [row.get("valueBoolean") for row in _rows(answer) if row.get("name") == "result"]
    return found[0] if len(found) == 1 and isinstance(found[0], bool) else None


def _names(answer: Any) -> set[str]:
    return {row["name"] for row in _rows(answer) if isinstance(row.get("name"), str)}


def _held(bundle: Mapping[str, Any]) -> bool:
    """Whether a searchset holds a code system with its content."""
    entries = bundle.get("entry")
    found = [e.get("resource") for e in entries if isinstance(e, Mapping)] if isinstance(entries, list) else []
    contents = [r.get("content") for r in found if isinstance(r, Mapping) and r.get("resourceType") == "CodeSystem"]
    return any(content == "complete" for content in contents)
