"""Cleanup: what is not needed any more is dropped; the proof of the swap goes last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fsm_ghost.engine.state import Step
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress


@dataclass(frozen=True, slots=True)
class Cleanup:
    """Drops our tables; after a dry run the ghost table among them.

    `empty_old` takes a piece of an old table that is not wanted: how long to wait (seconds) before the next one, None
    when there is nothing (more) to be done.
    """

    close_plane: Callable[[], None]
    empty_old: Callable[[Progress], float | None]
    after_swap: Callable[[], None]
    take_away: Callable[[], object]

    def step(self, progress: Progress) -> Step:
        """Drop what is there; again after a crash, what is left."""
        self.close_plane()
        if progress.swap is not None:
            if (wait := self.empty_old(progress)) is not None:
                return Step(progress, wait=wait)
            self.after_swap()
        else:
            self.take_away()
        return Step(progress, Outcome.CLEANED)
