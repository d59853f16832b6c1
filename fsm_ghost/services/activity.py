"""What the application does to the server: judged by the changes of its rows, and by what is seen to run there.

It decides how much of ours goes on at the same time. Whoever is alone on a server may use all of it.
"""

from __future__ import annotations

import time
from collections import deque

_LASTS = 1.0  # seconds after a change, for which the application is taken to be writing
_LOOKS, _FEW = 6, 1  # at the server; in so many of them something may have run: somebody who only looked
MANY_CORES = 4  # of the server: enough to build indexes, compare, and serve the application


class Activity:
    """Remembers what the application was seen to do. Owner thread only."""

    def __init__(self) -> None:
        self._changes = 0
        self._written_until = 0.0  # monotonic seconds
        self._runs: deque[bool] = deque(maxlen=_LOOKS)

    def changes(self, count: int) -> None:
        """So many changes of the table have been read by now."""
        if count != self._changes:
            self._written_until = time.monotonic() + _LASTS
        self._changes = count

    def runs(self, statements: float | None) -> None:
        """A look at the server: so many statements of others are under way there; None: it does not tell."""
        self._runs.append(bool(statements))

    @property
    def writes(self) -> bool:
        """Whether a change of the table was seen within the last second."""
        return time.monotonic() < self._written_until

    @property
    def is_absent(self) -> bool:
        """Whether the server is left to us: nobody writes to the table, and hardly anything else runs there."""
        return not self.writes and sum(self._runs) <= _FEW


def has_room(cores: int | None, *, alone: bool) -> bool:
    """Whether the server can compare while it builds indexes: it is left to us, or has cores enough; None: unknown."""
    return alone or (cores or 0) >= MANY_CORES
