"""Which version of a Consent may take over from those on file: the refusals first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.consent.succession import may_follow

T1, T2, T3 = "2026-11-02T09:00:00+09:00", "2026-11-02T00:30:00Z", "2026-11-03T09:00:00+09:00"


def consent(kind: str, at: str, *nested: str, status: str = "active", scope: str = "") -> Mapping[str, Any]:
    provision: dict[str, Any] = {"type": kind, "provision": [{"type": one} for one in nested]} if kind else {}
    return {"status": status, "dateTime": at, "provision": provision, **({"scope": scope} if scope else {})}


def permit(at: str = T2, *nested: str, scope: str = "") -> Mapping[str, Any]:
    return consent("permit", at, *nested, scope=scope)


def deny(at: str = T2, *nested: str, scope: str = "") -> Mapping[str, Any]:
    return consent("deny", at, *nested, scope=scope)


def deep(kind: str, *below: str, at: str = T2) -> Mapping[str, Any]:
    """Provisions of these types, each inside the one before."""
    provision: dict[str, Any] = {}
    for one in (*reversed(below), kind):
        provision = {"type": one, **({"provision": [provision]} if provision else {})}
    return {"status": "active", "dateTime": at, "provision": provision}


def gone(at: str = T2, kind: str = "permit") -> Mapping[str, Any]:
    return consent(kind, at, status="inactive")


@pytest.mark.parametrize(
    ("new", "versions"),
    [
        (permit(T1), [deny(T2)]),
        (permit(T2), [deny(T2)]),
        (permit(T1), [gone(T1)]),
        (permit(T1), [permit(T2)]),
        (permit(T2), [gone(T1), permit(T3), permit(T1)]),  # later than what is in force, and not than all
        (permit(T2), [permit(T2, scope="new"), permit(T2)]),  # on file before, and replaced since
        (deny(T2, "permit"), [deny(T2)]),
        (deep("deny", "deny", "permit"), [deny(T2)]),
        (
            permit(T2, scope="new"),
            [permit(T2), permit(T3)],
        ),  # of the same date as what is in force, and earlier than another
        (consent("", T2), [deny(T2)]),  # what permits by its policy permits
        (deny(T1, scope="little"), [deny(T2)]),
        (gone(T2, "deny"), [deny(T2)]),  # a refusal taken back gives something
        (permit("2026-11-03"), [deny(T2)]),
        (permit("2026-12"), [permit(T2)]),
        (permit("2026"), [deny("2026")]),
        ({**permit(), "dateTime": None}, [permit(T2)]),
        ({"status": "active"}, [permit(T2)]),
    ],
)
def test_what_may_not(new: Mapping[str, Any], versions: list[Mapping[str, Any]]) -> None:
    assert not may_follow(new, versions)


@pytest.mark.parametrize(
    ("new", "versions"),
    [
        (permit(T3), [deny(T2), permit(T1)]),
        (permit(T3), [gone(T1), permit(T2)]),
        (permit(T2, scope="new"), [permit(T2)]),
        (permit(T2), [permit(T2)]),
        (permit(T2, scope="new"), [permit(T2), permit(T1)]),
        (deep("deny", "deny", "deny", at=T1), [permit(T2)]),
        (deny(T1, "deny"), [permit(T2)]),
        (permit("2026"), [permit("2026")]),
        (permit("2026-11-03"), [permit("2026-11-02")]),
        (deny(T1), [permit(T2)]),
        (deny(T1), [permit(T2, "deny")]),
        (deny(T1), [gone(T2)]),
        (deny("2026"), [permit(T2)]),
        (deny(T2, scope="little"), [deny(T2)]),
        (gone(T1), [permit(T3), permit(T1)]),
        (gone(T1), [gone(T2), permit(T1)]),
        (gone(T3, "deny"), [deny(T2)]),
        (deny(T3, "permit"), [deny(T2)]),
    ],
)
def test_what_may(new: Mapping[str, Any], versions: list[Mapping[str, Any]]) -> None:
    assert may_follow(new, versions)
