"""Brings the rows of changed keys over again: the only writer of changes to the ghost table (protocol R6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fsm_ghost.errors import LockConflictError, MismatchError, ServerError
from fsm_ghost.faultpoints import fault_point
from fsm_ghost.model.clash import Clash
from fsm_ghost.model.key import Key
from fsm_ghost.model.plan import Plan, UniqueKey
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.faults import DUPLICATE, TOO_LARGE, UNFIT
from fsm_ghost.mysql.fit import why
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import Statements, touch
from fsm_ghost.services.ledger import RefreshId

UNFIT_REMEDY = "Mend the row, then resume with --retry; or abort, and start again with another ALTER."
LOCK_WAIT = 1  # seconds for which a single key may wait for its row


@dataclass(frozen=True, slots=True)
class Left:
    """The keys that a refresh had to leave as they were: their rows stayed locked, are like others, or do not fit."""

    locked: tuple[Key, ...] = ()
    clashes: tuple[Clash, ...] = ()

    def __add__(self, more: Left) -> Left:
        return Left(self.locked + more.locked, self.clashes + more.clashes)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A refresh that has ended: all its `keys` have been committed but those that are `left`; it took `seconds`.

    `waited` says that it was one that may wait for its row.
    """

    refresh: RefreshId
    keys: int
    left: Left
    seconds: float
    waited: bool = False


