"""Scenario 9: one client logs statements instead of rows (binlog_format=STATEMENT or MIXED), and updates the table.

Its connection was there before the migration was begun. The run stops, and says which session it was; nothing is
swapped, nothing is lost, and a resumed run stops again. Giving up leaves the original as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymysql.cursors import Cursor

from fsm_ghost.errors import AbortedError, StreamError
from fsm_ghost.model.phase import Phase
from fsm_ghost.settings import CopySettings
from tests.integration.driving import Driver, Running, contents, tables
from tests.servers import Database

ROWS = 300
MOMENTS = {
    "while rows are copied": lambda seen: seen.phase is Phase.COPY and seen.progress.rows >= 100,
    "while the swap is postponed": lambda seen: "postponed" in seen.readings.waiting_for,
    "as the swap begins": lambda seen: seen.phase is Phase.CUT_OVER,
}


@pytest.fixture
def client(database: Database) -> Iterator[Cursor]:
    """A client's connection, made before anything else."""
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({number}, 0)' for number in range(1, ROWS + 1))}")
    with database.connect() as connection, connection.cursor() as cursor:
        yield cursor


@pytest.mark.parametrize("logged_as", ["STATEMENT", "MIXED"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_run_stops_and_names_the_session(
    database: Database, driver: Driver, client: Cursor, moment: str, logged_as: str
) -> None:
    client.execute(f"SET SESSION binlog_format = '{logged_as}'")
    client.execute("SELECT CONNECTION_ID()")
    ((session,),) = client.fetchall()
    running = begin(driver, moment)
    client.execute("UPDATE t SET n = n + 1 WHERE id IN (1, 150, 300)")
    database.execute("UPDATE t SET n = 7 WHERE id = 2")
    written = contents(database, "t")
    driver.flag_file.unlink(missing_ok=True)
    running.go()
    with pytest.raises(StreamError, match=f"session {session} in database {database.name}: UPDATE t SET") as stopped:
        running.ending()
    assert "binlog_format" in stopped.value.remedy
    with pytest.raises(StreamError, match=f"session {session} "):
        driver.resume(running.id)
    assert "added" not in tables(database)["t"]
    aborted = driver.resume(running.id, "abort")
    assert (aborted.phase, aborted.exit_code) == (Phase.ABORTED, AbortedError.exit_code)
    assert tables(database).keys() == {"t"}
    assert contents(database, "t") == written
    client.execute("UPDATE t SET n = 9 WHERE id = 3")
    assert database.query("SELECT id, n FROM t WHERE n > 0 ORDER BY id") == [(1, 1), (2, 7), (3, 9), (150, 1), (300, 1)]


def begin(driver: Driver, moment: str) -> Running:
    """A migration that is held at a moment."""
    copy = CopySettings(chunk_size=100, workers=1)
    settings = driver.postponed(copy=copy) if "postponed" in moment else driver.settings(copy=copy)
    running = driver.start(settings, hold=MOMENTS[moment])
    running.until_held()
    return running
