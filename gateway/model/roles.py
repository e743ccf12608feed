"""Roles: the closed set of what a caller or a signed-in person may be here; a role that is not in it gives nothing."""

from __future__ import annotations

from collections.abc import Iterable

STAFF = ("operator", "integrator", "auditor", "protection-officer", "caseworker")
PEOPLE = (*STAFF, "citizen")  # roles that somebody may sign in with
ROLES = ("system", *PEOPLE)
_GIVES = {"admin": ("operator", "integrator")}  # what keys were given before there were operators and integrators


def held(roles: Iterable[str]) -> frozenset[str]:
    """The roles that somebody has by the names he was given: `admin` is an operator and an integrator as well, an unknown name nothing."""
    given = tuple(roles)
    known = {role for role in given if role in ROLES or role in _GIVES}
    return frozenset(known.union(*(_GIVES.get(role, ()) for role in given)))
