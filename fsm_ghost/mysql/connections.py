"""All connections of a run: each is recorded before it is used, and can be found on the server again.

A killed client's `INSERT … SELECT` goes on running on the server and may commit later. So every connection holds a
named lock of the server for as long as it lives, its running statement included; whoever takes the migration over
asks the server who holds those names, kills them, and waits until nobody does (protocol R2). Connection ids alone
would not do: the server gives them out again after a restart.

A run that was taken over while it was opening a connection must not use it: `lease.py` says why it cannot.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from fsm_ghost.errors import ConnectionLostError, OwnedElsewhereError, ServerError, StoppedError
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.faults import NO_SUCH_THREAD
from fsm_ghost.mysql.lease import Lease
from fsm_ghost.mysql.quoting import table as quoted_table
from fsm_ghost.mysql.session import Session

FENCE_TIMEOUT = 120.0  # seconds; rolling a killed chunk back takes the server as long as the chunk took
_ASKED_AT_ONCE = 64  # names of locks in one question to the server


class Register(Protocol):
    """Where a run's connections are recorded."""

    def next_connection(self) -> int:
        """The number that the next connection gets."""
        ...

    def add_connection(self, purpose: str) -> int:
        """Record a connection; its number."""
        ...


class Connections:
    """Opens a run's connections. Owner thread only; the sessions are handed to the threads that use them."""

    def __init__(
        self, arguments: Mapping[str, Any], schema: str, migration: str, register: Register, lease: Lease
    ) -> None:
        self.arguments = arguments
        self._schema = schema
        self._migration = migration
        self._register = register
        self._lease = lease
        self._sessions: list[Session] = []

    def connect(self, purpose: str) -> Session:
        """A new connection that nobody can find again. It may look around, and nothing else, until it is let in."""
        session = Session(self.arguments, f"connecting for {purpose}")
        session.use(self._schema)
        self._sessions = [*self._sessions, session]
        return session

    def let_in(self, session: Session, purpose: str) -> None:
        """Record a connection as `purpose`, and make sure that who takes over will find it. TakenOverError if one has.

        The order counts; see `fsm_ghost.mysql.lease`. What is recorded is covered, so that a number that stands in the
        state file can never be one that another state file gives out.
        """
        self._lease.cover(session, self._register.next_connection())
        number = self._register.add_connection(purpose)
        if session.value(f"SELECT GET_LOCK('{lock_name(self._migration, number)}', 0)") != 1:
            raise ConnectionLostError(f"the server did not give {purpose} its name; another run seems to use it")
        self._lease.check(session)

    def open(self, purpose: str) -> Session:
        """A new connection, recorded and let in as `purpose`."""
        session = self.connect(purpose)
        self.let_in(session, purpose)
        return session

    def fence(self, numbers: Iterable[int], session: Session) -> None:
        """As `fence`, for connections of earlier runs of this migration."""
        fence(session, self._migration, numbers)

    def ids(self) -> frozenset[int]:
        """What the server calls the connections of this run."""
        return frozenset(session.id for session in self._sessions)

    def close(self) -> None:
        """Close every connection that was opened."""
        for session in self._sessions:
            session.close()
        self._sessions = []


def lock_name(migration: str, number: int) -> str:
    """The server's lock that a migration's connection of this number holds."""
    return f"fsm-ghost:{migration[:16]}:{number}"


def fence(session: Session, migration: str, numbers: Iterable[int]) -> None:
    """Make sure that these connections of a migration are gone from the server.

    StoppedError when one cannot be killed, or does not go within `FENCE_TIMEOUT` seconds.
    """
    holders = _holders(session, [lock_name(migration, number) for number in numbers])
    for connection in holders.values():
        _kill(session, connection)
    deadline = time.monotonic() + FENCE_TIMEOUT
    while holders := _holders(session, list(holders)):
        if time.monotonic() > deadline:
            raise StoppedError(
                f"connections of an earlier run do not end on the server: {', '.join(map(str, holders.values()))}",
                "They may be rolling back. Wait until they are gone, then resume.",
            )
        session.value("SELECT SLEEP(0.02)")


class Ownership:
    """The right to migrate one table, for as long as its connection lives (protocol R2)."""

    def __init__(self, session: Session, table: TableName) -> None:
        self._session = session
        self._table = table
        called = quoted_table(table) if catalog.tells_case(session) else quoted_table(table).lower()
        self._name = "fsm-ghost:" + hashlib.sha256(called.encode()).hexdigest()[:40]
        self._asked_at = 0.0

    @property
    def holder(self) -> int | None:
        """The connection that has it, by the server's number; None when there is none."""
        return _holders(self._session, [self._name]).get(self._name)

    def becomes_free(self, within: float) -> bool:
        """Whether nobody has it, now or within so many seconds: who was stopped a moment ago is still leaving."""
        deadline = time.monotonic() + within
        while self.holder is not None:
            if time.monotonic() >= deadline:
                return False
            self._session.value("SELECT SLEEP(0.02)")
        return True

    def is_busy(self) -> bool:
        """Whether the server is carrying out a statement for whoever has it."""
        holder = self.holder
        return any(
            row["id"] == holder and row["command"] in {"Query", "Execute"}
            for row in self._session.named("SHOW PROCESSLIST")
        )

    def acquire(self, wait: int = 0) -> None:
        """Become the owner; OwnedElsewhereError with the holder's connection id when somebody else is."""
        if self._session.value(f"SELECT GET_LOCK('{self._name}', {wait})") != 1:
            raise OwnedElsewhereError(
                f"{self._table} is being migrated by another fsm-ghost: connection {self.holder}"
                " of this server holds its lock",
                "Wait for it, or abort it where it was started.",
            )

    def confirm(self, every: float = 2.0) -> None:
        """Make sure that we still are, asking the server at most once in `every` seconds; StoppedError if not."""
        if time.monotonic() - self._asked_at < every:
            return
        if self.holder != self._session.id:
            raise StoppedError(f"the lock of the migration of {self._table} was lost", "Nothing is lost: resume.")
        self._asked_at = time.monotonic()


def _holders(session: Session, names: Sequence[str]) -> dict[str, int]:
    """Those of these locks that somebody holds, and which connection that is."""
    found: dict[str, int] = {}
    for first in range(0, len(names), _ASKED_AT_ONCE):
        asked = names[first : first + _ASKED_AT_ONCE]
        questions = ", ".join(f"IS_USED_LOCK('{name}')" for name in asked)
        (row,) = session.query(f"SELECT {questions}")
        found |= {name: int(holder) for name, holder in zip(asked, row, strict=True) if holder is not None}
    return found


def _kill(session: Session, connection: int) -> None:
    try:
        session.kill(connection)
    except ServerError as error:
        if error.code != NO_SUCH_THREAD:
            raise StoppedError(
                f"connection {connection} of an earlier run cannot be killed: {error.message}",
                "Resume as the same database user, or have it killed by somebody who may.",
            ) from error
