"""The other side, as programs of their own: `fhir` is a small FHIR server that receives, `hospital` sends what it is told to, `provider` is
where people sign in.

    python -m gateway.demo.simulator fhir --port 18081 --token-file welfare.token
    python -m gateway.demo.simulator provider --port 18090 --redirect http://127.0.0.1:8080/login/callback --token-file sign-in.secret
    python -m gateway.demo.simulator hospital --mllp 127.0.0.1:2575 --base http://127.0.0.1:8080 --token-file hospital.token

The FHIR server takes a transaction of PUTs (R4, 3.1.0.11), answers reads and searches by `patient`, wants its bearer token, and can be
told to be down: `PUT /simulator/state {"answers": "unavailable"}` makes it answer 503 until told `normal`. The hospital reads one JSON
object per line from its standard input (`{"mllp": "MSH|…"}` or `{"fhir": {…}}`) and writes one line with the answer to each.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def main(arguments: list[str] | None = None) -> None:
    """The command line of both programs."""
    parser = argparse.ArgumentParser(prog="python -m gateway.demo.simulator", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    receiver = kinds.add_parser("fhir")
    receiver.add_argument("--port", type=int, required=True)
    sender = kinds.add_parser("hospital")
    sender.add_argument("--mllp", required=True)
    sender.add_argument("--base", required=True)
    provider = kinds.add_parser("provider")
    provider.add_argument("--port", type=int, required=True)
    provider.add_argument("--redirect", action="append", required=True)
    for parsing in (receiver, sender, provider):
        parsing.add_argument("--token-file", type=Path, required=True)
    told = parser.parse_args(arguments)
    token = told.token_file.read_text().strip()
    if told.kind == "fhir":
        from gateway.demo.receiver import Server, Shelf

        _serve(Server(Shelf(), token).app(), told.port)
    elif told.kind == "provider":
        from gateway.demo.provider import Provider

        _serve(Provider(f"http://127.0.0.1:{told.port}", token, told.redirect).app(), told.port)
    else:
        from gateway.demo.sender import hospital

        host, _, port = told.mllp.rpartition(":")
        hospital(sys.stdin, sys.stdout, (host, int(port)), told.base, token)


def _serve(app: Any, port: int) -> None:
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
