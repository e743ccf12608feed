"""What somebody did here, apart from an exchange, as a row of the audit log: who, from where, what, about whom, why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from gateway.model.document import PersonKey, Principal
from gateway.model.records import AuditFact
from gateway.pipeline.node import Node


def act(
    node: Node,
    by: Principal,
    outcome: str,
    what: Mapping[str, Any],
    *,
    person: PersonKey | None = None,
    exchange: str = "",
    kind: Literal["admin", "refusal"] = "admin",
    **more: Mapping[str, Any] | str,
) -> AuditFact:
    """The fact that `by` did something; `more` are the other questions (`why`, `how`, `when`) and `agreement`."""
    facts = {"who": by.who(), "where": {"network": by.network}, "what": what, **more}
    return AuditFact(node.ids(), exchange, kind, node.clock(), person, outcome, node.site.revision, facts)


__all__ = ["act"]
