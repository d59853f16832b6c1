"""Swaps the tables (protocol R14, R15): lock, drain, rename; and look what happened.

The application's writers wait from the moment the lock is asked for. All of it together has to fit into the stall
budget; what does not fit is given up with the tables unlocked and unchanged.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto

from fsm_ghost.errors import (
    AmbiguousError,
    ConnectionLostError,
    FsmGhostError,
    LockConflictError,
    MismatchError,
    ServerError,
)
from fsm_ghost.faultpoints import fault_point
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.plan import Plan, SwapMethod
from fsm_ghost.mysql import catalog, statements
from fsm_ghost.mysql.blockers import Blocker
from fsm_ghost.mysql.faults import NO_SUCH_THREAD
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.applier import Applier
from fsm_ghost.services.bouncer import Bouncer, told
from fsm_ghost.services.builder import keep_counter

log = logging.getLogger(__name__)
_PATIENCE = 0.6  # share of the budget after which it is time to see who is in the way
_LEAST_RENAME = 0.1  # seconds that a RENAME is given, however little is left of the budget
_REST = 2.0  # seconds for refreshes to end before the tables are locked: one that came later would wait for the lock
_IDLE_LIMIT = 5  # seconds: the server ends a locking session whose client has frozen for that long


class Found(Enum):
    """What the tables show about a swap."""

    SWAPPED = auto()
    NOT_SWAPPED = auto()


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt came to: `given_up` says why it was, when it was; `refused` that the server did not want it.

    `waited` are the seconds until the lock was granted, `stall` those for which writers were held up in all; `killed`
    are sessions that were in the way, or in a rehearsal those that would have been killed for it.
    """

    given_up: str = ""
    refused: bool = False
    locked_at: Coordinates | None = None
    waited: float = 0.0
    stall: float = 0.0
    killed: tuple[Blocker, ...] = ()


class _GivenUpError(Exception):
    """The attempt does not fit into the budget."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Tells by the tables whether they have been swapped."""

    names: Names
    migration: str
    session: Session

    def look(self) -> Found:
        """Whether the swap has happened; AmbiguousError when the tables show neither.

        Only to be asked when no statement of ours can be under way any more. It moves all names or none: as long as
        ghost table and marker have theirs, it has not happened, and an original that is gone is somebody else's doing.
        """
        names = self.names
        every = (names.original, names.ghost, names.marker, names.swapped, names.old)
        found = catalog.found_tables(self.session, every)
        if {names.original, names.swapped} <= found.keys() and not {names.ghost, names.marker} & found.keys():
            return Found.SWAPPED
        if {names.ghost, names.marker} <= found.keys() and names.swapped not in found:
            self.drop_sentry()
            return Found.NOT_SWAPPED
        shown = ", ".join(str(name) for name in every if name in found) or "none"
        raise AmbiguousError(
            f"it cannot be told whether {names.original} was swapped: of its tables there are {shown}",
            "Nothing will be touched. Look at the tables and at the binlog; the original's rows are in one of them.",
        )

    def drop_sentry(self) -> None:
        """Drop the sentry table, if there is one; AmbiguousError for another table of that name."""
        sentry = catalog.found_tables(self.session, (self.names.old,)).get(self.names.old)
        if sentry is None:
            return
        if sentry.comment != statements.SENTRY_COMMENT:
            raise AmbiguousError(
                f"{self.names.old} exists and is not our sentry", "Find out whose it is, and rename it."
            )
        self.session.execute(statements.drop(self.names.old, self.migration))


