"""How commands of one group refuse: one line on stderr and exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from gateway.errors import GatewayError


@contextmanager
def speaking() -> Iterator[None]:
    """Turns a refusal into its lines on stderr and exit code 2."""
    try:
        yield
    except GatewayError as error:
        raise unusable(error.text) from error


def unusable(text: str) -> typer.Exit:
    """Says why, and gives what is to be raised."""
    typer.echo(text, err=True)
    return typer.Exit(2)
