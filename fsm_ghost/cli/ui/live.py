"""The live display: the panel, redrawn in place by a thread of its own; log lines scroll above it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from dataclasses import replace
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.highlighter import NullHighlighter
from rich.live import Live
from rich.logging import RichHandler

from fsm_ghost.cli.ui.ended import Ended
from fsm_ghost.cli.ui.logs import shown_by
from fsm_ghost.cli.ui.panel import Extras, panel
from fsm_ghost.cli.ui.summary import print_ended
from fsm_ghost.cli.ui.terminal import quiet_control_keys
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot

_EVERY = 0.25  # seconds between drawings
_RATES = 60  # seconds of history


class LiveScreen:
    """Draws the newest snapshot four times a second. `publish` only puts it down; nothing else touches the terminal."""

    def __init__(self, where: str = "", log_level: int | None = None, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._where = where
        self._snapshot: Snapshot | None = None
        self._stopping = False
        self._ended = threading.Event()
        self._rates: deque[float] = deque(maxlen=_RATES)
        self._sampled_at = 0.0
        self._live = Live(self, console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._logs = shown_by(
            RichHandler(
                console=self._console,
                show_path=False,
                log_time_format="%H:%M:%S",
                omit_repeated_times=False,
                highlighter=NullHighlighter(),
            ),
            logging.INFO if log_level is None else log_level,
        )
        self._terminal = quiet_control_keys()
        self._thread = threading.Thread(target=self._draw, name="display", daemon=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The panel, as wide as the terminal is now."""
        if self._snapshot is not None:
            extras = Extras(self._where, tuple(self._rates), self._stopping, self._ended.is_set())
            yield panel(self._snapshot, time.time(), min(options.max_width, 140), extras)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._logs.__enter__()
        self._terminal.__enter__()
        self._live.start()
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, traceback: object, /) -> None:
        """Draw the last picture, and give the terminal back."""
        self._ended.set()
        self._thread.join(timeout=2)
        if error is not None and self._snapshot is not None:
            self._snapshot = replace(self._snapshot, alive=False, reason=str(getattr(error, "message", error)))
        self._live.refresh()
        self._live.stop()
        self._terminal.__exit__(None, None, None)
        self._logs.__exit__(None, None, None)

    def publish(self, snapshot: Snapshot) -> None:
        """Put the newest picture down, to be drawn soon."""
        self._snapshot = snapshot

    def stopping(self) -> None:
        """Show that it is about to stop."""
        self._stopping = True

    def ended(self, how: Ended) -> None:
        """Say how it ended."""
        print_ended(how)

    def abandon(self) -> None:
        """Make the cursor visible again, from a signal handler, just before the process ends."""
        os.write(1, b"\x1b[?25h\r\n")
        self._terminal.__exit__(None, None, None)

    def _draw(self) -> None:
        while not self._ended.wait(_EVERY):
            self._sample()
            self._live.refresh()

    def _sample(self) -> None:
        snapshot = self._snapshot
        if snapshot is None or snapshot.phase is not Phase.COPY or time.monotonic() - self._sampled_at < 1:
            return
        self._sampled_at = time.monotonic()
        self._rates.append(snapshot.readings.rows_per_second or 0.0)
