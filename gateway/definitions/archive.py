"""Packages of conformance resources, read in memory and within limits (npm tarballs as FHIR uses them; Package specification).

Nothing is ever unpacked to disk: a member is a name and bytes. Names that climb, links, devices and sizes over the limit are refused.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import Malformed, TooLarge, Unsupported

MAX_MEMBER = 20_000_000
MAX_TOTAL = 400_000_000
MAX_MEMBERS = 20_000


def members(archive: bytes | Path) -> Iterator[tuple[str, bytes]]:
    """The JSON files directly in `package/` of a .tgz: 0..* (file name, bytes), in the order of the archive.

    Raises Malformed when it is no such archive or holds a name that leaves it, TooLarge over a limit.
    """
    try:
        with _opened(archive) as tar:
            total = 0
            for count, member in enumerate(tar):
                total += member.size
                _bounded(member, total, count)
                if name := _wanted(member):
                    yield name, _read(tar, member)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise Malformed("The package is not a readable .tgz archive.") from error


def member_of_wheel(wheel: Path, name: str) -> bytes:
    """One file out of a wheel (a zip). Raises Malformed when it is not there, TooLarge over the limit."""
    try:
        with zipfile.ZipFile(wheel) as zipped:
            if zipped.getinfo(name).file_size > MAX_MEMBER:
                raise TooLarge("The file in the wheel is over the limit of size.")
            return zipped.read(name)
    except (KeyError, zipfile.BadZipFile, OSError) as error:
        raise Malformed("The wheel does not hold the expected file: " + name) from error


def _opened(archive: bytes | Path) -> tarfile.TarFile:
    if isinstance(archive, bytes):
        return tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz")
    return tarfile.open(archive, mode="r:gz")


def _bounded(member: tarfile.TarInfo, total: int, count: int) -> None:
    if member.size > MAX_MEMBER or total > MAX_TOTAL or count > MAX_MEMBERS:
        raise TooLarge("The package is over a limit of size or number of files.")


def _wanted(member: tarfile.TarInfo) -> str:
    """The bare file name of `package/x.json`, else empty. Folders below `package/` (examples, other) are left out."""
    parts = member.name.split("/")
    if ".." in parts or member.name.startswith("/") or "\\" in member.name:
        raise Malformed("A name in the package leaves the package.")
    if member.issym() or member.islnk() or member.isdev():
        raise Unsupported("The package holds a link or a device.")
    flat = len(parts) == 2 and parts[0] == "package" and member.isfile()
    return parts[1] if flat and parts[1].endswith(".json") else ""


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    handle = tar.extractfile(member)
    if handle is None:
        raise Malformed("A file in the package cannot be read.")
    return handle.read()
