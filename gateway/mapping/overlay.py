"""The overlays of a site: which folders speak for an exchange, and the last state of them that was sound (ARCHITECTURE.md, maps).

    SITE/mappings/                 the site's own rows: its jurisdiction, its conventions
    SITE/mappings/senders/ID/      for what this participant sends        SITE/mappings/receivers/ID/  for what goes to it

Base < jurisdiction < sender < receiver. Files may change while a node runs: a new state is compiled and checked whole before it takes
the place of the old one; a state that is not sound is refused with file and line, and the old one stays.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock

from gateway.errors import Misconfigured
from gateway.mapping.compile import Compiler
from gateway.mapping.load import FOLDERS, Library, shown

SENDERS, RECEIVERS = "senders", "receivers"
MOST_SHOWN = 20
MOST_HELD = 256  # compiled states; beyond, the one made first goes
PAUSE = 1.0  # seconds between two looks at the files
_UNSOUND = "The maps of this site are not sound; no document goes by them until its operator has put them right."
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
Roots = tuple[Path, ...]
Stamp = tuple[tuple[str, int, int, int, int], ...]


def layers(mappings: Path, sender: str = "", receiver: str = "") -> Roots:
    """The folders that speak for an exchange, weakest first, 0..3 of them: only those that are there."""
    named = [(SENDERS, sender), (RECEIVERS, receiver)]
    folders = [mappings, *(mappings / kind / name for kind, name in named if _ID.fullmatch(name))]
    return tuple(folder for folder in folders if folder.is_dir())


def combinations(mappings: Path) -> Iterator[Roots]:
    """The orders of folders that need a look of their own: the site's, with each sender, each receiver, and two that write on one file."""
    senders, receivers = (
        {name: _written(mappings / kind / name) for name in _names(mappings / kind)} for kind in (SENDERS, RECEIVERS)
    )
    yield layers(mappings)
    yield from (layers(mappings, sender) for sender in senders)
    yield from (layers(mappings, "", receiver) for receiver in receivers)
    for sender, ours in senders.items():
        yield from (layers(mappings, sender, receiver) for receiver, theirs in receivers.items() if ours & theirs)


def _written(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in files(root)}


def unknown(mappings: Path, participants: Collection[str]) -> Iterator[str]:
    """Folders of participants that the site does not have, and what else stands beside them: nobody would read it."""
    for kind in (SENDERS, RECEIVERS):
        for path in sorted((mappings / kind).glob("*")):
            if (
                not (path.is_dir() and path.name in participants)
                and path.suffix != ".md"
                and not _is_aside((path.name,))
            ):
                yield f"{shown(path)}:1: there is no such participant"


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def strangers(root: Path, library: Library) -> Iterator[str]:
    """Files of an overlay that nobody would read, `file:line: …`: a row in `segment/PID.yaml` must not be lost in silence."""
    for path in files(root):
        parts = path.relative_to(root).parts
        ours = parts[0] == library.standard or not (library.roots[0] / parts[0]).is_dir()
        if ours and not _is_read(parts, library):
            yield f"{library.label(path)}:1: nothing reads this file"


def _is_read(parts: tuple[str, ...], library: Library) -> bool:
    """Markdown is for people; everything else has its place."""
    standard, *folder, name = ("", *parts) if len(parts) == 1 else parts
    stem, _, ending = name.rpartition(".")
    if ending == "md" or name == "names.yaml":
        return ending == "md" or not standard
    if folder == ["codes"]:
        return name == "tables.yaml" or (ending == "csv" and stem in library.tables())
    return standard == library.standard and ending == "yaml" and "/".join(folder or ["."]) in FOLDERS


def files(root: Path) -> list[Path]:
    """The files of one overlay, in order, without those of participants, hidden ones and copies of editors."""
    found = []
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if parts[0] not in (SENDERS, RECEIVERS) and not _is_aside(parts) and path.is_file():
            found.append(path)
    return found


def _is_aside(parts: tuple[str, ...]) -> bool:
    return any(part.startswith(".") for part in parts) or parts[-1].endswith("~")


def mapped_standards(root: Path) -> list[str]:
    """The standards that a folder of maps speaks of, in order."""
    found = {path.relative_to(root).parts[0] for pattern in ("*/*.yaml", "*/*/*.yaml") for path in root.glob(pattern)}
    return sorted(found - {"codes"})


