"""gh-ost's status line, for programs that read it."""

from __future__ import annotations

import math
import socket
import time
from datetime import UTC, datetime

from fsm_ghost.cli.complaint import complain
from fsm_ghost.cli.ui import words
from fsm_ghost.cli.ui.ended import Ended
from fsm_ghost.cli.ui.plain import PlainScreen
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.model.status_line import line

_HINT_EVERY = 600  # seconds


class GhOstScreen(PlainScreen):
    """Prints gh-ost's line as often as gh-ost does, and at each state change."""

    def __init__(self, where: str = "", log_level: int | None = None) -> None:
        super().__init__(log_level)
        self._where = where
        self._copying_since: float | None = None
        self._copied_in: float | None = None
        self._next = self._next_hint = 0.0
        self._shown: Phase | None = None

    def publish(self, snapshot: Snapshot) -> None:
        """Print a line if one is due."""
        now = time.time()
        elapsed = now - snapshot.created_at
        if now < self._next and snapshot.phase is self._shown:
            return
        if now >= self._next_hint and snapshot.progress.plan:
            self._next_hint = now + _HINT_EVERY
            for text in _hint(snapshot, self._where):
                self._write(text)
        self._next = now + _pause(elapsed, snapshot.readings.eta)
        self._shown = snapshot.phase
        self._write(line(snapshot, elapsed, self._copy_seconds(snapshot, now)))

    def _copy_seconds(self, snapshot: Snapshot, now: float) -> float:
        """For how long rows have been copied in this run."""
        if self._copying_since is None and snapshot.phase is Phase.COPY:
            self._copying_since = now
        if self._copying_since is None:
            return 0.0
        if self._copied_in is None and snapshot.progress.is_copied:
            self._copied_in = now - self._copying_since
        return now - self._copying_since if self._copied_in is None else self._copied_in

    def ended(self, how: Ended) -> None:
        """Say how it ended."""
        if how.is_good:
            self._write("\n".join([*(f"# {text}" for text in how.report), "# Done"]))
        else:
            complain(how.reason or words.doing(how.snapshot), "\n".join(how.report))


def _pause(elapsed: float, eta: float | None) -> float:
    """Seconds until the next line: 1 at the beginning and at the end, then 5, in between 30."""
    nearest = min(elapsed, math.inf if eta is None else eta)
    return 1.0 if nearest <= 60 else 5.0 if nearest <= 180 else 30.0  # noqa: PLR2004 - gh-ost's own


def _hint(snapshot: Snapshot, where: str) -> list[str]:
    """What is migrated, and where."""
    names = snapshot.progress.the_plan.names
    began = datetime.fromtimestamp(snapshot.created_at, UTC).astimezone()
    return [
        f"# Migrating {_quoted(snapshot.table)}; Ghost table is {_quoted(names.ghost)}",
        f"# Migrating {where}; inspecting {where}; executing on {socket.gethostname()}",
        f"# Migration started at {began:%a %b %d %H:%M:%S %z %Y}",
    ]


def _quoted(table: TableName) -> str:
    return f"`{table.schema}`.`{table.name}`"
