"""Looks for writes that reached the original behind its last refresh, and brings them over after the swap (R16).

There should be none: that is what the lock is for. A key that was named by an event between the last refresh and the
RENAME, and whose row in the old table differs from the new one, has escaped. It is healed from the old table, which
nobody writes any more; but not if the application has written the same row since the swap, for that is newer: then
only people can tell what is right.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

from fsm_ghost.errors import FsmGhostError, LockConflictError, StoppedError, StreamError
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.plan import Flavour, Plan
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.changelog import Changelog
from fsm_ghost.mysql.compare import Comparison
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import Statements
from fsm_ghost.services.refresher import Refresher
from fsm_ghost.services.streamer import Stream

READ_TIMEOUT = 30.0  # seconds for what is in the binlog by now to be read
_LOCK_WAIT = 1  # seconds that writers may be held up, each time
_TRIES = 5
_AT_ONCE = 500  # keys compared in one statement


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found: how many keys had escaped, how many of them are healed, and those that nobody can judge.

    `escaped` is None when the binlog could not be read up to the RENAME.
    """

    escaped: int | None
    healed: int = 0
    unclear: tuple[Key, ...] = ()


class Auditor:
    """Audits one swap that has happened. Owner thread only.

    `open_stream` opens the binlog for a plan, for rows as a table of this name has them.
    """

    def __init__(
        self,
        plan: Plan,
        flavour: Flavour,
        migration: str,
        session: Session,
        open_session: Callable[[str], Session],
        changelog: Changelog,
        open_stream: Callable[[Plan, TableName], Callable[[Coordinates], Stream]],
    ) -> None:
        self._plan = plan
        self._flavour = flavour
        self._migration = migration
        self._session = session
        self._open_session = open_session
        self._changelog = changelog
        self._open_stream = open_stream

    def audit_since(self, safe: Coordinates, *, behind_lock: bool) -> Audit:
        """For a swap that was found done: everything from these coordinates to the RENAME is looked at."""
        stream = self._open_stream(self._plan, self._plan.names.old)(safe)
        keys: set[Key] = set()
        try:
            deadline = time.monotonic() + READ_TIMEOUT
            while time.monotonic() < deadline:
                changes = stream.read()
                keys |= changes.keys if changes else set()
                if changes and changes.swapped:
                    return self.audit(keys, changes.end, behind_lock=behind_lock)
        except StreamError:
            return Audit(None)
        finally:
            stream.close()
        return Audit(None)

    def audit(self, keys: Collection[Key], renamed_at: Coordinates, *, behind_lock: bool = True) -> Audit:
        """Compare the rows of these keys, and heal those that have escaped.

        What was written `behind_lock` has escaped also where the rows are equal by now, if the application has written
        to the new one since: `n = n + 1` in both tables makes one of two.
        """
        differing = self._differing(keys)
        suspects = list(keys) if behind_lock else differing
        if not suspects:
            return Audit(0)
        for _ in range(_TRIES):
            with suppress(LockConflictError):
                return self._heal(differing, suspects, renamed_at)
        return Audit(len(suspects), unclear=tuple(suspects))

    def _differing(self, keys: Collection[Key]) -> list[Key]:
        swapped = self._swapped_plan()
        old, new = (catalog.definition(self._session, name) for name in (swapped.names.original, swapped.names.ghost))
        if old is None or new is None:
            raise StoppedError("the old or the new table is gone", "Whoever dropped it knows why.")
        comparison = Comparison(swapped, old, new)
        found: dict[Key, None] = {}
        rest = iter(keys)
        while some := tuple(islice(rest, _AT_ONCE)):
            rows = self._session.query(comparison.differing_among(some))
            found |= dict.fromkeys(key_sql.parse(self._plan.key.columns, row) for row in rows)
        return list(found)

    def _heal(self, differing: list[Key], suspects: list[Key], renamed_at: Coordinates) -> Audit:
        """Under a lock: whatever the application has not touched since is taken from the old table."""
        stream = self._open_stream(self._plan_of_new(), self._plan.names.original)(renamed_at)
        locker = self._open_session("audit")
        try:
            touched = self._read_to(stream, self._changelog.write_marker())
            locker.wait_at_most(row=_LOCK_WAIT, table=_LOCK_WAIT)
            names = self._plan.names
            locker.lock_tables([names.original, names.old, names.changelog])
            touched |= self._read_to(stream, self._changelog.write_marker(locker))
            escaped = [key for key in differing if key not in touched]
            return self._healed(locker, escaped, tuple(key for key in suspects if key in touched))
        finally:
            locker.close()
            stream.close()

    def _healed(self, locker: Session, escaped: list[Key], unclear: tuple[Key, ...]) -> Audit:
        swapped = self._swapped_plan()
        refresher = Refresher(Statements(swapped, self._flavour, self._migration), swapped)
        total = len(escaped) + len(unclear)
        try:
            if escaped:
                refresher.refresh_under_lock(locker, escaped)
        except FsmGhostError:
            return Audit(total, unclear=(*escaped, *unclear))
        return Audit(total, len(escaped), unclear)

    def _read_to(self, stream: Stream, marker: int) -> set[Key]:
        """What the application has written to the new table until a marker."""
        keys: set[Key] = set()
        deadline = time.monotonic() + READ_TIMEOUT
        while time.monotonic() < deadline:
            changes = stream.read()
            if changes is None:
                continue
            keys |= changes.keys
            if any(number >= marker for number in changes.markers):
                return keys
        raise LockConflictError("the binlog could not be read in time")

    def _swapped_plan(self) -> Plan:
        """The plan with the tables called what they are called now: rows go from the old to the new one."""
        names = self._plan.names
        return replace(self._plan, names=replace(names, original=names.old, ghost=names.original))

    def _plan_of_new(self) -> Plan:
        """The plan with the key as the new table has it."""
        key = self._plan.key
        columns = tuple(column.as_ghost() for column in key.columns)
        return replace(self._plan, key=replace(key, index=key.ghost_index, columns=columns))
