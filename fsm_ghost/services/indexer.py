"""Builds the indexes of the ghost table that were left for later: one online ALTER TABLE, beside the changes.

Row copy is twice as fast into a table that has few indexes, and an index that is built at once is smaller than one that
has grown. But an ALTER TABLE of a large table takes long, and replicas carry it out when it is done here, so it is not
for every server. Whether it works at all is tried on the ghost table as long as that is empty.
"""

from __future__ import annotations

import logging
import time

from fsm_ghost.errors import FsmGhostError, LockConflictError, ServerError, StoppedError
from fsm_ghost.faultpoints import fault_point
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.plan import Deferral, Plan
from fsm_ghost.model.table import Definition, Index
from fsm_ghost.mysql import catalog, statements
from fsm_ghost.mysql.faults import LOG_OF_CHANGES_FULL
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.applier import Applier
from fsm_ghost.services.crew import Crew
from fsm_ghost.settings import IndexBuild

log = logging.getLogger(__name__)
WORTHWHILE = 32 << 20  # bytes of the original, from which on `auto` defers: what is smaller is copied in a moment
_LOOK_EVERY = 0.5  # seconds
# Bytes for sorting; MySQL takes 1 MiB by itself. Measured with a million rows and two indexes: 2.2 s, with 8 MiB 1.9 s,
# with 64 MiB 2.1 s.
SORT_MEMORY = 8 << 20


def wish(session: Session, original: Definition, wanted: IndexBuild) -> tuple[bool, str]:
    """Whether indexes should be deferred, and why (not)."""
    if wanted is not IndexBuild.AUTO:
        return wanted is IndexBuild.DEFERRED, "as asked"
    if original.bytes < WORTHWHILE:
        return False, "the table is small"
    if readers := catalog.others_reading_binlog(session):
        return False, f"a long ALTER TABLE would hold up what reads this server's binlog ({readers} connections)"
    return True, "no replica reads this server's binlog, which a long ALTER TABLE would hold up"


def defer(session: Session, ghost: Definition, migration: str, why: str) -> Deferral:
    """Take the indexes that can wait out of the empty ghost table, after trying whether they can be had back online.

    A deferral without indexes when there are none. ServerError when it does not work, StoppedError when they would come
    back otherwise than they were; what the ghost table has then is not known.
    """
    name, waiting = ghost.name, {index.name for index in ghost.indexes if _can_wait(ghost, index)}
    going = {index: clause for index, clause in catalog.plain_indexes(ghost.create).items() if index in waiting}
    if not going:
        return Deferral("there are no indexes that could wait")
    drop, add = statements.drop_indexes(name, going, migration), statements.add_indexes(name, going.values(), migration)
    session.execute(drop)
    bare = catalog.fingerprint(session, name)
    session.execute(add)
    if catalog.fingerprint(session, name) != ghost.create or bare is None:
        raise StoppedError("the indexes would not be built as they are")
    session.execute(drop)
    return Deferral(why, tuple(going.values()), bare)


def _can_wait(table: Definition, index: Index) -> bool:
    """Whether an index is neither unique, nor the one that an AUTO_INCREMENT column may need."""
    first = table.column(index.columns[0])
    return not index.unique and index.type == "BTREE" and not (first is not None and first.auto_increment)


class Indexer:
    """Has the server build one migration's deferred indexes. Owner thread only; `crew` has one worker.

    What an earlier run had the server do was ended with it: either the indexes are all there, or none is.
    """

    def __init__(
        self, plan: Plan, migration: str, session: Session, worker: Session, crew: Crew[bool], applier: Applier
    ) -> None:
        self._ghost: TableName = plan.names.ghost
        self._plan = plan
        self._statement = statements.add_indexes(plan.names.ghost, plan.deferral.indexes, migration)
        self._session = session
        self._worker = worker
        self._crew = crew
        self._applier = applier
        self._began = 0.0
        self._looked_at = 0.0
        self._part: float | None = None

    @property
    def told(self) -> str:
        """What is being waited for, in words."""
        many = len(self._plan.deferral.indexes)
        since = f"{time.monotonic() - self._began:.0f} s so far"
        part = "" if self._part is None else f"{100 * self._part:.0f} %, "
        return f"the server to build {many} {'index' if many == 1 else 'indexes'} ({part}{since})"

    @property
    def busy(self) -> int:
        """How many statements build them."""
        return self._crew.busy

    def step(self) -> bool:
        """Start the build, or see how it stands: whether the ghost table has all its indexes."""
        if self._crew.busy:
            return self._see()
        if catalog.fingerprint(self._session, self._ghost) == self._plan.ghost_create:
            self._end()
            return True
        self._start()
        return False

    def close(self) -> None:
        """Stop the build: whoever comes next would have to wait for it."""
        if self._crew.busy:
            try:
                self._session.kill(self._worker.id)
            except FsmGhostError as error:
                log.warning("the ALTER TABLE of %s could not be ended: %s", self._ghost, error.message)
        self._crew.close()

    def _start(self) -> None:
        self._began = time.monotonic()
        self._crew.assign(self._build)

    def _build(self, session: Session) -> bool:
        session.sort_in(SORT_MEMORY)
        fault_point("index.before-alter")
        session.execute(self._statement)
        fault_point("index.after-alter")
        return True

    def _see(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_EVERY:
            self._looked_at = now
            self._part = catalog.build_progress(self._session, self._worker.id)
        try:
            has_ended = bool(self._crew.collect())
        except LockConflictError as error:
            log.warning("%s; trying again", error.message)
            return False
        except ServerError as error:
            if error.code != LOG_OF_CHANGES_FULL:
                raise
            self._hold_changes(error)
            return False
        if not has_ended:
            return False
        found = catalog.fingerprint(self._session, self._ghost)
        if found != self._plan.ghost_create:
            raise StoppedError(f"{self._ghost} has other indexes than were asked for", "Abort, and start again.")
        self._end()
        return True

    def _hold_changes(self, error: ServerError) -> None:
        """The server keeps the changes made during the build, and not without end: then it is built without any."""
        if self._applier.is_held:
            raise error
        log.warning("%s; building again, and bringing changes over afterwards", error.message)
        self._applier.is_held = True

    def _end(self) -> None:
        self._applier.is_held = False
