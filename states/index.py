"""Index: the server builds the indexes that were left for later, while changes go on being brought over."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fsm_ghost.engine.state import Step
from fsm_ghost.errors import MismatchError
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.dataplane import DataPlane

WAIT = 0.1  # seconds at most between looks


@dataclass(frozen=True, slots=True)
class Index:
    """Has the indexes built, and looks whether they are."""

    plane: DataPlane

    def step(self, progress: Progress) -> Step:
        """Follow the changes; start the build, or see how it stands."""
        try:
            progress = self.plane.follow(progress)
        except MismatchError as error:
            return Step(progress, Outcome.BROKEN, reason=str(error))
        indexer = self.plane.indexer(progress)
        if not indexer.step():
            self.plane.waiting_for(indexer.told)
            return Step(progress, wait=WAIT)
        self.plane.waiting_for("")
        return Step(replace(progress, indexed=True), Outcome.INDEXED)
