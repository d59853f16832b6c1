"""Sync: only changes are brought over, until there are few of them; a postponed migration waits here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from fsm_ghost.engine.state import Step
from fsm_ghost.errors import MismatchError
from fsm_ghost.model.command import Answer
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.dataplane import DataPlane

VERIFY_AGAIN_AFTER = 6 * 3600.0  # seconds for which the swap has been held up since the tables were compared
WAIT = 0.05  # seconds at most between looks


@dataclass(frozen=True, slots=True)
class Sync:
    """Waits for the change stream to be close; then for whatever holds up the swap.

    `held_up_by` says what that is, in words; empty when nothing does. A test ends when the tables were found equal.
    """

    plane: DataPlane
    held_up_by: Callable[[Progress], str]
    is_test: bool = False

    def step(self, progress: Progress) -> Step:
        """Follow; and look whether it is time to go on."""
        try:
            progress = self.plane.follow(progress)
        except MismatchError as error:
            return Step(progress, Outcome.BROKEN, reason=str(error))
        behind = self.plane.is_behind(progress)
        if not behind and progress.rehearsal is not None:
            return self._rehearse(progress, progress.rehearsal)
        if self.is_test and progress.verified:
            return Step(progress, Outcome.TESTED, reason="the tables were found equal; a test swaps nothing")
        reason = behind or (self.held_up_by(progress) if progress.verified else "")
        self.plane.waiting_for(reason)
        if not reason:
            return Step(progress, Outcome.CAUGHT_UP)
        if not behind and progress.verified_at and time.time() - progress.verified_at > VERIFY_AGAIN_AFTER:
            return Step(progress.to_verify_again(), Outcome.CAUGHT_UP, reason="the comparison is old")
        return Step(progress, wait=WAIT)

    def _rehearse(self, progress: Progress, command: int) -> Step:
        took_effect, told = self.plane.rehearse(progress)
        return Step(replace(progress, rehearsal=None), answers=(Answer(command, took_effect, told),))
