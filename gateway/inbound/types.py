"""The two parts of an address of the façade: a resource type of R4, and an id (FHIR R4, datatypes.html#id)."""

from __future__ import annotations

import re

from gateway.definitions.library import core
from gateway.errors import NotFound

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}", re.ASCII)


def type_named(text: str) -> str:
    """A resource type of R4. Raises NotFound."""
    if not _TYPE.fullmatch(text) or text not in core().resource_types:
        raise NotFound
    return text


def id_named(text: str) -> str:
    """An id. Raises NotFound."""
    if not _ID.fullmatch(text):
        raise NotFound
    return text
