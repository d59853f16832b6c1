"""Why hooks run, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from fsm_ghost.model.phase import Phase


@dataclass(frozen=True, slots=True)
class Passage:
    """A transition that was made: the `number`th of its migration."""

    number: int
    source: Phase
    outcome: str
    dest: Phase
    reason: str


@dataclass(frozen=True, slots=True)
class Occasion:
    """A moment at which hooks run. `key` is the same for every attempt at the same occasion.

    `moments` are all the names that it goes by, if there are others; `passage` is the transition that brought it, and
    `command` what somebody has asked for, where one has.
    """

    moment: str
    key: str
    attempt: int = 1
    moments: tuple[str, ...] = ()
    passage: Passage | None = None
    command: str = ""


@dataclass(frozen=True, slots=True)
class HookResult:
    """What the hooks of one moment came to."""

    ok: bool
    output: str
