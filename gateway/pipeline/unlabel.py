"""A label taken off what is kept: a privileged act, with a reason, on record. Everything else only ever adds labels (consent/labels.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.errors import Conflict, NotFound
from gateway.model.records import Unit
from gateway.pipeline.acts import act
from gateway.pipeline.node import Node
from gateway.pipeline.replay import Wish


def unlabelled(node: Node, reference: str, labels: Sequence[str], wish: Wish) -> Unit:
    """A new version of a kept resource without these labels, and the fact that says who, why and which.

    What the site's lists say of its codes is added again whenever it is decided about: only what was set by hand, came from a sender or
    was derived stays away. Raises NotFound for what is not kept, Conflict when it has no such label.
    """
    kind, _, id = reference.partition("/")
    row = node.store.resource(kind, id)
    if row is None or row.deleted:
        raise NotFound
    if not labels or not set(labels) <= set(row.labels):
        raise Conflict("It has no such label.")
    at = node.clock()
    left = tuple(one for one in row.labels if one not in labels)
    told = {"unlabelled": reference, "labels": sorted(labels), "left": sorted(left)}
    fact = act(node, wish.by, "label-removed", told, person=row.person, why={"reason": wish.reason})
    return Unit((replace(row, version=row.version + 1, labels=left, at=at), fact))


__all__ = ["unlabelled"]
