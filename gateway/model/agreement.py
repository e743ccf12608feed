"""Participants, agreements and the site: what an operator owns and versions as files (ARCHITECTURE.md, "Nouns")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from gateway.model.scopes import Scopes
from gateway.model.signin import SignIn

State = Literal["draft", "shadow", "active", "ended"]


@dataclass(frozen=True, slots=True)
class Key:
    """A proof that a participant's system may give: the SHA-256 of an API key, or of a certificate (hex)."""

    id: str
    kind: Literal["api-key", "certificate"]
    sha256: str
    roles: tuple[str, ...] = ("system",)
    authn_level: int = 1


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that a client signs with: P-384 (ES384) or RSA (RS384), as a JWK without anything else, and its RFC 7638 thumbprint."""

    kid: str
    kty: Literal["EC", "RSA"]
    thumbprint: str
    jwk: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Client:
    """A system of a participant that gets access tokens (SMART Backend Services): its id and what it may ask for.

    Its keys stand here, or at `jwks_url`; `private` lets that lead to a private address. `bound`: only tokens bound to a certificate.
    """

    id: str
    scopes: Scopes
    keys: tuple[PublicKey, ...] = ()
    jwks_url: str = ""
    private: bool = False
    bound: bool = False
    active: bool = True
    authn_level: int = 1


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who else makes tokens for a participant's systems, asked about each of them (RFC 7662) at `url` as `client_id` with a `secret`.

    `clients` are the client ids that may come with them, `scopes` the most they can hold; `secret` is named as that of an endpoint.
    """

    issuer: str
    url: str
    client_id: str
    secret: str
    clients: tuple[str, ...]
    scopes: Scopes
    private: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a participant receives. `transport` http: `url` is a FHIR base or a messaging address; mllp: mllp://host:port.

    `secret` names an environment variable or a file (`file:NAME` below the data directory) with the bearer token to present.
    """

    id: str
    transport: Literal["http", "mllp"]
    url: str
    secret: str = ""
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Upstream:
    """A FHIR R4 server at the base `url` that holds resources of these types for a participant, and is asked for those of one person.

    `identifier` is the system of the numbers by which it finds a person. `secret` names a bearer token as that of an endpoint does;
    `certificate` (with its key) and `authority` are files `file:NAME` beside it, for TLS. Of one person at most so many resources and
    bytes are taken, within `seconds`; `private` lets the base lead to a private address.
    """

    id: str
    url: str
    types: tuple[str, ...]
    identifier: str
    secret: str = ""
    certificate: str = ""
    authority: str = ""
    private: bool = False
    entries: int = 500
    bytes: int = 5_000_000
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class MllpListener:
    """A plain MLLP port that belongs to one participant and its peers (addresses or networks)."""

    port: int
    peers: tuple[str, ...] = ("127.0.0.1", "::1")
    charset: str = ""


@dataclass(frozen=True, slots=True)
class V2Form:
    """How messages of HL7 v2 to a participant are written: MSH-3 or MSH-5 (`LAB^1.2.3^ISO`), MSH-4 or MSH-6, MSH-11, MSH-12, MSH-18.

    Of the operator, application and facility are those that send.
    """

    application: str = ""
    facility: str = ""
    processing: str = "P"
    version: str = "2.5.1"
    charset: str = "UNICODE UTF-8"


@dataclass(frozen=True, slots=True)
class Participant:
    """An organisation and its systems: who it is, how it proves so, what it may claim, and how it writes v2."""

    id: str
    name: Mapping[str, str]  # by language: ko, en
    kind: str  # hospital | welfare-office | public-health-agency | operator | …: organizationType of a request
    references: tuple[str, ...]  # Organization/…, all it answers to
    role: str = "system"
    keys: tuple[Key, ...] = ()
    purposes: tuple[str, ...] = ()  # v3-ActReason codes it may claim
    staff_roles: tuple[str, ...] = ()  # roles in which its people may open a record in an emergency
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    mllp: MllpListener | None = None
    facilities: tuple[str, ...] = ()  # MSH-4.1 (or MSH-3.1/MSH-4.1) it may write; empty: not checked
    zone: str = ""  # IANA time zone of its v2 times without offset
    identifier_systems: Mapping[str, str] = field(default_factory=dict)  # v2 assigning authority → URI
    code_systems: Mapping[str, str] = field(default_factory=dict)  # v2 coding system → URI
    jurisdiction: str = ""
    active: bool = True
    v2: V2Form = field(default_factory=V2Form)
    clients: tuple[Client, ...] = ()
    issuer: Issuer | None = None
    upstreams: tuple[Upstream, ...] = ()
    organization: str = ""  # the URI it goes by in hl7-b2b (organization_id)


@dataclass(frozen=True, slots=True)
class Agreement:
    """A data-sharing agreement in the seven questions; no agreement, no exchange."""

    id: str
    sender: str  # participant that sends (push) or holds the data (pull)
    recipient: str  # participant that receives or asks; the site's own id = kept here
    subject: str  # in words
    triggers: tuple[str, ...]  # ADT^A03, a FHIR type, or read/search for a pull
    types: tuple[str, ...]  # resource types that may leave
    label: str  # highest confidentiality that the agreement covers: U L M N R V
    purpose: str
    basis: str  # consent | statute | policy
    statute: str  # id in the policies, when the basis is a statute
    valid_from: date
    valid_to: date
    keep: str  # ISO 8601 duration the recipient may keep it
    due: str  # ISO 8601 duration within which it is to arrive
    jurisdiction: str
    standard: str
    map: str  # second map (FHIR → FHIR), "" = none
    profile: str
    interaction: str  # transaction | message | update | read | keep
    endpoint: str
    loss_budget: int | None
    trigger: str  # what the recipient gets it as (ORU^R01), "" = as it came, or by its content
    state: State
    source: str
    approved: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A directory that an operator owns. `revision` is the digest of its content; `register` the policies as `decide()` reads them."""

    root: Path
    id: str  # the participant id of the operator itself
    name: Mapping[str, str]
    revision: str
    home: str  # jurisdiction
    zone: str
    participants: Mapping[str, Participant]
    agreements: Mapping[str, Agreement]
    register: Mapping[str, Any]
    implicit_policy: str
    report_rules: tuple[Mapping[str, Any], ...]
    national_systems: tuple[str, ...]  # identifier systems whose values are kept only as keyed tokens
    kept_types: tuple[str, ...]  # resource types kept for the façade
    person_systems: tuple[str, ...] = ()  # identifier systems that identify a person here; empty: all
    packages: tuple[tuple[str, str], ...] = ()  # name and version of the FHIR packages that must be at hand
    profiles: tuple[str, ...] = ()  # canonical addresses of the profiles that resources are checked against
    sign_in: SignIn | None = None  # how people sign in; without it, keys only
    attestors: frozenset[str] = frozenset()  # participants whose RelatedPerson says who is somebody's guardian


def domain(recipient: str, project: str) -> str:
    """Whose form ids have that go to a recipient: its own, or of one of its projects alone."""
    return f"project:{recipient}:{project}" if project else recipient