class Swapper:
    """Swaps the tables of one migration. Owner thread only; `open_session` gives it connections of its own."""

    def __init__(
        self,
        plan: Plan,
        migration: str,
        witness: Witness,
        session: Session,
        applier: Applier,
        open_session: Callable[[str], Session],
        bouncer: Bouncer,
        budget: float,
    ) -> None:
        self._plan = plan
        self._names: Names = plan.names
        self._migration = migration
        self._witness = witness
        self._session = session
        self._applier = applier
        self._open = open_session
        self._bouncer = bouncer
        self._budget = budget

    def attempt(self, *, rehearsal: bool = False) -> Attempt:
        """Try to swap once; a rehearsal locks and drains, and then unlocks instead. It makes nothing.

        A lost connection is raised: what happened then has to be looked at after fencing.
        """
        sessions = {purpose: self._open(f"cut-over {purpose}") for purpose in ("lock", "watch", "rename")}
        try:
            return self._attempt(sessions["lock"], sessions["watch"], sessions["rename"], rehearsal=rehearsal)
        finally:
            for session in sessions.values():
                session.close()

    def _attempt(self, locker: Session, watcher: Session, renamer: Session, *, rehearsal: bool) -> Attempt:
        sentry = self._plan.swap is SwapMethod.SENTRY and not rehearsal
        self._set_up(locker, renamer, sentry=sentry)
        self._applier.rest(_REST)
        fault_point("swap.before-lock")
        began = time.monotonic()
        deadline = began + self._budget
        waited = 0.0
        watchdog = _Watchdog(watcher, locker, self._budget, self._bouncer)
        try:
            locker.lock_tables(self._locked_tables(sentry=sentry))
            waited = time.monotonic() - began
            fault_point("swap.after-lock")
            locked_at = self._drain(locker, deadline)
            watchdog.call_off()
            if watchdog.bit:
                raise _GivenUpError("the time was over before the RENAME was sent")
            if rehearsal:
                locker.unlock_tables()
            else:
                self._rename(locker, renamer, deadline)
        except (_GivenUpError, LockConflictError, MismatchError, ServerError) as reason:
            attempt = self._give_up(locker, began, str(reason))
            attempt = replace(attempt, refused=isinstance(reason, ServerError))
        except ConnectionLostError:
            if not watchdog.bit:
                raise
            attempt = self._give_up(None, began, self._not_granted(watchdog))
        else:
            attempt = Attempt(locked_at=locked_at, stall=time.monotonic() - began)
        finally:
            watchdog.call_off()
        return replace(attempt, waited=waited, killed=watchdog.killed)

    def _not_granted(self, watchdog: _Watchdog) -> str:
        blockers = f": held up by {told(watchdog.found)}" if watchdog.found else ""
        return f"the lock was not granted within {self._budget:g} s{blockers}"

    def _set_up(self, locker: Session, renamer: Session, *, sentry: bool) -> None:
        if sentry:
            self._create_sentry()
        seconds = math.ceil(self._budget) + 1  # the watchdog comes first; this is for when we are frozen
        locker.wait_at_most(row=seconds, table=seconds, idle=_IDLE_LIMIT)
        renamer.wait_at_most(table=seconds)

    def _locked_tables(self, *, sentry: bool) -> list[TableName]:
        names = self._names
        return [names.original, names.ghost, names.changelog, names.marker, *([names.old] if sentry else [])]

    def _give_up(self, locker: Session | None, began: float, reason: str) -> Attempt:
        """Let the writers go on; without `locker` its connection, and with it its locks, are gone already."""
        if locker is not None:
            with suppress(ConnectionLostError):  # then the locks are gone with it
                locker.unlock_tables()
        stall = time.monotonic() - began
        self._witness.drop_sentry()
        return Attempt(given_up=reason, stall=stall)

    def _drain(self, locker: Session, deadline: float) -> Coordinates:
        """Bring the last changes over through the locking session; where the binlog stands then."""
        marker = self._applier.write_marker(locker, locked_at=catalog.coordinates(self._session))
        if not self._applier.drain(locker, marker, deadline):
            raise _GivenUpError(f"{self._applier.backlog} keys were still to be refreshed when the time was over")
        keep_counter(locker, self._names, self._migration)
        fault_point("swap.after-drain")
        locker.use_utc()  # no row is written any more, and defaults of TIMESTAMPs are shown in the session's time zone
        unchanged = catalog.fingerprint(locker, self._names.original) == self._plan.original_create
        if not unchanged:
            raise _GivenUpError(f"the definition of {self._names.original} has changed")
        return catalog.coordinates(self._session)

    def _rename(self, locker: Session, renamer: Session, deadline: float) -> None:
        rename = statements.rename(statements.swap_pairs(self._names), self._migration)
        if self._plan.swap is SwapMethod.SENTRY:
            self._rename_behind_lock(locker, renamer, rename, deadline)
            return
        fault_point("swap.before-rename")
        locker.execute(rename)
        fault_point("swap.after-rename")
        locker.unlock_tables()

    def _rename_behind_lock(self, locker: Session, renamer: Session, rename: str, deadline: float) -> None:
        """Queue the RENAME behind our lock in a second session, see it wait, and let it go.

        Its first lock in name order is the original's, which we hold: while it is seen waiting for a table lock it
        stands before every writer. The sentry makes it fail if our lock should be lost before that was seen.
        """
        call = _Call(renamer, rename)
        try:
            while not catalog.waits_for_table_lock(self._session, renamer.id):
                if call.has_ended or time.monotonic() >= deadline:
                    raise _GivenUpError("the RENAME was not seen waiting for the lock in time")
                call.wait(0.001)
            fault_point("swap.before-sentry-drop")
            locker.execute(statements.drop(self._names.old, self._migration))
            fault_point("swap.before-unlock")
            locker.unlock_tables()
            # From here on the RENAME holds the original and stands before the writers, whatever else it waits for.
            call.wait(max(deadline - time.monotonic(), _LEAST_RENAME))
            if not call.has_ended:
                raise _GivenUpError("the RENAME waited too long for somebody who uses one of our tables")
            call.result()
            fault_point("swap.after-rename")
        except (_GivenUpError, FsmGhostError):
            self._withdraw(renamer, call)
            raise

    def _withdraw(self, renamer: Session, call: _Call) -> None:
        """End a RENAME that is not wanted any more, before the lock that holds it up is given away."""
        try:
            self._session.kill_query(renamer.id)
        except ServerError as error:
            if error.code != NO_SUCH_THREAD:  # its connection is gone, so its statement has ended
                raise ConnectionLostError("a RENAME could not be withdrawn") from error
        try:
            call.result()
        except FsmGhostError as error:
            if catalog.waits_for_table_lock(self._session, renamer.id):
                raise ConnectionLostError("a RENAME could not be withdrawn") from error
            return
        raise ConnectionLostError("a RENAME that was withdrawn went through")  # look what happened

    def _create_sentry(self) -> None:
        """A table of the name that the original is to get: as long as it is there, no RENAME to it can succeed."""
        self._witness.drop_sentry()
        self._session.execute(statements.create_sentry(self._names.old, self._migration))


