"""How hard the server works, as it says itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pressure:
    """One reading of the server's own gauges; None for what it does not say.

    `redo` is what still waits for a checkpoint, as a share of what may wait before writers are made to wait as well.
    """

    running: int | None = None  # statements that the server is carrying out for others
    redo: float | None = None  # 0..1
    lock_waits: int | None = None  # transactions that wait for a row right now
    free_waits: int | None = None  # times that somebody waited for a free page in memory, since the server started
    history: int | None = None  # transactions whose old row versions have not been purged
