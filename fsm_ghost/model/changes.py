"""What the change stream brings."""

from __future__ import annotations

from dataclasses import dataclass

from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key


@dataclass(frozen=True, slots=True)
class Changes:
    """What one read of the binlog brought, without repetitions and without order.

    `keys` are keys of the original whose rows may differ now; `markers` are ids of rows that appeared in our changelog.
    Keys and markers are not ordered among each other: a key's events may lie on either side of any marker here, but
    behind every marker of an earlier reading and before every marker of a later one.

    `prepared` are those of `keys` that an XA transaction names which the binlog shows as prepared, and those of which
    that is not decided yet. Such rows become visible at XA COMMIT, which logs no row event, and so no later marker
    proves that they are (protocol R8 (i), `R8_XA` of the model). XA COMMIT … ONE PHASE is a commit like any other.

    `start` is a transaction boundary at or before the first event of any of them, `end` the last boundary passed
    (`start` itself while a long transaction goes on). `row_events` counts row events on the original. `swapped` is
    set when our own RENAME was read: what follows in the binlog is another table's history.
    """

    start: Coordinates
    end: Coordinates
    keys: frozenset[Key] = frozenset()
    prepared: frozenset[Key] = frozenset()
    markers: frozenset[int] = frozenset()
    row_events: int = 0
    swapped: bool = False
