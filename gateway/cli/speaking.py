"""In which language commands speak, and how they refuse: one line on stderr, and an exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import typer
from rich.console import Console

from gateway.errors import GatewayError

Lang = Literal["en", "ko"]


def language(asked: str = "") -> Lang:
    """Korean or English: as asked, else as the terminal is set (POSIX: LC_ALL, LC_MESSAGES, LANG)."""
    told = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "ko" if (asked or told).lower().startswith("ko") else "en"


@contextmanager
def speaking() -> Iterator[None]:
    """Turns a refusal into its line on stderr and exit code 2 (1 for a file whose content is not what it should be)."""
    try:
        yield
    except GatewayError as error:
        said = " ".join((error.text, *error.positions))
        raise unusable(said, 1 if error.issue == "structure" else 2) from error


def unusable(text: str, code: int = 2) -> typer.Exit:
    """Says why, and gives what is to be raised."""
    Console(stderr=True).print(text, style="red", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(code)
