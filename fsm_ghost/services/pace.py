"""How many statements of one kind may run at a time: a governor, with the gauges that it has to see."""

from __future__ import annotations

import time
from collections.abc import Callable

from fsm_ghost.model.pressure import Pressure
from fsm_ghost.services.activity import Activity
from fsm_ghost.services.applier import Applier
from fsm_ghost.services.governor import Governor

_LOOK_EVERY = 1.0  # seconds between readings of the server's gauges


class Pace:
    """Keeps a governor informed. Owner thread only."""

    def __init__(
        self, governor: Governor, applier: Applier, activity: Activity, read_pressure: Callable[[], Pressure]
    ) -> None:
        self._governor = governor
        self._applier = applier
        self._activity = activity
        self._read_pressure = read_pressure
        self._looked_at = 0.0

    @property
    def most(self) -> int:
        """How many there will never be more of."""
        return self._governor.most

    @property
    def workers(self) -> int:
        """How many there may be now."""
        return self._governor.workers

    @property
    def reason(self) -> str:
        """How many there may be, and why, in words."""
        return self._governor.reason

    def done(self, rows: int, seconds: float) -> None:
        """One of them has ended: how many rows it went through, and how long it took."""
        self._governor.copied(rows, seconds, time.monotonic())

    def look(self) -> None:
        """See how the server is, once a second; also where there is only one: what others do decides about more."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_EVERY:
            return
        self._looked_at = now
        applier, activity, pressure = self._applier, self._activity, self._read_pressure()
        activity.runs(pressure.running)
        waiting, commit = applier.ledger.waiting, applier.take_commit_seconds()
        self._governor.look(pressure, waiting, commit, applier.delay, now, alone=activity.is_absent)
