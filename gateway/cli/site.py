"""`gateway site …`: start a site, check it, give a participant a key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.cli.speaking import unusable
from gateway.errors import GatewayError

app = typer.Typer(no_args_is_help=True, help="The site: participants, agreements and policies of an operator.")
_Root = Annotated[Path, typer.Argument(metavar="DIR", help="The directory of the site.")]


@app.callback()
def site() -> None:
    """The site: participants, agreements and policies of an operator."""


@app.command("new")
def new_command(root: _Root) -> None:
    """Write a commented starter site that passes `site check`."""
    from gateway.site.new import new_site

    try:
        written = new_site(root)
    except GatewayError as refused:
        raise unusable(refused.text) from refused
    for path in written:
        typer.echo(str(root / path))


@app.command("check")
def check_command(root: _Root) -> None:
    """Check every file of a site. Exit code 0: sound, 1: problems (printed as file:line), 2: no site there."""
    from gateway.cli.maps import problems_of
    from gateway.consent.policy import checked
    from gateway.consent.truth import truth_problems
    from gateway.site import check_site

    if not (root / "site.yaml").is_file():
        raise unusable("There is no site.yaml in this directory.")
    found, problems = check_site(root)
    said = [str(problem) for problem in problems]
    if found is not None:
        try:
            checked(found.register)
        except GatewayError as error:
            said = list(error.positions) or [error.text]
        said += [str(problem) for problem in truth_problems(found)] if not said else []
        said += problems_of(root)
    for line in said:
        typer.echo(line)
    if said or found is None:
        Console(stderr=True).print(f"{len(said)} problems", style="red", markup=False)
        raise typer.Exit(1)
    Console().print(
        f"{len(found.participants)} participants, {len(found.agreements)} agreements, revision {found.revision}: sound",
        style="green", markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


@app.command("register")
def register_command(
    root: _Root,
    participant: Annotated[str, typer.Argument(metavar="PARTICIPANT", help="The id of a participant of the site.")],
    roles: Annotated[
        str, typer.Option("--roles", help="Roles of the key, with commas: system, admin, auditor.")
    ] = "system",
) -> None:
    """Make an API key and print it once; only its SHA-256 is kept, in participants/PARTICIPANT.yaml."""
    from gateway.site.register import new_api_key, register_key

    api_key = new_api_key(participant)
    try:
        entry = register_key(root, participant, api_key, [role.strip() for role in roles.split(",")])
    except GatewayError as refused:
        raise unusable(refused.text) from refused
    Console(stderr=True).print(f"{entry}: this key is shown once and kept nowhere.", style="yellow", markup=False)
    typer.echo(api_key)
