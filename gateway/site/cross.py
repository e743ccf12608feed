"""What no single file of a site can tell: names that lead nowhere, claims that nobody granted, things that stand twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from ipaddress import ip_network
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from gateway.data import data_path
from gateway.model.agreement import V2Form
from gateway.site.clients import client_problems, issuer_problems
from gateway.site.nouns import basis_of
from gateway.site.people import sign_in_problems
from gateway.site.text import Problem, Written, read_yaml, repeated
from gateway.site.upstreams import upstream_problems

READ_TRIGGERS = frozenset(("read", "search"))
DELIVERED = frozenset(("transaction", "message", "update"))
APPROVALS = 2
EMERGENCY = "BTG"  # v3-ActReason
_UNWRITTEN = re.compile(r"[|~\\&\x00-\x1f\x7f-\x9f]")  # delimiters and control characters; ^ stands between components


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a site that have the right form."""

    root: Path
    site: Written
    participants: Sequence[Written]
    agreements: Sequence[Written]
    register: Written


def cross_problems(files: Files) -> tuple[Problem, ...]:
    """0..* problems between the files of a site."""
    found = [*_named_like_file(files), *_twice(files), *_operator(files), *_addresses(files), *_packages(files.site)]
    found += _attestors(files)
    found += sign_in_problems(files.site, {written.value["id"] for written in files.participants})
    found += [problem for written in files.participants for problem in _form(written)]
    found += [*client_problems(files.participants), *issuer_problems(files.participants)]
    found += upstream_problems(files.site, files.participants)
    people = {written.value["id"]: written.value for written in files.participants}
    for written in files.agreements:
        found += [*_sides(written, people), *_basis(written, people, files), *_validity(written)]
        found += [*_manner(written, people, files), *_dialect(written, people), *_map(written, files.root)]
        found += _emergency(written, people, files)
    return tuple(found)


def _attestors(files: Files) -> Iterator[Problem]:
    """Who may say who is somebody's guardian is a participant of the site."""
    known = {written.value["id"] for written in files.participants}
    for number, name in enumerate(files.site.value.get("guardians", {}).get("attested-by", ())):
        if name not in known:
            place = ("guardians", "attested-by", number)
            yield files.site.problem(f"guardians.attested-by[{number}]: there is no such participant.", *place)


def _named_like_file(files: Files) -> Iterator[Problem]:
    for written in (*files.participants, *files.agreements):
        if PurePosixPath(written.file).stem != written.value["id"]:
            yield written.problem("id: the file must be named like the id.", "id")


def _twice(files: Files) -> Iterator[Problem]:
    """Ids, references, keys and ports belong to one participant, ids to one agreement."""
    for kind in (files.participants, files.agreements):
        yield from repeated((written, ("id",), written.value["id"]) for written in kind)
    people = files.participants
    yield from repeated((w, ("references", n), r) for w in people for n, r in enumerate(w.value["references"]))
    yield from repeated(
        (w, ("keys", n, "sha256"), k["sha256"]) for w in people for n, k in enumerate(w.value.get("keys", ()))
    )
    yield from repeated((w, ("mllp", "port"), w.value["mllp"]["port"]) for w in people if "mllp" in w.value)
    for written in people:
        for part in ("keys", "endpoints", "upstreams"):
            yield from repeated(
                (written, (part, n, "id"), row["id"]) for n, row in enumerate(written.value.get(part, ()))
            )


def _packages(site: Written) -> Iterator[Problem]:
    """One version of a package holds for the whole site."""
    rows = enumerate(site.value.get("packages", ()))
    return repeated((site, ("packages", number, "name"), row["name"]) for number, row in rows)


def _operator(files: Files) -> Iterator[Problem]:
    site = files.site
    if site.value["id"] not in {written.value["id"] for written in files.participants}:
        yield site.problem("id: no participant has this id; the operator is a participant too.", "id")
    for written in (site, *files.participants):
        if "zone" in written.value and not _is_zone(written.value["zone"]):
            yield written.problem("zone: there is no such time zone.", "zone")


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name))
    except (KeyError, ValueError, OSError):
        return False


def _addresses(files: Files) -> Iterator[Problem]:
    for written in files.participants:
        for number, row in enumerate(written.value.get("endpoints", ())):
            if not _is_address(row["url"], row["transport"]):
                wanted = "an http(s) address without query" if row["transport"] == "http" else "mllp://host:port"
                yield written.problem(f"endpoints[{number}].url: this must be {wanted}.", "endpoints", number, "url")
        for number, peer in enumerate(written.value.get("mllp", {}).get("peers", ())):
            if not _is_network(peer):
                yield written.problem(f"mllp.peers[{number}]: this is no address or network.", "mllp", "peers", number)


