"""The stage `receive`: bytes of a known caller to a row that will be durable before it is acknowledged, sealed and recognisable."""

from __future__ import annotations

from gateway.errors import Unsupported
from gateway.model.document import Received
from gateway.model.ports import Keyring
from gateway.model.records import ReceivedRecord, Unit
from gateway.standards import standard_of


def digest_of(received: Received, keyring: Keyring) -> str:
    """The keyed digest by which a second copy is recognised: the same bytes are the same document, whichever door they come by.

    What its standard gives no meaning to (how lines end, alone or in a batch) makes no other document of it.
    """
    try:
        return keyring.digest(standard_of(received.content_type).plain(received.body))
    except Unsupported:
        return keyring.digest(received.body)


def receive(received: Received, control_id: str, owner: str, keyring: Keyring, mark: str = "") -> Unit:
    """The row of what came in, its payload sealed under the owner's data key (`person:…`, or `received:…` until identified).

    `mark` goes before the digest of what is not to be recognised as a duplicate later: what was refused (a sender that corrects
    nothing but our site may send it again), and what states the same thing anew.
    """
    sealed, keys = keyring.seal(owner, received.body)
    digest = mark + digest_of(received, keyring)
    row = ReceivedRecord(
        id=received.id, participant=received.principal.participant, digest=digest, control_id=control_id[:199],
        content_type=received.content_type, transport=received.transport, network=received.principal.network,
        client=received.principal.client, charset=received.charset, at=received.at, size=len(received.body), payload=sealed,
    )  # fmt: skip
    return Unit((*keys, row))
