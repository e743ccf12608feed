"""The composition root: the only place that builds and joins objects (ARCHITECTURE.md, "Map of the folders")."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import structlog
import uvicorn
from fastapi import FastAPI

from gateway import __version__
from gateway.audit.row import row_of
from gateway.consent.policy import checked
from gateway.console import Access
from gateway.console import routes as console_routes
from gateway.console.description import with_pages
from gateway.console.journal import JournalDesk
from gateway.console.signed import People
from gateway.data import data_path
from gateway.inbound import batch, emergency, explaining, fhir, public, replay, rest, terminology
from gateway.inbound.certificate import CertifiedProtocol
from gateway.inbound.mllp_intake import listen
from gateway.inbound.mount import no_such_door, router
from gateway.inbound.oauth import discovery, token
from gateway.inbound.plugged import plugged_doors
from gateway.inbound.selftest import self_test
from gateway.mapping.overlay import look_at
from gateway.model.agreement import Site
from gateway.model.door import Door
from gateway.outbound.checked import CheckedHttp
from gateway.outbound.http import HttpTransport
from gateway.outbound.introspection import IntrospectionEndpoint
from gateway.outbound.issuer import Issuer
from gateway.outbound.jwks import KeySetFetcher
from gateway.outbound.mllp import MllpTransport
from gateway.outbound.terminology import TerminologyServer
from gateway.outbound.upstream import UpstreamServers
from gateway.pipeline.introspections import Introspections
from gateway.pipeline.keysets import KeySets
from gateway.pipeline.node import Cpu, Node, Pace
from gateway.pipeline.standing import Standing
from gateway.pipeline.workers import Workers
from gateway.settings import Settings
from gateway.site import listeners, load_site
from gateway.site.withdrawn import stamp
from gateway.store import open_store
from gateway.store.keyring import create_site_key, open_keyring
from gateway.terminology.remote import Guarded, Remote
from gateway.validating.rulebook import Rulebook, open_rules

_log = structlog.get_logger("gateway.app")


def build_node(settings: Settings, site: Site | None = None) -> Node:
    """A node on its site, store and keys. Raises Misconfigured."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if not settings.site_key.exists():
        create_site_key(settings.site_key)
    root = site.root if site else settings.site or Path("site")
    began = stamp(root)  # before it is read, so that no change falls between
    site = site or load_site(root)
    checked(site.register, "policies")
    rulebook = Rulebook(settings.data_dir, site.packages, site.profiles)
    rules = open_rules(rulebook, _terminology_server(settings))
    store = open_store(settings.database, place=row_of)
    return Node(
        site=site,
        store=store,
        keyring=open_keyring(settings.site_key, store),
        clock=lambda: datetime.now(UTC),
        ids=lambda: str(uuid.uuid4()),
        cpu=Cpu(settings.queue),
        transports={"http": HttpTransport(settings.data_dir / "secrets"), "mllp": MllpTransport()},
        pace=Pace(settings.lease, settings.backoff_first, settings.backoff_most, settings.give_up_after),
        rulebook=rulebook,
        rules=rules,
        base=settings.base,
        upstreams=UpstreamServers(settings.data_dir / "secrets", loopback=settings.jwks_loopback),
        standing=Standing(root, began, time.monotonic),
        keysets=KeySets(KeySetFetcher(CheckedHttp(loopback=settings.jwks_loopback)), time.monotonic),
        introspections=Introspections(
            IntrospectionEndpoint(CheckedHttp(loopback=settings.jwks_loopback), settings.data_dir / "secrets"),
            time.monotonic,
        ),
    )


def _terminology_server(settings: Settings) -> Remote | None:
    """The terminology server that is asked last, where there is one."""
    if not settings.terminology_server:
        return None
    systems = frozenset(name.strip() for name in settings.terminology_systems.split(",") if name.strip())
    server = TerminologyServer(settings.terminology_server, settings.terminology_deadline, settings.terminology_secret)
    return Guarded(server, systems, time.monotonic)


