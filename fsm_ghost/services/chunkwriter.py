"""Copies one chunk: `INSERT … SELECT`, in a transaction of its own (protocol R3, R4). Worker threads only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from fsm_ghost.errors import LockConflictError, MismatchError, ServerError
from fsm_ghost.faultpoints import fault_point
from fsm_ghost.model.chunk import Chunk, CopiedChunk, KeyRange
from fsm_ghost.model.key import Key
from fsm_ghost.model.plan import Plan
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.faults import TOO_LARGE, UNFIT
from fsm_ghost.mysql.fit import why
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import Statements
from fsm_ghost.services.applier import CLASH_REMEDY, MOST_CLASHES
from fsm_ghost.services.refresher import UNFIT_REMEDY

_MOST_MISSING = 20_000  # rows that one chunk may leave out
_TRIES = 100  # of a chunk that meets locks on the ghost table; a refresh holds them for milliseconds


@dataclass(frozen=True, slots=True)
class _Part:
    """A transaction that inserted `rows`; or a row that did not fit."""

    rows: int
    unfit: tuple[Key, ...] = ()


class ChunkWriter:
    """Copies the chunks of one migration. With `quarantine` it leaves rows out that do not fit, and names them."""

    def __init__(self, statements: Statements, plan: Plan, *, quarantine: bool = False) -> None:
        self._statements = statements
        self._columns = plan.key.columns
        self._demanded = plan.demanded
        self._quarantine = quarantine

    def copy(self, chunk: Chunk, session: Session) -> CopiedChunk:
        """Copy a chunk; MismatchError when a row does not fit, and is not to be set aside."""
        began = time.monotonic()
        fault_point("copy.before-chunk")
        try:
            rows, parts, unfit = self._parts(session, chunk.range)
        except ServerError as error:
            if error.code not in UNFIT:
                raise
            raise self._unfit(session, error, chunk) from error
        fault_point("copy.after-chunk")
        missing = self._missing(session, chunk.range)
        return CopiedChunk(chunk, rows, time.monotonic() - began, parts, (*unfit, *missing))

    def _parts(self, session: Session, key_range: KeyRange) -> tuple[int, int, tuple[Key, ...]]:
        """Copy a range: rows, transactions that they took (1 where rows were left out), and the keys of those."""
        parts: list[_Part] = []
        unfit: tuple[Key, ...] = ()
        for part in self._copied(session, key_range):
            parts.append(part)
            unfit += part.unfit
            if len(unfit) > MOST_CLASHES:
                shown = ", ".join(map(str, unfit[:3]))
                raise MismatchError(f"too many rows do not fit the new definition, for example {shown}", CLASH_REMEDY)
        return sum(part.rows for part in parts), 1 if unfit else len(parts), unfit

    def _copied(self, session: Session, key_range: KeyRange) -> Iterator[_Part]:
        """Copy a range: what came of each transaction that it took; one, if the server can log it at once.

        In quarantine ranges with a row that does not fit are halved, until that row is left by itself.
        """
        try:
            yield _Part(self._insert(session, key_range))
        except ServerError as error:
            sets_aside = self._quarantine and error.code in UNFIT
            middle = self._middle(session, key_range) if sets_aside or error.code == TOO_LARGE else None
            if middle is not None:
                for part in (KeyRange(key_range.after, middle), KeyRange(middle, key_range.upto)):
                    yield from self._copied(session, part)
            elif sets_aside and (keys := self._keys(session, key_range)) is not None:
                yield _Part(0, keys)
            else:
                raise

    def _keys(self, session: Session, key_range: KeyRange) -> tuple[Key, ...] | None:
        """The key of a range's only row; none when it has gone, None when the range is open."""
        if key_range.upto is None:
            return None
        rows = session.query(self._statements.boundary(key_range.after, key_range.upto, 1))
        return tuple(key_sql.parse(self._columns, row) for row in rows)

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
                return MismatchError(f"the row {culprit} does not fit the new definition: {why(error)}", UNFIT_REMEDY)
        where = f"chunk {chunk.number}, keys after {chunk.range.after} up to {chunk.range.upto}"
        return MismatchError(f"a row does not fit the new definition: {why(error)}; it is in {where}", UNFIT_REMEDY)

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
