"""A headless Chromium, driven through its pipe: the page as people get it. Where there is none, `found` is None."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import Any

PATIENCE = 60.0  # seconds
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # tests run as root in containers; the only page it sees is ours
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
)


def found() -> str | None:
    """The program."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page:
    """One page of a browser. `requested` are the URLs that it has asked for, `complaints` what it did not like."""

    def __init__(self, commands: int, events: BufferedReader) -> None:
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self._commands = commands
        self._events = events
        self._buffer = b""
        self._session: str | None = None
        self._asked = 0
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def looks(self, width: int, height: int, scheme: str) -> None:
        """A screen of this size, light or dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < height
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url: str) -> None:
        """Go there, and wait until all of the document is there: before that its parts can be missing."""
        self.call("Page.navigate", url=url)
        self.until("document.readyState !== 'loading'")

    def value(self, expression: str) -> Any:  # noqa: ANN401 - JSON is anything
        """What an expression of JavaScript is."""
        found_ = self.call("Runtime.evaluate", expression=expression, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in found_, found_
        return found_["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until it is true."""
        deadline = time.monotonic() + PATIENCE
        while not self.value(expression):
            assert time.monotonic() < deadline, (expression, self.value("document.body.innerText"), self.complaints)
            time.sleep(0.05)

    def picture(self, scale: float) -> bytes:
        """All of it, as PNG."""
        width, height = self.value("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": scale}
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(taken["data"])

    def call(self, method: str, **arguments: Any) -> Any:  # noqa: ANN401
        """Have the browser do something, by its protocol; what it returns."""
        self._asked += 1
        said = {"id": self._asked, "method": method, "params": arguments}
        if self._session is not None:
            said["sessionId"] = self._session
        os.write(self._commands, json.dumps(said).encode() + b"\0")
        while True:
            heard = self._heard()
            if heard.get("id") == self._asked:
                assert "error" not in heard, (method, heard)
                return heard["result"]
            self._note(heard.get("method", ""), heard.get("params", {}))

    def _heard(self) -> Any:  # noqa: ANN401
        while b"\0" not in self._buffer:
            more = self._events.read1(65_536)
            assert more, "the browser has ended"
            self._buffer += more
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event: str, told: Any) -> None:  # noqa: ANN401
        if event == "Network.requestWillBeSent":
            self.requested.append(told["request"]["url"])
        elif event in {"Runtime.exceptionThrown", "Log.entryAdded"}:
            self.complaints.append(json.dumps(told))


@contextmanager
def browsing(program: str) -> Iterator[Page]:
    """A page of a browser of its own."""
    to_it, commands = os.pipe()
    events, from_it = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        silent = os.open(os.devnull, os.O_RDWR)
        places = ((to_it, 13), (from_it, 14), (13, 3), (14, 4), (silent, 0), (silent, 1), (silent, 2))
        process = os.posix_spawn(
            program,
            [program, *_ARGUMENTS, f"--user-data-dir={folder}"],
            {**os.environ, "HOME": folder},
            file_actions=[(os.POSIX_SPAWN_DUP2, source, there) for source, there in places],
            setsid=True,
        )
        for theirs in (to_it, from_it, silent):
            os.close(theirs)
        try:
            with os.fdopen(events, "rb") as heard:
                yield Page(commands, heard)
        finally:
            os.close(commands)
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
