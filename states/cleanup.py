"""Cleanup: what is not needed any more is dropped; the proof of the swap goes last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fsm_ghost.engine.state import Step
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress


@dataclass(frozen=True, slots=True)
class Cleanup:
    """Drops our tables; after a dry run the ghost table among them."""

    close_plane: Callable[[], None]
    after_swap: Callable[[], None]
    take_away: Callable[[], object]

    def step(self, progress: Progress) -> Step:
        """Drop what is there; again after a crash, what is left."""
        self.close_plane()
        if progress.swap is not None:
            self.after_swap()
        else:
            self.take_away()
        return Step(progress, Outcome.CLEANED)
