"""One visit of one page: who looks, in which language, what was asked; and the rule that looking is on record before anything is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from gateway.console.access import Access, form_token, subject_of
from gateway.console.desk import Desk, Look
from gateway.console.messages import Messages
from gateway.console.signed import People
from gateway.errors import NotAllowed
from gateway.model.document import Principal
from gateway.model.roles import held
from gateway.pipeline.sessions import PROOF, Session


@dataclass(frozen=True, slots=True)
class Page:
    """A template, what goes into it, and the HTTP status."""

    template: str
    given: Mapping[str, Any]
    status: int = 200


@dataclass(frozen=True, slots=True)
class Visit:
    """`asked` are the query parameters in order, `place` those of the path, `form` the fields of a POST, `menu` the pages to go to
    from any page: path, name of the message, roles.
    """

    desk: Desk
    access: Access
    messages: Messages
    path: str
    principal: Principal | None = None
    asked: Sequence[tuple[str, str]] = ()
    place: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    people: People | None = None
    session: Session | None = None
    menu: Sequence[tuple[str, str, Sequence[str]]] = ()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.desk.zone)

    @property
    def roles(self) -> frozenset[str]:
        """The roles of who looks."""
        return held(self.principal.roles) if self.principal is not None else frozenset()

    def places(self) -> tuple[tuple[str, str], ...]:
        """Where one can go from any page, for the roles of who looks: path and name of the message."""
        there = [one for one in self.menu if self.people is not None or one[0] not in ("/console/sessions", "/me")]
        return tuple((path, name) for path, name, roles in there if not self.roles.isdisjoint(roles))

    @property
    def home(self) -> str:
        """Where who looks begins; for somebody unknown, by where he is."""
        own = "/me" if self.path == "/me" or self.path.startswith("/me/") else "/console"
        return next((path for path, _ in self.places()), own)

    @property
    def is_operator(self) -> bool:
        return "operator" in self.roles

    @property
    def is_signed_in(self) -> bool:
        return self.principal is not None and self.principal.proof == PROOF

    def one(self, name: str) -> str:
        """The first query parameter of that name, or ""."""
        return next((value for key, value in self.asked if key == name), "")

    def show(self, look: Look, template: str, **given: Any) -> Page:
        """The only way to a page with content: the fact of looking is durable first. Raises NotDurable, and nothing is shown."""
        self.looked(look)
        return Page(template, given)

    def looked(self, look: Look) -> None:
        """The fact of looking, durable when this returns. Raises NotDurable, NotAllowed for nobody."""
        if self.principal is None:
            raise NotAllowed
        self.desk.note_view(self.principal, look)

    def token(self) -> str:
        """The hidden field of a form on this page."""
        return form_token(subject_of(self.principal), self.access)

    def link(self, path: str, **parameters: str) -> str:
        """An address of the console; an explicit choice of language is carried along, and on a citizen's own pages for whom somebody acts."""
        carried = ("lang", "for") if path == "/me" or path.startswith("/me/") else ("lang",)
        pairs = parameters | {name: self.one(name) for name in carried if name not in parameters}
        pairs = {name: value for name, value in pairs.items() if value}
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def again(self, **changes: str) -> str:
        """This address with some parameters changed, or left out when ""."""
        pairs = dict(self.asked) | changes
        kept = {name: value for name, value in pairs.items() if value}
        return f"{self.path}?{urlencode(kept)}" if kept else self.path
