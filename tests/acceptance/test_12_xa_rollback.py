"""Scenario 12: rows are changed by an XA transaction that is prepared, and only later rolled back or committed.

Prepared rows are in the binlog, and how they end is no event of any row. It ends while nobody follows, after a resume,
or after the server was restarted or has crashed. The result is exact, and nothing is swapped before it has ended.

What happens without a resume, and before the migration begins, is in tests/integration/test_locks.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fsm_ghost.errors import StoppedError
from fsm_ghost.model.phase import Phase
from fsm_ghost.services import applier, ledger
from fsm_ghost.settings import CopySettings, CutOverSettings
from tests.conftest import ServerFactory
from tests.integration.driving import Driver, Running, contents, old_table, tables
from tests.servers import Database
from tests.servers.binlog import end_dumps

ROWS = 300
PREPARED = ("UPDATE t SET n = 5 WHERE id IN (2, 250)", "DELETE FROM t WHERE id = 4", "INSERT INTO t VALUES (999, 5)")
KEYS = 4
ROLLED_BACK = dict.fromkeys(range(1, ROWS + 1), 0)
COMMITTED = {**ROLLED_BACK, 2: 5, 250: 5, 999: 5}
del COMMITTED[4]
EXPECTED = {"COMMIT": COMMITTED, "ROLLBACK": ROLLED_BACK}


def fill(database: Database) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({number}, 0)' for number in range(1, ROWS + 1))}")


@pytest.fixture
def filled(database: Database) -> Iterator[Database]:
    """A database with the table; a transaction that a test leaves prepared would be in the way of all others."""
    fill(database)
    yield database
    for _ in database.query("XA RECOVER"):
        database.server.execute("XA ROLLBACK 'x'")


def prepared_and_stopped(database: Database, driver: Driver, *, while_copying: bool) -> Running:
    """A transaction was prepared, and its rows found locked; then the run was stopped."""
    hold = (lambda seen: seen.phase is Phase.COPY and seen.progress.rows >= 100) if while_copying else None
    cut_over = CutOverSettings(lock_timeout=0.5, postpone_flag_file=str(driver.flag_file))
    running = driver.start(driver.postponed(copy=CopySettings(chunk_size=100, workers=1), cut_over=cut_over), hold)
    running.until_held() if while_copying else running.until_postponed()
    database.server.execute(f"USE {database.name}", "XA START 'x'", *PREPARED, "XA END 'x'", "XA PREPARE 'x'")
    running.go()
    running.until(lambda seen: len(seen.progress.carried) == min(KEYS, ledger.MOST_CARRIED))
    running.stop()
    with pytest.raises(StoppedError):
        running.ending()
    return running


def finished(database: Database, driver: Driver, running: Running, end: str) -> None:
    """The migration ends well, with exactly the rows that there have to be."""
    driver.flag_file.unlink(missing_ok=True)
    ending = running.ending()
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    old = old_table(database, "t")
    assert dict(database.query("SELECT id, n FROM t")) == EXPECTED[end]
    assert contents(database, "t", ["id", "n"]) == contents(database, old)
    assert tables(database).keys() == {"t", old}


@pytest.mark.parametrize(
    "carried, when, end",
    [
        (1000, "while nobody follows", "ROLLBACK"),
        (1000, "after the resume", "COMMIT"),
        (2, "while nobody follows", "COMMIT"),
        (2, "after the resume", "ROLLBACK"),
    ],
)
def test_it_ends_across_a_resume_in_row_copy(
    filled: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch, carried: int, when: str, end: str
) -> None:
    """The checkpoint names so many of its rows; the others it keeps by not letting the coordinates go on."""
    monkeypatch.setattr(ledger, "MOST_CARRIED", carried)
    monkeypatch.setattr(applier, "HEARTBEAT_EVERY", 0.1)
    stopped = prepared_and_stopped(filled, driver, while_copying=True)
    if when == "while nobody follows":
        filled.server.execute(f"XA {end} 'x'")
    running = driver.restart(stopped.id)
    if when == "after the resume":
        running.until(lambda seen: seen.readings.backlog == KEYS)
        filled.server.execute(f"XA {end} 'x'")
    finished(filled, driver, running, end)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a lost connection's socket
@pytest.mark.parametrize("how, end", [("restarted", "ROLLBACK"), ("crashed", "COMMIT")])
def test_it_ends_after_the_server_was_restarted_and_no_swap_comes_before(
    fresh_server: ServerFactory, tmp_path: Path, how: str, end: str
) -> None:
    """A server that was restarted may give the row locks back, and not the table's: the swap has to wait for rows."""
    server = fresh_server()
    database = Database(server)
    fill(database)
    driver = Driver(database, tmp_path)
    try:
        stopped = prepared_and_stopped(database, driver, while_copying=False)
        if how == "restarted":
            end_dumps(database)  # a server that is asked to end waits for who reads its binlog
            server.restart()
        else:
            server.kill()
            server.start()
        database._own = database.connect()
        driver.flag_file.unlink()
        running = driver.restart(stopped.id)
        running.until(lambda seen: seen.progress.attempts >= 1 and seen.phase is Phase.SYNC)
        assert "added" not in tables(database)["t"]
        server.execute(f"XA {end} 'x'")
        finished(database, driver, running, end)
    finally:
        driver.close()