def sound(standard: str, roots: Roots) -> Compiler:
    """Everything of a standard compiled over these roots. Raises Misconfigured with 1..* lines `file:line: …`."""
    compiler = Compiler(Library(standard, roots))
    found = overlay_problems(compiler)
    if found:
        more = (f"… and {len(found) - MOST_SHOWN} more",) if len(found) > MOST_SHOWN else ()
        raise Misconfigured("\n".join(found[:MOST_SHOWN] + more))
    return compiler


def overlay_problems(compiler: Compiler) -> tuple[str, ...]:
    """What is wrong with maps, tables and files of a library and its overlays: 0..* lines `file:line: …`."""
    from gateway.mapping.check import problems

    found = tuple(problems(compiler))
    library = compiler.library
    return found or tuple(line for root in library.roots[1:] for line in strangers(root, library))


def stamp(roots: Roots) -> Stamp:
    """What tells one state of the files from another without reading them."""
    made = []
    for root in roots:
        for path in files(root):
            about = path.stat()
            made.append((str(path), about.st_ino, about.st_mtime_ns, about.st_ctime_ns, about.st_size))
    return tuple(made)


@dataclass(slots=True)
class _Held:
    """The state in force (None: there has been no sound one), the stamp that was looked at, and until when it holds unasked."""

    compiler: Compiler | None
    stamp: Stamp
    until: float


@dataclass(slots=True)
class Overlays:
    """The compilers of roots with overlays, each the last sound state of its files."""

    clock: Callable[[], float] = time.monotonic
    pause: float = PAUSE
    _held: dict[tuple[str, Roots], _Held] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def compiler(self, standard: str, roots: Roots) -> Compiler:
        """The last sound state. Raises Misconfigured when there has been none; file and line are in the log, and not for a sender."""
        held = self._held.get((standard, roots))
        if held is None or self.clock() >= held.until:
            with self._lock:
                held = self._looked(standard, roots)
        if held.compiler is None:
            raise Misconfigured(_UNSOUND)
        return held.compiler

    def _looked(self, standard: str, roots: Roots) -> _Held:
        held = self._held.get((standard, roots))
        if held is not None and self.clock() < held.until:
            return held
        now = _stamp(roots)
        if held is None or now != held.stamp:
            held = self._held[standard, roots] = self._renewed(held, standard, roots, now)
            while len(self._held) > MOST_HELD:
                del self._held[next(iter(self._held))]
        held.until = self.clock() + self.pause
        return held

    def _renewed(self, held: _Held | None, standard: str, roots: Roots, now: Stamp) -> _Held:
        """The new state when it is sound and nobody wrote meanwhile, else the old one."""
        try:
            made: Compiler | None = sound(standard, roots)
            refused = ""
        except Misconfigured as error:
            made, refused = None, error.text
        except OSError:  # a file went while it was read: look again
            made, refused = None, f"{shown(roots[-1])}: the files change while they are read"
        if made is not None and _stamp(roots) != now:
            made, refused = None, f"{shown(roots[-1])}: the files change while they are read"
        if made is None:
            _told(refused)
        old = held.compiler if held is not None else None
        return _Held(made or old, now, 0.0)


def _stamp(roots: Roots) -> Stamp:
    """The stamp of the overlays; what is shipped does not change while it runs."""
    try:
        return stamp(roots[1:])
    except OSError:
        return ()  # like no other: they are looked at again


def _told(refused: str) -> None:
    """Names of files and rules, never values of a record."""
    import structlog

    structlog.get_logger("gateway.maps").warning("overlay refused", problems=refused.splitlines())


OVERLAYS = Overlays()


def look_at(base: Path, mappings: Path, participants: Collection[str]) -> None:
    """Every order of a site's overlays, compiled before the first document comes. Raises Misconfigured; file and line are in the log."""
    if lines := list(unknown(mappings, participants)):
        _told("\n".join(lines))
        raise Misconfigured(_UNSOUND)
    for order in combinations(mappings):
        for standard in mapped_standards(base) if order else ():
            OVERLAYS.compiler(standard, (base, *order))


def compiler(standard: str, roots: tuple[Path, ...]) -> Compiler:
    """The compiler of a standard over these roots: one per process, with overlays their last sound state. Raises Misconfigured."""
    if len(roots) == 1:
        return _shipped(standard, roots)
    return OVERLAYS.compiler(standard, roots)


@cache
def _shipped(standard: str, roots: tuple[Path, ...]) -> Compiler:
    return Compiler(Library(standard, roots))
