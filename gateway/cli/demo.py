"""`gateway demo`: an invented hospital, welfare office and public health agency, and five stories of what may pass between them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo_command(
    once: Annotated[
        bool, typer.Option("--once", help="End after the stories instead of staying until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="HTTP port; 0 takes any free one.")] = 8080,
    mllp_port: Annotated[
        int, typer.Option("--mllp-port", min=0, max=65535, help="MLLP port; 0 takes any free one.")
    ] = 2575,
    data_dir: Annotated[
        Path, typer.Option("--data-dir", envvar="GATEWAY_DATA_DIR", file_okay=False, help="What the node writes.")
    ] = Path("var"),
) -> None:
    """Run the demo site and its stories. Exit code 0: everything came out as told, 1: something did not."""
    from gateway.demo.run import run

    raise typer.Exit(run(once, port, mllp_port, data_dir))
