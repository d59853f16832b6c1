"""Prepare: the ghost table gets its new definition, the change stream is started, the key range is fixed.

Before that, rows that the new definition would break are looked for; and where the user wants it and the server can,
the server changes the original by itself.

The order counts (protocol R1): the coordinates are stored before the stream starts, and a marker has come back
through the stream, its COMMIT returned, before the edges of the key range are read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from fsm_ghost.engine.state import Step
from fsm_ghost.errors import RefusedError
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.plan import Native, Plan
from fsm_ghost.model.probe import Probe
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.alterer import Alterer, Became
from fsm_ghost.services.dataplane import DataPlane
from fsm_ghost.services.scout import Scout

log = logging.getLogger(__name__)
_TRIES = 5  # of a native ALTER TABLE that does not get its lock
_PAUSE = 2.0  # seconds between them


@dataclass(frozen=True, slots=True)
class Prepare:
    """Builds the ghost table and makes the plan; `execute` is False for a dry run.

    With `quarantine` rows that do not fit keep nothing from being begun. `alterer` is there when the server is to
    change the table by itself, if it can. A dry run `samples` rows to say what the migration will cost.
    """

    build: Callable[[], Plan]
    coordinates: Callable[[], Coordinates]
    plane: DataPlane
    scout: Scout
    execute: bool
    quarantine: bool = False
    alterer: Alterer | None = None
    samples: bool = False

    def step(self, progress: Progress) -> Step:
        """One of: build, probe, alter natively, fix the coordinates, pass the barrier and fix the range."""
        if not progress.prepared:
            return self._build(progress)
        if not progress.probe.done:
            return self._probe(progress)
        if not self.execute:
            return self._forecast(progress)
        if self.alterer is not None and _may_alter(progress):
            return _alter(self.alterer, progress)
        if progress.start is None:
            start = self.coordinates()
            return Step(replace(progress, start=start, safe=start))
        return self._pass_barrier(progress)

    def _build(self, progress: Progress) -> Step:
        try:
            plan = self.build()
        except RefusedError as refusal:
            return Step(progress, Outcome.REFUSED, reason=str(refusal))
        for remark in plan.remarks:
            log.warning("%s", remark)
        return Step(replace(progress, plan=plan, prepared=True))

    def _probe(self, progress: Progress) -> Step:
        progress = self.scout.probed(progress)
        if not progress.probe.done:
            return Step(progress, wait=0.1 if progress.probe.began else 0.0)
        if progress.probe.refusable and not self.quarantine:
            return Step(progress, Outcome.REFUSED, reason=_refusal(progress.probe))
        return Step(progress)

    def _forecast(self, progress: Progress) -> Step:
        if self.samples and progress.forecast is None:
            progress = self.scout.forecast(progress)
            if progress.forecast is None:
                return Step(progress, wait=0.1)
        return Step(progress, Outcome.DRY_RUN)

    def _pass_barrier(self, progress: Progress) -> Step:
        progress = self.plane.follow(progress)  # first: the marker may have come back just now
        if not self.plane.barrier_passed(progress):
            return Step(progress, wait=0.1)
        first, last = self.plane.crews.chunker(progress).edges()
        return Step(progress.range_found(first, last), Outcome.PREPARED)


def _may_alter(progress: Progress) -> bool:
    is_possible = progress.the_plan.native is Native.INSTANT and progress.start is None
    return is_possible and progress.alter_tries < _TRIES


def _alter(alterer: Alterer, progress: Progress) -> Step:
    """The intent is stored in one step, and carried out in the next one."""
    if not progress.altering:
        return Step(replace(progress, altering=True))
    became, words = alterer.attempt(progress.the_plan)
    if became is Became.ALTERED:
        return Step(replace(progress, altering=False, altered=True), Outcome.ALTERED)
    tries = progress.alter_tries + 1 if became is Became.LOCKED else _TRIES
    log.warning("the server did not change the table by itself: %s", words)
    return Step(replace(progress, altering=False, alter_tries=tries), wait=_PAUSE if tries < _TRIES else 0.0)


def _refusal(probe: Probe) -> str:
    """Why rows keep a migration from being begun, and what can be done."""
    lines = ["there are rows that do not fit the new definition", *(f"  {offence}" for offence in probe.refusable)]
    ways = [f"{o.subject}={'|'.join(o.allowable)}" for o in probe.refusable if o.allowable]
    lines.append("  Mend these rows, or change --alter.")
    if ways:
        lines.append(
            f"  To let other values be stored: --allow-lossy {','.join(dict.fromkeys(ways))} (one word of each)"
        )
    lines.append("  To begin nevertheless, and mend them before the swap: --quarantine")
    return "\n".join(lines)
