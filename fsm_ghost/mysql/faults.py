"""Server and driver errors as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pymysql

from fsm_ghost.errors import (
    ConnectionLostError,
    FsmGhostError,
    LockConflictError,
    RefusedError,
    ServerError,
    StoppedError,
)

# The server closed the connection, was shut down, or killed it; or the network did.
_LOST = {0, 1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2002, 2003, 2006, 2013, 2014, 2055, 4031}
_LOST |= {1317, 1969, 3024}  # the statement was killed or timed out; what it did is rolled back
_LOST |= {1040, 1203}  # too many connections: later there may be room
_READ_ONLY = frozenset({1290, 1836})
_UNREACHABLE = frozenset({2002, 2003, 2005})
# Lock wait timeout, deadlock, NOWAIT refused, snapshot conflict (MariaDB 11): the transaction may be tried again.
_CONFLICT = frozenset({1205, 1213, 3572, 1020, 1614})
# A value that does not fit its column, or a row that breaks a constraint; everything else is trouble of the server's.
UNFIT = frozenset({1048, 1062, 1138, 1264, 1265, 1292, 1364, 1365, 1366, 1406, 1411, 1416, 1525, 1526, 1690})
UNFIT |= {3140, 3141, 3156, 3157, 3819, 3903, 4025, 4038, 4078, 1977, 1300, 1367, 1441, 1748, 1863, 3685}
DUPLICATE = 1062
TOO_LARGE = 1197  # a transaction does not fit into max_binlog_cache_size; a smaller one may
NO_SUCH_THREAD = 1094
NO_SUCH_TABLE = 1146
LOG_OF_CHANGES_FULL = 1799  # innodb_online_alter_log_max_size: too many changes during an online ALTER TABLE
TABLES_LOCKED = 1192


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn what PyMySQL raises inside into one of our errors; `what` says what was being done."""
    try:
        yield
    except pymysql.MySQLError as error:
        raise _ours(error, what) from error
    except (OSError, EOFError) as error:
        raise ConnectionLostError(f"{what}: {error}") from error


def _ours(error: pymysql.MySQLError, what: str) -> FsmGhostError:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else -1
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    out_of_step = isinstance(error, pymysql.err.InternalError) and code == -1  # packets in a wrong order
    if code in _LOST or out_of_step or isinstance(error, pymysql.InterfaceError):
        remedy = "Does the server run? Check --host and --port, or --socket." if code in _UNREACHABLE else ""
        return ConnectionLostError(f"{what}: {text or 'the connection was lost'} ({code})", remedy)
    if code in _CONFLICT:
        return LockConflictError(f"{what}: {text} ({code})")
    if code in _READ_ONLY:
        return StoppedError(f"{what}: {text} ({code})", "Has another server become the primary? Find out, then resume.")
    if code in {1044, 1045, 1698}:
        return RefusedError(f"{what}: {text} ({code})", "Check --user and the password (--ask-pass, MYSQL_PWD).")
    remedy = "Was it renamed or dropped? Then abort this migration." if code == NO_SUCH_TABLE else ""
    return ServerError(f"{what}: {text} ({code})", remedy, code)
