"""Brings the rows of changed keys over again: the only writer of changes to the ghost table (protocol R6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fsm_ghost.errors import LockConflictError, MismatchError, ServerError
from fsm_ghost.faultpoints import fault_point
from fsm_ghost.model.key import Key, MigrationKey
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.faults import TOO_LARGE, UNFIT
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import Statements
from fsm_ghost.services.ledger import RefreshId

UNFIT_REMEDY = "Mend the row, then resume with --retry; or abort, and start again with another ALTER."
LOCK_WAIT = 1  # seconds for which a single key may wait for its row


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A refresh that has ended: all its keys have been committed but the `locked` ones; it took `seconds`.

    `waited` says that it was one that may wait for its row.
    """

    refresh: RefreshId
    keys: int
    locked: tuple[Key, ...]
    seconds: float
    waited: bool


class Refresher:
    """Refreshes keys, one transaction for a batch, without ever making the application wait for us or us for it.

    A batch locks its rows first, with NOWAIT. On a conflict it is split; a single key that is still locked is given
    back. Only a key that was asked for alone may wait for its row, and then we hold nothing else (R6a).
    """

    def __init__(self, statements: Statements, key: MigrationKey) -> None:
        self._statements = statements
        self._columns = key.columns

    @staticmethod
    def set_up(session: Session) -> Session:
        """A connection for refreshes: it gives up soon, for it holds locks that the application may want."""
        session.wait_at_most(row=LOCK_WAIT)
        return session

    def refresh(self, session: Session, keys: Sequence[Key], *, wait: bool = False) -> tuple[Key, ...]:
        """Refresh keys; those whose rows stayed locked are returned, unchanged. `wait` is for a single key only."""
        try:
            return self._refresh(session, keys, wait=wait and len(keys) == 1)
        except ServerError as error:
            session.rollback()
            if error.code not in UNFIT:
                raise
            raise self._unfit(session, error, keys) from error

    def refresh_under_lock(self, session: Session, keys: Sequence[Key]) -> None:
        """Refresh keys through the session that holds both tables locked: nobody else is there to conflict with."""
        try:
            self._write(session, keys, self._found(session, keys, wait=True))
        except ServerError as error:
            if error.code not in UNFIT:
                raise
            raise MismatchError(
                f"a changed row does not fit the new definition: {error.message}", UNFIT_REMEDY
            ) from error

    def _refresh(self, session: Session, keys: Sequence[Key], *, wait: bool) -> tuple[Key, ...]:
        try:
            self._refresh_batch(session, keys, wait=wait)
        except LockConflictError:
            session.rollback()
            return self._split(session, keys)
        except ServerError as error:
            if error.code != TOO_LARGE or len(keys) == 1:
                raise
            session.rollback()
            return self._split(session, keys)
        return ()

    def _split(self, session: Session, keys: Sequence[Key]) -> tuple[Key, ...]:
        if len(keys) == 1:
            return tuple(keys)
        middle = len(keys) // 2
        return (
            *self._refresh(session, keys[:middle], wait=False),
            *self._refresh(session, keys[middle:], wait=False),
        )

    def _refresh_batch(self, session: Session, keys: Sequence[Key], *, wait: bool) -> None:
        session.begin()
        found = self._found(session, keys, wait=wait)
        self._write(session, keys, found)
        fault_point("refresh.before-commit")
        session.commit()
        fault_point("refresh.after-commit")

    def _found(self, session: Session, keys: Sequence[Key], *, wait: bool) -> list[Key]:
        """Lock the rows of these keys; the keys of those that exist."""
        return [key_sql.parse(self._columns, row) for row in session.query(self._statements.lock(keys, wait=wait))]

    def _write(self, session: Session, keys: Sequence[Key], found: Sequence[Key]) -> None:
        """Delete first: a key that is absent may be equal, for the server, to one that was found ('a' and 'A')."""
        if absent := set(keys).difference(found):
            session.execute_strictly(self._statements.delete(sorted(absent)))
        if found:
            session.execute_strictly(self._statements.replace(found))

    def _unfit(self, session: Session, error: ServerError, keys: Sequence[Key]) -> MismatchError:
        """Which row does not fit: found by refreshing the keys one by one, which does the others no harm."""
        for key in keys:
            try:
                self._refresh_batch(session, [key], wait=False)
            except LockConflictError:
                session.rollback()
            except ServerError as again:
                session.rollback()
                return MismatchError(f"the row {key} does not fit the new definition: {again.message}", UNFIT_REMEDY)
        return MismatchError(f"a changed row did not fit the new definition: {error.message}", UNFIT_REMEDY)
