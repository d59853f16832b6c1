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
