"""The live services of one migration, opened when a state first needs them.

States keep nothing, and a resumed run finds nothing open: whatever a step needs is opened here from the progress it
was given, and stays open until the run ends. Owner thread only.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from functools import partial

from fsm_ghost.errors import AmbiguousError, CutOverError, StoppedError
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql import catalog, statements
from fsm_ghost.mysql.session import Session
from fsm_ghost.services import retention
from fsm_ghost.services.applier import Applier
from fsm_ghost.services.auditor import READ_TIMEOUT, Audit, Auditor
from fsm_ghost.services.bouncer import Bouncer, told
from fsm_ghost.services.crew import Crew
from fsm_ghost.services.crews import Crews
from fsm_ghost.services.refresher import Refreshed, Refresher
from fsm_ghost.services.streamer import Streamer
from fsm_ghost.services.swapper import Swapper, Witness
from fsm_ghost.services.throttle.source import Wanted
from fsm_ghost.services.throttle.sources import Means, wanted
from fsm_ghost.services.throttle.throttle import Throttle
from fsm_ghost.services.tools import Tools
from fsm_ghost.settings import Kill, Settings

REFRESH_WORKERS = 2
SMALL_DELAY = 0.5  # seconds
_LONGEST_BACK_OFF = 30.0  # seconds
_LONG = 2  # seconds that somebody has used the table, from which on it is not worth an attempt to lock it
_ASK_EVERY = 1.0  # seconds
_MOST_REFUSED = 5  # attempts to swap that the server did not want, one after the other


class DataPlane:
    """Gives the states the services that they work with."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._applier: Applier | None = None
        self.crews = Crews(tools, self._following)
        self._throttle: Throttle | None = None
        self._throttle_session: Session | None = None
        self._throttle_changed = False
        self._barrier: int | None = None
        self._prepared: frozenset[str] | None = None
        self._not_before = 0.0
        self._kept = 0.0  # seconds for which the server keeps its binlog; 0: for ever
        self._failed_attempts = 0
        self._refused_attempts = 0
        self._asked_at, self._users = 0.0, ""
        self.intends_swap = False  # this very run has stored the intent to swap, and has not tried yet

    def follow(self, progress: Progress) -> Progress:
        """Bring changes over for a moment."""
        self._tools.ownership.confirm()
        applier = self._following(progress)
        progress = applier.pump(progress)
        self.crews.activity.changes(progress.changes)
        reporter = self._tools.reporter
        reporter.backlog, reporter.delay, reporter.reconnects = applier.backlog, applier.delay, applier.reconnects
        clashes = f"rows do not fit the new definition: {applier.clashes}" if applier.clashes else ""
        outdated = retention.concern(self._kept, progress.safe, applier.here, time.time())
        reporter.be_concerned(clashes or applier.concern or outdated)
        reporter.note(progress)
        return progress

    def barrier_passed(self, progress: Progress) -> bool:
        """Whether everything written before the coordinates can be seen by now (protocol R1).

        A marker, its COMMIT returned, has come back through the stream; and no XA transaction is left that was
        prepared by then: its rows may be in the binlog before our coordinates, and become visible without another
        event (docs/decisions/0004).
        """
        reason = self._barrier_waits_for(self._following(progress))
        self.waiting_for(reason)
        return not reason

    def _barrier_waits_for(self, applier: Applier) -> str:
        if self._barrier is None:
            self._barrier = applier.write_marker()
        if not applier.has_passed(self._barrier):
            return "the first marker to come back through the binlog"
        prepared = catalog.prepared_transactions(self._tools.session)
        self._prepared = prepared if self._prepared is None else self._prepared & prepared
        return f"prepared XA transactions to end: {', '.join(sorted(self._prepared))}" if self._prepared else ""

    def throttled(self, progress: Progress) -> str:
        """Why no rows are to be copied, compared or swapped for now; empty when they may be."""
        if progress.throttled:
            return f"throttled until: fsm-ghost no-throttle {self._tools.migration[:8]}"
        if self._throttle is None:
            self._throttle = Throttle(self._sources(progress), self._tools.bell)
        elif self._throttle_changed:
            self._throttle.change(self._sources(progress))
        self._throttle_changed = False
        reason = self._throttle.reason
        return f"throttled: {reason}" if reason else ""

    def _sources(self, progress: Progress) -> tuple[Wanted, ...]:
        settings, names = self._tools.settings, progress.the_plan.names
        heartbeats = self._following(progress).heartbeats
        means = Means(settings.server, names, self._tools.flavour, heartbeats, self._asking_session)
        return tuple(wanted(settings.throttle, means))

    def _asking_session(self) -> Session:
        """The one that the throttle's sources share."""
        if self._throttle_session is None:
            self._throttle_session = self._tools.connections.open("throttle")
        return self._throttle_session

    def retune(self, settings: Settings) -> None:
        """Work with other settings from now on; those that only matter in the beginning change nothing any more."""
        self._throttle_changed |= settings.throttle != self._tools.settings.throttle
        self._tools = replace(self._tools, settings=settings)
        self.crews.retune(settings)

    def compared_beside(self, progress: Progress) -> Progress:
        """Go on with the comparison while rows are copied, or indexes built; MismatchError when the tables differ."""
        return self.crews.compared_beside(progress, resting=bool(self.throttled(progress)))

    def swapper(self, progress: Progress, *, rehearsal: bool = False) -> Swapper:
        """Swaps the tables; in a rehearsal nobody is killed for it."""
        return Swapper(
            progress.the_plan,
            self._tools.migration,
            self.witness(progress),
            self._tools.session,
            self._following(progress),
            partial(self._tools.open_writer, progress.the_plan),
            self._bouncer(progress, rehearsal=rehearsal),
            self._tools.settings.cut_over.lock_timeout,
        )

    def _bouncer(self, progress: Progress, *, rehearsal: bool = False) -> Bouncer:
        table, settings = progress.the_plan.names.original, self._tools.settings.cut_over
        return Bouncer(table, settings, self._tools.connections.ids, rehearsal=rehearsal)

    def rehearse(self, progress: Progress) -> tuple[bool, str]:
        """Lock and drain as a swap would, and unlock: whether a swap would have succeeded, and what it would cost."""
        attempt = self.swapper(progress, rehearsal=True).attempt(rehearsal=True)
        lock, held = f"{attempt.waited * 1000:.0f} ms", f"{attempt.stall * 1000:.0f} ms"
        killed = f"; a swap would kill {told(attempt.killed)}" if attempt.killed else ""
        if attempt.given_up:
            return False, f"the swap would have been given up: {attempt.given_up}{killed}"
        return True, f"the lock was granted after {lock}, and writers were held up for {held} in all{killed}"

    def witness(self, progress: Progress) -> Witness:
        """Looks whether the tables have been swapped."""
        return Witness(progress.the_plan.names, self._tools.migration, self._tools.session)

    def unfit(self, progress: Progress) -> str:
        """Which rows somebody has to mend before they can be brought over, in words; empty when there are none."""
        clashes = self._following(progress).clashes
        return f"rows that do not fit the new definition to be mended: {clashes}" if clashes else ""

    def is_behind(self, progress: Progress) -> str:
        """What the change stream is behind with, in words; empty when it is close."""
        applier = self._following(progress)
        if unfit := self.unfit(progress):
            return unfit
        if applier.backlog > applier.small:
            return f"{applier.backlog} changed keys to be refreshed"
        if applier.delay is None or applier.delay > SMALL_DELAY:
            delay = "unknown" if applier.delay is None else f"{applier.delay:.1f} s"
            return f"the change stream to be close (delay {delay})"
        return ""

    def holds_back(self, progress: Progress) -> str:
        """What the swap has to wait for after attempts that failed; CutOverError when there were too many."""
        settings = self._tools.settings.cut_over
        if users := self._long_users(progress):
            return f"transactions on {progress.the_plan.names.original} to end: {users}"
        if self._failed_attempts >= settings.attempts or self._refused_attempts >= _MOST_REFUSED:
            raise CutOverError(
                f"the tables could not be swapped in {self._failed_attempts} attempts",
                f"Find out who holds locks on {progress.the_plan.names.original}, then resume."
                f" What each attempt came to: fsm-ghost status {self._tools.migration[:8]}",
            )
        left = self._not_before - time.monotonic()
        return f"another attempt to swap, in {left:.0f} s" if left > 0 else ""

    def _long_users(self, progress: Progress) -> str:
        """Who is sure to make an attempt fail, asked once a second; those that the attempt may kill do not count."""
        now = time.monotonic()
        if now - self._asked_at >= _ASK_EVERY:
            self._asked_at = now
            bouncer, kills = self._bouncer(progress), self._tools.settings.cut_over.kill is Kill.YES
            self._users = told(
                user
                for user in bouncer.look(self._tools.session)
                if user.is_certain and user.seconds >= _LONG and not (kills and bouncer.may_go(user))
            )
        return self._users

    def back_off(self, *, refused: bool) -> None:
        """After an attempt that failed: let some time pass before the next one, longer after each.

        What the server has `refused` some times in a row it is going to refuse for ever.
        """
        self._failed_attempts += 1
        self._refused_attempts = self._refused_attempts + 1 if refused else 0
        pause = min(_LONGEST_BACK_OFF, 0.5 * 2 ** min(self._failed_attempts, 10))
        self._not_before = time.monotonic() + pause * random.uniform(0.7, 1.3)

    def waiting_for(self, reason: str) -> None:
        """Let people see what is being waited for."""
        self._tools.reporter.waiting_for = reason

    def analyze(self, progress: Progress) -> None:
        """Give the ghost table fresh statistics, so that plans do not change with the swap."""
        self._tools.session.query(statements.analyze(progress.the_plan.names.ghost))

    def audit(self, progress: Progress) -> Audit:
        """After a swap of ours: heal what was written to the original between its last refresh and its RENAME."""
        found = self._following(progress).read_to_rename(READ_TIMEOUT)
        return Audit(None) if found is None else self._auditor(progress.the_plan).audit(*found)

    def audit_found(self, progress: Progress) -> Audit:
        """The same for a swap that was found done by a later run."""
        locked_at = self._tools.changelog.locked_at()
        since = locked_at or progress.safe
        auditor = self._auditor(progress.the_plan)
        return Audit(None) if since is None else auditor.audit_since(since, behind_lock=locked_at is not None)

    def _auditor(self, plan: Plan) -> Auditor:
        tools = self._tools
        open_session = partial(self._tools.open_writer, plan)
        return Auditor(
            plan, tools.flavour, tools.migration, tools.session, open_session, tools.changelog, tools.stream_opener
        )

    def close(self) -> None:
        """End everything that runs."""
        for service in (self._throttle, self.crews, self._applier):
            if service is not None:
                service.close()
        self._throttle = self._applier = None

    def _following(self, progress: Progress) -> Applier:
        if self._applier is None:
            self._applier = self._open_applier(progress)
        return self._applier

    def _open_applier(self, progress: Progress) -> Applier:
        tools, plan = self._tools, progress.the_plan
        self._check_definitions(progress)
        self._check_marker(progress)
        self._kept = retention.seconds_kept(catalog.variables(tools.session, retention.VARIABLES))
        if progress.safe is None:
            raise StoppedError("there are no coordinates to follow the changes from", "Abort, and start again.")
        refresher = Refresher(self._tools.statements(plan), plan, quarantine=tools.settings.definition.quarantine)
        sessions = tools.open_writers(plan, "refresh", REFRESH_WORKERS)
        crew = Crew[Refreshed]("refresher", [refresher.set_up(session) for session in sessions], tools.bell)
        streamer = Streamer(tools.stream_opener(plan, plan.names.original), progress.safe, tools.bell)
        here = partial(catalog.coordinates, tools.session)
        return Applier(plan, streamer, crew, refresher, tools.changelog, here, progress)

    def _check_marker(self, progress: Progress) -> None:
        """The server must still have all that the progress says was committed (protocol R13)."""
        found = self._tools.changelog.last_marker()
        if found < progress.marker:
            raise AmbiguousError(
                f"the server has lost what this migration had committed on it: marker {progress.marker:x} was its last,"
                f" and the server has {found:x}",
                "It was put back to an earlier state, or has crashed while innodb_flush_log_at_trx_commit was not 1."
                " Nobody can tell which rows the ghost table lacks now: abort this migration and start it again.",
            )

    def _check_definitions(self, progress: Progress) -> None:
        """The tables must be those that the plan was made for (protocol R13).

        While indexes are to be built the ghost table may have them or not: whoever built them may not have said so.
        """
        session, plan = self._tools.session, progress.the_plan
        names, bare = plan.names, (plan.deferral.bare_create,) if progress.lacks_indexes else ()
        for name, planned in ((names.original, (plan.original_create,)), (names.ghost, (plan.ghost_create, *bare))):
            found = catalog.fingerprint(session, name)
            if found not in planned:
                raise StoppedError(
                    f"{name} {'is gone' if found is None else 'was changed'} since the migration was prepared",
                    f"This migration cannot go on: fsm-ghost abort {self._tools.migration[:8]}, then start again.",
                )
