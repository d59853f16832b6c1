"""Rows that the new definition does not take."""

from __future__ import annotations

from dataclasses import dataclass

from fsm_ghost.model.key import Key


@dataclass(frozen=True, slots=True)
class Clash:
    """The row `key` was not written: under a unique key of the ghost table it is like the rows `others` (R9).

    Without others it does not fit by itself: `why` has the server's words.
    """

    key: Key
    others: tuple[Key, ...] = ()
    why: str = ""

    def __str__(self) -> str:
        return f"{self.key} and {', '.join(map(str, self.others))}" if self.others else f"{self.key} ({self.why})"
