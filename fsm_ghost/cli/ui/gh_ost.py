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

_HINT_EVERY = 600  # seconds
_CAPACITY = 1000  # of gh-ost's queue of events; ours has no such end


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
        if self._copied_in is None and words.is_copied(snapshot.progress):
            self._copied_in = now - self._copying_since
        return now - self._copying_since if self._copied_in is None else self._copied_in

    def ended(self, how: Ended) -> None:
        """Say how it ended."""
        if how.is_good:
            self._write("\n".join([*(f"# {text}" for text in how.report), "# Done"]))
        else:
            complain(how.reason or words.doing(how.snapshot), "\n".join(how.report))


def line(snapshot: Snapshot, elapsed: float, copying: float) -> str:
    """A snapshot as gh-ost prints it; times are in seconds. It never shows more than 100 %."""
    progress, readings = snapshot.progress, snapshot.readings
    copied = words.is_copied(progress)
    rows = progress.rows if copied else max(progress.rows, progress.plan.rows if progress.plan else 0)
    percent = 100.0 if copied else min(99.9, progress.copied_part * 100)
    delay = max(0.0, readings.stream_delay or 0.0)
    eta = "due" if copied else "N/A" if readings.eta is None else duration(math.ceil(readings.eta))
    return (
        f"Copy: {progress.rows}/{rows} {percent:.1f}%; Applied: {progress.refreshed};"
        f" Backlog: {readings.backlog}/{max(_CAPACITY, readings.backlog)};"
        f" Time: {duration(elapsed)}(total), {duration(copying)}(copy); streamer: {progress.safe or ''};"
        f" Lag: {delay:.2f}s, HeartbeatLag: {delay:.2f}s, State: {_state(snapshot)}; ETA: {eta}"
    )


def duration(seconds: float) -> str:
    """A time span as Go prints it: 7s, 1m5s, 2h0m5s."""
    whole = max(0, int(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{f'{hours}h' if hours else ''}{f'{minutes}m' if hours or minutes else ''}{whole % 60}s"


def _state(snapshot: Snapshot) -> str:
    if words.is_postponed(snapshot):
        return "postponing cut-over"
    if snapshot.alive and snapshot.phase is Phase.COPY and snapshot.readings.waiting_for:
        return f"throttled, {snapshot.readings.waiting_for}"
    return "migrating"


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
