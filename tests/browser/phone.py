"""A phone for tests: Chromium, spoken to over its own pipe, with the width and the touch of one. No driver, no network port."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe", "about:blank")
TIMEOUT_S = 90


class Phone:
    """`with Phone(profile, width) as phone`: one page of `width` CSS pixels. Blocking: use it from a thread."""

    def __init__(self, profile: Path, width: int, height: int = 780) -> None:
        self.profile, self.width, self.height = profile, width, height
        self._number, self._rest = 0, b""

    def __enter__(self) -> Phone:
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()

        def pipes() -> None:  # Chromium reads 3 and writes 4
            os.dup2(to_browser, 13), os.dup2(from_browser, 14)
            os.dup2(13, 3), os.dup2(14, 4)

        self._process = subprocess.Popen([CHROMIUM, *FLAGS, f"--user-data-dir={self.profile}"], preexec_fn=pipes, close_fds=False,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser), os.close(from_browser)
        pages = [page for page in self._call("Target.getTargets")["targetInfos"] if page["type"] == "page"]
        self._session = self._call("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=self.width, height=self.height, deviceScaleFactor=2, mobile=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(timeout=TIMEOUT_S)
        os.close(self._in), os.close(self._out)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._call(method, self._session, **params)

    def _call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._out, json.dumps(asked).encode() + b"\0")
        until = time.monotonic() + TIMEOUT_S
        while time.monotonic() < until:
            while b"\0" not in self._rest:
                self._rest += os.read(self._in, 1 << 20)
            raw, _end, self._rest = self._rest.partition(b"\0")
            message = json.loads(raw)
            if message.get("id") == self._number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
        raise TimeoutError(method)

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str) -> Any:
        """The value of an expression on the page (our pages have no script of their own)."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        until = time.monotonic() + TIMEOUT_S
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < until, condition
            time.sleep(0.05)

    def picture(self, path: Path) -> None:
        """The whole page, as one long picture."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))
        print(f"screenshot: {path}")
