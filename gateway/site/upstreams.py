"""FHIR servers of participants that no schema can judge: their addresses, the numbers they find people by, types that are held twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.site.clients import is_checked_address
from gateway.site.text import Problem, Written

_ADDRESS = "this must be an https address (http only on this machine), without user, query, fragment, `;`, `%`, `\\\\` and empty or dotted parts."


def upstream_problems(site: Written, participants: Sequence[Written]) -> Iterator[Problem]:
    """0..* problems of the FHIR servers of all participants: of each participant one holds a type."""
    national = site.value.get("national-systems", ())
    for written in participants:
        known = set(written.value.get("identifier-systems", {}).values()) - set(national)
        held: set[str] = set()
        for number, row in enumerate(written.value.get("upstreams", ())):
            name, place = f"upstreams[{number}]", ("upstreams", number)
            if not is_base(row["url"]):
                yield written.problem(f"{name}.url: {_ADDRESS}", *place, "url")
            if row["identifier"] not in known:
                said = "this must be one of the identifier-systems of the participant, and no national one."
                yield written.problem(f"{name}.identifier: {said}", *place, "identifier")
            if held & set(row["types"]):
                yield written.problem(f"{name}.types: another one holds this type already.", *place, "types")
            held |= set(row["types"])


def is_base(url: str) -> bool:
    """Whether an address may be the base of a server that is asked: nothing in it can be read in two ways."""
    parts = url.rstrip("/").split("/")[3:]
    plain = not any(sign in url for sign in ";%\\") and not any(part in ("", ".", "..") for part in parts)
    return plain and is_checked_address(url)
