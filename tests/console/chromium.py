"""A real browser for tests: chromedriver over its HTTP protocol (W3C WebDriver), nothing but httpx."""

from __future__ import annotations

import base64
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--disable-dev-shm-usage",
)  # fmt: skip


def missing() -> str:
    """Why there is no browser here, "" when there is."""
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not installed" if absent else ""


class Chromium:
    """One window in one new profile; closed and removed afterwards."""

    def __init__(self, *, dark: bool = False) -> None:
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{self._port()}", timeout=60, trust_env=False)
        flags = [*FLAGS, f"--user-data-dir={self._profile.name}", *(["--force-dark-mode"] if dark else [])]
        asked = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": {"args": flags}}}
        session = self._http.post("/session", json={"capabilities": asked}).json()["value"]
        self._path = f"/session/{session['sessionId']}"

    def __enter__(self) -> Chromium:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.delete(self._path)
        self._http.close()
        self._driver.terminate()
        self._driver.wait(10)
        assert self._driver.stdout is not None
        self._driver.stdout.close()
        self._profile.cleanup()

    def size(self, width: int, height: int = 800) -> None:
        """The size of the page itself, whatever the window needs around it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)

    def scheme(self, name: str) -> None:
        """light or dark, as the system of the reader would say."""
        self.devtools("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]})

    def open(self, address: str) -> None:
        self._post("/url", {"url": address})

    def run(self, script: str, *arguments: Any) -> Any:
        return self._post("/execute/sync", {"script": script, "args": list(arguments)})

    def later(self, script: str) -> Any:
        """Runs a script that calls its last argument when it is done."""
        return self._post("/execute/async", {"script": script, "args": []})

    def press(self, key: str) -> None:
        down, up = {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}
        self._post("/actions", {"actions": [{"type": "key", "id": "keys", "actions": [down, up]}]})

    def picture(self, path: Path) -> None:
        """The whole page as PNG."""
        shot = self.devtools("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
        path.write_bytes(base64.b64decode(shot["data"]))

    def devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        return self._post("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._http.post(self._path + path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]

    def _port(self) -> int:
        assert self._driver.stdout is not None
        for line in self._driver.stdout:
            if "started successfully on port" in line:
                return int(line.rstrip(".\n").rpartition(" ")[2])
        raise AssertionError("chromedriver did not start")
