"""What `gateway consent import` does: a file of paper Consents to the line, and what became of it, in Korean or English."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import typer

from gateway.cli.speaking import language, unusable
from gateway.consent.paper import COLUMNS
from gateway.model.wire import read_json
from gateway.pipeline.paper import Imported, imported

_WORDS = Path(__file__).with_name("paper.json")


def import_papers(file: Path, site: Path, participant: str, *, dry_run: bool, lang: str) -> int:
    """The exit code: 0 recorded (or sound, in a dry run), 1 faults. Raises typer.Exit(2) for what cannot be opened."""
    said = words(lang)
    try:
        body = file.read_bytes()
    except OSError as error:
        raise unusable("That file cannot be opened.") from error
    result = asyncio.run(_imported(body, site, participant, dry_run, said))
    for fault in result.faults:
        where = f"{file}:{fault.line}: " + (f"{fault.column}: " if fault.column else "")
        typer.echo(where + said[fault.code].replace("{columns}", ", ".join(COLUMNS)))
    if result.faults:
        typer.echo(said["nothing"].replace("{n}", str(len(result.faults))), err=True)
        return 1
    told = said["dry" if dry_run else "done"]
    typer.echo(told.replace("{new}", str(len(result.new))).replace("{known}", str(len(result.known))))
    if result.guarded:
        typer.echo(said["guardians-dry" if dry_run else "guardians"].replace("{n}", str(len(result.guarded))))
    return 0


async def _imported(body: bytes, site: Path, participant: str, dry_run: bool, said: Mapping[str, str]) -> Imported:
    from gateway.app import build_node, close
    from gateway.settings import Settings

    node = build_node(Settings(site=site))
    try:
        if participant not in node.site.participants:
            raise unusable(said["no-participant"])
        return await imported(node, body, participant, getpass.getuser(), dry_run=dry_run)
    finally:
        await close(node)


@cache
def _all_words() -> Any:
    return read_json(_WORDS.read_bytes())


def words(lang: str = "") -> Mapping[str, str]:
    """The words of the command in Korean or English (gateway/cli/speaking.py)."""
    found: Mapping[str, str] = _all_words()[language(lang)]
    return found


__all__ = ["import_papers", "words"]
