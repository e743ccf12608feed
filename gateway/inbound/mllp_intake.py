"""HL7 v2 over MLLP into the line: one port per participant, one message at a time, answered by what became durable."""

from __future__ import annotations

import ssl

from gateway.errors import GatewayError, UnknownCaller
from gateway.inbound.identity import mllp_principal
from gateway.inbound.mllp import MllpDoor, PeerInfo, serve_mllp
from gateway.model.agreement import Participant
from gateway.model.document import Received
from gateway.model.released import Notice
from gateway.pipeline import carry
from gateway.pipeline.batch import carry_batch
from gateway.pipeline.node import Node
from gateway.standards import standards

_V2 = "x-application/hl7-v2+er7"


async def listen(node: Node, participant: Participant, host: str, tls: ssl.SSLContext | None) -> tuple[MllpDoor, int]:
    """The listening door of a participant, and the port it got."""
    listener = participant.mllp
    if listener is None:
        raise UnknownCaller

    async def handler(body: bytes, peer: PeerInfo) -> bytes:
        return await _taken(node, participant, listener.charset, body, peer)

    def refuse(body: bytes, error: GatewayError) -> bytes:
        return _bytes(standards()["hl7v2"].reply(body, error, node.ids(), node.clock()))

    def count(because: str, _peer: PeerInfo) -> None:
        node.counted(f"mllp-{because}", f"mllp:{participant.id}")

    return await serve_mllp(
        handler, host, listener.port, refuse=refuse, tls=tls, allowed_peers=listener.peers, count=count
    )


async def _taken(node: Node, participant: Participant, charset: str, body: bytes, peer: PeerInfo) -> bytes:
    """One message to its acknowledgement, a batch to a batch of them."""
    standard = standards()["hl7v2"]
    try:
        principal = mllp_principal(node.site_now().participants[participant.id], peer.host, peer.certificate)
        received = Received(node.ids(), principal, body, _V2, "mllp", node.clock(), charset)
        carried = await carry_batch(node, received)
        if carried is not None:
            return _bytes(standard.reply_all(body, carried.verdicts, carried.found, node.ids(), node.clock()))
        error = (await carry(node, received)).error
    except GatewayError as refused:  # it never came to the journal
        node.counted(type(refused).__name__, f"mllp:{participant.id}")
        error = refused
    return _bytes(standard.reply(body, error, node.ids(), node.clock()))


def _bytes(notice: Notice) -> bytes:
    assert isinstance(notice.content, bytes)  # noqa: S101 an HL7 v2 acknowledgement is bytes
    return notice.content
