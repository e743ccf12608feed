"""The packages of a data directory, and which of them a site needs (FHIR package specification, "dependencies")."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.definitions.canonical import fits, newest
from gateway.definitions.index import Index
from gateway.definitions.install import FOLDER, FORMAT
from gateway.definitions.package import MANIFEST, Manifest
from gateway.errors import Unusable
from gateway.model.wire import read_json

_BUILT_IN = ("hl7.fhir.r4.core", "hl7.fhir.r4b.core", "hl7.fhir.r4.expansions", "hl7.fhir.r4.examples", "hl7.fhir.core")
_NEWEST = ("", "current", "latest", "dev", "*", "x")


@dataclass(frozen=True, slots=True)
class Placed:
    """A compiled package. `counts` resource type → number; `usable` is False when it was compiled in another format."""

    manifest: Manifest
    root: Path
    counts: Mapping[str, int] = field(default_factory=dict)
    usable: bool = True

    @property
    def shelf(self) -> Index:
        """Its definitions."""
        return Index(self.root, self.manifest.version)


@dataclass(frozen=True, slots=True)
class Gap:
    """A package that is needed and not at hand; `needed_by` is the package that names it, empty for the one who asked."""

    name: str
    version: str
    needed_by: str = ""

    def __str__(self) -> str:
        return f"{self.name}#{self.version}" + (f" (needed by {self.needed_by})" if self.needed_by else "")


@dataclass(frozen=True, slots=True)
class Installed:
    """The 0..* packages of a data directory."""

    packages: tuple[Placed, ...] = ()

    def resolve(self, required: Iterable[tuple[str, str]]) -> tuple[tuple[Placed, ...], tuple[Gap, ...]]:
        """Names and versions (exact, `6.x`, a range, `current`) to packages, those asked first, then what they need; and 0..* gaps."""
        waiting = deque((name, version, "") for name, version in required)
        found: dict[Path, Placed] = {}
        gaps: list[Gap] = []
        while waiting:
            name, version, needed_by = waiting.popleft()
            if needed_by and name in _BUILT_IN:
                continue
            placed = self.find(name, version)
            if placed is None:
                gaps.append(Gap(name, version, needed_by))
            elif placed.root not in found:
                found[placed.root] = placed
                waiting.extend((n, v, name) for n, v in placed.manifest.dependencies.items())
        return tuple(found.values()), tuple(dict.fromkeys(gaps))

    def find(self, name: str, version: str) -> Placed | None:
        """The package of that name in that version, or the newest that fits."""
        named = {p.manifest.version: p for p in self.packages if p.manifest.name == name and p.usable}
        if version in named:
            return named[version]
        fitting = [there for there in named if version in _NEWEST or fits(version, there)]
        return named.get(newest(fitting))

    def gaps_of(self, placed: Placed) -> tuple[Gap, ...]:
        """What a package needs, itself and through others, and is not at hand."""
        return self.resolve([(placed.manifest.name, placed.manifest.version)])[1]


def installed(data_dir: Path) -> Installed:
    """The packages of a data directory, by name and version; a folder that is no compiled package is passed over."""
    folder = data_dir / FOLDER
    roots: Sequence[Path] = sorted(folder.iterdir()) if folder.is_dir() else ()
    found = (_placed(root) for root in roots if not root.name.startswith(".") and (root / MANIFEST).is_file())
    return Installed(tuple(one for one in found if one is not None))


def _placed(root: Path) -> Placed | None:
    try:
        said = read_json((root / MANIFEST).read_bytes())
        manifest = Manifest(said["name"], said["version"], said["fhir"], said["dependencies"])
        return Placed(manifest, root, said["counts"], said["format"] == FORMAT)
    except (OSError, Unusable, KeyError, TypeError):
        return None
