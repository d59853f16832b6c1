"""Copy: chunk after chunk, with the changes brought over beside them.

A chunk is handed out in one step, stored, and sent in the next one: whatever was sent is known to the store (R8, R11).
Where the server is left to us, what is copied is compared meanwhile. Verify goes on with that, and ends it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fsm_ghost.engine.state import Step
from fsm_ghost.errors import MismatchError
from fsm_ghost.model.chunk import CopiedChunk
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.dataplane import DataPlane

WAIT = 0.1  # seconds at most between looks


@dataclass(frozen=True, slots=True)
class Copy:
    """Hands out chunks until the last one has been committed."""

    plane: DataPlane
    compares: bool

    def step(self, progress: Progress) -> Step:
        """Take in what was done, send what is stored, hand out what comes next; compare."""
        try:
            step = self._copied(progress)
        except MismatchError as error:
            return Step(progress, Outcome.BROKEN, reason=str(error))
        return self._compared(step) if self.compares and step.outcome is None else step

    def _compared(self, step: Step) -> Step:
        try:
            return replace(step, progress=self.plane.compared_beside(step.progress))
        except MismatchError as error:
            return replace(step, outcome=Outcome.DIFFERS, reason=str(error))

    def _copied(self, progress: Progress) -> Step:
        copier, chunker = self.plane.crews.copier(progress), self.plane.crews.chunker(progress)
        copied: tuple[CopiedChunk, ...] = tuple(copier.copied())
        for chunk in copied:
            progress = progress.chunk_copied(chunk)
            chunker.learn(chunk)
        progress = self.plane.follow(progress)
        throttled = self.plane.throttled(progress)
        self.plane.waiting_for(throttled)
        if not throttled:
            copier.send(progress)
        handed_out = progress
        while copier.wants_more(handed_out) and not handed_out.is_handed_out:
            handed_out = chunker.hand_out(handed_out)
        measured = chunker.measured(handed_out)
        if measured.is_handed_out and not measured.open_chunks:
            return Step(measured, Outcome.COPIED, copied=copied)
        new = handed_out.chunks > progress.chunks
        return Step(measured, copied=copied, wait=0.0 if new else WAIT)
