"""Where a client finds what it needs: the SMART configuration and the gateway's public keys (SMART App Launch 2, Conformance; RFC 7517)."""

from __future__ import annotations

from gateway.inbound.oauth.signing import own_keys
from gateway.inbound.oauth.token import JSON, PATH
from gateway.model.door import ANYONE, Call, Door
from gateway.model.released import Egress, Notice
from gateway.pipeline.node import Node
from gateway.site.jwks import ALGORITHMS

_KEYS = "/.well-known/jwks.json"
_LASTING = {"Cache-Control": "public, max-age=3600"}


async def configuration(node: Node, call: Call) -> Egress:  # noqa: ARG001 the form of every handler
    """What this gateway takes of clients."""
    said = {
        "issuer": node.base,
        "jwks_uri": node.base + _KEYS,
        "token_endpoint": node.base + PATH,
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": sorted(ALGORITHMS.values()),
        "scopes_supported": ["system/*.crs"],
        "capabilities": ["client-confidential-asymmetric", "permission-v2"],
    }
    return Notice(said, 200, JSON, _LASTING)


async def keys(node: Node, call: Call) -> Egress:  # noqa: ARG001 the form of every handler
    """The public keys of the gateway: those of the last, this and the next thirty days."""
    return Notice({"keys": list(own_keys(node.keyring, node.clock()))}, 200, JSON, _LASTING)


DOORS = (
    Door("GET", "/.well-known/smart-configuration", configuration, "How a client gets a token here", ANYONE),
    Door("GET", "/fhir/.well-known/smart-configuration", configuration, "The same, below the FHIR base", ANYONE),
    Door("GET", _KEYS, keys, "The gateway's public keys", ANYONE),
)
