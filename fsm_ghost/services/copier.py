"""Copies chunks: one `INSERT … SELECT` each, in a transaction of its own (protocol R3, R4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from fsm_ghost.errors import LockConflictError, MismatchError, ServerError
from fsm_ghost.faultpoints import fault_point
from fsm_ghost.model.chunk import Chunk, CopiedChunk, KeyRange
from fsm_ghost.model.key import Key
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.faults import TOO_LARGE, UNFIT
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import Statements
from fsm_ghost.services.applier import CLASH_REMEDY, Applier
from fsm_ghost.services.crew import Crew
from fsm_ghost.services.pace import Pace
from fsm_ghost.services.refresher import UNFIT_REMEDY

_MOST_MISSING = 20_000  # rows that one chunk may leave out
_TRIES = 100  # of a chunk that meets locks on the ghost table; a refresh holds them for milliseconds


class Copier:
    """Has the chunks copied that progress says are open, as many at a time as the pace allows.

    After each chunk no other is sent for `nice` times as long as it took. Owner thread only.
    """

    def __init__(
        self,
        statements: Statements,
        plan: Plan,
        crew: Crew[CopiedChunk],
        applier: Applier,
        pace: Pace,
        nice: float = 0.0,
    ) -> None:
        self._statements = statements
        self._columns = plan.key.columns
        self._demanded = plan.demanded
        self._crew = crew
        self._applier = applier
        self.pace = pace
        self._nice = nice
        self._rests_until = 0.0  # monotonic seconds
        self._sent: set[int] = set()

    def wants_more(self, progress: Progress) -> bool:
        """Whether another chunk should be handed out, so that one lies ready when a worker is done."""
        return len(progress.open_chunks) < self.pace.workers + 1

    def copied(self) -> list[CopiedChunk]:
        """The chunks that were committed since the last call; MismatchError when one does not fit."""
        done = self._crew.collect()
        for copied in done:
            self._sent.discard(copied.chunk.number)
            self._applier.chunk_ended(copied)
            self.pace.done(copied.rows, copied.seconds)
            self._rests_until = max(self._rests_until, time.monotonic()) + self._nice * copied.seconds
        self.pace.look(len(self._sent))
        return done

    def send(self, progress: Progress) -> None:
        """Have the open chunks copied for which there is a worker. They must have been stored as open before."""
        if time.monotonic() < self._rests_until:
            return
        for chunk in progress.open_chunks:
            if chunk.number in self._sent:
                continue
            if len(self._sent) >= self.pace.workers or not self._applier.lets_chunk_start():
                return
            self._sent.add(chunk.number)
            self._applier.chunk_started(chunk)
            self._crew.assign(self._job(chunk))

    def close(self) -> None:
        """Stop copying."""
        self._crew.close()

    def _job(self, chunk: Chunk) -> Callable[[Session], CopiedChunk]:
        def job(session: Session) -> CopiedChunk:
            began = time.monotonic()
            fault_point("copy.before-chunk")
            try:
                parts = list(self._copy(session, chunk.range))
            except ServerError as error:
                if error.code not in UNFIT:
                    raise
                raise self._unfit(session, error, chunk) from error
            fault_point("copy.after-chunk")
            missing = self._missing(session, chunk.range)
            return CopiedChunk(chunk, sum(parts), time.monotonic() - began, len(parts), missing)

        return job

    def _copy(self, session: Session, key_range: KeyRange) -> Iterator[int]:
        """Copy a range: the rows inserted, for each transaction that it took; one, if the server can log it at once."""
        try:
            yield self._insert(session, key_range)
        except ServerError as error:
            middle = self._middle(session, key_range) if error.code == TOO_LARGE else None
            if middle is None:
                raise
            for part in (KeyRange(key_range.after, middle), KeyRange(middle, key_range.upto)):
                yield from self._copy(session, part)

    def _missing(self, session: Session, key_range: KeyRange) -> tuple[Key, ...]:
        """The rows that were left out for a unique key's sake, among them perhaps some that came only afterwards."""
        if not self._demanded:
            return ()
        rows = session.query(self._statements.missing(key_range, _MOST_MISSING))
        keys = tuple(key_sql.parse(self._columns, row) for row in rows)
        if len(keys) == _MOST_MISSING:
            names = ", ".join(unique.name for unique in self._demanded)
            examples = ", ".join(map(str, keys[:3]))
            raise MismatchError(
                f"too many rows are like others under {names} in the new definition, for example {examples}",
                CLASH_REMEDY,
            )
        return keys

    def _insert(self, session: Session, key_range: KeyRange) -> int:
        for _ in range(_TRIES):
            with suppress(LockConflictError):  # then the whole statement was rolled back, after the server's timeout
                return session.execute_strictly(self._statements.copy(key_range))
        raise LockConflictError(
            f"the keys after {key_range.after} up to {key_range.upto} could not be copied in {_TRIES} tries:"
            " their ghost rows stayed locked"
        )

    def _middle(self, session: Session, key_range: KeyRange) -> Key | None:
        """The key in the middle of a range's rows; None when it has fewer than two."""
        rows = int(session.value(self._statements.count(key_range)))
        if rows <= 1 or key_range.upto is None:
            return None
        found = session.query(self._statements.boundary(key_range.after, key_range.upto, rows // 2))
        return key_sql.parse(self._columns, found[0]) if found else None

    def _unfit(self, session: Session, error: ServerError, chunk: Chunk) -> MismatchError:
        """What does not fit, with the key of a row where one can be found (R4)."""
        with suppress(LockConflictError):
            culprit = self._culprit(session, chunk.range)
            if culprit is not None:
                return MismatchError(
                    f"the row {culprit} does not fit the new definition: {error.message}", UNFIT_REMEDY
                )
        where = f"chunk {chunk.number}, keys after {chunk.range.after} up to {chunk.range.upto}"
        return MismatchError(f"a row does not fit the new definition: {error.message}; it is in {where}", UNFIT_REMEDY)

    def _culprit(self, session: Session, key_range: KeyRange) -> Key | None:
        """The first row of a range that cannot be copied, found by halving; None when they all can, by now."""
        while (middle := self._middle(session, key_range)) is not None:
            first = KeyRange(key_range.after, middle)
            key_range = first if self._fails(session, first) else KeyRange(middle, key_range.upto)
        rows = session.query(self._statements.boundary(key_range.after, key_range.upto, 1)) if key_range.upto else ()
        return key_sql.parse(self._columns, rows[0]) if rows and self._fails(session, key_range) else None

    def _fails(self, session: Session, key_range: KeyRange) -> bool:
        session.begin()
        try:
            session.execute_strictly(self._statements.copy(key_range))
        except ServerError:
            return True
        finally:
            session.rollback()
        return False
