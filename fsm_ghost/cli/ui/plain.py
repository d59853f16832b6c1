"""Plain lines: one at each state change, and one every few seconds, then less often."""

from __future__ import annotations

import logging
import time
from typing import TextIO

from fsm_ghost.cli.complaint import complain
from fsm_ghost.cli.ui import words
from fsm_ghost.cli.ui.ended import Ended
from fsm_ghost.cli.ui.lines import LineScreen
from fsm_ghost.cli.ui.logs import on_stderr
from fsm_ghost.engine.state import FINAL
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot


class PlainScreen(LineScreen):
    """Prints lines for people."""

    def __init__(self, log_level: int | None = None, stream: TextIO | None = None) -> None:
        super().__init__(on_stderr(), logging.WARNING if log_level is None else log_level, stream)

    def publish(self, snapshot: Snapshot) -> None:
        """Print a line if the state has changed, or one is due."""
        due, _ = self._is_due(snapshot)
        if due:
            self._write(line(snapshot, time.time()))

    def ended(self, how: Ended) -> None:
        """Say how it ended."""
        from fsm_ghost.cli.ui.summary import print_ended

        print_ended(how)


class NoScreen(PlainScreen):
    """Prints only what went wrong."""

    def publish(self, snapshot: Snapshot) -> None:
        """Print nothing."""

    def ended(self, how: Ended) -> None:
        """Say why it did not end well, if so."""
        if not how.is_good:
            complain(how.reason or words.doing(how.snapshot), "\n".join(how.report))


def line(snapshot: Snapshot, now: float) -> str:
    """A snapshot in one line."""
    head = f"{words.local(now)} {snapshot.id[:8]} {snapshot.table} {words.state(snapshot.phase)}"
    details = " · ".join(filter(None, _details(snapshot)))
    return f"{head}: {details}" if details else head


def _details(snapshot: Snapshot) -> list[str]:
    if snapshot.phase in FINAL:
        return []  # how it ended is said at length
    if not snapshot.alive or snapshot.phase not in {Phase.COPY, Phase.INDEX, Phase.SYNC, Phase.VERIFY}:
        return [words.doing(snapshot)]
    return [*_progress(snapshot), *_stream(snapshot)]


def _progress(snapshot: Snapshot) -> list[str]:
    progress, readings = snapshot.progress, snapshot.readings
    waiting = words.doing(snapshot) if readings.waiting_for or readings.concern else ""
    if snapshot.phase is Phase.COPY:
        return [
            words.percent(progress.copied_part, complete=progress.is_copied),
            words.copied_rows(progress),
            f"{words.rate(readings.rows_per_second)} rows/s",
            f"ETA {words.eta(readings)}",
            words.compared(snapshot),
            waiting,
        ]
    if snapshot.phase is Phase.VERIFY:
        share = words.percent(progress.verified_part, complete=progress.verified)
        return [share, f"{words.many(progress.verified_rows, 'row')} equal", waiting]
    return [words.doing(snapshot), words.compared(snapshot)]


def _stream(snapshot: Snapshot) -> list[str]:
    progress, readings = snapshot.progress, snapshot.readings
    return [
        words.many(progress.changes, "change"),
        f"backlog {words.many(readings.backlog, 'key')}",
        f"stream delay {words.delay(readings.stream_delay)}",
        str(progress.safe or ""),
    ]
