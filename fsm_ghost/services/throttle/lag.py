"""How far a replica is behind, measured by our own markers: no clock of another host counts."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from fsm_ghost.errors import ConnectionLostError, ServerError
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql.changelog import marker_in
from fsm_ghost.mysql.faults import NO_SUCH_TABLE
from fsm_ghost.mysql.session import Session

_REMEMBERED = 100_000  # markers: a day of one a second


class Heartbeats:
    """When each marker was committed. Noted by the owner thread, asked by the throttle's."""

    def __init__(self) -> None:
        self._noted: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)
        self._lock = threading.Lock()

    def note(self, marker: int) -> None:
        """A marker's COMMIT has returned."""
        with self._lock:
            self._noted.append((marker, time.monotonic()))

    def behind(self, marker: int) -> float:
        """How many seconds ago the first marker was committed that who knows of `marker` does not know yet."""
        with self._lock:
            while len(self._noted) > 1 and self._noted[0][0] <= marker:
                self._noted.popleft()
            first, at = self._noted[0] if self._noted else (marker, 0.0)
        return time.monotonic() - at if first > marker else 0.0


class Lag:
    """Makes row copy wait while one replica is more than `limit` seconds behind. `open_session` connects to it."""

    every = 0.5  # seconds

    def __init__(
        self,
        replica: str,
        changelog: TableName,
        heartbeats: Heartbeats,
        limit: float,
        open_session: Callable[[], Session],
    ) -> None:
        self.name = f"the replica {replica}"
        self._changelog = changelog
        self._heartbeats = heartbeats
        self._limit = limit
        self._open = open_session
        self._session: Session | None = None

    def ask(self) -> str:
        """How far it is behind, if that is too far. OSError when it cannot be reached."""
        behind = self._heartbeats.behind(self._last_marker())
        return f"{self.name} is {behind:.1f} s behind, the limit {self._limit:g} s" if behind > self._limit else ""

    def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _last_marker(self) -> int:
        try:
            self._session = self._session or self._open()
            return marker_in(self._session, self._changelog)
        except ConnectionLostError as error:  # the replica's, not the run's
            self.close()
            raise OSError(error.message) from error
        except ServerError as error:
            if error.code == NO_SUCH_TABLE:  # it has not come there yet
                return 0
            raise
