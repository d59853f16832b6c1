"""Asks all sources, each as often as it wants, in a thread of their own; says why row copy has to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from fsm_ghost.errors import ConnectionLostError, FsmGhostError, StoppedError
from fsm_ghost.services.throttle.source import Source, Wanted

_PATIENCE = 5.0  # seconds beyond its interval after which a source that has not answered counts as silent
_CHANGED = "the options of throttling were changed a moment ago"


@dataclass(slots=True)
class _Asked:
    """A source, what it has said last, and when (monotonic seconds); "" is that row copy may go on."""

    source: Source
    reason: str
    at: float
    due: float = 0.0


class Throttle:
    """Why row copy has to wait. The owner thread asks; the sources are asked by another one.

    What is wanted can be changed. Sources that are wanted still are kept as they are: a rest goes on, a connection
    stays.
    """

    def __init__(self, wanted: Iterable[Wanted], bell: threading.Event) -> None:
        self._asked: dict[Hashable, _Asked] = {}
        self._fatal: FsmGhostError | None = None
        self._bell = bell
        self._closed = threading.Event()
        self._news = threading.Event()  # other sources are wanted, or none any more
        self._lock = threading.Lock()  # of `_wanted`
        self._thread = threading.Thread(target=self._run, name="throttle", daemon=True)
        self._wanted: tuple[Wanted, ...] | None = None
        self.change(wanted)

    def change(self, wanted: Iterable[Wanted]) -> None:
        """Ask these from now on. Until each of them has been asked, row copy waits."""
        sources = tuple(wanted)
        if self._thread.ident is None:
            if not sources:
                return
            self._wanted = sources
            self._thread.start()
            return
        with self._lock:
            self._wanted = sources
        self._news.set()

    @property
    def reason(self) -> str:
        """The first reason to wait; empty when there is none.

        StoppedError when a source has said that the run has to stop, ConnectionLostError when a connection is gone.
        """
        if self._fatal is not None:
            raise self._fatal
        if self._wanted is not None:
            return _CHANGED
        now = time.monotonic()
        for asked in self._asked.values():
            if asked.reason:
                return asked.reason
            if now - asked.at > asked.source.every + _PATIENCE:
                return f"{asked.source.name} has not answered for {now - asked.at:.0f} s"
        return ""

    def close(self) -> None:
        """Ask nobody any more."""
        self._closed.set()
        self._news.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._closed.is_set() and self._fatal is None:
            self._news.clear()
            if self._closed.is_set():
                break
            self._take_what_is_wanted()
            for asked in self._asked.values():
                if time.monotonic() >= asked.due and not self._news.is_set():
                    asked.reason = self._ask(asked.source)
                    asked.at = time.monotonic()
                    asked.due = asked.at + asked.source.every
            due = min((asked.due for asked in self._asked.values()), default=None)
            self._news.wait(None if due is None else max(0.0, due - time.monotonic()))
        for asked in self._asked.values():
            asked.source.close()

    def _take_what_is_wanted(self) -> None:
        """Make the sources that are new, and let go of those that are wanted no more."""
        with self._lock:
            if self._wanted is None:
                return
            before, now = self._asked, time.monotonic()
            kept: dict[Hashable, _Asked] = {}
            for each in self._wanted:
                if each.what in before:
                    kept[each.what] = before[each.what]
                elif each.what not in kept:
                    source = each.make()
                    kept[each.what] = _Asked(source, f"{source.name} has not been asked yet", now)
            self._asked = kept  # before anybody may take the old ones for all that are wanted
            self._wanted = None
        for gone in before.keys() - kept.keys():
            before[gone].source.close()

    def _ask(self, source: Source) -> str:
        try:
            return source.ask()
        except (StoppedError, ConnectionLostError) as error:
            self._fatal = error
            self._bell.set()
            return error.message
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody knows that row copy may go on
            return f"{source.name} cannot be asked: {error}"
