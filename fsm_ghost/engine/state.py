"""What a state is to the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fsm_ghost.model.chunk import CopiedChunk
from fsm_ghost.model.command import Answer
from fsm_ghost.model.phase import Moment, Outcome, Phase
from fsm_ghost.model.progress import Progress


@dataclass(frozen=True, slots=True)
class Step:
    """What a bounded piece of a state's work came to.

    Without an `outcome` the state goes on: the engine checkpoints, listens, and calls it again, at the latest after
    `wait` seconds. `copied` are chunks committed since the last step; `answers` are given to commands; `reason` says
    why a state was left.
    """

    progress: Progress
    outcome: Outcome | None = None
    copied: tuple[CopiedChunk, ...] = ()
    answers: tuple[Answer, ...] = ()
    reason: str = ""
    wait: float = 0.0


class State(Protocol):
    """One state of the machine.

    A step does at most about a second of work, or one statement that cannot be divided. It keeps nothing that the
    next step needs outside of its progress, so doing a step again after a crash is the normal case. An exception
    never moves the machine; only an outcome does.
    """

    def step(self, progress: Progress) -> Step:
        """Do the next piece of work."""
        ...


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the state table: `outcome` leads from `source` to `dest` if the guard holds.

    `hooks` are gh-ost's moments whose hooks run once the transition has been committed.
    """

    source: Phase
    outcome: Outcome
    dest: Phase
    guard: str | None = None
    hooks: tuple[Moment, ...] = ()

    @property
    def name(self) -> str:
        """What the moment of this transition is called."""
        return f"fsm-ghost-on-{self.source}-{self.outcome}".replace("_", "-")

    @property
    def moments(self) -> tuple[str, ...]:
        """The moments whose hooks run, in order: gh-ost's, that of the transition, that of the state entered."""
        return (*self.hooks, self.name, f"fsm-ghost-on-enter-{self.dest}".replace("_", "-"))


@dataclass(frozen=True, slots=True)
class Facts:
    """What guards judge by: read back from the store, not from memory."""

    progress: Progress
    left: Phase | None  # the state that was left for `failed`
    chain_is_complete: Callable[[], bool]  # the recorded chunks reach from the first key to the last without a gap


Guard = Callable[[Facts], bool]
FINAL = frozenset({Phase.DONE, Phase.FAILED, Phase.ABORTED})
