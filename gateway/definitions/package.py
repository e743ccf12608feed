"""FHIR packages from a .tgz or a folder, read as they are asked for (FHIR package specification: `package/package.json`, `.index.json`).

Opening a package reads its manifest and its listing; a resource is parsed when it is looked up. A listing that does not say what a file
holds makes that file unknown, and files it leaves out are looked into.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from gateway.definitions.archive import MAX_MEMBER, MAX_MEMBERS, MAX_TOTAL, members
from gateway.definitions.facts import Facts, facts_of
from gateway.definitions.held import Held, Raw
from gateway.errors import Malformed, TooLarge, Unsupported, Unusable
from gateway.model.wire import read_json

MANIFEST = "package.json"
LISTING = ".index.json"
EXAMPLES = ("package/example", "package/examples")
_R4 = ("4.0.1", "4.3.0", "4.0.0")
_CORES = {"hl7.fhir.r4.core": "4.0.1", "hl7.fhir.r4b.core": "4.3.0"}
_MOST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a package says of itself. `fhir` 4.0.1 or 4.3.0; `dependencies` name → version (`5.0.0`, `1.x`, `current`)."""

    name: str
    version: str
    fhir: str
    dependencies: Mapping[str, str]


class Files(Protocol):
    """The JSON files of a package."""

    def names(self) -> Sequence[str]: ...
    def read(self, name: str) -> bytes: ...


class Packed:
    """The files of a .tgz, kept compressed one by one."""

    def __init__(self, archive: Path) -> None:
        self._kept = {name: zlib.compress(body, 1) for name, body in members(archive)}

    def names(self) -> Sequence[str]:
        """The names of the files."""
        return tuple(self._kept)

    def read(self, name: str) -> bytes:
        """One file."""
        return zlib.decompress(self._kept[name])


class Folder:
    """The files of a folder. Links are refused, since they lead out of it."""

    def __init__(self, root: Path) -> None:
        self._root = root / "package" if (root / "package" / MANIFEST).is_file() else root
        found = sorted(p for p in self._root.iterdir() if p.suffix == ".json" and p.is_file())
        if any(p.is_symlink() for p in found):
            raise Unsupported("The package holds a link or a device.")
        sizes = [p.stat().st_size for p in found]
        if len(found) > MAX_MEMBERS or sum(sizes) > MAX_TOTAL or max(sizes, default=0) > MAX_MEMBER:
            raise TooLarge("The package is over a limit of size or number of files.")
        self._names = tuple(p.name for p in found)

    def names(self) -> Sequence[str]:
        """The names of the files."""
        return self._names

    def read(self, name: str) -> bytes:
        """One file. Raises Malformed when it went away or grew since."""
        try:
            with (self._root / name).open("rb") as handle:
                return handle.read(MAX_MEMBER + 1)
        except OSError as error:
            raise Malformed("A file in the package cannot be read.") from error


