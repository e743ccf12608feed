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
        str,
        typer.Option(
            "--roles",
            help="Roles of the key, with commas: system, operator, integrator, auditor, protection-officer (admin: operator and integrator).",
        ),
    ] = "system",
    client: Annotated[
        str, typer.Option("--client", help="Register a client for access tokens instead, under this client_id.")
    ] = "",
    jwks: Annotated[
        Path | None, typer.Option("--jwks", help="Its public keys: a JWK set or one JWK (with --client).")
    ] = None,
    scopes: Annotated[str, typer.Option("--scopes", help="What it may ask for: 'system/Patient.rs system/*.c'.")] = "",
) -> None:
    """Make an API key and print it once; only its SHA-256 is kept, in participants/PARTICIPANT.yaml. Or register a client."""
    from gateway.site.register import new_api_key, register_key

    if client or jwks is not None or scopes:
        _register_client(root, participant, client, jwks, scopes)
        return
    api_key = new_api_key(participant)
    try:
        entry = register_key(root, participant, api_key, [role.strip() for role in roles.split(",")])
    except GatewayError as refused:
        raise unusable(refused.text) from refused
    Console(stderr=True).print(f"{entry}: this key is shown once and kept nowhere.", style="yellow", markup=False)
    typer.echo(api_key)


def _register_client(root: Path, participant: str, client: str, jwks: Path | None, scopes: str) -> None:
    from gateway.site.register import register_client

    if not client or jwks is None or not scopes.split():
        raise unusable("A client needs --client, --jwks and --scopes.")
    try:
        register_client(root, participant, client, jwks.read_bytes(), scopes.split())
    except OSError as refused:
        raise unusable("The file of keys cannot be read.") from refused
    except GatewayError as refused:
        raise unusable(refused.text) from refused
    typer.echo(f"{client}: registered with {participant}.")
