"""The hooks of one run: files and callables, which the migration waits for, and a URL, which it does not wait for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fsm_ghost.model.naming import Names
from fsm_ghost.model.occasion import HookResult, Occasion
from fsm_ghost.model.phase import Moment
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.services.hooks.briefing import Briefing
from fsm_ghost.services.hooks.callables import Callables
from fsm_ghost.services.hooks.executables import Executables
from fsm_ghost.services.hooks.notifier import Notifier
from fsm_ghost.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where hooks get from what they are told; asked by the owner thread only.

    `copying` says for how many seconds rows have been copied. `excuse` tells others for how many seconds hooks may
    keep the run from giving signs of life.
    """

    names: Names
    snapshot: Callable[[], Snapshot]
    copying: Callable[[], float]
    excuse: Callable[[float], None]


class Hooks:
    """Runs hooks and tells others. Owner thread only."""

    def __init__(self, settings: Settings, sources: Sources) -> None:
        asked = settings.hooks
        self._settings = settings
        self._sources = sources
        self._files = Executables(asked.path, asked.timeout)
        self._callables = Callables(asked.timeout)
        self._notifier = Notifier(asked.notify_url) if asked.notify_url else None
        self._unheard: list[tuple[str, HookResult]] = []
        # What takes longer than the interval is in the way of the next status.
        self._status_files = Executables(asked.path, min(asked.timeout, asked.status_interval or asked.timeout))
        self._status: threading.Thread | None = None
        self._closed = False
        self._status_at = time.monotonic() + asked.status_interval

    @property
    def notifies(self) -> bool:
        """Whether there is a URL to be told."""
        return self._notifier is not None

    def wanted(self, moments: Sequence[str]) -> tuple[str, ...]:
        """Those moments that there is a file or a callable for now."""
        return tuple(moments) if self._callables else self._files.wanted(moments)

    def run(self, occasion: Occasion) -> HookResult:
        """Run files, then callables, until one fails; they are waited for."""
        briefing = self._briefing(occasion, self._sources.snapshot())
        self._sources.excuse(self._settings.hooks.timeout)
        result = _run(briefing, self._files, self._callables)
        self._sources.excuse(0)
        return result

    def notify(self, occasion: Occasion) -> None:
        """Have the URL told; returns at once."""
        if self._notifier is None:
            self._unheard.append((occasion.key, HookResult(ok=False, output="there is no --notify-url any more")))
        else:
            self._notifier.post(occasion.key, self._briefing(occasion, self._sources.snapshot()).context)

    def notified(self, patience: float) -> list[tuple[str, HookResult]]:
        """What came of notices since the last call."""
        unheard, self._unheard = self._unheard, []
        return unheard + (self._notifier.results(patience) if self._notifier else [])

    def tick(self, snapshot: Snapshot) -> None:
        """Tell the status if it is time to; not while the last one is still being told."""
        interval, now = self._settings.hooks.status_interval, time.monotonic()
        if not interval or now < self._status_at or self._is_telling():
            return
        self._status_at = now + interval
        key = f"{snapshot.id}:{time.time_ns() // 1_000_000}:{Moment.STATUS}"
        briefing = self._briefing(Occasion(Moment.STATUS, key), snapshot)
        if self._notifier is not None and self._notifier.is_idle:
            self._notifier.post(key, briefing.context)
        if self.wanted((Moment.STATUS,)):
            self._status = threading.Thread(target=self._tell, args=(briefing,), name="status-hook", daemon=True)
            self._status.start()

    def close(self) -> None:
        """End what nobody waits for."""
        self._closed = True
        self._status_files.close()
        if self._notifier is not None:
            self._notifier.close()
        if self._status is not None:
            self._status.join(timeout=1)

    def _is_telling(self) -> bool:
        return self._status is not None and self._status.is_alive()

    def _tell(self, briefing: Briefing) -> None:
        result = _run(briefing, self._status_files, self._callables)
        if not result.ok and not self._closed:
            log.warning("the hook %s failed: %s", Moment.STATUS, result.output.strip())

    def _briefing(self, occasion: Occasion, snapshot: Snapshot) -> Briefing:
        told = replace(snapshot, alive=True)
        return Briefing(self._settings, self._sources.names, occasion, told, self._sources.copying(), time.time())


def _run(briefing: Briefing, files: Executables, callables: Callables) -> HookResult:
    result = files.run(briefing.occasion.moment, briefing.variables, briefing.context)
    if not result.ok or not callables:
        return result
    called = callables.run(briefing.context)
    return replace(called, output=result.output + called.output)
