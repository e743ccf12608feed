"""Secrets that a site names and never holds: an environment variable, or `file:NAME` in the folder of secrets of the data directory."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.errors import Misconfigured


def secret_of(folder: Path, named: str) -> str:
    """The secret, read when it is used, so that it can be changed without a restart. Raises Misconfigured."""
    name = named.removeprefix("file:")
    try:
        return ((folder / name).read_text() if name != named else os.environ[name]).strip()
    except (OSError, KeyError) as error:
        raise Misconfigured("A secret that the site names is missing.") from error
