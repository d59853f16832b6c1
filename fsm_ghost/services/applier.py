"""Keeps the ghost table up with the changes: from the binlog through the ledger to the refresher."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from fsm_ghost.errors import MismatchError, StreamError
from fsm_ghost.model.changes import Changes
from fsm_ghost.model.chunk import Chunk, CopiedChunk
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql.changelog import Changelog
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.crew import Crew
from fsm_ghost.services.ledger import Ledger, RefreshId
from fsm_ghost.services.refresher import Left, Refreshed, Refresher
from fsm_ghost.services.streamer import Streamer
from fsm_ghost.services.throttle.lag import Heartbeats
from fsm_ghost.services.trend import Trend

MOST_DIRTY = 1_000_000  # keys; beyond that the stream is not read for a while, and memory stays bounded
HEARTBEAT_EVERY = 1.0  # seconds
BATCH_TARGET = 0.05  # seconds a refresh should take: for that long the application may wait for its rows
# Seconds for which keys may gather before they are refreshed: a transaction for each of them would cost the server a
# commit, and us half a millisecond.
_GATHER = 0.05
_LEAST_BATCH, _MOST_BATCH = 1, 500  # keys
_FEW = 20  # keys: as few may be left for the lock even where each takes long
# Changes go first where they and row copy are in each other's way: chunks and refreshes exclude each other, or more
# keys wait than can be brought over beside row copy. But after so many times the length of the last chunk it is row
# copy's turn again, so that it never starves.
_TURN = 4.0
_CROWD = 20_000  # waiting keys
_CLASH_EVERY = 0.5  # seconds between attempts to refresh a row that clashed
MOST_CLASHES = 1000
CLASH_REMEDY = "Mend these rows in the original, then resume with --retry; or abort, and start with another ALTER."


@dataclass(frozen=True, slots=True)
class _Proved:
    """How the changes stood before a marker was committed: the server cannot lose that and keep the marker."""

    safe: Coordinates
    carried: tuple[Key, ...]
    marker: int


class Applier:
    """Follows the changes of one migration. Owner thread only."""

    def __init__(
        self,
        plan: Plan,
        streamer: Streamer,
        crew: Crew[Refreshed],
        refresher: Refresher,
        changelog: Changelog,
        coordinates: Callable[[], Coordinates],
        progress: Progress,
    ) -> None:
        if progress.safe is None:
            raise ValueError("there are no coordinates to follow the changes from")
        self._streamer = streamer
        self._crew = crew
        self._refresher = refresher
        self._changelog = changelog
        self._coordinates = coordinates
        self._here = progress.safe
        self.ledger = Ledger(plan.key, progress.safe, exclusive=plan.exclusive, discards=plan.discards)
        self.ledger.advanced(progress)
        self.ledger.carry(progress.carried)
        self._proved = _Proved(progress.safe, progress.carried, progress.marker)
        self._waiting_for_row = 0  # refreshes of one key each that may wait for its row
        self._batch = 100
        self._passed = 0
        self._fits_only_together = bool(plan.demanded)
        self._clash_tried_at = 0.0  # monotonic seconds
        self._turn_until = 0.0  # monotonic seconds
        self._served = True  # changes have had their turn since the last chunk, where that keeps refreshes from running
        self._gathering_since: float | None = None  # monotonic seconds; None: nothing waits
        self._copy_is_next = False
        self._heartbeat: tuple[int, float] | None = None
        self._heartbeat_at = 0.0
        self._trend = Trend()
        self.heartbeats = Heartbeats()
        self.is_held = False  # changes are taken in, and not brought over
        self.is_awaited = False  # somebody waits for keys to become clean: they do not gather then
        self.delay: float | None = None  # seconds from our write to its return through the binlog
        self._commit_seconds: float | None = None  # that our last heartbeat's commit took

    @property
    def backlog(self) -> int:
        """How many keys are dirty or being refreshed."""
        return len(self.ledger)

    @property
    def small(self) -> int:
        """How many keys are few enough to be left for when the tables are locked: two batches take 0.1 s or so.

        On a busy server there are never less than those of the batches that are under way.
        """
        return max(_FEW, 2 * self._batch)

    @property
    def clashes(self) -> str:
        """Rows that cannot be in the new table, or not together, in words; empty when there are none."""
        clashes = self.ledger.clashes
        shown = "; ".join(str(clash) for clash in islice(clashes, 3))
        return shown + (f"; and {len(clashes) - 3} more" if len(clashes) > 3 else "")  # noqa: PLR2004 - as above

    @property
    def concern(self) -> str:
        """Why the changes might never be caught up with, in words; empty while there is no reason to think so."""
        full = f"; no more than {MOST_DIRTY:,} are remembered, so the binlog is read only as they are brought over"
        concern = self._trend.concern
        return concern + full if concern and self.is_full else concern

    @property
    def here(self) -> Coordinates:
        """Where the server wrote its binlog when that was asked last."""
        return self._here

    @property
    def is_full(self) -> bool:
        """Whether so many keys are dirty that the binlog is not read on for a while."""
        return len(self.ledger) >= MOST_DIRTY

    def pump(self, progress: Progress) -> Progress:
        """Take in what was read and refreshed since, and hand out what is to be refreshed next."""
        self._streamer.hurry(hurried=False)
        self.ledger.advanced(progress)
        progress = self._collect(progress)
        if not self.is_full:
            progress = self._read(progress)
        self._hand_out()
        self._beat()
        self._trend.note(time.monotonic(), self.ledger.cleaned, len(self.ledger))
        proved = self._proved
        return replace(progress, safe=proved.safe, carried=proved.carried, marker=proved.marker)

    @property
    def reconnects(self) -> int:
        """How many times the connection that reads the binlog was made again in this run."""
        return self._streamer.reconnects

    def take_commit_seconds(self) -> float | None:
        """How long the commit of the last heartbeat took; None when there was none since the last call."""
        taken, self._commit_seconds = self._commit_seconds, None
        return taken

    def rest(self, timeout: float) -> None:
        """Let the refreshes end that are under way, for up to `timeout` seconds; no new ones are begun.

        From now on, until the next `pump`, changes are read as soon as they come.
        """
        self._streamer.hurry(hurried=True)
        deadline = time.monotonic() + timeout
        while self._crew.busy and time.monotonic() < deadline:
            self._listen(0.001)

    def chunk_started(self, chunk: Chunk) -> None:
        """A chunk is about to be sent."""
        self.ledger.chunk_started(chunk)

    def chunk_ended(self, copied: CopiedChunk) -> None:
        """A chunk has been committed; where it kept refreshes from running, they come first now.

        It may be stored as copied after the next `pump`.
        """
        self.ledger.chunk_ended(copied.chunk)
        self.ledger.carry(copied.missing)
        self._turn_until = time.monotonic() + _TURN * copied.seconds
        self._served = False
        self._copy_is_next = False
        self._heartbeat_at = 0.0

    def lets_chunk_start(self) -> bool:
        """Whether a chunk may be sent now."""
        is_copys_turn = time.monotonic() >= self._turn_until
        if not self.ledger.exclusive:
            return self.ledger.waiting < _CROWD or (is_copys_turn and not self.ledger.copying)
        few = self._batch if self._served else 1
        self._copy_is_next = self.ledger.waiting < few or is_copys_turn
        return self._copy_is_next and not self.ledger.refreshing

    def write_marker(self, session: Session | None = None, locked_at: Coordinates | None = None) -> int:
        """Write a marker on the server; when this returns, its COMMIT has returned (R1)."""
        return self._changelog.write_marker(session, locked_at)

    def has_passed(self, marker: int) -> bool:
        """Whether a marker has come back through the binlog: all changes before it are in the ledger."""
        return self._passed >= marker

    def drain(self, session: Session, marker: int, deadline: float) -> bool:
        """Under the lock: read up to the marker and refresh all that is dirty through the locking session (R14).

        False when that was not done by `deadline` (monotonic seconds).
        """
        while not self.has_passed(marker) or self._crew.busy:
            if time.monotonic() >= deadline:
                return False
            self._listen(0.005)
        return self._refresh_rest(session, deadline)

    def read_to_rename(self, timeout: float) -> tuple[frozenset[Key], Coordinates] | None:
        """Read on until our own RENAME: the keys named by events before it, which nobody refreshed; and where it ends.

        None when it did not come within `timeout` seconds (R16).
        """
        deadline = time.monotonic() + timeout
        escaped: set[Key] = set()
        while time.monotonic() < deadline:
            for changes in self._streamer.wait(0.05):
                escaped |= changes.keys
                if changes.swapped:
                    return frozenset(escaped), changes.end
        return None

    def close(self) -> None:
        """Stop following."""
        self._streamer.close()
        self._crew.close()

    def _read(self, progress: Progress) -> Progress:
        taken = self._streamer.take()
        for changes in taken:
            self._take_in(changes)
        progress = replace(progress, changes=progress.changes + sum(changes.row_events for changes in taken))
        if self._heartbeat and self.has_passed(self._heartbeat[0]):
            self.delay = time.monotonic() - self._heartbeat[1]
            self._heartbeat = None
        return progress

    def _take_in(self, changes: Changes) -> None:
        self.ledger.changed(changes)
        self._passed = max(self._passed, *changes.markers, 0)

    def _collect(self, progress: Progress) -> Progress:
        clean = 0
        for refreshed in self._crew.collect():
            clean += self._ended(refreshed)
            self._adapt(refreshed)
        return replace(progress, refreshed=progress.refreshed + clean)

    def _ended(self, refreshed: Refreshed) -> int:
        self._waiting_for_row -= refreshed.waited
        clashes = refreshed.left.clashes
        left = *refreshed.left.locked, *(clash.key for clash in clashes)
        clean = self.ledger.refreshed(refreshed.refresh, left)
        for clash in clashes:
            self.ledger.clash(clash)
        if len(self.ledger.clashes) > MOST_CLASHES:
            raise MismatchError(f"too many rows do not fit the new definition: {self.clashes}", CLASH_REMEDY)
        return clean

    def _hand_out(self) -> None:
        while self._crew.idle and not self._copy_is_next and not self.is_held:
            taken = None if self._gathers() else self.ledger.take(self._batch)
            if taken is not None:
                self._gathering_since = None
                self._crew.assign(self._job(*taken))
            elif (clash := self._clash_to_retry()) is not None:
                self._crew.assign(self._job(*clash, together=True))
            elif not self._waiting_for_row and (blocked := self.ledger.take_blocked()) is not None:
                self._waiting_for_row += 1
                self._crew.assign(self._job(*blocked, waits=True))
            else:
                return

    def _gathers(self) -> bool:
        """Whether few keys wait, not for long, and it is not their turn: more may come to be refreshed with them."""
        waiting, now = self.ledger.waiting, time.monotonic()
        if not waiting:
            self._gathering_since, self._served = None, True
            return False
        if self._gathering_since is None:
            self._gathering_since = now
        is_turn = self.ledger.exclusive and not self._served
        return waiting < self._batch and not (is_turn or self.is_awaited) and now - self._gathering_since < _GATHER

    def _clash_to_retry(self) -> tuple[RefreshId, tuple[Key, ...]] | None:
        """Rows that clashed may fit together, or one of them may have changed meanwhile."""
        now = time.monotonic()
        pause = _CLASH_EVERY / max(1, len(self.ledger.clashes))
        if now - self._clash_tried_at < pause or (taken := self.ledger.take_clash()) is None:
            return None
        self._clash_tried_at = now
        return taken

    def _job(
        self, refresh: RefreshId, keys: tuple[Key, ...], *, waits: bool = False, together: bool = False
    ) -> Callable[[Session], Refreshed]:
        def job(session: Session) -> Refreshed:
            began = time.monotonic()
            left = self._refresher.refresh(session, keys, wait=waits, together=together)
            return Refreshed(refresh, len(keys), left, time.monotonic() - began, waits)

        return job

    def _adapt(self, refreshed: Refreshed) -> None:
        """Let a batch take about `BATCH_TARGET` seconds."""
        if refreshed.left != Left() or refreshed.keys < self._batch // 2:
            return
        factor = min(2.0, max(0.5, BATCH_TARGET / max(refreshed.seconds, 0.001)))
        self._batch = int(min(_MOST_BATCH, max(_LEAST_BATCH, self._batch * factor)))

    def _listen(self, timeout: float) -> None:
        """Take in what was refreshed and read since, waiting for what is read for up to `timeout` seconds."""
        for refreshed in self._crew.collect():
            self._ended(refreshed)
        for changes in self._streamer.wait(timeout):
            self._take_in(changes)

    def _refresh_rest(self, session: Session, deadline: float) -> bool:
        most = MOST_DIRTY if self._fits_only_together else _MOST_BATCH
        while (taken := self.ledger.take(most) or self.ledger.take_blocked(most)) is not None:
            if time.monotonic() >= deadline:
                self.ledger.refreshed(taken[0], locked=taken[1])
                return False
            try:
                self._refresher.refresh_under_lock(session, taken[1])
            except BaseException:
                self.ledger.refreshed(taken[0], locked=taken[1])
                raise
            self.ledger.refreshed(taken[0])
        return not len(self.ledger)

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._heartbeat_at < HEARTBEAT_EVERY:
            return
        self._heartbeat_at = now
        safe, carried, here = self.ledger.safe, tuple(sorted(self.ledger.carried)), self._coordinates()
        if here < self._here:
            raise StreamError(
                f"The server's binlog has gone back from {self._here} to {here}",
                "It was reset (RESET MASTER). Abort this migration and start it again.",
            )
        self._here = here
        began = time.monotonic()
        marker = self.write_marker()
        self._commit_seconds = time.monotonic() - began
        self.heartbeats.note(marker)
        self._proved = _Proved(safe, carried, marker)
        self.ledger.visible(here)  # the marker's COMMIT comes after it, and has returned
        if self._heartbeat is None:
            self._heartbeat = (marker, time.monotonic())
        else:
            self.delay = now - self._heartbeat[1]
