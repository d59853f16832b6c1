"""Sync: only changes are brought over, until there are few of them; a postponed migration waits here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fsm_ghost.engine.state import Step
from fsm_ghost.errors import MismatchError
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.dataplane import DataPlane

WAIT = 0.05  # seconds at most between looks


@dataclass(frozen=True, slots=True)
class Sync:
    """Waits for the change stream to be close; then for whatever holds up the swap.

    `held_up_by` says what that is, in words; empty when nothing does.
    """

    plane: DataPlane
    held_up_by: Callable[[Progress], str]

    def step(self, progress: Progress) -> Step:
        """Follow; and look whether it is time to go on."""
        try:
            progress = self.plane.follow(progress)
        except MismatchError as error:
            return Step(progress, Outcome.BROKEN, reason=str(error))
        reason = self.plane.is_behind(progress) or (self.held_up_by(progress) if progress.verified else "")
        self.plane.waiting_for(reason)
        return Step(progress, wait=WAIT) if reason else Step(progress, Outcome.CAUGHT_UP)
