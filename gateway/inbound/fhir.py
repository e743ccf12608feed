"""The FHIR façade: read, vread, history, search by GET and POST, `$everything` (FHIR R4, http.html, search.html).

Whatever way a question comes in, it becomes one Question first, which `answer` decides, runs and puts on record; `batch.py` takes its
entries through the same functions. Writes (`writing.py`), `$validate`, `$convert` and the terminology operations have files of their own.
"""

from __future__ import annotations

from dataclasses import replace
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from gateway.errors import NotFound, Unanswerable
from gateway.inbound import bundles, conversion, validation, writing
from gateway.inbound.capability import metadata
from gateway.inbound.dialect import in_json
from gateway.inbound.parameters import MOST_FORM, of_form, of_parameters
from gateway.inbound.types import id_named, type_named
from gateway.model.door import Call, Door
from gateway.model.questions import Question
from gateway.model.released import Egress, Notice, Page, Released
from gateway.model.search import Pairs, Search
from gateway.pipeline import answer
from gateway.pipeline.choice import own_address
from gateway.pipeline.node import Node
from gateway.pipeline.pages import PAGE
from gateway.searching import Terms, everything_of, named_by, search_of

_OF_A_READ = ("_format", "_summary", "_elements")


async def read(node: Node, call: Call) -> Egress:
    """`GET [base]/{type}/{id}`: the resource, or one and the same 404; 304 when the reader has it as it is."""
    question = _one(node, call)
    return _unless_known(await _released(node, call, question), call)


async def vread(node: Node, call: Call) -> Egress:
    """`GET [base]/{type}/{id}/_history/{version}`: decided like all versions of the resource together."""
    version = id_named(call.path["version"])
    return await _released(node, call, replace(_one(node, call), version=version))


async def history(node: Node, call: Call) -> Egress:
    """`GET [base]/{type}/{id}/_history`: every version, newest first, or none."""
    if [name for name, _ in call.query if name != "_format"]:
        raise Unanswerable(None, *(name for name, _ in call.query[:3]))
    return await _released(node, call, replace(_one(node, call), history=True))


def _one(node: Node, call: Call) -> Question:
    """The question for one resource. Raises NotFound for what is no id, Unanswerable for a parameter that a read does not have."""
    kind, id = type_named(call.path["type"]), call.path["id"]
    if wrong := [
        name for name, value in call.query if name not in _OF_A_READ or (name, value) == ("_summary", "count")
    ]:
        raise Unanswerable(None, *wrong[:3])
    shown = search_of(kind, call.query, _terms(node))
    return Question(kind, id=id_named(id), shown=shown)


async def _released(node: Node, call: Call, question: Question) -> Released:
    released = await answer(node, call.principal, question)
    if released is None or not released.resources:
        raise NotFound
    return released


def _unless_known(released: Released, call: Call) -> Egress:
    """304 for what the reader already has (RFC 9110, 13.1.2 and 13.1.3): asked after the decision and the record, never instead."""
    page = released.page or Page()
    known = call.headers.get("if-none-match")
    if known is not None:
        same = page.tag in {tag.strip() for tag in known.split(",")} or known.strip() == "*"
    else:
        same = _not_since(page.changed, call.headers.get("if-modified-since", ""))
    return Notice(b"", 304, headers={"ETag": page.tag}) if same else released


def _not_since(changed: str, header: str) -> bool:
    try:
        since, at = parsedate_to_datetime(header), parsedate_to_datetime(changed)
    except (ValueError, TypeError):
        return False
    return since.tzinfo is not None and at <= since


async def search(node: Node, call: Call) -> Egress:
    """`GET [base]/{type}?…` and `POST [base]/{type}/_search`: what the reader may have of one person that matches."""
    kind = type_named(call.path["type"])
    pairs = (*call.query, *of_form(call.headers.get("content-type", ""), call.body))
    question = searched(node, kind, pairs)
    return await answer(node, call.principal, question) or nothing_found(question)


def searched(node: Node, kind: str, pairs: Pairs) -> Question:
    """The question of a search. Raises Unanswerable for whatever is not answered."""
    if page := _page(pairs):
        return Question(kind, page=page)
    named, asked = named_by(search_of(kind, pairs, _terms(node)), node.site.national_systems)
    return Question(kind, named.id, named.patient, named.identifier, asked)


def nothing_found(question: Question) -> Notice:
    """A searchset without entries: nobody is named, nothing is there, or nothing may be had. Nobody can tell which."""
    total = 0 if question.wanted.total else None
    return Notice(bundles.searchset((), Page(links=(("self", own_address(question)),), total=total)))


async def everything(node: Node, call: Call) -> Egress:
    """`GET` and `POST [base]/Patient/{id}/$everything`: all that the reader may have of the person, or the one 404."""
    id = id_named(call.path["id"])
    pairs = (*call.query, *of_parameters(call.headers.get("content-type", ""), call.body))
    if page := _page(pairs):
        question = Question("Patient", id, search=Search(""), page=page)
    else:
        question = Question("Patient", id, search=everything_of(pairs, (), _terms(node)))
    found = await answer(node, call.principal, question)
    if found is None:
        raise NotFound
    return found


def _page(pairs: Pairs) -> str:
    """The link that a question is, alone. Raises Unanswerable where anything else is asked beside it."""
    if PAGE not in {name for name, _ in pairs}:
        return ""
    if len(pairs) != 1 or not pairs[0][1]:
        raise Unanswerable("A link to a page is followed as it is.", PAGE)
    return pairs[0][1]


def _terms(node: Node) -> Terms:
    return Terms(ZoneInfo(node.site.zone), node.clock())


_EVERYTHING = "/fhir/Patient/{id}/$everything"
_READS = (
    Door("GET", "/fhir/{type}/{id}", in_json(read), "Read a resource of a person", scope="{type}.r"),
    Door(
        "GET",
        "/fhir/{type}/{id}/_history",
        in_json(history),
        "Every version of a resource",
        shape="history",
        scope="{type}.r",
    ),
    Door(
        "GET",
        "/fhir/{type}/{id}/_history/{version}",
        in_json(vread),
        "Read one version of a resource",
        scope="{type}.r",
    ),
    Door("GET", "/fhir/{type}", in_json(search), "Search a type of one person", shape="searchset", scope="{type}.s"),
)
_POSTED = (
    Door(
        "POST",
        "/fhir/{type}/_search",
        in_json(search),
        "Search by a form",
        max_body=MOST_FORM,
        shape="searchset",
        scope="{type}.s",
    ),
    Door(
        "POST",
        _EVERYTHING,
        in_json(everything),
        "All of one person (Parameters)",
        max_body=MOST_FORM,
        shape="searchset",
        scope="Patient.r",
    ),
)
DOORS = (
    Door(
        "GET",
        "/fhir/metadata",
        in_json(metadata),
        "What this façade offers",
        ("system", "operator", "integrator", "auditor"),
        scope="",
    ),
    *validation.DOORS,
    *conversion.DOORS,
    Door("GET", _EVERYTHING, in_json(everything), "All of one person", shape="searchset", scope="Patient.r"),
    *_POSTED,
    *_READS,
    *writing.DOORS,
)
