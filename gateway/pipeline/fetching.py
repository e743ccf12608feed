"""A person's resources from the FHIR servers of a participant (FHIR R4, http.html#search): bounded, whole, and about nobody else.

The person is looked up by a form, so that no address holds the number. Links to further pages are followed below the server's own base
only. Whatever is not as it should be fails the whole: an answer from a part would look like one from all.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import structlog

from gateway.errors import Defect, Elsewhere, GatewayError, Late, Unavailable
from gateway.model.agreement import Upstream
from gateway.model.document import Principal, Received, Resource
from gateway.model.references import references_in, rewritten
from gateway.model.wire import read_json, write_json
from gateway.pipeline.elsewhere import Ask, Found, taken_in
from gateway.pipeline.node import LARGE, Node
from gateway.pipeline.prepare import Prepared, context_of, prepare, prepare_apart
from gateway.stages.identify import WHOSE

_log = structlog.get_logger("gateway.line")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_PAGE = 200
_SUBJECT = "Patient/subject"  # what every server of a participant calls the person, once its answer is read
_JSON = "application/fhir+json"
_FATAL = ("fatal", "error")


async def fetched(node: Node, ask: Ask) -> Found:
    """What the servers hold of a person; whatever goes wrong, a crash as well, is the error of what is found: `pull` puts it on record."""
    try:
        several = []
        for upstream, number in ask.servers:
            async with asyncio.timeout(upstream.seconds):
                several.append((upstream, await _Record(node, ask, upstream).of(number)))
        resources = _joined(several)
        return await _read(node, ask, resources) if resources else Found(ask)
    except TimeoutError:
        return Found(ask, error=Late())
    except Unavailable:
        raise
    except GatewayError as error:
        return Found(ask, error=error if isinstance(error, Elsewhere) else Elsewhere())
    except Exception as error:  # the journal: a crash is on record like a refusal, and says nothing of anybody
        _log.error("defect in a question elsewhere", kind=type(error).__name__)
        return Found(ask, error=Defect())


def _joined(several: Sequence[tuple[Upstream, list[Resource]]]) -> list[Resource]:
    """What the servers of one participant hold, with the one Patient of whoever holds Patients. Raises Elsewhere for two birth dates."""
    there = sorted(
        ((upstream, found) for upstream, found in several if found), key=lambda one: "Patient" not in one[0].types
    )
    patients = [found[0] for _, found in there]
    if len({str(patient["birthDate"]) for patient in patients if "birthDate" in patient}) > 1:
        raise Elsewhere
    return [*patients[:1], *(one for _, found in there for one in found[1:])]


async def _read(node: Node, ask: Ask, resources: Sequence[Resource]) -> Found:
    """The resources as a document of their holder, through the line as far as a person."""
    entries = [{"fullUrl": f"urn:ieum:{r['resourceType']}/{r['id']}", "resource": r} for r in resources]
    body = write_json({"resourceType": "Bundle", "type": "collection", "entry": entries})
    received = Received(node.ids(), Principal(ask.holder, "upstream"), body, _JSON, "http", node.clock())
    return await node.cpu.run(taken_in, node, ask, await _prepared(node, received))


async def _prepared(node: Node, received: Received) -> Prepared:
    holder = node.participant(received.principal.participant)
    with node.cpu.holding(len(received.body)):
        if len(received.body) > LARGE:
            ready = await node.cpu.run_apart(prepare_apart, received, holder, context_of(node, holder), node.rulebook)
            return ready()
        return await node.cpu.run(prepare, received, holder, context_of(node, holder), node.rules)


@dataclass
class _Record:
    """One person's record on one server, with what is left of its bounds."""

    node: Node
    ask: Ask
    upstream: Upstream
    more_entries: int = field(init=False)
    more_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.more_entries, self.more_bytes = self.upstream.entries, self.upstream.bytes

    async def of(self, number: str) -> list[Resource]:
        """The Patient first, then everything of the types that are asked for; nothing when nobody there has the number."""
        form = urlencode({"identifier": f"{self.upstream.identifier}|{number}", "_count": "2"}).encode()
        patients = await self._pages("Patient", f"{self.upstream.url}/Patient/_search", form)
        if not patients:
            return []
        if len(patients) > 1 or not _has(patients[0], self.upstream.identifier, number):
            raise Elsewhere
        id = patients[0]["id"]
        kinds = sorted((self.ask.types & set(self.upstream.types)) - {"Patient"})
        query = f"patient={quote(id, safe='')}&_count={_PAGE}"
        rest = await _together([self._pages(kind, f"{self.upstream.url}/{kind}?{query}") for kind in kinds])
        found = [*patients, *(one for some in rest for one in some)]
        return [self._ours(one, f"Patient/{id}") for one in found]

    async def _pages(self, kind: str, url: str, form: bytes | None = None) -> list[Resource]:
        """The resources of a type on all pages of a search."""
        found: list[Resource] = []
        seen: set[str] = set()
        while url:
            if url in seen:
                raise Elsewhere
            seen.add(url)
            body = await self._asked(url, form)
            page = await self.node.cpu.run_sized(len(body), read_json, body)
            found += self._matches(page, kind)
            url, form = self._next(page), None
        return found

    async def _asked(self, url: str, form: bytes | None) -> bytes:
        if self.node.upstreams is None:
            raise Elsewhere
        body = await self.node.upstreams.ask(self.upstream, url, form)
        self.more_bytes -= len(body)
        if self.more_bytes < 0:
            raise Elsewhere
        return body

    def _matches(self, page: Any, kind: str) -> list[Resource]:
        """The resources of a page: all of the type that was asked for. Raises Elsewhere for anything else, and over the bound."""
        if not isinstance(page, dict) or page.get("resourceType") != "Bundle" or page.get("type") != "searchset":
            raise Elsewhere
        entries = page.get("entry", [])
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise Elsewhere
        found = [resource for one in entries if not _is_remark(resource := one.get("resource"))]
        self.more_entries -= len(found)
        if self.more_entries < 0 or not all(_is_sound(one, kind) for one in found):
            raise Elsewhere
        return found

    def _next(self, page: Mapping[str, Any]) -> str:
        """The next page, below the base; "" at the end. Raises Elsewhere for an address that leads, or could be read to lead, elsewhere."""
        links = page.get("link", [])
        if not isinstance(links, list) or not all(isinstance(one, dict) for one in links):
            raise Elsewhere
        named = [one.get("url") for one in links if one.get("relation") == "next"]
        if not named:
            return ""
        if len(named) > 1 or not isinstance(named[0], str):
            raise Elsewhere
        return below(self.upstream.url, named[0])

    def _ours(self, resource: Resource, own: str) -> Resource:
        """A resource that says whose it is, with its references as they stand in a document. Raises Elsewhere for somebody else's."""
        new = {one: self._plain(one) for one in references_in(resource)}
        new = {one: _SUBJECT if plain == own else plain for one, plain in new.items()}
        made: dict[str, Any] = rewritten(resource, new)
        if resource["resourceType"] == "Patient":
            return {**made, "id": _SUBJECT.partition("/")[2]}
        whose = [made[name] for name in WHOSE if name in made]
        if not whose or not all(isinstance(one, dict) and one.get("reference") == _SUBJECT for one in whose):
            raise Elsewhere
        return made

    def _plain(self, reference: str) -> str:
        """`Type/id` of a reference to something on this server; any other as it is."""
        local = reference.removeprefix(f"{self.upstream.url}/")
        return local.partition("/_history/")[0] if "://" not in local else reference


