"""What a map may know beyond the document: who sent it, their zone, the systems they declared, the key of ids (ARCHITECTURE.md, 13, 14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEVELOPMENT_KEY = b"ieum development key: ids made with it are not secret"


@dataclass(frozen=True, slots=True)
class MapContext:
    """Everything a map takes from a site; the defaults work without one.

    `identifier_systems`: assigning authority as sent (`CX.4.1` or `CX.4.2`) → URI; `code_systems`: coding system as sent (`CWE.3`) →
    URI; `national_systems`: URIs of national person identifiers, whose values a later stage replaces by keyed tokens; `zone`: IANA
    name for times without an offset, "" when the sender declared none; `overlays`: folders shaped like `mappings/`, later ones win.
    """

    sender: str = ""
    zone: str = ""
    identifier_systems: Mapping[str, str] = field(default_factory=dict)
    code_systems: Mapping[str, str] = field(default_factory=dict)
    national_systems: tuple[str, ...] = ()
    id_key: bytes = DEVELOPMENT_KEY
    recipient: str = ""
    recipient_reference: str = ""
    overlays: tuple[Path, ...] = ()
