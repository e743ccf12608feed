"""How people sign in at a site: the OpenID Connect issuer and what its claims mean here (OpenID Connect Core 1.0)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RoleRow:
    """Who has `value` in the claim of roles has these roles here, acting for a participant ("" = the operator)."""

    value: str
    roles: tuple[str, ...]
    participant: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """`issuer` is an https address (http of this machine in a demo); `secret` names an environment variable or `file:NAME`.

    `address` is this gateway's own base as browsers see it, "" = as the request has it. `person` is (claim, identifier system): which
    person a citizen is. `idle` and `longest` are seconds after which a session ends, unused and at all.
    """

    issuer: str
    client_id: str
    secret: str
    roles_claim: str
    roles: tuple[RoleRow, ...]
    user_claim: str = "sub"
    person: tuple[str, str] = ("", "")
    address: str = ""
    idle: int = 900
    longest: int = 28_800
