"""The demo's world as its stories see it: from outside, over HTTP and MLLP, with the keys of its participants."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from gateway.demo.messages import Moment
from gateway.model.wire import read_json, write_json

Json = Mapping[str, Any]
T = TypeVar("T")
PATIENCE = 30.0


class NotAsTold(Exception):
    """Something the story waits for did not happen in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: its status and the JSON in it."""

    status: int
    body: Any

    @property
    def resources(self) -> list[Json]:
        """The resources of a searchset Bundle, 0..*."""
        return [entry["resource"] for entry in self.body.get("entry", ())]


class Caller:
    """An HTTP client with one bearer token."""

    def __init__(self, base: str, token: str) -> None:
        import httpx

        self._client = httpx.Client(
            base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE, trust_env=False
        )

    def get(self, path: str, **parameters: str) -> Answer:
        """GET with JSON in the answer. Raises httpx.TransportError."""
        got = self._client.get(path, params=parameters)
        return Answer(got.status_code, read_json(got.content) if got.content else {})

    def put(self, path: str, body: Json) -> Answer:
        """PUT of JSON. Raises httpx.TransportError."""
        got = self._client.put(path, content=write_json(body))
        return Answer(got.status_code, read_json(got.content) if got.content else {})

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()


class Hospital:
    """The hospital's sending program, a process of its own that is told line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def sends_v2(self, message: bytes) -> str:
        """MSA-1 of the acknowledgement of an HL7 v2 message over MLLP."""
        answer = str(self._told({"mllp": message.decode()})["mllp"])
        fields = next((line.split("|") for line in answer.split("\r") if line.startswith("MSA|")), ["", ""])
        return fields[1]

    def sends_fhir(self, resource: Json) -> int:
        """HTTP status of the answer to a FHIR resource at POST /messages."""
        return int(self._told({"fhir": resource})["status"])

    def _told(self, line: Json) -> Json:
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise NotAsTold("The hospital's program cannot be spoken to.")
        process.stdin.write(write_json(line).decode() + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise NotAsTold("The hospital's program has ended.")
        made: Json = read_json(answer.encode())
        return made


@dataclass(slots=True)
class World:
    """Everything a story touches. `auditor` and `care_team` ask the gateway; `welfare` and `agency` ask the recipients' servers."""

    hospital: Hospital
    auditor: Caller
    care_team: Caller
    welfare: Caller
    agency: Caller
    now: Callable[[], datetime]
    seen: set[str] = field(default_factory=set)
    known: dict[str, str] = field(default_factory=dict)  # what one story learns for a later one
    written: int = 0

    def moment(self) -> Moment:
        """The moment and number of the next message."""
        self.written += 1
        return Moment(self.now(), self.written)

    def exchanges(self, agreement: str) -> list[Json]:
        """The newest exchanges under an agreement. Raises NotAsTold when the journal does not answer its auditor."""
        answer = self.auditor.get("/exchanges", agreement=agreement, limit="50")
        if answer.status != 200:
            raise NotAsTold(f"the journal answered {answer.status} to its auditor")
        found: list[Json] = answer.body["exchanges"]
        return found

    def close(self) -> None:
        """Ends the connections."""
        for caller in (self.auditor, self.care_team, self.welfare, self.agency):
            caller.close()

    def begin(self, agreements: Sequence[str]) -> None:
        """What is on record from earlier demos is not part of this one."""
        for agreement in agreements:
            self.seen.update(str(row["id"]) for row in self.exchanges(agreement))

    def ended(self, agreement: str, statuses: Sequence[str], trigger: str = "") -> Json:
        """The new exchange under an agreement, with its decisions, once it has one of these statuses. Raises NotAsTold."""

        def look() -> Json | None:
            fresh = [row for row in self.exchanges(agreement) if row["id"] not in self.seen]
            fitting = (
                row for row in fresh if row["status"] in statuses and trigger in ("", row["what"].get("trigger"))
            )
            return next(fitting, None)

        found = until(look, PATIENCE, f"no exchange under {agreement} became {' or '.join(statuses)}")
        self.seen.add(found["id"])
        return self.again(found, (found["status"],))

    def again(self, exchange: Json, statuses: Sequence[str]) -> Json:
        """An exchange that was seen before, once it has one of these statuses. Raises NotAsTold."""

        def look() -> Json | None:
            row: Json = self.auditor.get(f"/exchanges/{exchange['id']}").body
            return row if row["status"] in statuses else None

        return until(look, PATIENCE, f"the exchange did not become {' or '.join(statuses)}")


def until(look: Callable[[], T | None], patience: float, otherwise: str) -> T:
    """What `look` finds, asked again until it finds something. Raises NotAsTold when patience ends."""
    end = time.monotonic() + patience
    while (found := look()) is None:
        if time.monotonic() > end:
            raise NotAsTold(otherwise)
        time.sleep(0.1)
    return found
