"""The server has lost what it had committed: its tables were put back to an earlier state, or it has crashed and does
not write its logs durably (innodb_flush_log_at_trx_commit is not 1), so that its binlog knows more than its tables.

Scenarios 25 and 27. What the state file calls copied or refreshed is not there any more then. The tests make that
state by hand: they keep the server's files as they are at one moment, and put them back later.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsm_ghost.errors import AmbiguousError
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.private import PrivateServer
from fsm_ghost.settings import CopySettings
from tests.conftest import ServerFactory
from tests.integration.driving import Driver
from tests.servers import Database

ROWS = 3000


class TimeMachine:
    """Keeps a server's files, and puts them back."""

    def __init__(self, server: PrivateServer, kept: Path) -> None:
        self._server = server
        self._kept = kept

    def keep(self) -> None:
        """Keep the files as they are; a crash of the server."""
        self._server.kill()
        shutil.copytree(self._server.datadir, self._kept)
        self._server.start()

    def put_back(self) -> None:
        """Put the files back, all but the binlog; another crash."""
        self._server.kill()
        for path in self._server.datadir.glob("binlog.*"):
            shutil.copy2(path, self._kept)
        shutil.rmtree(self._server.datadir)
        shutil.copytree(self._kept, self._server.datadir)
        self._server.start()


@pytest.fixture
def place(fresh_server: ServerFactory, tmp_path: Path) -> Iterator[tuple[Database, Driver, TimeMachine]]:
    server = fresh_server()
    database = Database(server)
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT, UNIQUE KEY (n))")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({n}, {n})' for n in range(1, ROWS + 1))}")
    driver = Driver(database, tmp_path)
    yield database, driver, TimeMachine(server, tmp_path / "kept")
    driver.close()


def test_a_refresh_that_the_server_has_lost_is_not_believed(place: tuple[Database, Driver, TimeMachine]) -> None:
    database, driver, time_machine = place
    running = driver.start(driver.postponed(copy=CopySettings()))
    running.until_postponed()
    running.end()
    database.execute("UPDATE t SET n = 0 WHERE id = 1")
    time_machine.keep()
    before = driver.record(running.id).progress.refreshed
    running = driver.restart(running.id)
    running.until(lambda seen: seen.progress.refreshed > before and seen.readings.backlog == 0)
    running.until_postponed()
    running.end()
    assert_stops(place, running.id)


def test_chunks_that_the_server_has_lost_are_not_believed(place: tuple[Database, Driver, TimeMachine]) -> None:
    database, driver, time_machine = place
    settings = driver.settings(copy=CopySettings(chunk_size=100), verify=False)
    running = driver.start(settings, hold=Phase.COPY)
    running.until_held()
    running.stop()
    running.end()
    database.execute(f"UPDATE t SET n = 0 WHERE id = {ROWS}")
    time_machine.keep()
    running = driver.restart(running.id, hold=lambda seen: seen.progress.rows >= ROWS / 10)
    running.until_held()
    running.end()
    assert driver.record(running.id).phase is Phase.COPY
    assert_stops(place, running.id)


def assert_stops(place: tuple[Database, Driver, TimeMachine], migration: str) -> None:
    _, driver, time_machine = place
    time_machine.put_back()
    database = Database(driver.database.server)
    database.execute(f"USE {driver.database.name}")
    before = contents_of(database, driver)
    driver.flag_file.unlink(missing_ok=True)
    with pytest.raises(AmbiguousError, match="has lost what this migration had committed"):
        driver.resume(migration)
    assert driver.resume(migration, "abort").phase is Phase.ABORTED
    assert contents_of(database, driver) == before


def contents_of(database: Database, driver: Driver) -> list[tuple[object, ...]]:
    return database.query(f"SELECT id, n FROM {driver.database.name}.t ORDER BY id")
