"""Cut-over: the tables are swapped.

The intent is stored before anything is locked. Whoever finds it, after a crash or a lost reply, looks at the tables
first: connections of earlier runs have been fenced by then, so that what the tables show is final (protocol R15).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fsm_ghost.engine.state import Step
from fsm_ghost.errors import MismatchError
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress, Swap
from fsm_ghost.services.auditor import Audit
from fsm_ghost.services.bouncer import told
from fsm_ghost.services.dataplane import DataPlane
from fsm_ghost.services.swapper import Found


@dataclass(frozen=True, slots=True)
class CutOver:
    """Stores the intent, makes one attempt, and says what came of it."""

    plane: DataPlane

    def step(self, progress: Progress) -> Step:
        """One of: let it be, when that was asked for; note the intent; look what became of an earlier one; attempt."""
        if progress.swapping and not self.plane.intends_swap:
            return self._look(progress)
        if not progress.swapping and progress.postponed:  # asked for since it was decided to swap
            return Step(progress, Outcome.GIVEN_UP, reason="postponed as asked")
        if not progress.swapping:
            self.plane.intends_swap = True
            return Step(replace(progress, swapping=True, attempts=progress.attempts + 1))
        return self._attempt(progress)

    def _look(self, progress: Progress) -> Step:
        if self.plane.witness(progress).look() is Found.SWAPPED:
            return _swapped(progress, progress.safe, 0.0, self.plane.audit_found(progress), "found done")
        return Step(replace(progress, swapping=False), Outcome.GIVEN_UP, reason="found not done")

    def _attempt(self, progress: Progress) -> Step:
        self.plane.intends_swap = False
        swapper = self.plane.swapper(progress)
        try:
            attempt = swapper.attempt()
        except MismatchError as error:
            self.plane.close()  # nobody would take the keys of the refresh that failed up again: they are read again
            return Step(replace(progress, swapping=False), Outcome.GIVEN_UP, reason=str(error))
        killed = f"killed {told(attempt.killed)}" if attempt.killed else ""
        if self.plane.witness(progress).look() is not Found.SWAPPED:
            self.plane.back_off(refused=attempt.refused)
            reason = "; ".join(filter(None, (attempt.given_up or "the RENAME left no trace", killed)))
            return Step(replace(progress, swapping=False), Outcome.GIVEN_UP, reason=reason)
        return _swapped(progress, attempt.locked_at, attempt.stall, self.plane.audit(progress), killed)


def _swapped(progress: Progress, locked_at: Coordinates | None, stall: float, audit: Audit, reason: str) -> Step:
    """The tables have been swapped, and this is what is known of it."""
    swap = Swap(locked_at, stall, audit.escaped, audit.healed, audit.unclear)
    return Step(replace(progress, swapping=False, swap=swap), Outcome.SWAPPED, reason=reason)