class Listed:
    """The resources of a package by type and address (a shelf); parsed when they are asked for."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._kinds: dict[str, dict[str, list[tuple[str, str]]]] = {}
        for kind, url, version, name in _listing(files):
            self._kinds.setdefault(kind, {}).setdefault(url, []).append((version, name))

    def held(self, kind: str, url: str) -> Sequence[Held]:
        """The versions under an address; mostly one."""
        found = self._kinds.get(kind, {}).get(url, ())
        made = []
        for version, name in found:
            raw = partial(self._raw, name, kind, url)
            made.append(Held(version, partial(_facts, raw), raw))
        return made

    def urls(self, kind: str) -> Iterable[str]:
        """The addresses of a type."""
        return self._kinds.get(kind, {}).keys()

    def counts(self) -> Mapping[str, int]:
        """Resource type → how many addresses."""
        return {kind: len(urls) for kind, urls in sorted(self._kinds.items())}

    def each(self) -> Iterator[tuple[str, Raw]]:
        """Every resource with its file name, in the order of types and addresses."""
        for kind, urls in sorted(self._kinds.items()):
            for url, rows in sorted(urls.items()):
                for _, name in rows[:1]:
                    if (raw := self._raw(name, kind, url)) is not None:
                        yield name, raw

    def _raw(self, name: str, kind: str, url: str) -> Raw | None:
        """The resource of a file, or None when it is not the one it was listed as."""
        try:
            resource = read_json(self._files.read(name))
        except (Unusable, KeyError):
            return None
        if not isinstance(resource, dict) or resource.get("resourceType") != kind or resource.get("url") != url:
            return None
        return resource


@dataclass(frozen=True, slots=True)
class Package:
    """A package at hand: its manifest and its resources."""

    manifest: Manifest
    shelf: Listed


def opened(path: Path) -> Package:
    """The package of a .tgz or a folder (npm layout). Raises Malformed, Unsupported (another release of FHIR), TooLarge."""
    if not path.exists():
        raise Malformed("There is no such package.")
    files: Files = Folder(path) if path.is_dir() else Packed(path)
    if MANIFEST not in files.names():
        raise Malformed("This is no FHIR package: package/package.json is missing.")
    return Package(_manifest(read_json(files.read(MANIFEST))), Listed(files))


def examples(path: Path) -> Iterator[tuple[str, Any]]:
    """The examples inside a package: 0..* (file name, resource). Raises as `opened` does."""
    if not path.is_dir():
        yield from ((name, read_json(body)) for name, body in members(path, EXAMPLES) if name != LISTING)
        return
    for start in EXAMPLES:
        for folder in (path / start, path / start.rpartition("/")[2]):
            if folder.is_dir():
                files = Folder(folder)
                yield from ((name, read_json(files.read(name))) for name in files.names() if name != LISTING)


def _manifest(said: Any) -> Manifest:
    if not isinstance(said, dict) or not all(_word(said.get(key)) for key in ("name", "version")):
        raise Malformed("This is no FHIR package: package.json names no name and version.")
    needs = said.get("dependencies")
    dependencies = {k: v for k, v in needs.items() if _word(k) and _word(v)} if isinstance(needs, dict) else {}
    if len(dependencies) > _MOST_WORDS:
        raise TooLarge("A package names more dependencies than the limit.")
    return Manifest(said["name"], said["version"], _release(said, dependencies), dependencies)


def _release(said: Mapping[str, Any], dependencies: Mapping[str, str]) -> str:
    """The release of FHIR: as the manifest says it (`fhirVersions`, once `fhir-version-list`), else by the core package it needs."""
    listed = said.get("fhirVersions", said.get("fhir-version-list"))
    names = listed if isinstance(listed, list) else [listed] if listed else []
    if not names:
        names = [_CORES[name] for name in (said["name"], *dependencies) if name in _CORES]
    for release in _R4:
        if release in names:
            return release
    raise Unsupported("The package is not for FHIR R4 or R4B (fhirVersions 4.0.1 or 4.3.0).")


def _word(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MOST_WORDS


def _listing(files: Files) -> Iterator[tuple[str, str, str, str]]:
    """(type, address, version, file) of every resource with an address: as listed, and by looking into what is not listed."""
    names = [n for n in files.names() if n not in (MANIFEST, LISTING)]
    rows = _rows(files)
    for name in names:
        row = rows.get(name)
        if row is None:
            row = _looked(files, name)
        kind, url, version = (row.get(key) for key in ("resourceType", "url", "version"))
        if isinstance(kind, str) and isinstance(url, str):
            yield kind, url, version if isinstance(version, str) else "", name


def _rows(files: Files) -> Mapping[str, Mapping[str, Any]]:
    if LISTING not in files.names():
        return {}
    try:
        listed = read_json(files.read(LISTING))
    except Unusable:
        return {}
    rows = listed.get("files") if isinstance(listed, dict) else None
    sound = [r for r in rows if isinstance(r, dict)] if isinstance(rows, list) else []
    return {r["filename"]: r for r in sound if isinstance(r.get("filename"), str)}


def _looked(files: Files, name: str) -> Mapping[str, Any]:
    try:
        found = read_json(files.read(name))
    except Unusable:
        return {}
    return found if isinstance(found, dict) else {}


def _facts(raw: partial[Raw | None]) -> Facts | None:
    resource = raw()
    return None if resource is None else facts_of(resource)
