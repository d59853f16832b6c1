"""What people may ask of a migration while it runs, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verb(StrEnum):
    """What can be asked for."""

    ABORT = "abort"
    POSTPONE = "postpone"
    CUT_OVER = "cut-over"
    REHEARSE = "rehearse"
    THROTTLE = "throttle"
    NO_THROTTLE = "no-throttle"
    CHANGE = "change"
    PANIC = "panic"
    UNKNOWN = "?"  # what a later version may ask for

    @classmethod
    def _missing_(cls, _: object) -> Verb:
        return cls.UNKNOWN


@dataclass(frozen=True, slots=True)
class Command:
    """Something that was asked for; `id` is its number in the state file.

    `value` is what it is asked with: `chunk-size=500` for a change, the reason for a panic.
    """

    id: int
    verb: Verb
    value: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command: whether it took effect, in words; without words it is still being carried out."""

    command: int
    took_effect: bool
    text: str = ""
