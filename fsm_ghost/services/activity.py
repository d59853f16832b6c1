"""Whether the application writes to the table: judged by the changes that come through the binlog.

And whether two long statements of ours may go on beside it.
"""

from __future__ import annotations

import time

from fsm_ghost.model.progress import Progress

_MANY_CORES = 4  # of the server: enough to build indexes, compare, and serve the application
_LASTS = 1.0  # seconds after a change, for which the application is taken to be writing


class Activity:
    """Remembers when the newest change was seen. Owner thread only."""

    def __init__(self) -> None:
        self._changes = 0
        self._until = 0.0  # monotonic seconds

    def is_going_on(self, progress: Progress) -> bool:
        """Whether a change was seen within the last second."""
        now = time.monotonic()
        if progress.changes != self._changes:
            self._until = now + _LASTS
        self._changes = progress.changes
        return now < self._until


def has_room(cores: int | None, *, written: bool) -> bool:
    """Whether the server can compare while it builds indexes: nobody writes, or it has cores enough; None: unknown."""
    return not written or (cores or 0) >= _MANY_CORES
