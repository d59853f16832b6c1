"""One picture of a migration, for people and programs; the same from a running process and from the state file."""

from __future__ import annotations

from dataclasses import dataclass

from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A migration at one moment. Times are seconds since the epoch.

    `alive` is whether a process of this host is driving it; `reason` is why it ended or stopped, or empty.
    """

    id: str
    table: TableName
    statement: str
    phase: Phase
    progress: Progress
    readings: Readings
    alive: bool
    execute: bool
    created_at: float
    finished_at: float | None
    checkpoint_at: float | None
    checkpoints: int
    reason: str

    @property
    def is_postponed(self) -> bool:
        """Whether a running migration waits for nothing but a time, or a word, that people have chosen for the swap."""
        return self.alive and self.readings.is_postponed
