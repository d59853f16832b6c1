"""What the change stream brings."""

from __future__ import annotations

from dataclasses import dataclass

from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key


@dataclass(frozen=True, slots=True)
class Changes:
    """What one read of the binlog brought, without repetitions and without order.

    `keys` are keys of the original whose rows may differ now; `markers` are ids of rows that appeared in our changelog.
    `start` is a transaction boundary at or before the first event of any of them, `end` the last boundary passed
    (`start` itself while a long transaction goes on). `row_events` counts row events on the original. `swapped` is
    set when our own RENAME was read: what follows in the binlog is another table's history.
    """

    start: Coordinates
    end: Coordinates
    keys: frozenset[Key] = frozenset()
    markers: frozenset[int] = frozenset()
    row_events: int = 0
    swapped: bool = False
