"""The nouns of a site from the values of its files, once their form has been checked (ARCHITECTURE.md, "Nouns")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from gateway.model.agreement import (
    Agreement,
    Client,
    Endpoint,
    Issuer,
    Key,
    MllpListener,
    Participant,
    Site,
    Upstream,
    V2Form,
)
from gateway.model.scopes import scopes_of
from gateway.model.signin import RoleRow, SignIn
from gateway.site.jwks import public_keys

Json = Mapping[str, Any]


def participant(value: Json) -> Participant:
    """A participant as `participants/ID.yaml` writes it."""
    return Participant(
        id=value["id"],
        name=value["name"],
        kind=value["kind"],
        references=tuple(value["references"]),
        role=value.get("role", "system"),
        keys=tuple(_key(row) for row in value.get("keys", ())),
        purposes=tuple(value.get("purposes", ())),
        staff_roles=tuple(value.get("staff-roles", ())),
        endpoints={row["id"]: _endpoint(row) for row in value.get("endpoints", ())},
        mllp=_listener(value["mllp"]) if "mllp" in value else None,
        facilities=tuple(value.get("facilities", ())),
        zone=value.get("zone", ""),
        identifier_systems=value.get("identifier-systems", {}),
        code_systems=value.get("code-systems", {}),
        jurisdiction=value.get("jurisdiction", ""),
        active=value.get("active", True),
        v2=V2Form(**value.get("hl7v2", {})),
        clients=tuple(_client(row) for row in value.get("clients", ())),
        issuer=_issuer(value["introspection"]) if "introspection" in value else None,
        upstreams=tuple(_upstream(row) for row in value.get("upstreams", ())),
        organization=value.get("organization", ""),
    )


def _key(row: Json) -> Key:
    return Key(row["id"], row["kind"], row["sha256"], tuple(row.get("roles", ("system",))), row.get("authn-level", 1))


def _client(row: Json) -> Client:
    return Client(
        row["id"], scopes_of(row["scopes"]), public_keys(row["jwks"]) if "jwks" in row else (), row.get("jwks-url", ""),
        row.get("jwks-private", False), row.get("bound", False), row.get("active", True), row.get("authn-level", 1),
    )  # fmt: skip


def _issuer(row: Json) -> Issuer:
    return Issuer(
        row["issuer"], row["url"], row["client-id"], row["secret"], tuple(row["clients"]), scopes_of(row["scopes"]),
        row.get("private", False),
    )  # fmt: skip


def _upstream(row: Json) -> Upstream:
    return Upstream(**{**row, "url": row["url"].rstrip("/"), "types": tuple(row["types"])})


def _endpoint(row: Json) -> Endpoint:
    return Endpoint(row["id"], row["transport"], row["url"], row.get("secret", ""), float(row.get("timeout", 10)))


def _listener(row: Json) -> MllpListener:
    peers = tuple(row["peers"]) if "peers" in row else MllpListener(0).peers
    return MllpListener(row["port"], peers, row.get("charset", ""))


def agreement(value: Json) -> Agreement:
    """An agreement as `agreements/ID.yaml` writes it. Raises ValueError for days that do not exist."""
    what, why, when, how = value["what"], value["why"], value["when"], value["how"]
    basis, name = basis_of(why["basis"])
    start, _, end = when["valid"].partition("/")
    return Agreement(
        id=value["id"],
        sender=value["who"]["participant"],
        recipient=value["whom"]["recipient"],
        subject=value["whom"]["subject"],
        triggers=tuple(what["trigger"]),
        types=tuple(what["types"]),
        label=what["label"],
        purpose=why["purpose"],
        basis=basis,
        statute=name,
        valid_from=date.fromisoformat(start),
        valid_to=date.fromisoformat(end),
        keep=when.get("keep", ""),
        due=when.get("due", ""),
        jurisdiction=value["where"]["jurisdiction"],
        standard=how["standard"],
        map=how.get("map", ""),
        profile=how.get("profile", ""),
        interaction=how["interaction"],
        endpoint=how.get("endpoint", ""),
        loss_budget=how.get("loss-budget"),
        trigger=how.get("trigger", ""),
        state=value["state"],
        source=value["source"],
        approved=tuple(value.get("approved", ())),
    )


def basis_of(value: str | Json) -> tuple[str, str]:
    """(`consent`, ""), (`statute`, its id) or (`policy`, its name)."""
    return (value, "") if isinstance(value, str) else next(iter(value.items()))


def site(
    root: Path, revision: str, value: Json, register: Json, participants: Mapping[str, Participant],
    agreements: Mapping[str, Agreement],
) -> Site:  # fmt: skip
    """The site from site.yaml and everything else."""
    return Site(
        root=root,
        id=value["id"],
        name=value["name"],
        revision=revision,
        home=value["home"],
        zone=value["zone"],
        participants=participants,
        agreements=agreements,
        register=register,
        implicit_policy=value["implicit-policy"],
        report_rules=tuple(register.get("reportRules", ())),
        national_systems=tuple(value.get("national-systems", ())),
        kept_types=tuple(value.get("kept-types", ())),
        person_systems=tuple(value.get("person-systems", ())),
        packages=tuple((row["name"], row["version"]) for row in value.get("packages", ())),
        profiles=tuple(value.get("profiles", ())),
        sign_in=_sign_in(value["sign-in"]) if "sign-in" in value else None,
        attestors=frozenset(value.get("guardians", {}).get("attested-by", ())),
    )


def _sign_in(row: Json) -> SignIn:
    rows = tuple(RoleRow(one["value"], tuple(one["roles"]), one.get("participant", "")) for one in row["roles"])
    person = row.get("person", {})
    return SignIn(
        issuer=row["issuer"],
        client_id=row["client-id"],
        secret=row["secret"],
        roles_claim=row["roles-claim"],
        roles=rows,
        user_claim=row.get("user-claim", "sub"),
        person=(person.get("claim", ""), person.get("system", "")),
        address=row.get("address", "").rstrip("/"),
        idle=row.get("idle", 900),
        longest=row.get("longest", 28_800),
    )
