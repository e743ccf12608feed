"""A desk in memory: a day of exchanges of a hospital, a care team, a public-health agency and a welfare office, without any content."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from gateway.audit.facts import facts_of
from gateway.audit.row import row_of
from gateway.console import Access, Candidate, Emergency, Look, Waiting, routes
from gateway.errors import Invalid, NotDurable, NotFound
from gateway.model.document import PersonKey, Principal
from gateway.model.questions import Exchange, How, Step, What, When, Where, Who, Whom, Why
from gateway.model.records import AuditFact, AuditRow, DecisionRecord, GapCount, Sealed

NOW = datetime(2026, 3, 4, 6, 30, tzinfo=UTC)
KEYS = {
    "key-of-admin": Principal("ieum-mapo", "key-a", ("admin",)),
    "key-of-auditor": Principal("ieum-mapo", "key-b", ("auditor",)),
    "key-of-hospital": Principal("hanbit-hospital", "key-c", ("system",)),
}
NAMES = {
    "ko": {
        "hanbit-hospital": "한빛병원",
        "mapo-care-team": "마포구 통합돌봄팀",
        "seoul-phc": "서울시 감염병관리과",
        "mapo-welfare": "마포구 복지정책과",
        "ieum-mapo": "이음 마포",
    },
    "en": {
        "hanbit-hospital": "Hanbit Hospital",
        "mapo-care-team": "Mapo-gu care team",
        "seoul-phc": "Seoul infectious disease control",
        "mapo-welfare": "Mapo-gu welfare office",
        "ieum-mapo": "Ieum Mapo",
    },
}
REFERRAL = ("Patient", "Encounter", "Condition", "AllergyIntolerance", "MedicationStatement", "ServiceRequest", "Task")


@dataclass(frozen=True)
class Case:
    """One kind of exchange that the journal repeats."""

    agreement: str
    status: Any
    sender: str
    recipient: str
    trigger: str
    purpose: str
    basis: str
    standard: str
    interaction: str
    withheld: int = 0
    types: tuple[str, ...] = ()


DISCHARGE = Case(
    "discharge-to-community-care", "delivered", "hanbit-hospital", "mapo-care-team", "ADT^A03", "COC", "consent", "hl7v2", "transaction",
    3, REFERRAL,
)  # fmt: skip
REPORT = Case(
    "reportable-results", "delivered", "hanbit-hospital", "seoul-phc", "ORU^R01", "PUBHLTH", "statute", "hl7v2", "message",
    16, ("Patient", "Observation"),
)  # fmt: skip
CASES = (
    DISCHARGE,
    REPORT,
    replace(DISCHARGE, status="refused", basis="", withheld=0, types=()),
    Case(
        "benefit-eligibility", "answered", "mapo-welfare", "mapo-welfare", "search", "ELIGDTRM", "consent", "dci", "search",
        1, ("CoverageEligibilityResponse",),
    ),
    replace(DISCHARGE, status="parked", basis="", standard="cda", withheld=0, types=()),
    replace(DISCHARGE, status="withheld", withheld=9, types=()),
    replace(REPORT, status="pending", withheld=4),
    Case(
        "home-sensor-alerts", "shadowed", "mapo-welfare", "mapo-care-team", "Alert", "SAFETY", "consent", "ngsild", "update",
        0, ("Observation", "Flag"),
    ),
    Case("", "refused", "hanbit-hospital", "", "ADT^A60", "", "", "hl7v2", ""),
)  # fmt: skip
STAGES = ("receive", "parse", "map", "validate", "identify", "decide", "release", "deliver")
STOPS = {
    "refused": ("decide", "refused", "No rule permits it."),
    "parked": ("identify", "parked", "More than one person could be meant."),
}


def uid(n: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"row-{n}"))


def person(n: int) -> PersonKey:
    return PersonKey(str(uuid.uuid5(uuid.NAMESPACE_OID, f"person-{n}")))


def steps(status: str, at: datetime) -> tuple[Step, ...]:
    stop, ended, note = STOPS.get(status, ("deliver", "ok", ""))
    upto = STAGES[: STAGES.index(stop) + 1]
    instants = [at + timedelta(milliseconds=40 * i) for i in range(len(upto))]
    return tuple(
        Step(s, when, ended if s == stop else "ok", note if s == stop else "")
        for s, when in zip(upto, instants, strict=True)
    )


def exchange(n: int) -> Exchange:
    case = CASES[n % len(CASES)]
    at = NOW - timedelta(minutes=11 * n, seconds=7 * n)
    done = at + timedelta(seconds=1)
    known = case.status != "parked" and bool(case.agreement)
    released = tuple(
        {"reference": f"{kind}/{uid(i)}", "version": 1, "digest": "ab"} for i, kind in enumerate(case.types)
    )
    return Exchange(
        id=uid(n),
        received_id=uid(10_000 + n),
        agreement=case.agreement,
        status=case.status,
        site_revision="7f3a9c1e5b20",
        who=Who(case.sender, "key-c", "nurse-041" if n % 2 == 0 else "", "discharge-nurse" if n % 2 == 0 else ""),
        whom=Whom(person(n % 4) if known else None, case.recipient),
        when=When(
            at,
            done,
            done,
            done if case.status == "delivered" else None,
            at + timedelta(days=3),
            "2028-03-04" if case.types else "",
        ),
        where=Where("KR-11440", "10.20.0.14", "mapo-fhir" if case.recipient else ""),
        what=What(case.trigger, released, case.withheld, ("PSY", "R") if case.withheld else ()),
        why=Why(
            case.purpose,
            case.basis,
            "KR-IDCPA-11" if case.basis == "statute" else "",
            "consent-permits" if case.basis == "consent" else "no-rule-permits",
        ),
        how=How(
            case.standard,
            "mllp" if case.standard == "hl7v2" else "http",
            case.interaction,
            "fhir/discharge-to-referral@3",
            "welfare/social-referral",
            ("DELAU", "MINEC") if case.types else (),
        ),
        steps=steps(case.status, at),
    )


def row_of_exchange(one: Exchange, sequence: int, previous: str) -> AuditRow:
    kind: Any = "refusal" if one.status == "refused" else "outcome"
    fact = AuditFact(
        one.id, one.id, kind, one.when.received, one.whom.person, one.status, one.site_revision, facts_of(one)
    )
    return row_of(fact, sequence, previous)


@dataclass
class MemoryDesk:
    """The port of the console over lists; `log` keeps in order what was noted and read, so that tests see what came first."""

    journal: list[Exchange] = field(default_factory=lambda: [exchange(n) for n in range(60)])
    worklist: list[Waiting] = field(default_factory=list)
    log: list[Any] = field(default_factory=list)
    looks: list[tuple[Principal, Look]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    links: list[tuple[str, str, int]] = field(default_factory=list)
    acts: list[Any] = field(default_factory=list)
    opened: list[Emergency] = field(default_factory=lambda: emergencies())
    reviews: list[tuple[str, str, str, str]] = field(default_factory=list)
    withdrawn: set[str] = field(default_factory=set)
    durable: bool = True
    zone: str = "Asia/Seoul"

    def principal(self, secret: str) -> Principal | None:
        return KEYS.get(secret)

    def still(self, participant: str, client: str) -> Principal | None:
        known = {(p.participant, p.client): p for p in KEYS.values()}
        return None if client in self.withdrawn else known.get((participant, client))

    def note_view(self, principal: Principal, what: Look) -> None:
        if not self.durable:
            raise NotDurable
        self.looks.append((principal, what))

    def note_refused(self, network: str, why: str) -> None:
        self.refused.append(why)

    def names(self, language: str) -> Mapping[str, str]:
        return NAMES[language]

    def site(self) -> str:
        return "ieum-mapo"

    def exchanges(self, where: Mapping[str, str], limit: int, before: str = "") -> Sequence[Exchange]:
        ids = [one.id for one in self.journal]
        rest = self.journal[ids.index(before) + 1 :] if before else self.journal
        return [
            one
            for one in rest
            if all(_column(one, name) == value for name, value in where.items() if not name.startswith("when_"))
        ][:limit]

    def exchange(self, exchange_id: str) -> Exchange | None:
        return next((one for one in self.journal if one.id == exchange_id), None)

    def decisions(self, exchange_id: str) -> Sequence[DecisionRecord]:
        one = self.exchange(exchange_id)
        if one is None or one.when.decided is None or one.whom.person is None:
            return ()
        redacted = tuple((f"Condition/{uid(500 + i)}", "label-PSY") for i in range(min(one.what.withheld, 3)))
        said = "deny" if one.status == "refused" else "permit-with-redaction" if redacted else "permit"
        consents = (f"Consent/{uid(900)}",) if one.why.basis == "consent" else ()
        return [
            DecisionRecord(
                "d",
                one.id,
                "receipt",
                one.when.decided,
                said,
                one.why.reason,
                (),
                redacted,
                one.how.obligations,
                consents,
                1,
                one.site_revision,
                Sealed("k", b""),
            )
        ]

    def rows(self, of: PersonKey, limit: int, after: str = "") -> Sequence[AuditRow]:
        made: list[AuditRow] = []
        for one in reversed([one for one in self.journal if one.whom.person == of]):
            made.append(row_of_exchange(one, len(made) + 1, made[-1].leaf_hash if made else ""))
        ids = [row.id for row in made]
        return made[ids.index(after) + 1 if after else 0 :][:limit]

    def daily_counts(self, day: str) -> Sequence[Mapping[str, Any]]:
        if day != "2026-03-04":
            return []
        return [
            {
                "agreement": "discharge-to-community-care",
                "received": 41,
                "delivered": 29,
                "withheld": 2,
                "parked": 3,
                "pending": 1,
                "refused": 6,
            },
            {"agreement": "reportable-results", "received": 17, "delivered": 14, "pending": 2, "failed": 1},
            {"agreement": "benefit-eligibility", "received": 8, "answered": 7, "refused": 1},
            {"agreement": "", "received": 2, "refused": 2},
        ]

    def gaps(self) -> Sequence[GapCount]:
        found = (
            ("hanbit-hospital", "code", "DG1-3", "DG1-3", "K99.9", 41),
            ("mapo-welfare", "field", "ZPI-3", "", "", 7),
        )
        return [GapCount("2026-03-04", *one) for one in found]

    def waiting(self, limit: int) -> Sequence[Waiting]:
        return self.worklist[:limit]

    def replay(self, principal: Principal, exchange_id: str, reason: str, allow: Sequence[str]) -> str:
        if not reason:
            raise Invalid
        self.acts.append((principal.client, exchange_id, reason, tuple(allow)))
        return exchange_id

    def give_up(self, principal: Principal, exchange_id: str, reason: str) -> None:
        self.acts.append((principal.client, exchange_id, reason, "give-up"))

    def link(self, principal: Principal, exchange_id: str, position: int) -> None:
        waits = [one for one in self.worklist if one.exchange == exchange_id]
        if not waits or position not in [c.position for c in waits[0].candidates]:
            raise NotFound
        self.links.append((principal.client, exchange_id, position))

    def emergencies(self) -> Sequence[Emergency]:
        return self.opened

    def review(self, principal: Principal, opening: str, finding: str, note: str) -> None:
        if opening not in [one.id for one in self.opened]:
            raise NotFound
        self.opened = [one for one in self.opened if one.id != opening]
        self.reviews.append((principal.client, opening, finding, note))


def _column(one: Exchange, name: str) -> Any:
    question, _, answer = name.partition("_")
    return getattr(getattr(one, question), answer) if answer and hasattr(one, question) else getattr(one, name)


def worklist() -> list[Waiting]:
    two = (
        Candidate(1, person(11), ("birth-date", "family-name", "sex"), ("address",)),
        Candidate(2, person(12), ("birth-date", "sex"), ("family-name", "phone")),
    )
    return [
        Waiting(uid(4), NOW - timedelta(hours=5), "hanbit-hospital", "ADT^A03", "ambiguous", two),
        Waiting(uid(13), NOW - timedelta(hours=3), "mapo-welfare", "search", "unknown"),
        Waiting(
            uid(22), NOW - timedelta(hours=1), "hanbit-hospital", "ORU^R01", "ambiguous", (replace(two[0], position=1),)
        ),
    ]


def emergencies() -> list[Emergency]:
    """One whose review is overdue, and one about somebody whom nobody knows here."""
    said = "의식이 없는 상태로 응급실에 옴; 알레르기를 모름 · unconscious on arrival, allergies unknown"
    late = NOW - timedelta(hours=30)
    names = ("hanbit-hospital", "dr-kim-041", "physician", person(2))
    old = Emergency(uid(700), *names, late, late + timedelta(hours=1), late + timedelta(hours=24), said)
    new = replace(old, id=uid(701), person=None, at=NOW, until=NOW + timedelta(hours=1), review=NOW + timedelta(days=1))
    return [old, new]


def access(**changes: Any) -> Access:
    made = Access(key=b"k" * 32, clock=lambda: NOW, loopback=True, hosts=frozenset({"ieum.mapo.example"}))
    return replace(made, **changes)


class Browser:
    """A browser without a screen: keeps cookies, follows nothing, speaks to the console as one `peer` under one `host`."""

    def __init__(self, desk: MemoryDesk, host: str = "localhost", peer: str = "127.0.0.1", **changes: Any) -> None:
        app = Starlette(routes=routes(desk, access(**changes)))
        transport = httpx.ASGITransport(app, client=(peer, 50_000))
        self.client = httpx.AsyncClient(transport=transport, base_url=f"http://{host}")
        self.loop = asyncio.Runner()

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.loop.run(self.client.get(path, headers=_headers(headers)))

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> httpx.Response:
        return self.loop.run(self.client.post(path, data=dict(fields), headers=_headers(headers)))

    def close(self) -> None:
        self.loop.run(self.client.aclose())
        self.loop.close()


def _headers(named: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in named.items()}


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk(worklist=worklist())


@pytest.fixture
def browser(desk: MemoryDesk) -> Iterator[Callable[..., Browser]]:
    """Opens browsers on the desk and closes them afterwards."""
    opened: list[Browser] = []

    def open_browser(**how: Any) -> Browser:
        opened.append(Browser(desk, **how))
        return opened[-1]

    yield open_browser
    for one in opened:
        one.close()
