"""`gateway serve --site DIR`, and the OpenAPI description of what it serves."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer


def serve_command(
    site: Annotated[
        Path, typer.Option("--site", envvar="GATEWAY_SITE", exists=True, file_okay=False, help="The site's directory.")
    ],
    host: Annotated[str | None, typer.Option(help="Address to listen on (default 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="HTTP port (default 8080).")] = None,
) -> None:
    """Serve a site until stopped. Everything else is told by environment variables GATEWAY_… (README)."""
    from gateway.app import serve
    from gateway.settings import Settings

    told = {"site": site, "host": host, "port": port}
    settings = Settings(**{name: value for name, value in told.items() if value is not None})  # type: ignore[arg-type]
    _log_to_stderr(settings.log_level)
    typer.echo(f"Serving {site} at http://{settings.host}:{settings.port} (Ctrl-C stops)", err=True)
    asyncio.run(serve(settings))


def openapi_command() -> None:
    """Print the OpenAPI description of the HTTP interface."""
    from gateway.app import described
    from gateway.model.wire import write_json

    sys.stdout.write(write_json(described(), pretty=True).decode() + "\n")


def _log_to_stderr(level: str) -> None:
    """One JSON line per event: ids, positions and kinds, never values of a record."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s")
