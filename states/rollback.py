"""Rollback: everything that the migration made is dropped; the original was never touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fsm_ghost.engine.state import Step
from fsm_ghost.errors import AmbiguousError
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress


@dataclass(frozen=True, slots=True)
class Rollback:
    """Drops what is proved to be ours."""

    close_plane: Callable[[], None]
    was_swapped: Callable[[Progress], bool]
    take_away: Callable[[], object]

    def step(self, progress: Progress) -> Step:
        """Drop what is there."""
        self.close_plane()
        if progress.attempts and self.was_swapped(progress):
            raise AmbiguousError(
                "the tables have been swapped although no attempt to swap them is known to have succeeded",
                "Nothing was dropped. Look at the tables and at the binlog before you do.",
            )
        self.take_away()
        return Step(progress, Outcome.ROLLED_BACK)
