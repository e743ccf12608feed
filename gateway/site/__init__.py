"""A site: the directory an operator owns and versions, read, checked and loaded as one (ARCHITECTURE.md, "Nouns").

    site.yaml  participants/ID.yaml  agreements/ID.yaml  policies/*.yaml (and *.cases.yaml)  mappings/  profiles/  keys/

Nothing of a broken site is loaded. Every problem names its file and line; the content digest is the site revision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.model.agreement import Site
from gateway.site import nouns
from gateway.site.cross import Files, cross_problems
from gateway.site.policies import merged, register_problems
from gateway.site.revision import revision
from gateway.site.schema import Kind, schema_problems
from gateway.site.selection import (
    agreements_for,
    client_of,
    endpoint_of,
    in_force,
    keeps,
    listeners,
    participant_of_key,
    reading_agreements,
    written_types,
)
from gateway.site.text import CASES, Problem, Unreadable, Written, broken, read_yaml

__all__ = [
    "Problem",
    "agreements_for",
    "check_site",
    "client_of",
    "endpoint_of",
    "in_force",
    "keeps",
    "listeners",
    "load_site",
    "participant_of_key",
    "reading_agreements",
    "written_types",
]  # fmt: skip


def load_site(root: Path) -> Site:
    """The site of a directory. Raises Misconfigured with one `file:line: text` per problem."""
    site, problems = check_site(root)
    if site is None:
        raise broken(problems)
    return site


def check_site(root: Path) -> tuple[Site | None, tuple[Problem, ...]]:
    """The site, or else 1..* problems, in the order of files and lines. Form first: a file of wrong form is not compared with others."""
    files, problems = _read(root)
    if files is not None and not problems:
        problems = (*cross_problems(files), *register_problems(files.register))
    if files is None or problems:
        return None, tuple(sorted(set(problems), key=lambda one: (one.file, one.line, one.text)))
    return _loaded(root, files), ()


def _read(root: Path) -> tuple[Files | None, tuple[Problem, ...]]:
    found, problems = _all(root, [root / "site.yaml"], "site")
    participants, more = _all(root, _files(root / "participants"), "participant")
    agreements, most = _all(root, _files(root / "agreements"), "agreement")
    policies, last = _all(root, _files(root / "policies"), None)
    problems += (*_strangers(root), *more, *most, *last)
    if not found:
        return None, problems
    register, contradictions = merged(policies, found[0])
    if not contradictions and not last:
        contradictions = schema_problems(register, "policies")
    return Files(root, found[0], participants, agreements, register), problems + contradictions


def _files(folder: Path) -> list[Path]:
    """Files of rules; the truth tables beside them (`*.cases.yaml`) say what is expected, and rule nothing (consent/truth.py)."""
    found = (path for path in _entries(folder) if path.is_file() and path.suffix == ".yaml")
    return sorted(path for path in found if not path.name.endswith(CASES))


def _entries(folder: Path) -> list[Path]:
    """What stands in a folder, without hidden files and copies of editors."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if not path.name.startswith(".") and not path.name.endswith("~"))


def _strangers(root: Path) -> Iterator[Problem]:
    """Files that nobody would read: a prohibition in `rules.yml` must not be lost in silence. Markdown is for people."""
    for folder in ("participants", "agreements", "policies"):
        for path in _entries(root / folder):
            if not path.is_file() or path.suffix not in (".yaml", ".md"):
                yield Problem(path.relative_to(root).as_posix(), 1, "Only files named *.yaml are read here.")


def _all(root: Path, paths: Sequence[Path], kind: Kind | None) -> tuple[list[Written], tuple[Problem, ...]]:
    """The files of one kind that have the right form, and what is wrong with the others."""
    sound: list[Written] = []
    problems: tuple[Problem, ...] = ()
    for path in paths:
        try:
            written = read_yaml(root, path)
        except Unreadable as unreadable:
            problems += (unreadable.problem,)
            continue
        found = schema_problems(written, kind) if kind else ()
        problems += found
        if not found:
            sound.append(written)
    return sound, problems


def _loaded(root: Path, files: Files) -> Site:
    participants = {w.value["id"]: nouns.participant(w.value) for w in files.participants}
    agreements = {w.value["id"]: nouns.agreement(w.value) for w in files.agreements}
    return nouns.site(root, revision(root), files.site.value, files.register.value, participants, agreements)