def build_app(
    node: Node,
    *,
    console_loopback: bool = False,
    console_hosts: frozenset[str] = frozenset(),
    secrets: Path = Path("var/secrets"),
) -> FastAPI:
    """The web application: every door, mounted once. `console_loopback` lets people at this machine see the console; `secrets` is where
    the secret for signing in is."""
    app = FastAPI(
        title="Ieum gateway",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.include_router(router(node, all_doors(app)))
    no_such_door(app)
    terms = node.site.sign_in
    own = frozenset({urlsplit(terms.address).netloc.lower()} if terms is not None and terms.address else ())
    access = Access(
        key=node.keyring.secret("visits of the console"),
        clock=node.clock,
        loopback=console_loopback,
        hosts=console_hosts | own,
    )
    people = People(node, terms, Issuer(terms, secrets)) if terms is not None else None
    app.router.routes.extend(console_routes(JournalDesk(node), access, people))
    return app


async def serve(settings: Settings) -> None:
    """Serves until it is told to stop: overlays, self-test, then MLLP listeners, deliveries and HTTP. Raises Misconfigured."""
    asyncio.get_running_loop().set_exception_handler(_unheard)
    node = build_node(settings)
    await asyncio.to_thread(look_at, data_path("mappings"), node.site.root / "mappings", node.site.participants)
    await self_test(node, build_app)
    async with _running(node, settings):
        hosts = frozenset(name.strip().lower() for name in settings.console_hosts.split(",") if name.strip())
        app = build_app(
            node,
            console_loopback=settings.console_loopback,
            console_hosts=hosts,
            secrets=settings.data_dir / "secrets",
        )
        config = uvicorn.Config(
            app, host=settings.host, port=settings.port, http=CertifiedProtocol, lifespan="off", access_log=False,
            log_config=None, server_header=False, timeout_keep_alive=30, **_tls(settings),
        )  # fmt: skip
        await uvicorn.Server(config).serve()


def _unheard(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An exception nobody waited for: its kind, never its text, which may hold anything."""
    _log.error("unheard exception", kind=type(context.get("exception")).__name__)


@contextlib.asynccontextmanager
async def _running(node: Node, settings: Settings) -> AsyncIterator[None]:
    """Everything beside HTTP, started after the self-test and ended in order."""
    workers = Workers(node, idle=settings.idle_poll, alarm_before=settings.alarm_before)
    doors = []
    for participant in listeners(node.site):
        door, port = await listen(node, participant, settings.mllp_host, _mllp_tls(settings))
        _log.info("mllp listening", participant=participant.id, port=port)
        doors.append(door)
    workers.start()
    try:
        yield
    finally:
        await asyncio.gather(*(door.stop() for door in doors))
        await workers.stop()
        await close(node)


async def close(node: Node) -> None:
    """Ends what a node holds; the store's queue is drained."""
    for transport in node.transports.values():
        await transport.close()
    await node.keysets.close()
    await node.introspections.close()
    if node.upstreams is not None:
        await node.upstreams.close()
    node.cpu.close()
    await asyncio.to_thread(node.store.close)


def _tls(settings: Settings) -> dict[str, Any]:
    """uvicorn's TLS options: a certificate, and the authority of client certificates when they are asked for."""
    if settings.tls_certificate is None:
        return {}
    clients = (
        {"ssl_ca_certs": str(settings.tls_clients), "ssl_cert_reqs": ssl.CERT_OPTIONAL} if settings.tls_clients else {}
    )
    return {"ssl_certfile": str(settings.tls_certificate), "ssl_keyfile": _text(settings.tls_key), **clients}


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _mllp_tls(settings: Settings) -> ssl.SSLContext | None:
    """TLS of the MLLP listeners: the node's certificate; with an authority of client certificates, mutual."""
    if settings.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=_text(settings.tls_clients))
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    context.verify_mode = ssl.CERT_REQUIRED if settings.tls_clients else ssl.CERT_NONE
    return context


def described() -> dict[str, Any]:
    """The OpenAPI description of every door, without a node behind them."""
    app = FastAPI(title="Ieum gateway", version=__version__)
    app.include_router(router(cast(Node, None), all_doors(app)))
    return with_pages(app.openapi())


def all_doors(app: FastAPI) -> tuple[Door, ...]:
    """Every door of the gateway, the core's and the plug-ins'."""
    return (
        *token.DOORS,
        *discovery.DOORS,
        *rest.DOORS,
        *replay.DOORS,
        *emergency.DOORS,
        *explaining.DOORS,
        *terminology.DOORS,
        *batch.DOORS,
        *fhir.DOORS,
        *plugged_doors(),
        *public.DOORS,
        public.openapi(lambda: with_pages(app.openapi())),
    )
