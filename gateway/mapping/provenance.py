"""The Provenance of a conversion: what was made of which document, by which version of the gateway and its maps (R4 Provenance).

The same bytes give the same Provenance: it is recorded at the time that the document itself names, and carries the document's digest
as a name for it (RFC 6920). Its form and its codes are in `mappings/provenance.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

from gateway.data import data_path
from gateway.mapping.context import MapContext
from gateway.mapping.ids import keyed_id
from gateway.model.base64url import encoded
from gateway.model.document import Item, Mapped
from gateway.model.report import Origin
from gateway.model.wire import read_json

_MAP = "gateway[Provenance]"
_FILE = "provenance.json"
_OWN = ("resourceType", "id")


def attested(mapped: Mapped, document: bytes, context: MapContext, envelope: Mapping[str, Any]) -> Mapped:
    """The same with a Provenance of everything in it as the last item; what became nothing gets none.

    `envelope` is what the Bundle says of the document, `identifier` (its control id) and `timestamp` (its time), each when it has one;
    and the `version` of the gateway.
    """
    if not mapped.items:
        return mapped
    name = encoded(sha256(document).digest())
    form = _form()
    id = keyed_id(context.id_key, context.sender, form["resource"]["resourceType"], [name])
    made = {**deepcopy(form["resource"]), "id": id, **_said(mapped, form, f"ni:///sha-256;{name}", envelope)}
    made["contained"][0]["version"] = [{"value": envelope["version"]}]
    item = Item(made, derived_from=tuple(one.reference for one in mapped.items))
    origins = {f"{item.reference}#{key}": Origin("", f"{_MAP}/{key}") for key in made if key not in _OWN}
    return replace(mapped, items=(*mapped.items, item), origins={**mapped.origins, **origins})


def rules() -> Mapping[str, Mapping[str, Any]]:
    """The rules of a Provenance by their ids in origins: where they stand (`at`), what they follow (`source`)."""
    form = _form()
    names = (*form["resource"], "target", "recorded", "_recorded", "policy", "entity")
    return {f"{_MAP}/{name}": {"at": _FILE, "source": form["source"]} for name in names if name not in _OWN}


def _said(mapped: Mapped, form: Mapping[str, Any], digest: str, envelope: Mapping[str, Any]) -> dict[str, Any]:
    """What depends on the document."""
    what = {"identifier": envelope.get("identifier") or {"system": form["digest-system"], "value": digest}}
    at = envelope.get("timestamp")
    return {
        "target": [{"reference": one.reference} for one in mapped.items],
        **({"recorded": at} if at else {"_recorded": form["unknown"]}),
        "policy": [f"{form['map']}{name}" for name in mapped.map],
        "entity": [{"extension": [{"url": form["digest"], "valueUri": digest}], "role": form["role"], "what": what}],
    }


@cache
def _form() -> Mapping[str, Any]:
    made: Mapping[str, Any] = read_json(data_path("mappings", _FILE).read_bytes())
    return made
