"""Who keeps a table from being locked: sessions that use it, or may be using it.

MySQL's performance schema tells for every session which tables it holds. On MariaDB it is off as a rule, and not every
account may read it: then every session counts that has a transaction open or a statement running, and it is said that
this is a guess.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fsm_ghost.errors import RefusedError, ServerError
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql import sessions
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.sessions import Listed, Transaction

_NOBODY = frozenset({"system user", "event_scheduler", "unauthenticated user"})
_SERVANTS = ("Daemon", "Binlog Dump", "Slave", "Replica", "Connect")
_SHOWN = 100  # characters of a statement
_KEEPS_LIST = (
    "SELECT ENABLED FROM performance_schema.setup_instruments"
    " WHERE NAME = 'wait/lock/metadata/sql/mdl' AND @@performance_schema"
)


@dataclass(frozen=True, slots=True)
class Blocker:
    """A session that uses a table, or may: `is_certain` tells which.

    `seconds` is the age of its transaction or, without one, of its statement, which is empty while it idles;
    `rows_modified` is what would have to be rolled back if it were killed; None when the server does not tell.
    """

    connection: int
    user: str
    host: str
    seconds: int
    statement: str
    rows_modified: int | None
    is_certain: bool

    def __str__(self) -> str:
        doing = f"running {self.statement!r}" if self.statement else "idle in a transaction"
        guess = "" if self.is_certain else "perhaps "
        return f"{guess}connection {self.connection} ({self.user}@{self.host}, {doing}, {self.seconds} s)"


def of_table(session: Session, name: TableName, ours: Collection[int]) -> tuple[Blocker, ...]:
    """The sessions that keep others from locking a table, the oldest first; without our own connections."""
    try:
        ids = _holders(session, name)
    except (ServerError, RefusedError):  # no performance schema, or not for us
        ids = None
    transactions = sessions.transactions(session)
    blockers = (_blocker(each, transactions.get(each.connection), ids) for each in sessions.listed(session))
    found = [each for each in blockers if each is not None and each.connection not in {*ours, session.id}]
    return tuple(sorted(found, key=lambda blocker: -blocker.seconds))


def _holders(session: Session, name: TableName) -> frozenset[int] | None:
    """The connections that hold the table by a metadata lock; None where the server keeps no list of them."""
    if session.value(_KEEPS_LIST) != "YES":
        return None
    schema, table = session.quote(name.schema), session.quote(name.name)
    rows = session.query(
        "SELECT DISTINCT PROCESSLIST_ID FROM performance_schema.metadata_locks"
        " JOIN performance_schema.threads ON THREAD_ID = OWNER_THREAD_ID"
        " WHERE OBJECT_TYPE = 'TABLE' AND LOCK_STATUS = 'GRANTED' AND PROCESSLIST_ID IS NOT NULL"
        f" AND (OBJECT_SCHEMA = {schema} AND OBJECT_NAME = {table} OR @@lower_case_table_names > 0"
        f" AND LOWER(OBJECT_SCHEMA) = LOWER({schema}) AND LOWER(OBJECT_NAME) = LOWER({table}))"
    )
    return frozenset(int(row[0]) for row in rows)


def _blocker(listed: Listed, transaction: Transaction | None, holders: frozenset[int] | None) -> Blocker | None:
    """What a listed session is to the table; None for one that blocks nobody."""
    if listed.user in _NOBODY or listed.command.startswith(_SERVANTS):
        return None
    if holders is None:
        # Whoever waits for a table does not hold it.
        if listed.waits_for_table or not (listed.statement or transaction):
            return None
    elif listed.connection not in holders:
        return None
    return Blocker(
        connection=listed.connection,
        user=listed.user,
        host=listed.host,
        seconds=transaction.seconds if transaction else listed.seconds,
        statement=" ".join(listed.statement.split())[:_SHOWN],
        rows_modified=transaction.rows_modified if transaction else 0,
        is_certain=holders is not None,
    )
