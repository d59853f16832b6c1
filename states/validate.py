"""Validate: everything is looked at, nothing is touched."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from fsm_ghost.engine.state import Step
from fsm_ghost.model.finding import Finding
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Validate:
    """Asks for every reason not to begin, and for what to know when it does."""

    look: Callable[[], tuple[tuple[Finding, ...], tuple[Finding, ...]]]  # refusals, warnings

    def step(self, progress: Progress) -> Step:
        """Passed, with warnings in the log; or refused with all the reasons at once."""
        refusals, warnings = self.look()
        if refusals:
            return Step(progress, Outcome.REFUSED, reason="\n".join(map(str, refusals)))
        for warning in warnings:
            log.warning("%s", warning.line)
        return Step(replace(progress, warnings=warnings), Outcome.PASSED)
