"""`gateway demo`: the demo site, its simulators, the gateway, the stories, and an audit log that must prove itself."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway.demo.processes import Processes, free_port, wait_for
from gateway.demo.stories import AGREEMENTS, played
from gateway.demo.telling import show_counts, show_story
from gateway.demo.world import Caller, Hospital, NotAsTold, World
from gateway.site.register import new_api_key, register_key

if TYPE_CHECKING:
    from rich.console import Console

_SITE = Path(__file__).resolve().parent / "site"
_ZONE = ZoneInfo("Asia/Seoul")
_KEYS = (  # name in demo.json, participant, role
    ("hospital", "hanbit-hospital", "system"),
    ("public-health", "kdca-demo", "system"),
    ("welfare", "mapo-care-team", "system"),
    ("admin", "ieum-demo", "admin"),
    ("auditor", "ieum-demo", "auditor"),
)
_RECIPIENTS = (("welfare", 18081), ("public-health", 18082))  # name, and the port that the site's files name
_MLLP = 2575
_ISSUER = 18090  # the port that site.yaml names
_INTERRUPTED = 130
_WIDTH = 140  # columns when the output is no terminal
_SETTINGS = {  # a fast pace, and the console for whoever sits at this machine: everybody in it is invented
    "GATEWAY_HOST": "127.0.0.1",
    "GATEWAY_CONSOLE_LOOPBACK": "true",
    "GATEWAY_IDLE_POLL": "0.1",
    "GATEWAY_BACKOFF_FIRST": "0.3",
    "GATEWAY_BACKOFF_MOST": "1",
    "GATEWAY_LOG_LEVEL": "warning",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything of one demo stands: folders, addresses, keys."""

    data_dir: Path
    site: Path
    port: int
    mllp_port: int
    ports: Mapping[str, int]
    tokens: Mapping[str, str]
    issuer_port: int = _ISSUER

    @property
    def base(self) -> str:
        """The gateway's address."""
        return f"http://127.0.0.1:{self.port}"


