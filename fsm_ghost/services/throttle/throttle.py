"""Asks all sources, each as often as it wants, in a thread of their own; says why row copy has to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from fsm_ghost.errors import ConnectionLostError, FsmGhostError, StoppedError
from fsm_ghost.services.throttle.source import Source

_PATIENCE = 5.0  # seconds beyond its interval after which a source that has not answered counts as silent


@dataclass(slots=True)
class _Reading:
    """What a source has said last, and when (monotonic seconds); "" is that row copy may go on."""

    reason: str
    at: float


class Throttle:
    """Why row copy has to wait. The owner thread asks; the sources are asked by another one."""

    def __init__(self, sources: Sequence[Source], bell: threading.Event) -> None:
        began = time.monotonic()
        self._sources = tuple(sources)
        self._readings = [_Reading(f"{source.name} has not been asked yet", began) for source in self._sources]
        self._fatal: FsmGhostError | None = None
        self._bell = bell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="throttle", daemon=True)
        if self._sources:
            self._thread.start()

    @property
    def reason(self) -> str:
        """The first reason to wait; empty when there is none.

        StoppedError when a source has said that the run has to stop, ConnectionLostError when a connection is gone.
        """
        if self._fatal is not None:
            raise self._fatal
        now = time.monotonic()
        for source, reading in zip(self._sources, self._readings, strict=True):
            if reading.reason:
                return reading.reason
            if now - reading.at > source.every + _PATIENCE:
                return f"{source.name} has not answered for {now - reading.at:.0f} s"
        return ""

    def close(self) -> None:
        """Ask nobody any more."""
        self._stop.set()
        if self._sources:
            self._thread.join(timeout=2)

    def _run(self) -> None:
        due = [0.0] * len(self._sources)
        while not self._stop.is_set() and self._fatal is None:
            for number, source in enumerate(self._sources):
                if time.monotonic() >= due[number] and not self._stop.is_set():
                    self._readings[number] = _Reading(self._ask(source), time.monotonic())
                    due[number] = time.monotonic() + source.every
            self._stop.wait(max(0.0, min(due) - time.monotonic()))
        for source in self._sources:
            source.close()

    def _ask(self, source: Source) -> str:
        try:
            return source.ask()
        except (StoppedError, ConnectionLostError) as error:
            self._fatal = error
            self._bell.set()
            return error.message
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody knows that row copy may go on
            return f"{source.name} cannot be asked: {error}"
