"""Who is calling: an API key, an access token or a client certificate becomes a Principal, before a byte of the body is read.

Keys are random 256-bit secrets, kept as SHA-256; a certificate is known by the SHA-256 of its DER form (RFC 8705, section 3.1).
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping

from gateway.errors import UnknownCaller
from gateway.inbound.oauth.access import AccessTokens
from gateway.model.agreement import Participant, Site
from gateway.model.base64url import encoded
from gateway.model.document import Principal
from gateway.site import participant_of_key

_MAX_TOKEN = 512
_POINTS = 2  # of a JWS in compact form


def certificate_digest(certificate: bytes | None) -> str:
    """x5t#S256 of a certificate in DER (RFC 8705, 3.1), "" without one."""
    return encoded(hashlib.sha256(certificate).digest()) if certificate else ""


def bearer_token(headers: Mapping[str, str]) -> str:
    """What the caller shows as its token (RFC 6750, 2.1), "" for nothing."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def principal_of(
    site: Site, headers: Mapping[str, str], certificate: bytes | None, network: str, tokens: AccessTokens | None = None
) -> Principal:
    """The caller behind a request. Raises UnknownCaller, in one wording, for no proof, a wrong one, or a participant switched off.

    What has two points in it is a token, never a key; `tokens` reads those of this gateway.
    """
    token = bearer_token(headers)
    if token.count(".") == _POINTS and tokens is not None:
        return tokens.principal(token, certificate_digest(certificate), network)
    if 0 < len(token) <= _MAX_TOKEN:
        return _known(site, token.encode(), "api-key", network)
    if certificate is not None:
        return _known(site, certificate, "certificate", network)
    raise UnknownCaller


def _known(site: Site, proof: bytes, kind: str, network: str) -> Principal:
    found = participant_of_key(site, hashlib.sha256(proof).hexdigest())
    if found is None or found[1].kind != kind or not found[0].active:
        raise UnknownCaller
    participant, key = found
    return Principal(participant.id, key.id, key.roles, proof=kind, authn_level=key.authn_level, network=network)


def mllp_principal(participant: Participant, network: str, certificate: bytes = b"") -> Principal:
    """The participant that an MLLP port belongs to; what MSH says is compared later and never believed.

    With mutual TLS the certificate must be one of that participant's: an authority vouches for others as well.
    """
    if not participant.active or participant.mllp is None or not _is_peer(participant.mllp.peers, network):
        raise UnknownCaller
    if not certificate:
        return Principal(participant.id, f"mllp:{participant.mllp.port}", proof="mllp-peer", network=network)
    digest = hashlib.sha256(certificate).hexdigest()
    key = next((key for key in participant.keys if key.kind == "certificate" and key.sha256.lower() == digest), None)
    if key is None:
        raise UnknownCaller
    return Principal(
        participant.id, key.id, key.roles, proof="certificate", authn_level=key.authn_level, network=network
    )


def _is_peer(peers: tuple[str, ...], network: str) -> bool:
    found = ipaddress.ip_address(network.partition("%")[0])
    address = getattr(found, "ipv4_mapped", None) or found
    return any(address in ipaddress.ip_network(peer, strict=False) for peer in peers)
