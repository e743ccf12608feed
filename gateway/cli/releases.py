"""Releases of LOINC and SNOMED CT for `gateway packages`: told by the names of their files, loaded into the data directory, listed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError, Unavailable

_FOLDER = "terminology"
_ENDINGS = (".zip", ".csv")


def release_of(source: Path) -> str:
    """`loinc` or `snomed`, or empty for what is neither. Raises Unusable for an archive that cannot be read."""
    from gateway.data import data_path
    from gateway.model.wire import read_json
    from gateway.terminology.releases.source import opened

    if not (source.is_dir() and not _packed(source)) and source.suffix.lower() not in _ENDINGS:
        return ""
    forms = data_path("profiles", "releases")
    loinc, snomed = (read_json((forms / f"{name}.json").read_bytes()) for name in ("loinc", "snomed"))
    with opened(source) as files:
        names = {file.name for file in files}
    if loinc["table"]["file"].lower() in {name.lower() for name in names}:
        return "loinc"
    return "snomed" if any(name.startswith(tuple(snomed["files"]["concept"])) for name in names) else ""


def _packed(folder: Path) -> bool:
    return any((folder / part / "package.json").is_file() for part in (".", "package"))


def load_release(kind: str, source: Path, data_dir: Path, edition: str = "") -> str:
    """Load a release; gives what is to be said of it. Raises Unusable, Misconfigured, Unavailable."""
    from gateway.terminology.releases import load_loinc, load_snomed

    into = data_dir / _FOLDER / f"{kind}.db"
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable("The release cannot be written into the data directory.") from error
    count = load_loinc(source, into) if kind == "loinc" else load_snomed(source, into, edition)
    return f"{kind} with {count} concepts"


def releases(data_dir: Path) -> Iterator[dict[str, Any]]:
    """What is loaded: name, address of the code system, version, and whether it can be used."""
    from gateway.terminology.releases import open_release

    for path in sorted((data_dir / _FOLDER).glob("*.db")):
        try:
            found = open_release(path)
            yield {"name": path.stem, "version": found.version, "codeSystem": found.url, "usable": True}
        except GatewayError:
            yield {"name": path.stem, "version": "", "codeSystem": "", "usable": False}


def remove_release(name: str, data_dir: Path) -> bool:
    """Take a release out of the data directory; False when it was not there."""
    known = {path.stem: path for path in (data_dir / _FOLDER).glob("*.db")}
    if name in known:
        known[name].unlink()
    return name in known
