"""A package compiled into a data directory: `packages/NAME#VERSION/` with the index of its facts and its resources (profiles/README.md).

The folder appears whole or not at all, and is made once for the bytes of an archive: the same package added again changes nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.definitions.build import facts_files, write_index
from gateway.definitions.facts import facts_of
from gateway.definitions.index import plain
from gateway.definitions.package import MANIFEST, Listed, Manifest, opened
from gateway.errors import Malformed, Unavailable
from gateway.model.wire import read_json, write_json

FORMAT = 1  # of the compiled folder; packages of another format are to be added again
FOLDER = "packages"
_LISTED = ("url", "version", "kind", "type", "derivation", "abstract")
_MISSHAPEN = (KeyError, TypeError, ValueError, AttributeError, IndexError)


def install(source: Path, data_dir: Path) -> Manifest:
    """Compile the package of a .tgz or folder into the data directory; gives its manifest.

    Raises Malformed, Unsupported, TooLarge for what is no package that can be used, Unavailable when it cannot be written.
    """
    package = opened(source)
    manifest = package.manifest
    if not plain(manifest.name) or not plain(manifest.version):
        raise Malformed("The name or version of the package has characters that no package has.")
    target = data_dir / FOLDER / f"{manifest.name}#{manifest.version}"
    digest = _digest(source)
    if _same(target, digest):
        return manifest
    try:
        _placed({**_compiled(package.shelf), MANIFEST: _said(manifest, package.shelf, digest)}, target)
    except OSError as error:
        raise Unavailable("The package cannot be written into the data directory.") from error
    return manifest


def remove(name: str, version: str, data_dir: Path) -> bool:
    """Take a package out of the data directory; False when it was not there."""
    target = data_dir / FOLDER / f"{name}#{version}"
    if not (plain(name) and plain(version) and target.is_dir()):
        return False
    shutil.rmtree(target)
    return True


def _digest(source: Path) -> str:
    """SHA-256 of an archive, or of the JSON files of a folder with their names."""
    if source.is_file():
        return hashlib.sha256(source.read_bytes()).hexdigest()
    found = hashlib.sha256()
    for path in sorted(p for p in source.rglob("*.json") if p.is_file()):
        name, body = path.relative_to(source).as_posix().encode(), path.read_bytes()
        found.update(b"%d %d\n" % (len(name), len(body)) + name + body)
    return found.hexdigest()


def _same(target: Path, digest: str) -> bool:
    path = target / MANIFEST
    said = read_json(path.read_bytes()) if path.is_file() else {}
    return bool(said) and said.get("format") == FORMAT and said.get("sha256") == digest


def _compiled(shelf: Listed) -> dict[str, bytes]:
    """The facts, the resources without their narrative, and where each of them is."""
    files: dict[str, bytes] = {}
    listing: dict[str, dict[str, tuple[str, str]]] = {}
    sound: list[Mapping[str, Any]] = []
    for number, (name, raw) in enumerate(shelf.each()):
        kept = name if plain(name) else f"{number}.json"
        listing.setdefault(raw["resourceType"], {})[raw["url"]] = (str(raw.get("version", "")), kept)
        files[f"resources/{kept}"] = write_json({k: v for k, v in raw.items() if k != "text"})
        if _shaped(raw):
            sound.append({**raw, "id": raw["id"] if plain(str(raw.get("id", ""))) else str(number)})
    return {**files, **facts_files(_named(sound), _LISTED), "resources.json": write_json(listing)}


def _shaped(raw: Mapping[str, Any]) -> bool:
    """Whether facts can be taken from a resource; one that is not shaped as it should be is kept, and unknown."""
    try:
        return facts_of(raw) is not None and all(isinstance(base, str) for base in raw.get("base", ()))
    except _MISSHAPEN:
        return False


def _named(resources: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Two resources of one type must not share a file."""
    taken: set[tuple[str, str]] = set()
    for number, raw in enumerate(resources):
        key = (raw["resourceType"], raw["id"].lower())
        yield {**raw, "id": f"{number}-{raw['id'][:64]}"} if key in taken else raw
        taken.add(key)


def _said(manifest: Manifest, shelf: Listed, digest: str) -> bytes:
    said = {
        "name": manifest.name,
        "version": manifest.version,
        "fhir": manifest.fhir,
        "format": FORMAT,
        "sha256": digest,
    }
    return write_json({**said, "dependencies": manifest.dependencies, "counts": shelf.counts()}, pretty=True)


def _placed(files: Mapping[str, bytes], target: Path) -> None:
    """Written beside its place and moved there; what stood there before is taken away after."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=target.parent) as room:
        write_index(files, Path(room) / "made")
        if target.exists():
            target.rename(Path(room) / "before")
        (Path(room) / "made").rename(target)
