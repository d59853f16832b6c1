"""Prepare: the ghost table gets its new definition, the change stream is started, the key range is fixed.

The order counts (protocol R1): the coordinates are stored before the stream starts, and a marker has come back
through the stream, its COMMIT returned, before the edges of the key range are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fsm_ghost.engine.state import Step
from fsm_ghost.errors import RefusedError
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.dataplane import DataPlane


@dataclass(frozen=True, slots=True)
class Prepare:
    """Builds the ghost table and makes the plan; `execute` is False for a dry run."""

    build: Callable[[], Plan]
    coordinates: Callable[[], Coordinates]
    plane: DataPlane
    execute: bool

    def step(self, progress: Progress) -> Step:
        """One of: build, fix the coordinates, pass the barrier and fix the range."""
        if not progress.prepared:
            return self._build(progress)
        if not self.execute:
            return Step(progress, Outcome.DRY_RUN)
        if progress.start is None:
            start = self.coordinates()
            return Step(replace(progress, start=start, safe=start))
        return self._pass_barrier(progress)

    def _build(self, progress: Progress) -> Step:
        try:
            return Step(replace(progress, plan=self.build(), prepared=True))
        except RefusedError as refusal:
            return Step(progress, Outcome.REFUSED, reason=str(refusal))

    def _pass_barrier(self, progress: Progress) -> Step:
        if not self.plane.barrier_passed(progress):
            return Step(self.plane.follow(progress), wait=0.1)
        first, last = self.plane.chunker(progress).edges()
        return Step(self.plane.follow(progress).range_found(first, last), Outcome.PREPARED)
