"""Does something again and again, in a thread of its own, for as long as a run lasts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Ticker:
    """Calls `job` every `every` seconds until it is closed.

    A job that fails is called again: what it tells others about a run must not end the run. It is said once.
    """

    def __init__(self, name: str, every: float, job: Callable[[], None]) -> None:
        self._every = every
        self._job = job
        self._failed = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Call it no more."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._try()
            self._closed.wait(self._every)

    def _try(self) -> None:
        try:
            self._job()
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
            if not self._failed:
                log.warning("%s: %s", self._thread.name, error)
            self._failed = True
        else:
            self._failed = False
