"""What the gauges show: live readings beside the progress, never needed to resume."""

from __future__ import annotations

from dataclasses import dataclass

POSTPONED = "the cut-over is postponed"  # how `waiting_for` begins while somebody wants the swap to come later


@dataclass(frozen=True, slots=True)
class Readings:
    """One reading of the gauges; None where nothing is known (yet).

    `waiting_for` says what keeps the migration from going on, in words for a person; `concern` what may keep it from
    ever coming to its end; empty when nothing does.
    """

    rows_per_second: float | None = None
    backlog: int = 0  # dirty keys
    changes_per_second: float | None = None
    stream_delay: float | None = None  # seconds from our write on the server to its return through the binlog
    chunk_rows: int | None = None
    chunk_seconds: float | None = None
    eta: float | None = None  # seconds until row copy ends
    eta_spread: float | None = None  # half the width of the band around `eta`, seconds
    waiting_for: str = ""
    concern: str = ""
    workers: str = ""  # how many chunks may be copied, or ranges compared, at the same time, and why
    reconnects: int = 0  # of the change stream, in this run

    @property
    def is_postponed(self) -> bool:
        """Whether nothing is waited for but the time, or the word, of somebody who wants the swap to come later."""
        return self.waiting_for.startswith(POSTPONED)