class _Call:
    """A statement that runs in a thread of its own."""

    def __init__(self, session: Session, statement: str) -> None:
        self._session = session
        self._statement = statement
        self._error: BaseException | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="renamer", daemon=True).start()

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    def wait(self, timeout: float) -> None:
        self._ended.wait(timeout)

    def result(self) -> None:
        self._ended.wait()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._session.execute(self._statement)
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that asks
            self._error = error
        self._ended.set()


class _Watchdog:
    """Kills a statement that still waits for its lock when the budget is spent: server timeouts are whole seconds.

    Before that it finds out who is in the way, and has those removed that may be.
    """

    def __init__(self, session: Session, victim: Session, budget: float, bouncer: Bouncer) -> None:
        self._session = session
        self._victim = victim.id
        self._bouncer = bouncer
        self._called_off = threading.Event()
        self.bit = False
        self.found: tuple[Blocker, ...] = ()
        self.killed: tuple[Blocker, ...] = ()
        self._thread = threading.Thread(target=self._watch, args=(budget,), name="cut-over-watchdog", daemon=True)
        self._thread.start()

    def call_off(self) -> None:
        """The lock has been granted and used, or the attempt is over."""
        self._called_off.set()
        self._thread.join()

    def _watch(self, budget: float) -> None:
        ends = time.monotonic() + budget
        if self._called_off.wait(budget * _PATIENCE):
            return
        self.found = self._bouncer.look(self._session)
        self.killed = self._bouncer.clear(self._session, self.found)
        if not self._called_off.wait(max(0.0, ends - time.monotonic())):
            self.bit = True
            try:
                self._session.kill(self._victim)
            except FsmGhostError as error:
                log.warning("the cut-over's session could not be killed: %s", error.message)