def run(once: bool, port: int = 8080, mllp_port: int = _MLLP, data_dir: Path | None = None) -> int:
    """The whole demo; 0 when every story came out as told, the counts sum up, and the audit log verified, else 1.

    `port` or `mllp_port` 0 takes any free one. Without `once` it stays until Ctrl-C.
    """
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    folder = data_dir or Path(os.environ.get("GATEWAY_DATA_DIR", "var"))
    stage = set_up(folder.absolute(), port or free_port(), mllp_port or free_port())
    environment = {**_SETTINGS, "GATEWAY_DATA_DIR": str(stage.data_dir), "GATEWAY_PORT": str(stage.port)}
    before = signal.signal(signal.SIGTERM, _ended)
    try:
        with Processes(stage.data_dir / "logs", environment) as processes:
            return _performed(console, stage, processes, once)
    except NotAsTold as failed:
        console.print(f"{failed}; see {stage.data_dir / 'logs'}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)


def _ended(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def set_up(data_dir: Path, port: int, mllp_port: int) -> Stage:
    """A fresh copy of the demo site with this demo's ports and new keys, and the recipients' secrets."""
    site, hidden = data_dir / "demo-site", data_dir / "secrets"
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(_SITE, site)
    for folder in (hidden, data_dir / "logs"):
        folder.mkdir(parents=True, exist_ok=True)
    hidden.chmod(0o700)
    ports = {name: free_port() for name, _ in _RECIPIENTS}
    _replaced(site / "participants" / "hanbit-hospital.yaml", f"port: {_MLLP} ", f"port: {mllp_port} ")
    for (name, written), file in zip(_RECIPIENTS, ("mapo-care-team", "kdca-demo"), strict=True):
        _replaced(site / "participants" / f"{file}.yaml", f":{written}/", f":{ports[name]}/")
        _secret(hidden / f"{name}.token", secrets.token_urlsafe(32))
    issuer_port = free_port()
    _replaced(site / "site.yaml", f":{_ISSUER}", f":{issuer_port}")
    _secret(hidden / "sign-in.secret", secrets.token_urlsafe(32))
    tokens = {name: new_api_key(participant) for name, participant, _ in _KEYS}
    for name, participant, role in _KEYS:
        register_key(site, participant, tokens[name], [role])
    _secret(hidden / "hospital.token", tokens["hospital"])
    stage = Stage(data_dir, site, port, mllp_port, ports, tokens, issuer_port)
    told = {"base": stage.base, "mllp": f"127.0.0.1:{mllp_port}", "tokens": tokens}
    _secret(data_dir / "demo.json", json.dumps(told, indent=2) + "\n")
    return stage


def _replaced(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


def _secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _performed(console: Console, stage: Stage, processes: Processes, once: bool) -> int:
    world = _opened(console, stage, processes)
    try:
        told = _played(console, world)
    finally:
        world.close()
    verified = _verified(console, processes)
    fine = told and verified
    verdict = (
        "모두 이야기한 그대로입니다 · everything came out as told"
        if fine
        else "이야기와 다릅니다 · something did not come out as told"
    )
    console.print(verdict, style="bold green" if fine else "bold red", markup=False, highlight=False)
    if not once:
        _stay(console, stage)
    return 0 if fine else 1


def _played(console: Console, world: World) -> bool:
    """Every story shown, then the counts of the day where the site is."""
    stories = []
    for story in played(world):
        show_story(console, story)
        stories.append(story)
    today = world.auditor.get("/exchanges/daily").body
    balanced = show_counts(console, str(today["day"]), today["counts"]) and bool(today["counts"])
    told = sum(story.ok for story in stories)
    console.print(f"{told}/{len(stories)} 이야기가 그대로 · stories came out as told", markup=False, highlight=False)
    return balanced and told == len(stories)


def _verified(console: Console, processes: Processes) -> bool:
    """`gateway audit verify`, a program of its own, and what it says in words (its lines of JSON are for programs)."""
    code, said = processes.run("gateway", "audit", "verify")
    words = " ".join(line for line in said.splitlines() if not line.startswith("{"))
    style = "green" if code == 0 else "bold red"
    console.print(f"\n감사 기록 검증 · audit log: {words}", style=style, markup=False, highlight=False)
    return code == 0


def _opened(console: Console, stage: Stage, processes: Processes) -> World:
    """Everything started and answering."""
    hidden = stage.data_dir / "secrets"
    callers = {}
    started = {}
    for name, port in stage.ports.items():
        file = str(hidden / f"{name}.token")
        started[name] = processes.start(
            name, "gateway.demo.simulator", "fhir", "--port", str(port), "--token-file", file
        )
        callers[name] = Caller(f"http://127.0.0.1:{port}", (hidden / f"{name}.token").read_text())
    back = [f"http://{host}:{stage.port}/login/callback" for host in ("127.0.0.1", "localhost")]
    told = [part for address in back for part in ("--redirect", address)]
    started["provider"] = processes.start(
        "provider", "gateway.demo.simulator", "provider", "--port", str(stage.issuer_port), *told,
        "--token-file", str(hidden / "sign-in.secret"),
    )  # fmt: skip
    gateway = processes.start("gateway", "gateway", "serve", "--site", str(stage.site))
    console.print(f"게이트웨이를 시작합니다 · starting the gateway on {stage.base} …", markup=False, highlight=False)
    for name, port in stage.ports.items():
        wait_for(f"http://127.0.0.1:{port}/simulator/state", started[name], {})
    wait_for(f"http://127.0.0.1:{stage.issuer_port}/jwks", started["provider"], {})
    wait_for(f"{stage.base}/readyz", gateway, {})
    sending = processes.start(
        "hospital", "gateway.demo.simulator", "hospital", "--mllp", f"127.0.0.1:{stage.mllp_port}", "--base", stage.base,
        "--token-file", str(hidden / "hospital.token"), spoken=True,
    )  # fmt: skip
    world = World(
        hospital=Hospital(sending),
        auditor=Caller(stage.base, stage.tokens["auditor"]),
        care_team=Caller(stage.base, stage.tokens["welfare"]),
        welfare=callers["welfare"],
        agency=callers["public-health"],
        now=lambda: datetime.now(_ZONE).replace(microsecond=0),
    )
    world.begin(AGREEMENTS)  # another gateway on this port would not know our keys
    return world


def _stay(console: Console, stage: Stage) -> None:
    console.print(f"\n콘솔 · console: {stage.base}/console", markup=False, highlight=False, style="bold")
    console.print(f"로그인 · sign in: {stage.base}/login", markup=False, highlight=False, style="bold")
    console.print(
        f"키 · keys: {stage.data_dir / 'demo.json'}   (Ctrl-C: 끝내기 · to end)", markup=False, highlight=False
    )
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)
