"""Verify: original and ghost table are compared, range by range, while the changes go on."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from fsm_ghost.engine.state import Step
from fsm_ghost.errors import MismatchError
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.dataplane import DataPlane

WAIT = 0.02  # seconds at most between looks


@dataclass(frozen=True, slots=True)
class Verify:
    """Compares until everything was found equal; `wanted` is False when the user does without it."""

    plane: DataPlane
    wanted: bool

    def step(self, progress: Progress) -> Step:
        """Go on with the comparison."""
        if not self.wanted:
            return Step(
                replace(progress, verified=True, verified_at=time.time()),
                Outcome.EQUAL,
                reason="not compared, as asked",
            )
        verifier = self.plane.crews.verifier(progress)
        throttled = self.plane.throttled(progress)
        self.plane.waiting_for(throttled or self.plane.unfit(progress))
        try:
            progress = verifier.step(self.plane.follow(progress), resting=bool(throttled))
        except MismatchError as error:
            return Step(progress, Outcome.DIFFERS, reason=str(error))
        if progress.verified:
            self.plane.analyze(progress)
            return Step(replace(progress, verified_at=time.time()), Outcome.EQUAL)
        return Step(progress, wait=WAIT)
