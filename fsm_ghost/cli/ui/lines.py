"""Displays that write lines: to pipes, log files and CI."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from typing import Self, TextIO

from fsm_ghost.cli.ui.logs import shown_by
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot

STOPPING = "stopping after this step, with a checkpoint (again: at once)"
_CADENCE = ((60.0, 5.0), (600.0, 15.0))  # in the first so many seconds, a line every so many
_AFTERWARDS = 60.0


class Cadence:
    """When the next line is due: every 5 s in the first minute, every 15 s in the first ten, then every minute."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._next = began

    def is_due(self, now: float) -> bool:
        """Whether a line is due; if so, the next one is put off."""
        if now < self._next:
            return False
        elapsed = now - self._began
        self._next = now + next((pause for upto, pause in _CADENCE if elapsed < upto), _AFTERWARDS)
        return True


class LineScreen:
    """What displays that write lines have in common. When nobody reads them any more, the migration goes on."""

    def __init__(self, logs: logging.Handler, log_level: int, stream: TextIO | None = None) -> None:
        self._stream: TextIO | None = stream or sys.stdout
        self._logs = shown_by(logs, log_level)
        self._cadence = Cadence(time.monotonic())
        self._phase: Phase | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Take the log."""
        self._logs.__enter__()
        return self

    def __exit__(self, kind: object, error: object, traceback: object, /) -> None:
        """Give the log back."""
        self._logs.__exit__(None, None, None)

    def stopping(self) -> None:
        """Say so at once, on stderr; a signal handler must not use a buffered stream."""
        os.write(2, f"fsm-ghost: {STOPPING}\n".encode())

    def abandon(self) -> None:
        """Nothing has to be put back."""

    def _is_due(self, snapshot: Snapshot) -> tuple[bool, bool]:
        """Whether a line is due, and whether that is because the state has changed."""
        changed = snapshot.phase is not self._phase
        self._phase = snapshot.phase
        return self._cadence.is_due(time.monotonic()) or changed, changed

    def _write(self, text: str) -> None:
        with self._lock:
            if self._stream is None:
                return
            try:
                print(text, file=self._stream, flush=True)
            except OSError:
                self._stream = None
