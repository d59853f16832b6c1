"""Validate: everything is looked at, nothing is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fsm_ghost.engine.state import Step
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.preflight.subject import Refusal


@dataclass(frozen=True, slots=True)
class Validate:
    """Asks for every reason not to begin."""

    refusals: Callable[[], tuple[Refusal, ...]]

    def step(self, progress: Progress) -> Step:
        """Passed, or refused with all the reasons at once."""
        refusals = self.refusals()
        if not refusals:
            return Step(progress, Outcome.PASSED)
        return Step(
            progress, Outcome.REFUSED, reason="\n".join(f"{found.reason}\n  {found.remedy}" for found in refusals)
        )
