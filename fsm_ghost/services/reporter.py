"""Reads the gauges: rates, forecast, and what is being waited for."""

from __future__ import annotations

import logging
import math
import time
from collections import deque

from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings

log = logging.getLogger(__name__)

WINDOW = 15.0  # seconds over which rates are taken
_LEAST_SECONDS, _LEAST_PART = 2.0, 0.01  # of row copy, before anything is forecast
_SAMPLE_EVERY = 0.1  # seconds
_RATE_OVER = 0.5  # seconds at least
_TWO = 2  # samples make a rate


class Reporter:
    """Turns what happened into readings. Owner thread only; its readings may go anywhere."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int, int, float]] = deque()
        self.backlog = 0
        self.delay: float | None = None
        self.reconnects = 0
        self.chunk_rows: int | None = None
        self.chunk_seconds: float | None = None
        self.waiting_for = ""
        self.workers = ""
        self._concern = ""

    def note(self, progress: Progress) -> None:
        """Take a sample of the progress, at most ten in a second."""
        now = time.monotonic()
        if self._samples and now - self._samples[-1][0] < _SAMPLE_EVERY:
            return
        self._samples.append((now, progress.rows, progress.changes, progress.copied_part))
        while now - self._samples[0][0] > WINDOW and len(self._samples) > _TWO:
            self._samples.popleft()

    def be_concerned(self, concern: str) -> None:
        """Show a concern, or an empty one; say it aloud when it is new."""
        if concern and not self._concern:
            log.warning("%s", concern)
        self._concern = concern

    def readings(self, phase: Phase) -> Readings:
        """The gauges as they stand."""
        eta, spread = self._forecast() if phase is Phase.COPY else (None, None)
        return Readings(
            rows_per_second=self._rate(1) if phase is Phase.COPY else None,
            changes_per_second=self._rate(2),
            backlog=self.backlog,
            stream_delay=self.delay,
            reconnects=self.reconnects,
            chunk_rows=self.chunk_rows,
            chunk_seconds=self.chunk_seconds,
            eta=eta,
            eta_spread=spread,
            waiting_for=self.waiting_for,
            concern=self._concern,
            workers=self.workers if phase in {Phase.COPY, Phase.VERIFY} else "",
        )

    def _rate(self, which: int) -> float | None:
        if len(self._samples) < _TWO:
            return None
        first, last = self._samples[0], self._samples[-1]
        seconds = last[0] - first[0]
        return (last[which] - first[which]) / seconds if seconds >= _RATE_OVER else None

    def _forecast(self) -> tuple[float | None, float | None]:
        """Seconds until row copy ends, and how far off that may be: from the speeds seen within the window."""
        if not self._samples or self._samples[-1][0] - self._samples[0][0] < _LEAST_SECONDS:
            return None, None
        part = self._samples[-1][3]
        speeds = [(b[3] - a[3]) / (b[0] - a[0]) for a, b in self._by_second()]
        mean = sum(speeds) / len(speeds) if speeds else 0.0
        if part < _LEAST_PART or mean <= 0:
            return None, None
        deviation = math.sqrt(sum((speed - mean) ** 2 for speed in speeds) / len(speeds))
        eta = (1 - part) / mean
        return eta, eta * min(1.0, deviation / mean / math.sqrt(len(speeds)))

    def _by_second(self) -> list[tuple[tuple[float, int, int, float], tuple[float, int, int, float]]]:
        pairs = []
        begin = self._samples[0]
        for sample in self._samples:
            if sample[0] - begin[0] >= 1.0:
                pairs.append((begin, sample))
                begin = sample
        return pairs
