"""`gateway validate FILE…`: what is wrong with documents of FHIR, HL7 v2 or another standard, for people or as OperationOutcome."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gateway.cli.documents import LINES, STDIN, Document, documents, found
from gateway.cli.speaking import Lang
from gateway.errors import Malformed, Misconfigured, Unusable
from gateway.model.report import Report
from gateway.model.wire import write_json
from gateway.standards.judge import FHIR, Judge, judge_of, judged, known, moved

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.validating import Validator

_MANY = 20  # from so many files on, progress is shown and what is fine is only counted
Level = Literal["error", "warning", "hint"]
_FILE = "http://hl7.org/fhir/StructureDefinition/operationoutcome-file"
Judged = Iterator[tuple[Document, Report]]


def validate_command(
    files: Annotated[list[Path], typer.Argument(help="Documents, folders of them, or - for standard input.")],
    standard: Annotated[
        str, typer.Option("--as", help="The standard of the documents (fhir, hl7v2 …); else it is told by content.")
    ] = "",
    profile: Annotated[
        list[str] | None, typer.Option("--profile", help="A profile that FHIR documents must keep.")
    ] = None,
    package: Annotated[
        list[str] | None,
        typer.Option("--package", help="A FHIR package with profiles: a .tgz, a folder, or name#version as installed."),
    ] = None,
    resource: Annotated[
        list[Path] | None,
        typer.Option("--resource", exists=True, dir_okay=False, help="A profile, value set … in a file of its own."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="OperationOutcome as JSON: one document, or one line for each of many.")
    ] = False,
    level: Annotated[Level, typer.Option("--level", help="The least that is shown.")] = "hint",
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Every finding, where its rule can be read, and the documents that are fine."),
    ] = False,
    lang: Annotated[
        Lang | None, typer.Option("--lang", help="The language of the page; else that of the terminal (LANG).")
    ] = None,
) -> None:
    """Check documents. Exit code 0: nothing wrong, 1: findings of severity error, 2: unusable arguments."""
    try:
        judge = judge_for(standard, profile or (), package or (), resource or ())
        paths = list(found(files))
    except (Unusable, Misconfigured, OSError) as refused:
        typer.echo(_told(refused), err=True)
        raise typer.Exit(2) from refused
    reports = ((document, _report(judge, document)) for document in documents(paths, standard))
    if as_json:
        fine = _print_json(reports, alone=len(paths) == 1 and not paths[0].name.endswith(LINES))
    else:
        fine = _print(reports, paths, level, verbose=verbose, lang=lang or "")
    raise typer.Exit(0 if fine else 1)


def judge_for(
    standard: str, profiles: Sequence[str] = (), packages: Sequence[str] = (), resources: Sequence[Path] = ()
) -> Judge:
    """Bytes to a Report, by the standard named or told by content.

    Raises Misconfigured for a standard that is not there, Unusable for a package or resource that cannot be read.
    """
    if standard and not known(standard):
        raise Misconfigured(f"There is no such standard here: {standard}")
    validator = _validator(tuple(packages), tuple(resources))
    if packages or resources:
        try:
            validator()
        except Unusable as unusable:
            raise type(unusable)(unusable.text, *(unusable.positions or packages)) from unusable
    if unknown := [url for url in profiles if not validator().type_of(url)]:
        raise Misconfigured("There is no such profile at hand: " + ", ".join(unknown))
    fhir = judge_of(validator, profiles)
    return lambda body: judged(body, fhir, standard)


def _validator(packages: tuple[str, ...], resources: tuple[Path, ...]) -> Callable[[], Validator]:
    @cache
    def made() -> Validator:
        from gateway.settings import Settings
        from gateway.validating import Validator
        from gateway.validating.rulebook import releases_of, shelves_of

        folder = Settings().data_dir
        here = [Path(name) for name in packages if Path(name).exists()]
        there = [_named(name) for name in packages if not Path(name).exists()]
        shelves = shelves_of(folder, there) if there else ()
        given = [_conformance(path) for path in resources]
        return Validator(here, given, installed=shelves, contents=releases_of(folder))

    return made


def _named(package: str) -> tuple[str, str]:
    """`hl7.fhir.us.core#6.1.0`: the name and version of an installed package. Raises Misconfigured for what is no such name."""
    name, mark, version = package.partition("#")
    if not mark or "/" in package:
        raise Misconfigured(f"There is no such file: {package}. An installed package is named name#version.")
    return name, version


def _conformance(path: Path) -> Any:
    """A resource in a file. Raises Malformed, with file, line and column, for what is none."""
    from gateway.definitions.library import core
    from gateway.definitions.xml_form import read_fhir
    from gateway.validating.positions import why

    body = path.read_bytes()
    try:
        resource, _ = read_fhir(body, core())
    except Unusable as unusable:
        fault = why(body)
        raise Malformed(fault.text, f"{path}:{fault.line}:{fault.column}") from unusable
    if not isinstance(resource, dict) or not isinstance(resource.get("url"), str):
        raise Malformed("This is no conformance resource: it has no canonical address (url).", str(path))
    return resource


def _told(refused: Unusable | Misconfigured | OSError) -> str:
    if isinstance(refused, OSError):
        return f"{refused.filename}: {refused.strerror}"
    return " ".join((refused.text, *refused.positions))


def _report(judge: Judge, document: Document) -> Report:
    """The findings on a document, or what was found about the batch that documents are in, by the lines of their file."""
    return moved(judge(document.body) if document.report is None else document.report, document.line)


def _print_json(reports: Judged, *, alone: bool) -> bool:
    fine = True
    early = list(islice(reports, 2))
    alone = alone and len(early) < 2  # and no batch
    for document, report in chain(early, reports):
        fine = fine and report.ok
        outcome = report.as_outcome()
        if not alone:
            named = {"extension": [{"url": _FILE, "valueString": document.name}]}
            outcome = {"resourceType": outcome["resourceType"], **named, "issue": outcome["issue"]}
        typer.echo(write_json(outcome, pretty=alone).decode())
    return fine


def _print(reports: Judged, paths: Sequence[Path], level: Level, *, verbose: bool, lang: str) -> bool:
    from rich.console import Console

    from gateway.cli.findings import Page, Words

    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # a terminal that lacks a letter of a record still shows the rest
    console = Console(highlight=False, soft_wrap=True)
    page = Page(console, Words.of(lang), level, verbose, brief=len(paths) >= _MANY and not verbose)
    with _progress(console, len(paths)) as shown:
        for document, report in shown(reports):
            page.show(document, report)
    page.total()
    return page.fine


@contextmanager
def _progress(console: Console, size: int) -> Iterator[Callable[[Judged], Iterable[tuple[Document, Report]]]]:
    """A bar below what is printed, or on standard error when the rest goes into a file."""
    from rich.console import Console

    bar = console if console.is_terminal else Console(stderr=True)
    if size < _MANY or not bar.is_terminal:
        yield lambda reports: reports
        return
    from rich.progress import Progress

    with Progress(console=bar, transient=True) as progress:
        task = progress.add_task("", total=size)

        def advancing(reports: Judged) -> Iterator[tuple[Document, Report]]:
            for document, report in reports:
                yield document, report
                progress.update(task, completed=document.number, description=document.name[-40:])

        yield advancing


__all__ = ["FHIR", "STDIN", "judge_for", "validate_command"]
