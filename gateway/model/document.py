"""A document on its way: received, parsed, mapped; resources travel as items with their labels and origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NewType

from gateway.errors import GatewayError, joint_status
from gateway.model.report import Loss, Origin, Report
from gateway.model.scopes import Scopes, allows

Resource = Mapping[str, Any]
PersonKey = NewType("PersonKey", str)  # a random UUID per person, never derived from an identifier


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling right now, however proven: participant id, the key or certificate used, roles, who sits behind it."""

    participant: str
    client: str
    roles: tuple[str, ...] = ("system",)
    user: str = ""
    proof: str = "api-key"  # api-key | certificate | token | introspection | mllp-peer | local
    authn_level: int = 1
    network: str = ""  # peer address
    scopes: Scopes | None = None  # of its token; None: it came without one, and roles alone say what it may
    purposes: tuple[str, ...] | None = None  # the only ones it may claim now; None: all that its participant may

    def who(self, user: str | None = None) -> dict[str, str]:
        """Who it is, for the record, in the members of `Who`; `user` takes the place of its own."""
        return {
            "participant": self.participant,
            "client": self.client,
            "user": self.user if user is None else user,
            "role": ",".join(self.roles),
        }

    def may(self, type: str, letter: str) -> bool:
        """Whether its token, if it came with one, holds a SMART permission: `may("Patient", "r")`."""
        return self.scopes is None or allows(self.scopes, type, letter)

    def claims(self, purpose: str) -> bool:
        """Whether it may claim a purpose of use, as far as its token narrows that."""
        return self.purposes is None or purpose in self.purposes


@dataclass(frozen=True, slots=True)
class Write:
    """A resource that its sender creates (POST) or updates (PUT) under an id of its own; `match` is the version that If-Match names, or `*`."""

    method: Literal["POST", "PUT"]
    type: str
    id: str
    match: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What a write became: the version that is on record now, and whether it is the first; version 0: taken, and kept under no such id."""

    write: Write
    version: int = 0
    created: bool = False
    at: datetime | None = None  # since when


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes as they came in through a door, from whom; `id` is random, `content_type` lower case without parameters.

    `writes` are the interactions of FHIR that the document is, one for each of its resources, in order; else there are none.
    """

    id: str
    principal: Principal
    body: bytes
    content_type: str
    transport: str  # http | mllp | folder
    at: datetime
    charset: str = ""  # what the channel says, if it says so
    dry_run: bool = False
    writes: tuple[Write, ...] = ()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document read by its standard. `trigger` is `ADT^A03`, or a FHIR type, or a message event code.

    `tree` is the standard's own form (an hl7v2 Message, a FHIR resource); `control_id` is MSH-10, Bundle.identifier or empty;
    `user` is the person behind the system as the protocol names it (EVN-5); `sender` the application and facility named inside.
    """

    standard: str
    trigger: str
    tree: Any
    control_id: str = ""
    user: str = ""
    sender: tuple[str, str] = ("", "")
    version: str = ""
    report: Report = field(default_factory=Report)


@dataclass(frozen=True, slots=True)
class Item:
    """A resource with what must never be bolted on: its security labels (codes) and where it came from.

    `traits` is what labelling has read of this very resource (`gateway/consent/labels.py`), so that a decision need not read it again.
    """

    resource: Resource
    labels: frozenset[str] = frozenset()
    origin: str = ""
    derived_from: tuple[str, ...] = ()  # references of its sources
    traits: object = field(default=None, compare=False, repr=False)

    @property
    def reference(self) -> str:
        """`Type/id`."""
        return f"{self.resource['resourceType']}/{self.resource['id']}"


@dataclass(frozen=True, slots=True)
class Mapped:
    """A document as FHIR R4 resources, with origins and losses. `map` is `name@version` of every map that ran, in order."""

    items: tuple[Item, ...]
    map: tuple[str, ...]
    bundle_type: str = "message"
    origins: Mapping[str, Origin] = field(default_factory=dict)
    losses: tuple[Loss, ...] = ()
    report: Report = field(default_factory=Report)
    missed: tuple[tuple[str, str], ...] = ()  # (table, code) of codes without a row


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the document is about: a person, or why nobody could be named (`unknown`, `ambiguous`, `absent`)."""

    person: PersonKey | None
    because: str = ""
    birth_date: str = ""
    patient: str = ""  # reference of the Patient resource in the document


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one of several documents that came in together: on record under 1..* exchanges (id, agreement), or why not.

    `number` counts them from 1. `echo` is there in a dry run only, and made of the sender's own document.
    """

    number: int
    body: bytes = field(repr=False)
    error: GatewayError | None = None
    received: str = ""
    exchanges: tuple[tuple[str, str], ...] = ()
    echo: Mapping[str, Any] | None = field(default=None, repr=False)


def status_of(verdicts: Sequence[Verdict]) -> int:
    """The HTTP status of an answer to a batch (`joint_status`), 0 when all is well."""
    errors: list[GatewayError] = [one.error for one in verdicts if one.error is not None]
    return joint_status(errors, len(verdicts) - len(errors))
