"""Empties the old table bit by bit before it is dropped: dropping a large one at once may hold up the whole server."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.key import Key
from fsm_ghost.model.plan import Flavour, Plan
from fsm_ghost.mysql import catalog, statements
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import Statements

log = logging.getLogger(__name__)
LARGE = 1 << 30  # bytes; a smaller table is dropped as it is
_STEP = 0.1  # seconds that a piece should take, and for which everybody else has the server to himself after it
_FIRST, _LEAST, _MOST = 500, 50, 20_000  # rows of a piece


class Dropper:
    """Empties the old table of one migration. Owner thread only; what a killed run has left is found again."""

    def __init__(self, session: Session, plan: Plan, flavour: Flavour, migration: str) -> None:
        names = plan.names
        self._session = session
        self._old = names.old
        self._proof = names.swapped
        self._migration = migration
        self._columns = plan.key.columns
        self._statements = Statements(replace(plan, names=replace(names, original=names.old)), flavour, migration)
        self._is_large: bool | None = None
        self._partitions: list[str] = []
        self._after: Key | None = None
        self._end: Key | None = None  # nobody writes the table any more: its last key stays the last one
        self._rows = _FIRST

    def step(self) -> float | None:
        """Take a piece away: how long to wait (seconds) before the next; None when the rest can be dropped."""
        if self._is_large is None:
            self._look()
        if not self._is_large:
            return None
        if self._partitions:
            self._session.execute(statements.truncate_partition(self._old, self._partitions.pop(), self._migration))
            return _STEP if self._partitions else None
        return self._delete()

    def _look(self) -> None:
        found = catalog.definition(self._session, self._old) if self._is_swapped() else None
        self._is_large = found is not None and found.bytes >= LARGE
        if self._is_large:
            self._partitions = catalog.partitions(self._session, self._old)
            last = self._session.query(self._statements.edge(last=True))
            self._end = key_sql.parse(self._columns, last[0]) if last else None
            log.info("%s is emptied in pieces before it is dropped", self._old)

    def _is_swapped(self) -> bool:
        """Whether the proof of the swap is there: only then this table is nobody's any more."""
        return self._proof in catalog.found_tables(self._session, (self._proof,))

    def _delete(self) -> float | None:
        if self._end is None:
            return None
        found = self._session.query(self._statements.boundary(self._after, self._end, self._rows))
        upto = key_sql.parse(self._columns, found[0]) if found else self._end
        began = time.monotonic()
        self._session.execute(self._statements.delete_range(KeyRange(self._after, upto)))
        seconds = time.monotonic() - began
        self._after = upto
        factor = min(2.0, max(0.5, _STEP / max(seconds, 0.001)))
        self._rows = int(min(_MOST, max(_LEAST, self._rows * factor)))
        return max(_STEP, seconds) if found else None
