"""Signed, short-lived tokens: the visit in a cookie and the proof that a form is ours (RFC 2104; OWASP, CSRF prevention)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.model.base64url import decoded, encoded


def sign(key: bytes, use: str, fields: Sequence[str], until: datetime) -> str:
    """Fields (text) and an end to one token of the URL-safe alphabet. `use` keeps a token for one use from serving another."""
    body = encoded("\0".join([str(int(until.timestamp())), *fields]).encode())
    return f"{body}.{_mac(key, use, body)}"


def unsign(key: bytes, use: str, token: str, now: datetime) -> tuple[str, ...] | None:
    """The fields of a token we signed for this use and that has not ended; None for everything else."""
    body, _, mac = token.partition(".")
    if not body.isascii() or not mac.isascii() or not hmac.compare_digest(mac, _mac(key, use, body)):
        return None
    until, *fields = decoded(body).decode().split("\0")
    return tuple(fields) if now.timestamp() < int(until) else None


def lasting(now: datetime, seconds: int) -> datetime:
    return now + timedelta(seconds=seconds)


def _mac(key: bytes, use: str, body: str) -> str:
    return encoded(hmac.new(key, f"{use}\0{body}".encode(), hashlib.sha256).digest())
