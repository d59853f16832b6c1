"""Posts JSON to a URL, in a thread of its own: nothing waits for whoever listens there."""

from __future__ import annotations

import queue
import threading
import urllib.error
import urllib.request
from http import HTTPStatus
from urllib.parse import urlsplit

from fsm_ghost.model.occasion import HookResult

TIMEOUT = 3.0  # seconds for each try
PAUSES = (1.0, 2.0)  # seconds before the second try, and before the third
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}  # other 4xx will not be better next time


class Notifier:
    """Posts what it is given, in order, each a few times if need be. Used by the owner thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._where = f"{urlsplit(url).scheme}://{urlsplit(url).hostname}/…"  # what follows is often a secret
        self._waiting: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._results: list[tuple[str, HookResult]] = []
        self._left = 0
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="notifier", daemon=True)

    @property
    def is_idle(self) -> bool:
        """Whether all that was given has been posted, or given up."""
        return self._left == 0

    def post(self, key: str, body: str) -> None:
        """Have something posted."""
        with self._changed:
            self._left += 1
        self._waiting.put((key, body))
        if not self._thread.is_alive() and not self._stop.is_set():
            self._thread.start()

    def results(self, patience: float) -> list[tuple[str, HookResult]]:
        """What came of it since the last call; waits for `patience` seconds until all is known."""
        with self._changed:
            self._changed.wait_for(lambda: self._left == 0, patience)
            found, self._results = self._results, []
        return found

    def close(self) -> None:
        """Post nothing any more; a request that is under way is not waited for."""
        self._stop.set()
        self._waiting.put(None)

    def _work(self) -> None:
        while (given := self._waiting.get()) is not None and not self._stop.is_set():
            key, body = given
            result = self._post(key, body.encode())
            with self._changed:
                self._left -= 1
                self._results.append((key, result))
                self._changed.notify_all()

    def _post(self, key: str, body: bytes) -> HookResult:
        headers = {"Content-Type": "application/json", "User-Agent": "fsm-ghost", "Idempotency-Key": key}
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310 - http and https only
        problem, is_final = _try(request)
        for pause in PAUSES:
            if not problem or is_final or self._stop.wait(pause):
                break
            problem, is_final = _try(request)
        if problem:
            return HookResult(ok=False, output=f"{self._where} was not told: {problem}")
        return HookResult(ok=True, output="")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Another address would be asked with GET, and told nothing: a redirection is an answer like others."""

    def redirect_request(self, *_: object) -> None:
        return None


def _try(request: urllib.request.Request) -> tuple[str, bool]:
    """What went wrong, if anything, and whether it would go wrong again."""
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=TIMEOUT):
            return "", True
    except urllib.error.HTTPError as error:
        with error:
            is_final = error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in _LATER
            return f"it answers {error.code}", is_final
    except (OSError, ValueError) as error:
        return str(error), False
