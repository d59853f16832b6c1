"""Scenario 8: a COMMIT that waits for a replica while the migration starts.

The primary waits for replicas before a commit becomes visible (AFTER_SYNC), and none answers. Rows are in the binlog
by then, and nobody can see them. A migration that starts now ends with these rows.

That such rows would be lost without the barrier is shown by rule R1 in tests/integration/test_rules_off.py.
"""

from __future__ import annotations

import gc
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pymysql
import pytest
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from fsm_ghost.model.phase import Phase
from tests.conftest import ServerFactory
from tests.integration.driving import PATIENCE, Driver, Running, contents, old_table, tables
from tests.integration.interleaving import waiting_for_replicas
from tests.servers import Database

ROWS = 300
HANGING = (  # what a client commits: below, among and above the rows that are there
    "INSERT INTO t VALUES (-5, 1), (150, 1), (9999, 1)",
    "UPDATE t SET n = 2 WHERE id IN (2, 300, 600)",
    "DELETE FROM t WHERE id IN (4, 302, 598)",
    "UPDATE t SET id = id + 1 WHERE id IN (6, 304, 596)",
)
BEGINNINGS = {
    "nothing is made": lambda seen: seen.phase is Phase.PREPARE and not seen.progress.prepared,
    "its tables are made": lambda seen: seen.phase is Phase.PREPARE and seen.progress.prepared,
}


def fill(database: Database) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({2 * number}, 0)' for number in range(1, ROWS + 1))}")
    database.execute("DELETE FROM t WHERE id = 150")


@contextmanager
def hanging_commit(database: Database) -> Iterator[None]:
    """A client's COMMIT hangs; in the end it comes through, or the connection is lost."""
    client = database.connect(autocommit=False)
    with client.cursor() as cursor:
        for statement in HANGING:
            cursor.execute(statement)
    committing = threading.Thread(target=commit, args=(client,), daemon=True)
    with waiting_for_replicas(database.server):
        committing.start()
        until(lambda: hanging(database) == ["COMMIT"], "the client to wait for a replica")
        yield
    committing.join()


def commit(client: Connection[Cursor]) -> None:
    with suppress(pymysql.OperationalError):  # the server has crashed meanwhile
        client.commit()


def assert_hangs(database: Database) -> None:
    """The migration waits as well, and what the client has written cannot be seen."""
    until(lambda: len(hanging(database)) == 2, "the migration to wait")
    assert database.query("SELECT COUNT(*) FROM t WHERE id IN (-5, 9999)") == [(0,)]


def finished(database: Database, running: Running) -> None:
    """The migration ends well, with what the client has written."""
    ending = running.ending()
    old = old_table(database, "t")
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert contents(database, "t", ["id", "n"]) == contents(database, old)
    assert database.query("SELECT id FROM t WHERE n = 1 ORDER BY id") == [(-5,), (150,), (9999,)]
    assert database.query("SELECT id FROM t WHERE n = 2 ORDER BY id") == [(2,), (300,), (600,)]
    assert database.query("SELECT id FROM t WHERE id IN (4, 302, 598)") == []
    assert database.query("SELECT id FROM t WHERE id % 2 = 1 AND n = 0 ORDER BY id") == [(7,), (305,), (597,)]
    assert database.query("SELECT COUNT(*) FROM t") == [(ROWS - 1 + 3 - 3,)]
    assert tables(database).keys() == {"t", old}


@pytest.mark.parametrize("made", BEGINNINGS)
def test_rows_whose_commit_hangs_while_the_migration_starts_are_there_in_the_end(
    database: Database, driver: Driver, made: str
) -> None:
    fill(database)
    running = driver.start(driver.settings(), hold=BEGINNINGS[made])
    running.until_held()
    with hanging_commit(database):
        running.go()
        assert_hangs(database)
    finished(database, running)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_they_are_there_also_when_the_server_crashes_before_any_replica_answers(
    fresh_server: ServerFactory, tmp_path: Path
) -> None:
    """What is in the binlog is committed when the server comes back."""
    server = fresh_server()
    database = Database(server)
    fill(database)
    driver = Driver(database, tmp_path)
    try:
        running = driver.start(driver.settings(), hold=BEGINNINGS["its tables are made"])
        running.until_held()
        with hanging_commit(database):
            running.go()
            assert_hangs(database)
            server.kill()
            server.start()
        database._own = database.connect()
        finished(database, running)
    finally:
        driver.close()
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            gc.collect()  # a driver that could not connect has left its socket behind


def hanging(database: Database) -> list[str]:
    """The statements that wait for a replica, or for one that does."""
    states = re.compile("semi-sync ACK|commit|writing to binlog", re.IGNORECASE)
    return [str(row[7]) for row in database.query("SHOW FULL PROCESSLIST") if states.search(str(row[6]))]


def until(wanted: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not wanted():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE:g} s"
        time.sleep(0.02)
