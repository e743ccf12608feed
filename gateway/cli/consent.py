"""`gateway consent`: replay decision vectors, explain one request, take Consents on paper (exit codes: 0 fine, 1 findings, 2 unusable arguments)."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.speaking import Lang, speaking, unusable
from gateway.consent import decide
from gateway.consent.explain import explain as explained
from gateway.errors import GatewayError
from gateway.model.document import Principal
from gateway.model.wire import read_json, write_json

app = typer.Typer(no_args_is_help=True, help="Consent decisions: replay them, explain them.")
_ANSWER = ("decision", "reason", "released", "redacted", "obligations", "consentsUsed")


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="JSON with policyRegister and vectors (id, request, given, expect).")],
) -> None:
    """Decide every vector of a file; one JSON line each. Exit code 1 when one that has `expect` comes out otherwise."""
    document = _read(file)
    if not isinstance(document, Mapping) or not isinstance(document.get("vectors"), list):
        raise unusable("There are no vectors in that file.")
    differs = False
    for vector in document["vectors"]:
        result = decide(vector["request"], vector["given"], document.get("policyRegister", {}))
        answer = {name: result[name] for name in _ANSWER}
        differs = differs or ("expect" in vector and not _as_expected(answer, vector["expect"]))
        _line({"id": vector.get("id", ""), **answer})
    raise typer.Exit(1 if differs else 0)


@app.command()
def explain(
    file: Annotated[
        Path | None, typer.Argument(help="JSON with request, given and register; with --site, with request only.")
    ] = None,
    site: Annotated[
        Path | None,
        typer.Option(
            "--site", exists=True, file_okay=False, help="A site: what is on file there, and its policies, decide."
        ),
    ] = None,
    exchange: Annotated[
        str, typer.Option("--exchange", help="An exchange of that site: as it was decided, and as it would be now.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="One JSON line per step instead of a table.")] = False,
) -> None:
    """Say rule by rule why a request is decided as it is. The answer is for those who may know what was withheld."""
    if site is not None:
        told = _at_site(site, {"exchange": exchange} if exchange else _read(file) if file else None)
    elif file is None or exchange:
        raise unusable("A file is needed, or --site with a file or --exchange.")
    else:
        document = _read(file)
        if not isinstance(document, Mapping) or not document.keys() >= {"request", "given", "register"}:
            raise unusable("That file needs request, given and register.")
        told = {"steps": explained(document["request"], document["given"], document["register"])}
    _show(told, json=json)


def _show(told: dict[str, Any], *, json: bool) -> None:
    steps = told.pop("steps")
    if json:
        for step in [*steps, *([{"step": "then-and-now", **told}] if told else [])]:
            _line(step)
        return
    _table(steps)
    if told:
        typer.echo(
            f"Then: {told['then']['decision']} ({told['then']['reason']}). Now: {told['now']['decision']} ({told['now']['reason']})."
        )
        typer.echo(
            "It would be decided differently now."
            if told["wouldDecideDifferently"]
            else "It would be decided alike now."
        )


def _at_site(site: Path, asked: Any) -> dict[str, Any]:
    """The explanation by what is on file at a site; that somebody asked is on record there."""
    from gateway.app import build_node, close
    from gateway.pipeline.explaining import explained as explained_at
    from gateway.settings import Settings

    node = build_node(Settings(site=site))
    principal = Principal(node.site.id, "command-line", ("admin",), getpass.getuser(), "local")
    try:
        with speaking():
            told, unit = explained_at(node, principal, asked)
        node.store.commit(unit).result()
    finally:
        asyncio.run(close(node))
    return told


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="CSV with the columns of gateway/consent/paper.py, one Consent a row.")],
    site: Annotated[
        Path, typer.Option("--site", envvar="GATEWAY_SITE", exists=True, file_okay=False, help="The site's directory.")
    ],
    participant: Annotated[str, typer.Option("--participant", help="The participant whose papers these are.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, keep nothing.")] = False,
    lang: Annotated[Lang | None, typer.Option("--lang", help="The language; else that of the terminal (LANG).")] = None,
) -> None:
    """Record Consents on paper, all of a file or none of it. Exit code 1 when a row has a fault (printed as file:line)."""
    from gateway.cli.paper import import_papers

    raise typer.Exit(import_papers(file, site, participant, dry_run=dry_run, lang=lang or ""))


def _as_expected(answer: Mapping[str, Any], expect: Mapping[str, Any]) -> bool:
    return all(_unordered(answer[name]) == _unordered(expect[name]) for name in _ANSWER if name in expect)


def _unordered(value: Any) -> Any:
    return sorted(map(write_json, value)) if isinstance(value, list) else value


def _read(file: Path) -> Any:
    try:
        return read_json(file.read_bytes())
    except OSError as error:
        raise unusable("That file cannot be opened.") from error
    except GatewayError as error:
        raise unusable(error.text) from error


def _line(value: Mapping[str, Any]) -> None:
    sys.stdout.write(write_json(value).decode() + "\n")


def _table(steps: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("step", "about", "says", "because", title="Why")
    for row in _rows(steps):
        table.add_row(*row)
    Console().print(table)


def _rows(steps: list[dict[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    for step in steps:
        about = " / ".join(str(step[name]) for name in ("item", "consent", "statute") if step.get(name))
        because = " ".join(str(step[name]) for name in ("reason", "node", "rule") if step.get(name))
        yield str(step["step"]), about, str(step["says"]), because
