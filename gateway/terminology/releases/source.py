"""The files of a release, in a folder or a zip, read as a stream and within limits; nothing is unpacked to disk."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from gateway.errors import Malformed, TooLarge, Unsupported

MAX_MEMBERS = 20_000
MAX_MEMBER = 8_000_000_000
MAX_TOTAL = 24_000_000_000
MAX_RATIO = 200
MAX_LINE = 1_000_000
_SMALL = 1_000_000  # bytes; how well a small file packs is no sign of anything
_BUFFER = 1 << 18
_ENCRYPTED = 0x1
_BROKEN = (UnicodeDecodeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class File:
    """One file of a release: its path inside, and how to open it."""

    path: str
    open: Callable[[], IO[bytes]]

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name

    def lines(self) -> Iterator[str]:
        """Lines of UTF-8 without their ends. Raises Malformed, TooLarge."""
        try:
            with self.open() as raw, io.BufferedReader(cast(io.RawIOBase, raw), _BUFFER) as handle:
                first = True
                while line := handle.readline(MAX_LINE + 1):
                    if len(line) > MAX_LINE:
                        raise TooLarge("A line of the release is over the limit of length.")
                    yield line.decode("utf-8-sig" if first else "utf-8").rstrip("\r\n")
                    first = False
        except _BROKEN as error:
            raise Malformed("A file of the release cannot be read.") from error


@contextmanager
def opened(source: Path) -> Iterator[tuple[File, ...]]:
    """The files of a folder, a zip, or the one file that the path names. Raises Malformed, TooLarge, Unsupported."""
    if source.is_dir():
        yield tuple(_in_folder(source))
    elif not source.is_file():
        raise Malformed("The release is not there.")
    elif not zipfile.is_zipfile(source):
        yield (File(source.name, lambda: source.open("rb")),)
    else:
        try:
            with zipfile.ZipFile(source) as zipped:
                yield tuple(_in_zip(zipped))
        except zipfile.BadZipFile as error:
            raise Malformed("The release is not a readable zip.") from error


def _in_folder(root: Path) -> Iterator[File]:
    """Regular files below a folder; a link that leads out of it is left alone."""
    home = root.resolve()
    for count, path in enumerate(sorted(root.rglob("*"))):
        if count >= MAX_MEMBERS:
            raise TooLarge("The release has too many files.")
        if path.is_file() and path.resolve().is_relative_to(home):
            yield File(path.relative_to(root).as_posix(), _opener(path))


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def _in_zip(zipped: zipfile.ZipFile) -> Iterator[File]:
    infos = zipped.infolist()
    if len(infos) > MAX_MEMBERS or sum(info.file_size for info in infos) > MAX_TOTAL:
        raise TooLarge("The release is over a limit of size or number of files.")
    for info in infos:
        _sound(info)
        if not info.is_dir():
            yield File(info.filename, _member(zipped, info))


def _member(zipped: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: zipped.open(info)


def _sound(info: zipfile.ZipInfo) -> None:
    parts = info.filename.split("/")
    if ".." in parts or info.filename.startswith("/") or "\\" in info.filename or ":" in parts[0]:
        raise Malformed("A name in the release leaves the release.")
    if info.flag_bits & _ENCRYPTED:
        raise Unsupported("The release is encrypted.")
    packed_well = info.file_size > MAX_RATIO * max(info.compress_size, 1) and info.file_size > _SMALL
    if info.file_size > MAX_MEMBER or packed_well:
        raise TooLarge("A file of the release is over a limit of size.")