async def _together(asked: Sequence[Coroutine[Any, Any, list[Resource]]]) -> list[list[Resource]]:
    """All of it, or the first failure once all have ended: nobody's connection is cut off while it is being made."""
    done = await asyncio.gather(*asked, return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException):
            raise one
    return [one for one in done if not isinstance(one, BaseException)]


def below(base: str, link: str) -> str:
    """The address that a link means, below a base. Raises Elsewhere for one that is not, or that two readers could read in two ways."""
    try:
        url = urljoin(f"{base}/", link)
        own, meant = urlsplit(base), urlsplit(url)
        same = (own.scheme, own.netloc) == (meant.scheme, meant.netloc)
    except ValueError:
        raise Elsewhere from None
    path = meant.path.removeprefix(own.path)
    parts = path.split("/")[1:]
    plain = url.isascii() and url.isprintable() and not any(sign in f"{meant.path}{meant.netloc}" for sign in "%;\\@")
    written = link.partition("?")[0].split("/")
    if not (same and plain and len(link) < 8_000 and not meant.fragment and ".." not in written and "." not in written):
        raise Elsewhere
    if not meant.path.startswith(own.path) or (path and not path.startswith("/")) or "" in parts[:-1]:
        raise Elsewhere
    return url


def _is_remark(resource: Any) -> bool:
    """An OperationOutcome beside the matches. Raises Elsewhere for one that says that something went wrong."""
    if not isinstance(resource, dict) or resource.get("resourceType") != "OperationOutcome":
        return False
    issues = resource.get("issue")
    if not isinstance(issues, list) or any(
        not isinstance(one, dict) or one.get("severity") in _FATAL for one in issues
    ):
        raise Elsewhere
    return True


def _is_sound(resource: Any, kind: str) -> bool:
    id = resource.get("id") if isinstance(resource, dict) and resource.get("resourceType") == kind else None
    return isinstance(id, str) and _ID.fullmatch(id) is not None


def _has(patient: Resource, system: str, number: str) -> bool:
    rows = patient.get("identifier")
    return isinstance(rows, list) and any(
        isinstance(one, dict) and (one.get("system"), one.get("value")) == (system, number) for one in rows
    )
