"""What a site checks resources against: the packages it loads, releases of terminologies, and the profiles every resource has to keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from gateway.definitions.held import Shelf
from gateway.definitions.installed import installed
from gateway.errors import Misconfigured
from gateway.model.report import Report
from gateway.terminology.content import Content
from gateway.terminology.releases import open_release
from gateway.terminology.remote import Remote
from gateway.validating.validator import Validator

_RELEASES = "terminology"


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Names only, so that it can be handed to another process: the data directory, packages by name and version, profiles."""

    data_dir: Path | None = None
    packages: tuple[tuple[str, str], ...] = ()
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """A rulebook opened."""

    validator: Validator

    def report(self, resource: Mapping[str, Any]) -> Report:
        """The findings on one resource: R4, the profiles it claims, and those of the site."""
        return self.validator.report(resource)


def open_rules(rulebook: Rulebook, remote: Remote | None = None) -> Rules:
    """The rules of a rulebook. Raises Misconfigured for a package or profile that a site requires and that is not at hand."""
    folder = rulebook.data_dir
    if folder is None and rulebook.packages:
        raise Misconfigured("Packages are required, and there is no data directory to have them in.")
    shelves = shelves_of(folder, rulebook.packages) if folder else ()
    validator = Validator(installed=shelves, contents=releases_of(folder) if folder else (), remote=remote)
    by_type: dict[str, list[str]] = {}
    for url in rulebook.profiles:
        kind = validator.type_of(url)
        if not kind:
            raise Misconfigured("The site requires a profile that none of its packages has: " + url)
        by_type.setdefault(kind, []).append(url)
    return Rules(validator.requiring(by_type))


@lru_cache(maxsize=4)
def rules_of(rulebook: Rulebook) -> Rules:
    """The rules of a rulebook, opened once in a process, without a terminology server."""
    return open_rules(rulebook)


def shelves_of(data_dir: Path, packages: Iterable[tuple[str, str]]) -> tuple[Shelf, ...]:
    """The installed packages of these names and versions, with what they need. Raises Misconfigured when one is not installed."""
    placed, gaps = installed(data_dir).resolve(packages)
    if missing := [str(gap) for gap in gaps if not gap.needed_by]:
        raise Misconfigured("These packages are not installed (gateway packages add): " + ", ".join(missing))
    return tuple(one.shelf for one in placed)


def releases_of(data_dir: Path) -> tuple[Content, ...]:
    """The releases of terminologies that are loaded in a data directory."""
    folder = data_dir / _RELEASES
    return tuple(open_release(path) for path in sorted(folder.glob("*.db"))) if folder.is_dir() else ()
