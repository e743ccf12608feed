"""What an issuer says of a token of its own (RFC 7662), asked at the address that the site names."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote, urlencode

from gateway.errors import Misconfigured, Unavailable
from gateway.model.agreement import Issuer
from gateway.outbound.checked import CheckedHttp
from gateway.outbound.secret import secret_of


class IntrospectionEndpoint:
    """The port Introspector. `secrets` is the folder of the files that the site names as `file:NAME`."""

    def __init__(self, http: CheckedHttp, secrets: Path) -> None:
        self._http = http
        self._secrets = secrets

    async def ask(self, issuer: Issuer, token: str) -> bytes:
        """The JSON of the answer, up to 64 KB. Raises Unavailable."""
        try:
            secret = secret_of(self._secrets, issuer.secret)
        except Misconfigured as error:
            raise Unavailable from error
        pair = f"{quote(issuer.client_id, safe='')}:{quote(secret, safe='')}"  # RFC 6749, 2.3.1
        headers = {
            "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        form = urlencode({"token": token, "token_type_hint": "access_token"}).encode()
        answer = await self._http.ask(issuer.url, private=issuer.private, headers=headers, content=form)
        return answer.body

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.close()
