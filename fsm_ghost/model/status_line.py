"""gh-ost's status line, for programs that read it."""

from __future__ import annotations

import math

from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot

_CAPACITY = 1000  # of gh-ost's queue of events; ours has no such end


def line(snapshot: Snapshot, elapsed: float, copying: float) -> str:
    """A snapshot as gh-ost prints it; times are in seconds. It never shows more than 100 %."""
    progress, readings = snapshot.progress, snapshot.readings
    copied = progress.is_copied
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
    if snapshot.is_postponed:
        return "postponing cut-over"
    if snapshot.alive and snapshot.phase is Phase.COPY and snapshot.readings.waiting_for:
        return f"throttled, {snapshot.readings.waiting_for}"
    return "migrating"
