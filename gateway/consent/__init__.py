"""Consent: may these items go to this recipient, for this purpose, now; and what must be done to them first (ARCHITECTURE.md, `decide`)."""

from gateway.consent.decision import decide, may_ask

__all__ = ["decide", "may_ask"]
