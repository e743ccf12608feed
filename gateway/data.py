"""Where the data are that analysts edit (`mappings/`, `profiles/`, `validators/`): in the wheel, or beside the package."""

from __future__ import annotations

from pathlib import Path

from gateway.errors import Misconfigured

_PACKAGE = Path(__file__).resolve().parent


def data_path(*parts: str) -> Path:
    """The path of a data file or folder, e.g. `data_path("mappings", "hl7v2")`. Raises Misconfigured when it is not there."""
    for root in (_PACKAGE / "_data", _PACKAGE.parent):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise Misconfigured("A data file of the gateway is missing: " + "/".join(parts))