class Refresher:
    """Refreshes keys, one transaction for a batch, without ever making the application wait for us or us for it.

    A batch locks its rows first, with NOWAIT. On a conflict it is split; a single key that is still locked is given
    back. Only a key that was asked for alone may wait for its row, and then we hold nothing else (R6a).

    Where the ghost table has unique keys that rows of the original may break, no row is ever replaced by another one:
    a row that is like others is left, and told together with them (R9).

    With `quarantine` a row that does not fit the new definition is left in the same way; otherwise it is an error.

    Whoever keeps us from the ghost table, with LOCK TABLES or an ALTER TABLE, is waited for before a row is locked.
    """

    def __init__(self, statements: Statements, plan: Plan, *, quarantine: bool = False) -> None:
        self._statements = statements
        self._quarantine = quarantine
        self._columns = plan.key.columns
        self._ghost_columns = tuple(column.as_ghost() for column in plan.key.columns)
        self._demanded = plan.demanded
        self._touch = touch(plan.names.ghost)

    @staticmethod
    def set_up(session: Session) -> Session:
        """A connection for refreshes: it gives up soon, for it holds locks that the application may want."""
        session.wait_at_most(row=LOCK_WAIT)
        return session

    def refresh(self, session: Session, keys: Sequence[Key], *, wait: bool = False, together: bool = False) -> Left:
        """Refresh keys; says which of them had to be left. `wait` is for a single key only.

        `together` are keys whose rows may only fit all at once: that batch is not split.
        """
        try:
            return self._refresh(session, keys, wait=wait and len(keys) == 1, together=together)
        except ServerError as error:
            session.rollback()
            if error.code not in UNFIT:
                raise
            if self._quarantine:
                return self._set_aside(session, keys, error)
            raise self._unfit(session, error, keys) from error

    def _set_aside(self, session: Session, keys: Sequence[Key], error: ServerError) -> Left:
        """Leave the one row that does not fit; of several, refresh those that do."""
        if len(keys) == 1:
            return Left((), (Clash(keys[0], why=why(error)),))
        middle = len(keys) // 2
        return self.refresh(session, keys[:middle]) + self.refresh(session, keys[middle:])

    def refresh_under_lock(self, session: Session, keys: Sequence[Key]) -> None:
        """Refresh keys through the session that holds both tables locked: nobody else is there to conflict with."""
        try:
            self._write(session, keys, self._found(session, keys, wait=True))
        except ServerError as error:
            if error.code not in UNFIT:
                raise
            raise MismatchError(f"a changed row does not fit the new definition: {why(error)}", UNFIT_REMEDY) from error

    def _refresh(self, session: Session, keys: Sequence[Key], *, wait: bool, together: bool) -> Left:
        together = together or len(keys) == 1
        try:
            self._refresh_batch(session, keys, wait=wait)
        except LockConflictError:
            session.rollback()
            return Left(tuple(keys)) if together else self._split(session, keys)
        except ServerError as error:
            is_clash = error.code == DUPLICATE and self._demanded
            if not is_clash and (error.code != TOO_LARGE or together):
                raise
            session.rollback()
            return self._clash(session, keys) if together else self._split(session, keys)
        return Left()

    def _split(self, session: Session, keys: Sequence[Key]) -> Left:
        middle = len(keys) // 2
        halves = (self._refresh(session, half, wait=False, together=False) for half in (keys[:middle], keys[middle:]))
        return sum(halves, Left())

    def _clash(self, session: Session, keys: Sequence[Key]) -> Left:
        """Find out which of these keys cannot be written, and because of which others; nothing is written.

        When by now they all can, or their rows are locked, they are left for another time.
        """
        self._begin(session)
        try:
            found = self._found(session, keys, wait=False)
            self._clear(session, keys, found)
            for key in sorted(found):
                if others := self._those_like(session, key):
                    return Left(tuple(set(keys) - {key}), (Clash(key, others),))
        except LockConflictError:
            pass
        finally:
            session.rollback()
        return Left(tuple(keys))

    def _those_like(self, session: Session, key: Key) -> tuple[Key, ...]:
        """Write a row to the ghost table; where it is like others there, their keys."""
        try:
            session.execute_strictly(self._statements.insert([key]))
        except ServerError as error:
            if error.code != DUPLICATE:
                raise
            return tuple({other for unique in self._demanded for other in self._holders(session, unique, key)} - {key})
        return ()

    def _holders(self, session: Session, unique: UniqueKey, key: Key) -> list[Key]:
        """Whose rows have the values of this row in a unique key: what they are, only the ghost table can tell."""
        session.set_savepoint()
        session.execute_strictly(self._statements.replace([key]))
        session.execute(self._statements.remember(unique, key))
        session.return_to_savepoint()
        return [key_sql.parse(self._ghost_columns, row) for row in session.query(self._statements.holders(unique))]

    def _refresh_batch(self, session: Session, keys: Sequence[Key], *, wait: bool) -> None:
        self._begin(session)
        found = self._found(session, keys, wait=wait)
        self._write(session, keys, found)
        fault_point("refresh.before-commit")
        session.commit()
        fault_point("refresh.after-commit")

    def _begin(self, session: Session) -> None:
        session.begin()
        session.query(self._touch)

    def _found(self, session: Session, keys: Sequence[Key], *, wait: bool) -> list[Key]:
        """Lock the rows of these keys; the keys of those that exist."""
        return [key_sql.parse(self._columns, row) for row in session.query(self._statements.lock(keys, wait=wait))]

    def _write(self, session: Session, keys: Sequence[Key], found: Sequence[Key]) -> None:
        """Delete first: a key that is absent may be equal, for the server, to one that was found ('a' and 'A')."""
        self._clear(session, keys, found)
        if found:
            write = self._statements.insert if self._demanded else self._statements.replace
            session.execute_strictly(write(found))

    def _clear(self, session: Session, keys: Sequence[Key], found: Sequence[Key]) -> None:
        """Take out of the ghost table what is gone, and also what was found where no row may replace another."""
        if absent := set(keys).difference(found):
            session.execute_strictly(self._statements.delete(sorted(absent)))
        if found and self._demanded:
            session.execute_strictly(self._statements.clear(found))

    def _unfit(self, session: Session, error: ServerError, keys: Sequence[Key]) -> MismatchError:
        """Which row does not fit: found by refreshing the keys one by one, which does the others no harm."""
        for key in keys:
            try:
                self._refresh_batch(session, [key], wait=False)
            except LockConflictError:
                session.rollback()
            except ServerError as again:
                session.rollback()
                return MismatchError(f"the row {key} does not fit the new definition: {why(again)}", UNFIT_REMEDY)
        return MismatchError(f"a changed row did not fit the new definition: {why(error)}", UNFIT_REMEDY)
