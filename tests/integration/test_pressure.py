"""What the server says about itself is what it does."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pymysql
import pytest

from fsm_ghost.mysql.pressure import PressureGauge, cores
from fsm_ghost.mysql.session import Session
from tests.conftest import ServerFactory
from tests.integration.following import following
from tests.servers import Database

PATIENCE = 30.0  # seconds


@contextmanager
def account(database: Database, grants: str = "") -> Iterator[Session]:
    """A session of an account that may do nothing but this."""
    database.execute("CREATE USER somebody@localhost")
    try:
        if grants:
            database.execute(f"GRANT {grants} ON *.* TO somebody@localhost")
        session = Session({"unix_socket": database.server.socket, "user": "somebody"})
        yield session
        session.close()
    finally:
        database.execute("DROP USER somebody@localhost")


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    own = Session({"unix_socket": database.server.socket, "user": "root"})
    yield own
    own.close()


@contextmanager
def running(database: Database, *statements: str) -> Iterator[None]:
    """Statements that others are carrying out, each on a connection of its own, until they are killed."""
    connections = [database.connect() for _ in statements]
    threads = [
        threading.Thread(target=carry_out, args=(connection, statement))
        for connection, statement in zip(connections, statements, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for connection in connections:
            database.execute(f"KILL {connection.thread_id()}")  # type: ignore[no-untyped-call]
        for thread in threads:
            thread.join()


def carry_out(connection: pymysql.Connection[pymysql.cursors.Cursor], statement: str) -> None:
    with suppress(pymysql.MySQLError, OSError):
        connection.cursor().execute(statement)


def until(happened: Callable[[], object]) -> None:
    """Ask until it has happened."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline


# --- Processors -------------------------------------------------------------------------------------------------------


@pytest.mark.mariadb_only
def test_mariadb_tells_anybody_how_many_processors_it_has(database: Database) -> None:
    with account(database) as anybody:
        assert cores(anybody) in {os.cpu_count(), len(os.sched_getaffinity(0))}


@pytest.mark.mariadb_only
def test_a_number_that_somebody_else_has_set_is_not_taken_for_the_processors(fresh_server: ServerFactory) -> None:
    server = fresh_server({"thread-pool-size": 13})
    assert cores(Session({"unix_socket": server.socket, "user": "root"})) is None


@pytest.mark.mysql_only
def test_mysql_tells_those_who_may_use_resource_groups_how_many_processors_it_has(database: Database) -> None:
    with account(database, "RESOURCE_GROUP_USER") as user:
        assert cores(user) in {os.cpu_count(), len(os.sched_getaffinity(0))}


@pytest.mark.mysql_only
def test_mysql_tells_others_how_many_processors_it_has_where_it_is_sized_for_many(database: Database) -> None:
    threads = int(database.query("SELECT @@innodb_read_io_threads")[0][0])
    with account(database) as anybody:
        assert cores(anybody) == (2 * threads if threads > 4 else None)


# --- Readings ---------------------------------------------------------------------------------------------------------


def test_a_reading_is_whole_for_an_account_with_the_privileges_of_a_migration(database: Database) -> None:
    with account(database, "PROCESS") as migrating:
        reading = PressureGauge(migrating).read()
    assert None not in {reading.running, reading.redo, reading.lock_waits, reading.free_waits, reading.history}


def test_what_an_account_may_not_see_is_missing_and_no_error(database: Database) -> None:
    with account(database) as anybody:
        reading = PressureGauge(anybody).read()
    assert reading.running is not None
    assert reading.redo is not None


def test_statements_of_others_are_counted_and_neither_ours_nor_what_always_runs(
    database: Database, session: Session
) -> None:
    processes = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE"
    with following(database, "id INT PRIMARY KEY"), running(database, *["SELECT SLEEP(60)"] * 3):
        until(lambda: session.value(f"{processes} COMMAND LIKE 'Binlog Dump%'"))
        until(lambda: session.value(f"{processes} INFO = 'SELECT SLEEP(60)'") == 3)
        gauge = PressureGauge(session)
        until(lambda: gauge.read().running == 3)
        until(lambda: gauge.read(own=2).running == 1)
        until(lambda: gauge.read(own=9).running == 0)


def test_the_redo_log_fills_with_what_is_written(database: Database, session: Session) -> None:
    gauge = PressureGauge(session)
    database.execute("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, content LONGBLOB)")
    shares: set[float] = set()

    def enough_is_seen() -> bool:
        database.execute("INSERT INTO t (content) VALUES (REPEAT('x', 1000000))")
        shares.add(gauge.read().redo or 0.0)
        return len(shares) > 5 and max(shares) > 0.2

    until(enough_is_seen)
    assert all(0.0 <= share < 1.5 for share in shares)


def test_who_waits_for_a_row_is_counted(database: Database, session: Session) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT)")
    database.execute("INSERT INTO t VALUES (1, 0)")
    holder = database.connect(autocommit=False)
    holder.cursor().execute("UPDATE t SET n = 1")
    gauge = PressureGauge(session)
    with running(database, "UPDATE t SET n = 2", "UPDATE t SET n = 3"):
        until(lambda: gauge.read().lock_waits == 2)
        holder.rollback()
        until(lambda: gauge.read().lock_waits == 0)
