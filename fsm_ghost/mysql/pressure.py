"""What the server says about its processors and its load.

Nothing here needs a privilege beyond those of a migration. What cannot be read is None, never an error: other versions
and managed servers lack some of it.
"""

from __future__ import annotations

import re

from fsm_ghost.errors import RefusedError, ServerError
from fsm_ghost.model.pressure import Pressure
from fsm_ghost.mysql import sessions
from fsm_ghost.mysql.session import Row, Session

# MariaDB sets the variable to the number of processors itself unless somebody else does.
_SIZED_BY_MARIADB = (
    "SELECT GLOBAL_VALUE FROM information_schema.SYSTEM_VARIABLES"
    " WHERE VARIABLE_NAME = 'THREAD_POOL_SIZE' AND GLOBAL_VALUE_ORIGIN = 'AUTO'"
)
# MySQL shows resource groups to accounts with RESOURCE_GROUP_USER or RESOURCE_GROUP_ADMIN; to others, no row.
_PROCESSORS_OF_MYSQL = (
    "SELECT VCPU_IDS FROM information_schema.RESOURCE_GROUPS WHERE RESOURCE_GROUP_NAME = 'USR_default'"
)
# By default MySQL 8.4 and later have one read thread for two processors, but no fewer than 4; earlier ones have 4.
_READ_THREADS_OF_MYSQL = (
    "SELECT @@GLOBAL.innodb_read_io_threads FROM performance_schema.variables_info"
    " WHERE VARIABLE_NAME = 'innodb_read_io_threads' AND VARIABLE_SOURCE = 'COMPILED'"
)
_LEAST_READ_THREADS = 4

_GAUGES = (
    "Threads_running",
    "Innodb_row_lock_current_waits",
    "Innodb_buffer_pool_wait_free",
    "Innodb_history_list_length",  # MariaDB
    "Innodb_checkpoint_age",  # MariaDB
    "Innodb_checkpoint_max_age",  # MariaDB
    "Innodb_redo_log_current_lsn",  # MySQL 8.0.30
    "Innodb_redo_log_checkpoint_lsn",  # MySQL 8.0.30
    "Innodb_redo_log_capacity_resized",  # MySQL 8.0.30
)
_STATUS = "SHOW GLOBAL STATUS WHERE Variable_name IN ('" + "', '".join(_GAUGES) + "')"
_SETTLES = 5  # readings, until our own stream is sure to be among them
_HISTORY_OF_MYSQL = "SELECT COUNT FROM information_schema.INNODB_METRICS WHERE NAME = 'trx_rseg_history_len'"
_STANDING_EVERY = 60  # readings: they hardly ever change, and the list of processes is dear where it is long
# MySQL makes writers wait before its redo log is full: 30 of 32 files, less 5 % for its writer and 5 % for background
# threads (log0files_capacity.cc). Measured: at 0.83 of 100 MB, 0.79 of 16 MB.
_USABLE_BY_MYSQL = 0.84


def cores(session: Session) -> int | None:
    """How many processors the server has; None when it does not tell (this account)."""
    return _of_thread_pool(session) or _of_resource_group(session) or _of_read_threads(session)


class PressureGauge:
    """Reads how hard the server works, in one or two statements that take it less than a millisecond."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._readings = 0
        self._standing = 0

    def read(self, own: int = 0) -> Pressure:
        """One reading. `own` is how many statements of ours are under way on other connections."""
        if self._readings < _SETTLES or self._readings % _STANDING_EVERY == 0:
            self._standing = _standing(self._session)
        self._readings += 1
        status = {str(name).lower(): int(value) for name, value in _rows(self._session, _STATUS)}
        running = status.get("threads_running")
        return Pressure(
            running=None if running is None else max(0, running - 1 - self._standing - own),
            redo=_redo(status),
            lock_waits=status.get("innodb_row_lock_current_waits"),
            free_waits=status.get("innodb_buffer_pool_wait_free"),
            history=self._history(status),
        )

    def _history(self, status: dict[str, int]) -> int | None:
        length = status.get("innodb_history_list_length")
        return _number(_rows(self._session, _HISTORY_OF_MYSQL)) if length is None else length


def _standing(session: Session) -> int:
    """How many of the running threads run for as long as they exist; our own stream is one of them."""
    try:
        listed = sessions.listed(session)
    except (RefusedError, ServerError):
        return 0
    return sum(each.command.startswith("Binlog Dump") or each.user == "event_scheduler" for each in listed)


def _redo(status: dict[str, int]) -> float | None:
    """The checkpoint age as a share of the age at which writers are made to wait."""
    age, most = status.get("innodb_checkpoint_age"), status.get("innodb_checkpoint_max_age")
    if age is not None and most:
        return age / most
    here, done = status.get("innodb_redo_log_current_lsn"), status.get("innodb_redo_log_checkpoint_lsn")
    capacity = status.get("innodb_redo_log_capacity_resized")
    if here is not None and done is not None and capacity:
        return (here - done) / (capacity * _USABLE_BY_MYSQL)
    return None


def _of_thread_pool(session: Session) -> int | None:
    return _number(_rows(session, _SIZED_BY_MARIADB))


def _of_resource_group(session: Session) -> int | None:
    rows = _rows(session, _PROCESSORS_OF_MYSQL)
    text = rows[0][0] if rows else None
    return count_processors(text.decode() if isinstance(text, bytes) else str(text)) if text else None


def _of_read_threads(session: Session) -> int | None:
    threads = _number(_rows(session, _READ_THREADS_OF_MYSQL))
    return 2 * threads if threads and threads > _LEAST_READ_THREADS else None


def count_processors(listed: str) -> int:
    """How many processors a list such as "0-3,8" names."""
    ranges = re.findall(r"(\d+)(?:-(\d+))?", listed)
    return sum(int(last or first) - int(first) + 1 for first, last in ranges)


def _number(rows: list[Row]) -> int | None:
    return int(rows[0][0]) if rows and rows[0][0] is not None else None


def _rows(session: Session, statement: str) -> list[Row]:
    """What a statement returns; nothing where the server does not know it, or does not let us."""
    try:
        return session.query(statement)
    except (RefusedError, ServerError):
        return []
