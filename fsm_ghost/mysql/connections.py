"""All connections of a run: each is recorded before it is used, and can be found on the server again.

A killed client's `INSERT … SELECT` goes on running on the server and may commit later. So every connection holds a
named lock of the server for as long as it lives, its running statement included; whoever takes the migration over
asks the server who holds those names, kills them, and waits until nobody does (protocol R2). Connection ids alone
would not do: the server gives them out again after a restart.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fsm_ghost.errors import ConnectionLostError, OwnedElsewhereError, ServerError, StoppedError
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql.session import Session

FENCE_TIMEOUT = 120.0  # seconds; rolling a killed chunk back takes the server as long as the chunk took
_NO_SUCH_THREAD = 1094


class Connections:
    """Opens a run's connections. Owner thread only; the sessions are handed to the threads that use them."""

    def __init__(self, arguments: Mapping[str, Any], migration: str, register: Callable[[str], int]) -> None:
        self.arguments = arguments
        self._migration = migration
        self._register = register
        self._sessions: list[Session] = []

    def open(self, purpose: str) -> Session:
        """A new connection, recorded as `purpose`."""
        number = self._register(purpose)
        session = Session(self.arguments, f"connecting for {purpose}")
        if session.value(f"SELECT GET_LOCK('{self._lock_name(number)}', 0)") != 1:
            session.close()
            raise ConnectionLostError(f"the server did not give {purpose} its name; another run seems to use it")
        self._sessions = [*self._sessions, session]
        return session

    def fence(self, numbers: Iterable[int], session: Session) -> None:
        """Make sure that these connections of earlier runs are gone from the server.

        StoppedError when one cannot be killed, or does not go within `FENCE_TIMEOUT` seconds.
        """
        waiting = {name for number in numbers if _holder(session, name := self._lock_name(number)) is not None}
        for name in waiting:
            _kill(session, _holder(session, name))
        deadline = time.monotonic() + FENCE_TIMEOUT
        while waiting := {name for name in waiting if _holder(session, name) is not None}:
            if time.monotonic() > deadline:
                holders = ", ".join(str(_holder(session, name)) for name in waiting)
                raise StoppedError(
                    f"connections of an earlier run do not end on the server: {holders}",
                    "They may be rolling back. Wait until they are gone, then resume.",
                )
            session.value("SELECT SLEEP(0.02)")

    def close(self) -> None:
        """Close every connection that was opened."""
        for session in self._sessions:
            session.close()
        self._sessions = []

    def _lock_name(self, number: int) -> str:
        return f"fsm-ghost:{self._migration[:16]}:{number}"


class Ownership:
    """The right to migrate one table, for as long as its connection lives (protocol R2)."""

    def __init__(self, session: Session, table: TableName) -> None:
        self._session = session
        self._table = table
        self._name = "fsm-ghost:" + hashlib.sha256(f"{table.schema}.{table.name}".lower().encode()).hexdigest()[:40]
        self._asked_at = 0.0

    def acquire(self, wait: int = 0) -> None:
        """Become the owner; OwnedElsewhereError with the holder's connection id when somebody else is."""
        if self._session.value(f"SELECT GET_LOCK('{self._name}', {wait})") != 1:
            raise OwnedElsewhereError(
                f"{self._table} is being migrated by another fsm-ghost: connection {_holder(self._session, self._name)}"
                " of this server holds its lock",
                "Wait for it, or abort it where it was started.",
            )

    def confirm(self, every: float = 2.0) -> None:
        """Make sure that we still are, asking the server at most once in `every` seconds; StoppedError if not."""
        if time.monotonic() - self._asked_at < every:
            return
        if _holder(self._session, self._name) != self._session.id:
            raise StoppedError(f"the lock of the migration of {self._table} was lost", "Nothing is lost: resume.")
        self._asked_at = time.monotonic()


def _holder(session: Session, name: str) -> int | None:
    holder = session.value(f"SELECT IS_USED_LOCK('{name}')")
    return None if holder is None else int(holder)


def _kill(session: Session, connection: int | None) -> None:
    if connection is None:
        return
    try:
        session.kill(connection)
    except ServerError as error:
        if error.code != _NO_SUCH_THREAD:
            raise StoppedError(
                f"connection {connection} of an earlier run cannot be killed: {error.message}",
                "Resume as the same database user, or have it killed by somebody who may.",
            ) from error
