"""What there is to measure about a migration, from one picture of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.services.applier import MOST_DIRTY

THROTTLED = "throttled"  # how `waiting_for` begins while row copy waits for something


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: `grows` for one that never becomes smaller; None is left out where it is not known."""

    name: str
    about: str
    value: float | None
    grows: bool = False
    labels: dict[str, str] = field(default_factory=dict)


def is_throttled(snapshot: Snapshot) -> bool:
    """Whether row copy waits for load, lag, a file, a person and the like."""
    return snapshot.alive and snapshot.readings.waiting_for.startswith(THROTTLED)


def figures(snapshot: Snapshot, entered_at: float, now: float) -> Iterator[Figure]:
    """Everything; `entered_at` is when it came to its state, `now` the time (seconds since the epoch)."""
    yield Figure("up", "Whether a process runs the migration", snapshot.alive)
    yield Figure("finished", "Whether nothing of the migration is left to do", snapshot.finished_at is not None)
    for phase in Phase:
        labels = {"state": str(phase)}
        yield Figure("state", "1 for the state that the migration is in", snapshot.phase is phase, labels=labels)
    ended = now if snapshot.finished_at is None else snapshot.finished_at
    yield Figure("state_seconds", "How long it has been in its state", max(0.0, ended - entered_at))
    yield Figure("start_time_seconds", "When it was begun, since the epoch", snapshot.created_at)
    yield from _copy(snapshot)
    yield from _changes(snapshot)
    yield from _waiting(snapshot)
    yield from _swap(snapshot)
    age = None if snapshot.checkpoint_at is None else max(0.0, ended - snapshot.checkpoint_at)
    yield Figure("checkpoint_age_seconds", "Seconds since the last checkpoint", age)
    yield Figure("checkpoints", "Checkpoints written", snapshot.checkpoints, grows=True)


def _copy(snapshot: Snapshot) -> Iterator[Figure]:
    progress, readings = snapshot.progress, snapshot.readings
    yield Figure("rows_copied", "Rows copied", progress.rows, grows=True)
    rows = progress.plan.rows if progress.plan else None
    yield Figure("rows_estimate", "Rows of the table, as the server estimates them", rows)
    yield Figure("copied_ratio", "Share of the key range that is copied", progress.copied_part)
    yield Figure("rows_per_second", "Rows copied a second, over the last seconds", readings.rows_per_second)
    yield Figure("chunks", "Chunks handed out", progress.chunks, grows=True)
    yield Figure("chunk_rows", "Rows that the next chunk is to have", readings.chunk_rows)
    yield Figure("chunk_seconds", "Seconds that the last chunk took", readings.chunk_seconds)
    yield Figure("eta_seconds", "Seconds until row copy ends", readings.eta)
    yield Figure("rows_verified", "Rows compared and found equal", progress.verified_rows)
    yield Figure("verified_ratio", "Share of the table that is compared", progress.verified_part)


def _changes(snapshot: Snapshot) -> Iterator[Figure]:
    progress, readings = snapshot.progress, snapshot.readings
    yield Figure("changes_read", "Row events read from the binlog", progress.changes, grows=True)
    yield Figure("keys_refreshed", "Changed keys brought over", progress.refreshed, grows=True)
    yield Figure("backlog_keys", "Keys that may differ now", readings.backlog)
    yield Figure("backlog_capacity_keys", "Keys from which on the binlog is not read further", MOST_DIRTY)
    delay = readings.stream_delay
    yield Figure("stream_delay_seconds", "From our write on the server to its return through the binlog", delay)
    yield Figure(
        "stream_reconnects", "Times that the change stream was connected again, in this run", readings.reconnects
    )


def _waiting(snapshot: Snapshot) -> Iterator[Figure]:
    readings, alive = snapshot.readings, snapshot.alive
    yield Figure("throttled", "Whether row copy waits for load, lag, a file, a person", is_throttled(snapshot))
    yield Figure("postponed", "Whether only people hold up the swap", alive and readings.is_postponed)
    yield Figure("concern", "Whether it may never come to its end as things are", alive and bool(readings.concern))


def _swap(snapshot: Snapshot) -> Iterator[Figure]:
    progress = snapshot.progress
    yield Figure("cut_over_attempts", "Swaps tried", progress.attempts, grows=True)
    swap = progress.swap
    stall = "Seconds for which writers were held up by the swap"
    yield Figure("cut_over_stall_seconds", stall, swap.stall if swap else None)
    escaped = "Keys written to the old table after its lock"
    yield Figure("escaped_keys", escaped, swap.escaped if swap else None)
