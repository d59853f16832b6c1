"""Scenario 26, purged-binlog: the server removes binlog files that have not been read yet.

While the run is stopped, or while it is reading and has just lost its connection: an explicit error names the place
from which the binlog is missing and what to do; nothing is swapped, and nobody skips what is missing. What was read
before may be purged at any time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fsm_ghost.errors import StreamError
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.binlog.stream import KeyStream
from tests.integration.driving import PATIENCE, Driver, contents, tables
from tests.servers import Database
from tests.servers.binlog import end_dumps, logs, purge


@pytest.fixture
def plain(database: Database) -> Database:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT)")
    database.execute("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
    return database


class Reconnecting:
    """Lets the change stream connect once; after that it has to wait until it is let in again."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.again = threading.Event()
        self.waiting = threading.Event()
        real, first = KeyStream.__init__, [True]

        def opened(*arguments: Any, **options: Any) -> None:  # noqa: ANN401 - whatever it takes
            if not first:
                self.waiting.set()
                self.again.wait()
            first.clear()
            real(*arguments, **options)

        patch.setattr(KeyStream, "__init__", opened)


@pytest.fixture
def reconnecting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reconnecting]:
    made = Reconnecting(monkeypatch)
    yield made
    made.again.set()


def test_a_run_is_not_resumed_where_the_binlog_was_purged(plain: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    running.end()
    stored = driver.record(running.id).progress.safe
    assert stored is not None
    change_and_purge(plain)
    driver.flag_file.unlink()
    with pytest.raises(StreamError) as caught:
        driver.resume(running.id)
    assert_explained(caught.value, stored)
    assert_nothing_swapped_and_given_up(plain, driver, running.id)


def test_a_run_that_loses_its_connection_does_not_skip_what_was_purged_meanwhile(
    plain: Database, driver: Driver, reconnecting: Reconnecting
) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    end_dumps(plain)
    assert reconnecting.waiting.wait(PATIENCE)
    change_and_purge(plain)
    reconnecting.again.set()
    driver.flag_file.unlink()
    with pytest.raises(StreamError) as caught:
        running.ending()
    stored = driver.record(running.id).progress.safe
    assert stored is not None
    assert_explained(caught.value, stored)
    assert_nothing_swapped_and_given_up(plain, driver, running.id)


@pytest.mark.parametrize("how", ["while it runs", "while it is stopped"])
def test_what_has_been_read_may_be_purged(plain: Database, driver: Driver, how: str) -> None:
    """Also when nobody has written to the table since: markers move the coordinates on."""
    running = driver.start(driver.postponed())
    running.until_postponed()
    plain.execute("UPDATE t SET n = 9 WHERE id = 1")
    plain.execute("FLUSH BINARY LOGS")
    latest = logs(plain)[-1]
    running.until(lambda _: stored_in(driver, running.id) == latest)
    if how == "while it is stopped":
        running.end()
        end_dumps(plain)
    purge(plain, latest)
    if how == "while it is stopped":
        running = driver.restart(running.id)
    else:
        end_dumps(plain)
    plain.execute("UPDATE t SET n = 8 WHERE id = 2")
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    assert plain.query("SELECT id, n FROM t ORDER BY id") == [(1, 9), (2, 8), (3, 3)]


def stored_in(driver: Driver, number: str) -> str:
    """The binlog file that the stored coordinates lie in."""
    safe = driver.record(number).progress.safe
    return safe.file if safe else ""


def change_and_purge(database: Database) -> None:
    """A change that nobody has read, and the file that has it is purged."""
    database.execute("UPDATE t SET n = 7 WHERE id = 1")
    database.execute("FLUSH BINARY LOGS")
    end_dumps(database)
    purge(database, logs(database)[-1])


def assert_explained(error: StreamError, missing: Coordinates) -> None:
    """It says from where the binlog is missing, and what to do."""
    assert "cannot send its binlog from" in error.message
    named = error.message.partition("binlog from ")[2].partition(": ")[0]
    assert Coordinates.parse(named).file == missing.file
    assert "abort this migration and start it again, with a longer binlog retention" in error.remedy


def assert_nothing_swapped_and_given_up(database: Database, driver: Driver, number: str) -> None:
    before = contents(database, "t")
    assert "added" not in tables(database)["t"]
    with pytest.raises(StreamError):
        driver.resume(number)
    assert driver.resume(number, "abort").phase is Phase.ABORTED
    assert tables(database).keys() == {"t"}
    assert contents(database, "t") == before
