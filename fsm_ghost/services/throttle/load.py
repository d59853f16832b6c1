"""The load of the server that is written to, by its own status variables."""

from __future__ import annotations

import time
from collections.abc import Sequence

from fsm_ghost.errors import StoppedError
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.session import Session
from fsm_ghost.settings import Limit


class Load:
    """Makes row copy wait while a status variable has reached its limit. `session` is the throttle's own."""

    every = 1.0  # seconds
    name = "the server's load"

    def __init__(self, session: Session, limits: Sequence[Limit]) -> None:
        self._session = session
        self._limits = limits

    def ask(self) -> str:
        """The first limit that is reached; a variable that the server does not have is an error."""
        return reached(self._session, self._limits)

    def close(self) -> None:
        """The session belongs to the run."""


class CriticalLoad:
    """Stops the run when a status variable has reached its critical limit, still or again `interval` seconds later.

    With `rest` (seconds) it does not stop: row copy waits for so long, and is looked after again.
    """

    every = 1.0  # seconds
    name = "the server's critical load"

    def __init__(self, session: Session, limits: Sequence[Limit], *, interval: float, rest: float) -> None:
        self._session = session
        self._limits = limits
        self._interval = interval
        self._rest = rest
        self._first_at: float | None = None
        self._rests_until = 0.0

    def ask(self) -> str:
        """Why row copy rests; StoppedError when the run has to stop."""
        now = time.monotonic()
        if now < self._rests_until:
            return f"resting after a critical load, for another {self._rests_until - now:.0f} s"
        found = reached(self._session, self._limits)
        if self._first_at is None:
            if not found or self._interval:
                self._first_at = now if found else None
                return found
        elif now - self._first_at < self._interval:
            return found or "a critical load was seen; it is looked for again"
        self._first_at = None
        return self._met(found, now) if found else ""

    def close(self) -> None:
        """The session belongs to the run."""

    def _met(self, found: str, now: float) -> str:
        if not self._rest:
            raise StoppedError(f"critical load: {found}", "When the server has recovered, resume: nothing is lost.")
        self._rests_until = now + self._rest
        return f"resting for {self._rest:.0f} s after a critical load: {found}"


def reached(session: Session, limits: Sequence[Limit]) -> str:
    """The first of the limits that is reached, in words. LookupError for a variable that the server does not have."""
    values = catalog.status(session, [limit.variable for limit in limits])
    for limit in limits:
        value = values.get(limit.variable.lower())
        if value is None:
            raise LookupError(f"the server has no number called {limit.variable}")
        if value >= limit.value:
            return f"{limit.variable} is {value:g}, the limit {limit.value}"
    return ""
