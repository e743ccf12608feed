"""`gateway validate FILE…`: what is wrong with documents of FHIR, HL7 v2 or another standard, for people or as OperationOutcome."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.text import Text

from gateway.errors import Misconfigured, Unusable
from gateway.model.report import Finding, Report
from gateway.model.wire import write_json

_STYLES = {"fatal": "bold red", "error": "red", "warning": "yellow", "information": "cyan"}
_MANY = 20  # from so many files on, progress is shown
Judge = Callable[[bytes], Report]


def validate_command(
    files: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, help="Documents to check.")
    ],
    standard: Annotated[
        str, typer.Option("--as", help="The standard of the documents (fhir, hl7v2 …); else it is told by content.")
    ] = "",
    profile: Annotated[
        list[str] | None, typer.Option("--profile", help="A profile that FHIR documents must keep.")
    ] = None,
    package: Annotated[
        list[Path] | None,
        typer.Option("--package", exists=True, dir_okay=False, help="A FHIR package (.tgz) with profiles."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="OperationOutcome as JSON: one document, or one line for each of many.")
    ] = False,
) -> None:
    """Check documents. Exit code 0: nothing wrong, 1: findings of severity error, 2: unusable arguments."""
    try:
        judge = judge_for(standard, profile or (), package or ())
    except (Unusable, Misconfigured) as refused:
        Console(stderr=True).print(refused.text, style="red", markup=False)
        raise typer.Exit(2) from refused
    reports = [(path, judge(path.read_bytes())) for path in _shown(files)]
    if as_json:
        _print_json([report for _, report in reports])
    else:
        _print(reports, Console())
    raise typer.Exit(0 if all(report.ok for _, report in reports) else 1)


def judge_for(standard: str, profiles: Sequence[str], packages: Sequence[Path]) -> Judge:
    """Bytes to a Report, by the standard named or told by content. Raises Misconfigured for a standard that is not there."""
    if standard and standard != "fhir" and not _plugged(standard):
        raise Misconfigured("There is no such standard here: " + standard)
    fhir = _fhir(profiles, packages)

    def judge(body: bytes) -> Report:
        name = standard or told(body)
        return fhir(body) if name == "fhir" else _other(name, body)

    return judge


def told(body: bytes) -> str:
    """`hl7v2` when the document starts with MSH after a byte order mark or the start of an MLLP block, else `fhir`."""
    return "hl7v2" if body[:16].lstrip(b"\xef\xbb\xbf\x0b\r\n \t").startswith(b"MSH") else "fhir"


def _fhir(profiles: Sequence[str], packages: Sequence[Path]) -> Judge:
    from gateway.validating import Validator

    validator = Validator(packages)
    return lambda body: validator.report(body, profiles)


def _other(standard: str, body: bytes) -> Report:
    """The parse and the check of a plugged standard."""
    plugged = import_module(f"gateway.standards.{standard}")
    try:
        parsed = plugged.parse(body)
    except Unusable as unusable:
        positions = unusable.positions or ("",)
        return Report(tuple(Finding("fatal", unusable.issue, place, unusable.text, "readable") for place in positions))
    checked: Report = plugged.check(parsed)
    return checked


def _plugged(standard: str) -> bool:
    return (
        standard.isidentifier()
        and find_spec("gateway.standards") is not None
        and bool(find_spec(f"gateway.standards.{standard}"))
    )


def _shown(files: Sequence[Path]) -> Iterator[Path]:
    if len(files) < _MANY or not sys.stderr.isatty():
        yield from files
    else:
        yield from track(files, "Checking", console=Console(stderr=True), transient=True)


def _print_json(reports: Sequence[Report]) -> None:
    for report in reports:
        typer.echo(write_json(report.as_outcome(), pretty=len(reports) == 1).decode())


def _print(reports: Sequence[tuple[Path, Report]], console: Console) -> None:
    for path, report in reports:
        console.print(Text(str(path), "bold") + Text("" if report.findings else "  ok", "green"), soft_wrap=True)
        for finding in report.findings:
            console.print(_line(finding), soft_wrap=True)
    console.print(_count(reports))


def _line(finding: Finding) -> Text:
    line = Text("  ") + Text(f"{finding.severity:<12}", _STYLES[finding.severity])
    line += Text(finding.expression or "(document)", "bold") + Text(f"  {finding.text}")
    extras = [
        f"{name} {value!r}" for name, value in (("found", finding.found), ("expected", finding.expected)) if value
    ]
    return line + Text(f"  {', '.join(extras)}" if extras else "", "dim") + Text(f"  [{finding.rule}]", "dim")


def _count(reports: Sequence[tuple[Path, Report]]) -> Text:
    severities = [finding.severity for _, report in reports for finding in report.findings]
    errors = sum(s in ("error", "fatal") for s in severities)
    said = f"{len(reports)} files, {errors} errors, {severities.count('warning')} warnings"
    return Text(said, "red" if errors else "green")
