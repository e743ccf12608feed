"""The site revision: a digest of everything in a site that is versioned, so that each decision can be traced to the rules of its day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("participants", "agreements", "policies", "mappings", "profiles")
_DIGITS = 16


def revision(root: Path) -> str:
    """16 hex digits of SHA-256 over the sorted relative paths and bytes of the versioned files. Secrets (`keys/`) do not count."""
    digest = hashlib.sha256()
    for path in sorted(_versioned(root), key=lambda path: path.relative_to(root).as_posix()):
        name, body = path.relative_to(root).as_posix().encode(), path.read_bytes()
        digest.update(b"%d %d\n" % (len(name), len(body)) + name + body)
    return digest.hexdigest()[:_DIGITS]


def _versioned(root: Path) -> Iterator[Path]:
    yield root / "site.yaml"
    for folder in FOLDERS:
        for path in (root / folder).rglob("*"):
            hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(root).parts)
            if path.is_file() and not hidden and not path.name.endswith("~"):
                yield path
