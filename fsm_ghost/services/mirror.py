"""The mirror: a migration's checkpoint, kept a second time beside its tables; and how another host takes over by it.

The mirror is never ahead of the state file, and may lie behind it by seconds. Nothing is lost by that: whatever
happened after it stands in the binlog, or is copied again (docs/decisions/0012).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fsm_ghost.errors import OwnedElsewhereError, UsageError
from fsm_ghost.faultpoints import fault_point
from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql import catalog, connections
from fsm_ghost.mysql.connections import Ownership
from fsm_ghost.mysql.lease import Held, Lease, look, migration_of
from fsm_ghost.mysql.reach import reached
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import drop_for_people

log = logging.getLogger(__name__)

EVERY = 2.0  # seconds at most between two writes
_LEAVES_WITHIN = 2.0  # seconds that the server may take to notice that a run was stopped


class Mirror:
    """Writes it. `standing` and `origin` make the documents of what has been stored. Owner thread only."""

    def __init__(self, lease: Lease, session: Session, standing: Callable[[], str], origin: Callable[[], str]) -> None:
        self._lease = lease
        self._session = session
        self._standing = standing
        self._origin = origin
        self._written_at = 0.0

    def keep(self, *, at_once: bool) -> None:
        """Write what has been stored: at once with all that belongs to it, or the checkpoint when it is time.

        TakenOverError when another state file has taken the migration over.
        """
        if not self._lease.is_held or not (at_once or time.monotonic() - self._written_at >= EVERY):
            return
        fault_point("mirror.before-write")
        self._lease.store(self._session, self._standing(), self._origin() if at_once else None)
        self._written_at = time.monotonic()


@dataclass(frozen=True, slots=True)
class Left:
    """A migration as its last owner has left it on the server."""

    table: TableName
    migration: str
    changelog: TableName
    held: Held

    @property
    def short_id(self) -> str:
        """The beginning of the migration's id."""
        return self.migration[:8]


def find(session: Session, table: TableName) -> Left:
    """The migration of a table, found by its changelog. UsageError when there is none, or nothing to go on from."""
    names = Names.for_table(table, datetime.now(UTC))
    migration = migration_of(session, names.changelog)
    if migration is None:
        raise UsageError(f"there is no migration of {table} on this server", _what_is_left(session, names))
    held = look(session, names.changelog, migration)
    if held is None or not held.checkpoint:
        drops = " ".join(drop_for_people(name) for name in catalog.found_tables(session, names.made))
        raise UsageError(
            f"migration {migration[:8]} of {table} has only begun to make its tables: there is nothing to go on from",
            f"Resume it where it was started, or start again. If nobody resumes it: {drops}",
        )
    return Left(table, migration, names.changelog, held)


def _what_is_left(session: Session, names: Names) -> str:
    if names.swapped not in catalog.found_tables(session, [names.swapped]):
        return f"A migration has a table {names.changelog} until it ends. Check --host, --database and --table."
    return (
        "The last one has swapped the tables, and was taking away what it had made. Nothing is left to go on with."
        f" If nobody resumes it: {drop_for_people(names.swapped)}"
    )


def refuse_the_living(session: Session, left: Left) -> None:
    """OwnedElsewhereError while the migration's owner shows signs of life; his silence is measured by the server."""
    ownership, held = Ownership(session, left.table), left.held
    if ownership.holder is None:
        return
    if held.is_silent and not ownership.is_busy():
        log.warning("%s has been silent for %.0f s: taking over from it", held.name, held.silent)
        return
    if ownership.becomes_free(within=_LEAVES_WITHIN):
        return
    seen = f"seen {max(0.0, held.silent):.0f} s ago"
    raise OwnedElsewhereError(
        f"migration {left.short_id} of {left.table} is being run by {held.name}, {seen}",
        "Stop it there, then do this again; or have it ended from here: --from-server --take-over",
    )


def take(session: Session, left: Left, lease: Lease) -> Held:
    """Take the lease, and make sure that nothing of the runs before can write any more; what they have left.

    TakenOverError when somebody else was faster; StoppedError when a connection of theirs does not end.
    """
    lease.take(left.held)
    lease.claim(session)
    # From here on the bound of their connections cannot be raised, and their checkpoint cannot be written.
    final = look(session, left.changelog, left.migration)
    if final is None:
        raise lease.ended_elsewhere()
    connections.fence(session, left.migration, range(1, final.connections + 1))
    return final


def with_reach(session: Session, progress: Progress) -> Progress:
    """Progress that knows how far chunks have been sent since it was written (protocol R8)."""
    plan = progress.plan
    if plan is None or plan.names.ghost not in catalog.found_tables(session, [plan.names.ghost]):
        return progress  # the tables have been swapped, or are being dropped
    return replace(progress, started_upto=reached(session, plan, progress.last))
