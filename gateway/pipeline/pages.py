"""Links to further pages: what was asked, of whom and how far, sealed for whoever asked (decision 110).

A link is an encrypted text (AES-256-GCM, under a key that derives from the site's). It holds no longer than the consents of the person
stay as they are, and is bound to the caller, the agreement and its purpose. Nothing is kept for it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import Gone, Malformed
from gateway.model import base64url
from gateway.model.document import Principal
from gateway.model.search import Pairs
from gateway.model.wire import read_json, write_json
from gateway.pipeline.node import Node

BASE = "/fhir"
PAGE = "_page"
_USE = b"fhir-page"
_NONCE = 12
_HOLDS = timedelta(minutes=15)
_MOST = 12_000


@dataclass(frozen=True, slots=True)
class Mark:
    """Where an answer goes on: the question as it was asked (`id` names the Patient of `$everything`), by whom and when, where it stands."""

    participant: str
    client: str
    agreement: str
    purpose: str
    person: str
    epoch: int
    type: str
    id: str
    interaction: str
    pairs: Pairs
    start: int
    asked: datetime


def link(node: Node, mark: Mark) -> str:
    """The address of the page that begins at the mark."""
    facts = {**asdict(mark), "pairs": [list(pair) for pair in mark.pairs], "asked": mark.asked.isoformat()}
    body = write_json(facts)
    nonce = bytes.fromhex(node.keyring.digest(_USE + body))[
        :_NONCE
    ]  # of what it seals: the same question gets the same link
    sealed = nonce + _cipher(node).encrypt(nonce, body, _USE)
    text = base64url.encoded(sealed)
    return address(mark.type, mark.id, mark.interaction, ((PAGE, text),))


def opened(node: Node, text: str, principal: Principal) -> Mark:
    """The mark of a link that this caller was given. Raises Gone for every other text, in one wording."""
    try:
        if not text.isascii() or len(text) > _MOST:
            raise Gone
        sealed = base64url.decoded(text)
        facts: dict[str, Any] = read_json(_cipher(node).decrypt(sealed[:_NONCE], sealed[_NONCE:], _USE))
    except (InvalidTag, ValueError, Malformed):
        raise Gone from None
    asked = datetime.fromisoformat(facts.pop("asked"))
    mark = Mark(**{**facts, "pairs": tuple((name, value) for name, value in facts["pairs"])}, asked=asked)
    if (mark.participant, mark.client) != (principal.participant, principal.client) or node.clock() > asked + _HOLDS:
        raise Gone
    return mark


def address(kind: str, id: str, interaction: str, pairs: Pairs) -> str:
    """The address of a question: the same for GET, a form and an entry of a batch."""
    path = f"{BASE}/{kind}/{id}/$everything" if interaction == "everything" else f"{BASE}/{kind}"
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _cipher(node: Node) -> AESGCM:
    return AESGCM(node.keyring.secret("pages of searches"))
