"""The command line: `gateway …`. Exit codes: 0 fine, 1 findings, 2 unusable arguments (README.md, "Interfaces").

A command's module is imported when the command is called, so that `gateway validate` does not wait for what `serve` needs.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

_COMMANDS = {
    "audit": ("audit:app", "The audit log: verify, search, export."),
    "consent": ("consent:app", "Decisions: replay vectors, explain one; Consents on paper: import."),
    "convert": ("convert:convert_command", "Convert documents to FHIR R4."),
    "demo": ("demo:demo_command", "Run the demo site and its stories."),
    "identity": ("identity:app", "The identity worklist: list, link, unlink."),
    "keys": ("keys:app", "The site key: rotate."),
    "labels": ("labels:app", "Labels of what is kept: remove."),
    "maps": ("maps:app", "Maps: check, test, explain, coverage, gaps, load."),
    "openapi": ("serve:openapi_command", "Print the OpenAPI description."),
    "packages": ("packages:app", "FHIR packages and terminologies: add, list, remove; compile the core."),
    "serve": ("serve:serve_command", "Serve a site."),
    "site": ("site:app", "Sites: new, check, register."),
    "store": ("store:app", "The database: migrate."),
    "validate": ("validate:validate_command", "Validate documents."),
}


class _Lazy(TyperGroup):
    """Shows every command by name, and imports one only when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 click's signature
        return TyperCommand(cmd_name, help=_COMMANDS[cmd_name][1]) if cmd_name in _COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, shown, rest = super().resolve_command(ctx, args)
        if name is None or shown is None:
            return name, shown, rest
        module, _, attribute = _COMMANDS[name][0].partition(":")
        return name, _command(getattr(import_module(f"gateway.cli.{module}"), attribute), name), rest


def _command(made: object, name: str) -> Any:
    if isinstance(made, typer.Typer):
        return get_command(made)
    alone = typer.Typer(add_completion=False)
    alone.command(name)(made)  # type: ignore[type-var]  # a plain function
    return get_command(alone)


_ABOUT = (
    "Ieum (이음): translates records between hospitals, public health and welfare, asks consent, keeps an audit log."
)
app = typer.Typer(cls=_Lazy, add_completion=False, no_args_is_help=True, help=_ABOUT)


@app.callback(help=_ABOUT)
def _root() -> None:
    """Every command is a subcommand."""


def main() -> None:
    """The entry point of `gateway`."""
    from gateway.errors import GatewayError

    try:
        app()
    except GatewayError as error:
        sys.stderr.write(f"{error.text}\n")
        raise SystemExit(2) from None
