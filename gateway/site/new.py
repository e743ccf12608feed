"""A starter site: commented files in Korean and English that an operator changes into its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.errors import Misconfigured

_STARTER = Path(__file__).resolve().parent / "starter"
_IGNORED = "gitignore"  # becomes .gitignore: secrets are not versioned


def new_site(root: Path) -> tuple[Path, ...]:
    """Write the starter into a directory that is not there yet, or empty. Raises Misconfigured; gives what was written."""
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise Misconfigured("The directory is not empty; a new site is only written where nothing stands.")
    shutil.copytree(_STARTER, root, dirs_exist_ok=True)
    (root / _IGNORED).rename(root / f".{_IGNORED}")
    return tuple(sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file()))