def _is_address(url: str, transport: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = bool(parts.hostname) and not (parts.query or parts.fragment or parts.username or parts.password)
    if transport == "mllp":
        return plain and parts.scheme in ("mllp", "mllps") and bool(port) and not parts.path
    return plain and parts.scheme in ("http", "https")


def _is_network(text: str) -> bool:
    try:
        return bool(ip_network(text, strict=False))
    except ValueError:
        return False


def _form(written: Written) -> Iterator[Problem]:
    """What goes into MSH as it is written here: names without delimiters, in a character set that messages are written in."""
    form = V2Form(**written.value.get("hl7v2", {}))
    codec = _codecs().get(form.charset, "")
    if not codec:
        said = "hl7v2.charset: this must be a name of HL7 table 0211, as it stands there, of a set that is taken."
        yield written.problem(said, "hl7v2", "charset")
    for name, text in (("application", form.application), ("facility", form.facility)):
        if _UNWRITTEN.search(text):
            yield written.problem(f"hl7v2.{name}: this must be without | ~ \\ & and control characters.", "hl7v2", name)
        elif codec and not _is_in(text, codec):
            yield written.problem(f"hl7v2.{name}: the character set has no such characters.", "hl7v2", name)


@cache
def _codecs() -> Mapping[str, str]:
    """The codec of each name of a character set that is taken."""
    folder = data_path("validators", "hl7v2")
    rows = read_yaml(folder, folder / "charsets.yaml").value["rows"]
    return {name: row["codec"] for row in rows if "codec" in row for name in row["names"]}


def _is_in(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _sides(written: Written, people: Mapping[str, Any]) -> Iterator[Problem]:
    value = written.value
    for place in (("who", "participant"), ("whom", "recipient")):
        if value[place[0]][place[1]] not in people:
            yield written.problem(f"{'.'.join(place)}: there is no such participant.", *place)
    recipient = people.get(value["whom"]["recipient"])
    if recipient is not None and value["why"]["purpose"] not in recipient.get("purposes", ()):
        yield written.problem("why.purpose: the recipient may not claim this purpose.", "why", "purpose")


def _basis(written: Written, people: Mapping[str, Any], files: Files) -> Iterator[Problem]:
    basis, name = basis_of(written.value["why"]["basis"])
    if basis == "policy":
        if name not in {row["id"] for row in files.site.value.get("policies", ())}:
            yield written.problem("why.basis.policy: site.yaml names no such policy.", "why", "basis", "policy")
    elif basis == "statute":
        statute = next((row for row in files.register.value.get("statutes", ()) if row["id"] == name), None)
        recipient = people.get(written.value["whom"]["recipient"])
        if statute is None:
            yield written.problem("why.basis.statute: the policies have no such statute.", "why", "basis", "statute")
        elif recipient is not None and recipient["kind"] not in statute["recipientTypes"]:
            said = "why.basis.statute: this statute is not for the recipient's kind of organisation."
            yield written.problem(said, "why", "basis", "statute")


def _manner(written: Written, people: Mapping[str, Any], files: Files) -> Iterator[Problem]:
    how, triggers = written.value["how"], written.value["what"]["trigger"]
    interaction, recipient = how["interaction"], written.value["whom"]["recipient"]
    asked = set(triggers) & READ_TRIGGERS
    if asked != (set(triggers) if interaction == "read" else set()):
        said = "what.trigger: read and search go with the interaction read, and nothing else does."
        yield written.problem(said, "what", "trigger")
    if (interaction == "keep") != (recipient == files.site.value["id"]):
        yield written.problem(
            "how.interaction: keep is for the operator as recipient, and for nobody else.", "how", "interaction"
        )
    known = {row["id"] for row in people.get(recipient, {}).get("endpoints", ())}
    if interaction in DELIVERED and "endpoint" not in how:
        yield written.problem("how.endpoint is missing.", "how")
    elif "endpoint" in how and how["endpoint"] not in known:
        yield written.problem("how.endpoint: the recipient has no such endpoint.", "how", "endpoint")


def _emergency(written: Written, people: Mapping[str, Any], files: Files) -> Iterator[Problem]:
    """An agreement for emergencies is for reading, and needs rules and somebody in a role that they name."""
    if written.value["why"]["purpose"] != EMERGENCY:
        return
    roles = (files.register.value.get("breakGlass") or {}).get("roles", ())
    if written.value["how"]["interaction"] != "read":
        said = "why.purpose: this purpose goes with the interaction read, and with nothing else."
        yield written.problem(said, "why", "purpose")
    if not set(roles) & set(people.get(written.value["whom"]["recipient"], {}).get("staff-roles", ())):
        said = "why.purpose: nobody of the recipient has a role (staff-roles) that breakGlass of the policies names."
        yield written.problem(said, "why", "purpose")


def _dialect(written: Written, people: Mapping[str, Any]) -> Iterator[Problem]:
    """HL7 v2 is delivered message by message; FHIR does not go over MLLP, and has no trigger event."""
    how, v2 = written.value["how"], written.value["how"]["standard"] == "hl7v2"
    if v2 and how["interaction"] != "message":
        yield written.problem("how.interaction: HL7 v2 is delivered as message.", "how", "interaction")
    if not v2 and "trigger" in how:
        yield written.problem("how.trigger: this goes with the standard hl7v2.", "how", "trigger")
    endpoints = people.get(written.value["whom"]["recipient"], {}).get("endpoints", ())
    over = next((row["transport"] for row in endpoints if row["id"] == how.get("endpoint")), "")
    if not v2 and over == "mllp":
        yield written.problem("how.endpoint: over MLLP goes HL7 v2 only.", "how", "endpoint")


def _map(written: Written, root: Path) -> Iterator[Problem]:
    """The second map is one of the site's own or one that is shipped."""
    name = written.value["how"].get("map")
    if name and not any((folder / f"{name}.yaml").is_file() for folder in (root / "mappings", data_path("mappings"))):
        yield written.problem("how.map: there is no such map.", "how", "map")


def _validity(written: Written) -> Iterator[Problem]:
    start, _, end = written.value["when"]["valid"].partition("/")
    if not (_is_day(start) and _is_day(end) and start <= end):
        yield written.problem("when.valid: these are not two days in their order.", "when", "valid")
    approved = written.value.get("approved", ())
    for number, row in enumerate(approved):
        if not _is_day(row["on"]):
            yield written.problem(f"approved[{number}].on: there is no such day.", "approved", number, "on")
    if written.value["state"] == "active" and len({row["by"] for row in approved}) < APPROVALS:
        yield written.problem("state: an active agreement needs the approval of two people.", "state")


def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False
