"""The application's own statements: row copy waits while they take longer than they do without it."""

from __future__ import annotations

import time
from collections.abc import Callable

from fsm_ghost.mysql.latencies import Latencies

_ALONE = 10.0  # seconds for which the application is watched without row copy
_ENOUGH = 50  # statements, to be judged by


class Latency:
    """Makes row copy wait while the application is slower, by more than `growth` percent, than without it.

    What it is without is measured first, for ten seconds; and again when it was idle then, and is not any more.
    """

    every = 1.0  # seconds
    name = "the application's latency"

    def __init__(self, read: Callable[[], Latencies], growth: float) -> None:
        self._read = read
        self._growth = growth
        self._usual: float | None = None  # seconds
        self._since = Latencies()
        self._alone_until: float | None = None  # monotonic seconds; None: row copy goes on
        self._begun = False
        self._reason = ""

    def ask(self) -> str:
        """Why row copy has to wait."""
        now, seen = time.monotonic(), self._read()
        if not self._begun:
            self._begun, self._since, self._alone_until = True, seen, now + _ALONE
        found = seen.since(self._since)
        if self._usual is None:
            return self._measured(found, seen, now)
        if found.count >= _ENOUGH:
            self._since, self._reason = seen, self._judged(found, self._usual)
        return self._reason

    def close(self) -> None:
        """The session belongs to the run."""

    def _measured(self, found: Latencies, seen: Latencies, now: float) -> str:
        """Find out what is usual; an application that is idle is waited for without keeping row copy from going on."""
        if self._alone_until is None and found.count >= _ENOUGH:
            self._since, self._alone_until = seen, now + _ALONE
        if self._alone_until is None:
            return ""
        if now < self._alone_until:
            left = self._alone_until - now
            return f"the application's latency without row copy is being measured, for another {left:.0f} s"
        if found.count >= _ENOUGH:
            self._usual = found.slowness
        self._since, self._alone_until = seen, None
        return ""

    def _judged(self, found: Latencies, usual: float) -> str:
        limit = usual * (1 + self._growth / 100)
        if found.slowness <= limit:
            return ""
        figure, milli = found.figure, 1000
        return (
            f"the {figure} of the application's statements is {found.slowness * milli:.2f} ms,"
            f" the limit {limit * milli:.2f} ms ({usual * milli:.2f} ms without row copy)"
        )
