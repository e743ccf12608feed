"""The official examples of US Core 6.1.0 and IPS 1.1.0 with the profiles they claim, where the packages are at hand.

An example claims what its `meta.profile` names and what the package's ImplementationGuide says of it (`exampleCanonical`).
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gateway.model.wire import read_json

FOLDER = Path(__file__).resolve().parents[4] / "shared/packages"
NAMES = ("hl7.fhir.us.core-6.1.0", "hl7.fhir.uv.ips-1.1.0")
_EXAMPLES = "package/example/"


@dataclass(frozen=True, slots=True)
class Example:
    """One example: `name` is its package and file, `claims` 0..* addresses of profiles beside those in its meta."""

    name: str
    body: bytes
    resource: Mapping[str, Any]
    claims: Sequence[str]


def paths() -> list[Path]:
    """The packages; empty when one of them is not at hand."""
    found = [FOLDER / f"{name}.tgz" for name in NAMES]
    return found if all(path.is_file() for path in found) else []


@cache
def examples() -> tuple[Example, ...]:
    """Every example of both packages, in the order of their names; none when the packages are not at hand."""
    return tuple(sorted((each for path in paths() for each in _of(path)), key=lambda each: each.name))


def _of(path: Path) -> Iterator[Example]:
    bodies = dict(_bodies(path))
    guide = next(body for name, body in bodies.items() if name.startswith("package/ImplementationGuide-"))
    claims = _claims(read_json(guide))
    for name, body in bodies.items():
        resource = read_json(body) if name.startswith(_EXAMPLES) else {}
        if "resourceType" in resource:
            said = claims.get(f"{resource['resourceType']}/{resource.get('id')}", ())
            known = resource.get("meta", {}).get("profile", ())
            short = f"{path.name.removesuffix('.tgz')}/{name.removeprefix(_EXAMPLES).removesuffix('.json')}"
            yield Example(short, body, resource, [url for url in said if url not in known])


def _bodies(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as tar:
        for member in tar:
            wanted = member.name.startswith((_EXAMPLES, "package/ImplementationGuide-"))
            handle = tar.extractfile(member) if wanted and member.name.endswith(".json") else None
            if handle:
                yield member.name, handle.read()


def _claims(guide: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    rows = guide["definition"]["resource"]
    return {row["reference"]["reference"]: [row["exampleCanonical"]] for row in rows if "exampleCanonical" in row}
