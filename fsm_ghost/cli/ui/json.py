"""One JSON object a line: `state` at each state change, `progress` every few seconds, `log`, and `end`."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TextIO

from fsm_ghost.cli.ui.document import of_plan, of_snapshot
from fsm_ghost.cli.ui.ended import Ended
from fsm_ghost.cli.ui.lines import LineScreen
from fsm_ghost.errors import FsmGhostError
from fsm_ghost.model.picture import SCHEMA, Document, dumps, times
from fsm_ghost.model.snapshot import Snapshot


class JsonScreen(LineScreen):
    """Writes events for programs."""

    def __init__(self, log_level: int | None = None, stream: TextIO | None = None) -> None:
        super().__init__(_Handler(self), logging.INFO if log_level is None else log_level, stream)
        self._last: Snapshot | None = None

    def __exit__(self, kind: object, error: object, traceback: object, /) -> None:
        """Write why the run ended, if it was by an error."""
        super().__exit__(kind, error, traceback)
        if isinstance(error, FsmGhostError):
            self._end(error.exit_code, error.message, error.remedy.splitlines(), self._last)

    def publish(self, snapshot: Snapshot) -> None:
        """Write an event if the state has changed, or one is due."""
        self._last = snapshot
        due, changed = self._is_due(snapshot)
        if due:
            self.event("state" if changed else "progress", {"migration": of_snapshot(snapshot, time.time())})

    def ended(self, how: Ended) -> None:
        """Write how it ended; with the plan after a dry run."""
        self._end(how.exit_code, how.reason, how.report, how.snapshot)

    def _end(self, exit_code: int, reason: str, report: Sequence[str], last: Snapshot | None) -> None:
        dry = last.progress if last and not last.execute else None
        self.event(
            "end",
            {
                "exit_code": exit_code,
                "reason": reason or None,
                "report": list(report),
                "plan": of_plan(dry.plan, dry, examples=True) if dry and dry.plan else None,
                "migration": of_snapshot(last, time.time()) if last else None,
            },
        )

    def log(self, record: logging.LogRecord) -> None:
        """Write a log record, with the migration that it belongs to and the state that it was last seen in."""
        last = self._last
        self.event(
            "log",
            {
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": record.getMessage(),
                "migration_id": last.id if last else None,
                "state": str(last.phase) if last else None,
            },
        )

    def event(self, name: str, fields: Document) -> None:
        """Write one event with the time."""
        head: Document = {"schema": SCHEMA, "event": name, **times("", time.time())}
        self._write(dumps(head | fields))


class PlanScreen(JsonScreen):
    """Writes one document: what was planned, or why nothing can be."""

    def publish(self, snapshot: Snapshot) -> None:
        """Only remember it."""
        self._last = snapshot

    def event(self, name: str, fields: Document) -> None:
        """Write the end, and nothing before it."""
        if name == "end":
            super().event(name, fields)


class _Handler(logging.Handler):
    """Log records as events."""

    def __init__(self, screen: JsonScreen) -> None:
        super().__init__()
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        self._screen.log(record)
