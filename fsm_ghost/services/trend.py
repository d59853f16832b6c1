"""Whether changes are brought over as fast as they come, and by how much not: told early, and with numbers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW = 20.0  # seconds that are looked back on
_LEAST = 8.0  # seconds before anything is said
_EVERY = 0.5  # seconds between samples
_MANY = 5000  # waiting keys, below which a backlog is nobody's concern
_GROWS = 0.02  # of the keys that come, from which on they pile up


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    cleaned: int
    backlog: int


class Trend:
    """Looks at the keys that wait, and at those dealt with. Times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()

    def note(self, now: float, cleaned: int, backlog: int) -> None:
        """So many keys have been dealt with since the beginning, and so many wait."""
        if self._samples and now - self._samples[-1].at < _EVERY:
            return
        self._samples.append(_Sample(now, cleaned, backlog))
        while now - self._samples[0].at > WINDOW:
            self._samples.popleft()

    @property
    def concern(self) -> str:
        """What is wrong, with numbers; empty as long as the keys are dealt with as fast as they come."""
        if not self._samples:
            return ""
        first, middle, last = self._samples[0], self._samples[len(self._samples) // 2], self._samples[-1]
        seconds = last.at - first.at
        if seconds < _LEAST or last.backlog < _MANY or not first.backlog < middle.backlog < last.backlog:
            return ""
        done = (last.cleaned - first.cleaned) / seconds
        growth = (last.backlog - first.backlog) / seconds
        if growth < _GROWS * (done + growth):
            return ""
        return f"changes pile up: {done + growth:,.0f} keys/s come, {done:,.0f}/s brought over, {last.backlog:,} wait"
