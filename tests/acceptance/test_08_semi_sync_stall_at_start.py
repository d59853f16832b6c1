"""Scenario 8: a COMMIT that waits for a replica while the migration starts.

The primary waits for replicas before a commit becomes visible (AFTER_SYNC), and none answers. Rows are in the binlog
by then, and nobody can see them. A migration that starts now ends with these rows.

That a stall which begins after the migration's own tables were made loses no row either, and would without the barrier,
is shown by rule R1 in tests/integration/test_rules_off.py.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

from pymysql.connections import Connection
from pymysql.cursors import Cursor

from fsm_ghost.model.phase import Phase
from tests.integration.driving import PATIENCE, Driver, contents, old_table, tables
from tests.integration.interleaving import waiting_for_replicas
from tests.servers import Database

ROWS = 300
HANGING = {  # what each client commits, below, among and above the rows that are there
    "an insert": "INSERT INTO t VALUES (-5, 1), (150, 1), (9999, 1)",
    "an update": "UPDATE t SET n = 2 WHERE id IN (2, 300, 600)",
    "a delete": "DELETE FROM t WHERE id IN (4, 302, 598)",
    "a move": "UPDATE t SET id = id + 1 WHERE id IN (6, 304, 596)",
}


def test_rows_whose_commit_hangs_while_the_migration_starts_are_there_in_the_end(
    database: Database, driver: Driver
) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({2 * number}, 0)' for number in range(1, ROWS + 1))}")
    database.execute("DELETE FROM t WHERE id = 150")
    clients = {database.connect(autocommit=False): statement for statement in HANGING.values()}
    with waiting_for_replicas(database.server):
        threads = [committing(client, statement) for client, statement in clients.items()]
        until(lambda: len(hanging(database)) == len(clients), "every client to wait for a replica")
        assert database.query("SELECT COUNT(*) FROM t WHERE id IN (-5, 9999)") == [(0,)]
        running = driver.start(driver.settings())
        until(lambda: any("fsm-ghost" in statement for statement in hanging(database)), "the migration to wait, too")
        assert database.query("SELECT COUNT(*) FROM t WHERE id IN (-5, 9999)") == [(0,)]
    for thread in threads:
        thread.join()
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


def committing(client: Connection[Cursor], statement: str) -> threading.Thread:
    """Carry out a transaction whose COMMIT hangs in a thread of its own."""
    with client.cursor() as cursor:
        cursor.execute(statement)
    thread = threading.Thread(target=client.commit, daemon=True)
    thread.start()
    return thread


def hanging(database: Database) -> list[str]:
    """The statements that wait for a replica, or for one that does."""
    states = re.compile("semi-sync ACK|commit|writing to binlog", re.IGNORECASE)
    return [str(row[7]) for row in database.query("SHOW FULL PROCESSLIST") if states.search(str(row[6]))]


def until(wanted: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not wanted():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE:g} s"
        time.sleep(0.02)
