"""Who is connected to the server, what each session is doing, and which of them have a transaction open.

Sessions are read from SHOW FULL PROCESSLIST: on MySQL information_schema.PROCESSLIST fails with error 3854 while any
statement on the server holds a character of four bytes, and performance_schema may be off. INNODB_TRX fails alike, and
nothing else says how many rows a transaction has modified. So where it fails that is unknown, and the ages are taken
from the performance schema, if that may be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fsm_ghost.errors import RefusedError, ServerError
from fsm_ghost.mysql.session import Session

_WAITS_FOR_TABLE = "Waiting for table metadata lock"
_INNODB = (
    "SELECT trx_mysql_thread_id, TIMESTAMPDIFF(SECOND, trx_started, SYSDATE()), trx_rows_modified"
    " FROM information_schema.INNODB_TRX"
)
_PERFORMANCE_SCHEMA = (
    "SELECT PROCESSLIST_ID, TIMER_WAIT DIV 1000000000000, NULL FROM performance_schema.events_transactions_current"
    " JOIN performance_schema.threads USING (THREAD_ID)"
    " WHERE STATE = 'ACTIVE' AND PROCESSLIST_ID IS NOT NULL AND TIMER_WAIT IS NOT NULL"
)
# What keeps rows of a session from being followed. It takes 0.1 ms for each session there is: not forever.
_DEVIATIONS = (
    "SELECT /*+ MAX_EXECUTION_TIME(100) */ PROCESSLIST_ID, PROCESSLIST_USER, PROCESSLIST_HOST,"
    " VARIABLE_NAME, VARIABLE_VALUE"
    " FROM performance_schema.threads JOIN performance_schema.variables_by_thread USING (THREAD_ID)"
    " WHERE PROCESSLIST_ID IS NOT NULL AND (VARIABLE_NAME, VARIABLE_VALUE) IN (('binlog_format', 'STATEMENT'),"
    " ('binlog_format', 'MIXED'), ('binlog_row_image', 'MINIMAL'), ('sql_log_bin', 'OFF'))"
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as the server lists it.

    `seconds` is how long it has been doing what it does; `statement` is empty while it idles. `progress` is the part of
    an ALTER TABLE that is done, 0..1; None where the server does not tell (MariaDB does).
    """

    connection: int
    user: str
    host: str
    command: str
    seconds: int
    state: str
    statement: str
    progress: float | None = None

    @property
    def waits_for_table(self) -> bool:
        """Whether it waits for a table's metadata lock; the server does not say of which table."""
        return self.state == _WAITS_FOR_TABLE


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction: its age in seconds, and the rows that it has modified; None when that is unknown."""

    seconds: int
    rows_modified: int | None


@dataclass(frozen=True, slots=True)
class Deviation:
    """A session whose changes are not logged as those of others: which of its variables says so."""

    connection: int
    user: str
    host: str
    variable: str
    value: str

    def __str__(self) -> str:
        return f"connection {self.connection} ({self.user}@{self.host}): {self.variable} = {self.value}"


def listed(session: Session) -> tuple[Listed, ...]:
    """Every session of the server; without the PROCESS privilege only those of the same account."""
    return tuple(_listed(row) for row in session.named("SHOW FULL PROCESSLIST"))


def transactions(session: Session) -> dict[int, Transaction]:
    """The open transactions by connection; empty where the server does not tell."""
    for statement in (_INNODB, _PERFORMANCE_SCHEMA):
        try:
            rows = session.query(statement)
        except (ServerError, RefusedError):  # see above; or not for us
            continue
        return {int(row[0]): Transaction(max(0, int(row[1])), None if row[2] is None else int(row[2])) for row in rows}
    return {}


def deviations(session: Session) -> tuple[Deviation, ...]:
    """Sessions that log statements, too little of a row, or nothing; none where the server does not tell (MariaDB)."""
    try:
        rows = session.query(_DEVIATIONS)
    except (ServerError, RefusedError):
        return ()
    return tuple(Deviation(int(row[0]), *(str(part or "") for part in row[1:])) for row in rows)


def _listed(row: dict[str, Any]) -> Listed:
    host = str(row["host"] or "")
    return Listed(
        connection=int(row["id"]),
        user=str(row["user"]),
        host=host.rpartition(":")[0] or host,
        command=str(row["command"]),
        seconds=int(row["time"] or 0),
        state=str(row["state"] or ""),
        statement=str(row["info"] or ""),
        progress=None if row.get("progress") is None else float(row["progress"]) / 100,
    )
