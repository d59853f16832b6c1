"""The binlog is begun anew under the names that it had: by RESET MASTER, or on a server put back to an earlier state.

Scenarios 26 and 27. What was written between the coordinates that were reached and the new beginning, or before the
same coordinates in the new history, cannot be known: a run must stop, and never go on as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from fsm_ghost.errors import StreamError
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.session import Session, connect_arguments
from tests.integration.driving import Driver, contents, reached
from tests.integration.following import Followed, following, keys, read_on
from tests.servers import Database

_seconds = count(1_000_000_000)  # when files are created: for one to differ from the other without a wait


@pytest.fixture
def orders(database: Database) -> Iterator[Followed]:
    reset(database)
    with following(database) as followed:
        yield followed


def reset(database: Database) -> None:
    """Begin the binlog anew."""
    how = "RESET MASTER" if database.server.flavour == "mariadb" else "RESET BINARY LOGS AND GTIDS"
    database.server.execute(f"SET SESSION timestamp = {next(_seconds)}", how)


def begin_anew_up_to(database: Database, wanted: Coordinates, *changes: str) -> None:
    """Begin the binlog anew, with these changes at its beginning, so that an event ends at these coordinates.

    The changes are made more than once.
    """
    session = Session(connect_arguments(reached(database.server)), "connecting as the test")
    padding = 1
    try:
        while True:
            reset(database)
            for change in changes:
                database.execute(change)
            database.execute(f"ANALYZE TABLE t /* {'x' * padding} */")
            missing = wanted.position - catalog.coordinates(session).position
            if not missing:
                return
            padding += missing
            assert padding > 0, "the changes take more room than there is"
    finally:
        session.close()


# --- While it is read -------------------------------------------------------------------------------------------------


def test_a_binlog_that_is_reset_while_it_is_read_is_not_followed_into_its_second_file(orders: Followed) -> None:
    orders.keys_after("INSERT INTO orders VALUES (1, 'a')")
    reset(orders.database)
    orders.run("INSERT INTO orders VALUES (2, 'unseen')", "FLUSH BINARY LOGS", "INSERT INTO orders VALUES (3, 'c')")
    with pytest.raises(StreamError, match=r"\.000001 does not go on in \w+\.000002") as caught:
        read_on(orders.stream)
    assert "RESET MASTER" in caught.value.remedy


def test_a_binlog_that_is_reset_twice_is_not_followed(orders: Followed) -> None:
    orders.run("FLUSH BINARY LOGS")
    orders.keys_after("INSERT INTO orders VALUES (1, 'a')")
    for _ in range(2):
        reset(orders.database)
        orders.run("INSERT INTO orders VALUES (2, 'unseen') ON DUPLICATE KEY UPDATE v = 'again'", "FLUSH BINARY LOGS")
    orders.run("INSERT INTO orders VALUES (3, 'c')")
    with pytest.raises(StreamError):
        read_on(orders.stream)


def test_the_same_place_in_another_history_is_not_gone_on_from(orders: Followed) -> None:
    orders.run("CREATE TABLE t (id INT)", f"ANALYZE TABLE t /* {'x' * 500} */")
    orders.keys_after("INSERT INTO orders VALUES (1, 'a')")
    boundary = orders.stream.boundary
    begin_anew_up_to(orders.database, boundary, "REPLACE INTO orders VALUES (2, 'unseen')")
    orders.run("INSERT INTO orders VALUES (3, 'c')")
    with pytest.raises(StreamError, match=rf"{boundary.file} is not the file of this name that was being read"):
        read_on(orders.open(boundary))


def test_the_same_place_in_the_same_history_is_gone_on_from(orders: Followed) -> None:
    for number, statement in enumerate(["SELECT 1", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS", "SELECT 1"]):
        orders.run(statement)
        assert orders.keys_after(f"INSERT INTO orders VALUES ({number}, 'a')") == keys(number)
        orders.reopen(orders.stream.boundary)


# --- Whole migrations -------------------------------------------------------------------------------------------------


@pytest.fixture
def plain(database: Database) -> Database:
    reset(database)
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT)")
    database.execute("INSERT INTO t VALUES (1, 1), (2, 2)")
    return database


def test_a_migration_that_runs_while_the_binlog_is_reset_stops(plain: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    reset(plain)
    plain.execute("UPDATE t SET n = 9 WHERE id = 1")
    plain.execute("FLUSH BINARY LOGS")
    driver.flag_file.unlink()
    with pytest.raises(StreamError):
        running.ending()
    assert_can_be_given_up(plain, driver, running.id)


def test_a_migration_is_not_resumed_in_another_history(plain: Database, driver: Driver) -> None:
    plain.execute(f"ANALYZE TABLE t /* {'x' * 2000} */")
    running = driver.start(driver.postponed())
    running.until_postponed()
    running.end()
    stored = driver.record(running.id).progress.safe
    assert stored is not None
    begin_anew_up_to(plain, stored, "UPDATE t SET n = n + 1 WHERE id = 1")
    driver.flag_file.unlink()
    with pytest.raises(StreamError, match="is not the file of this name that was being read"):
        driver.resume(running.id)
    assert_can_be_given_up(plain, driver, running.id)


def assert_can_be_given_up(database: Database, driver: Driver, migration: str) -> None:
    before = contents(database, "t")
    with pytest.raises(StreamError):
        driver.resume(migration)
    assert driver.resume(migration, "abort").phase is Phase.ABORTED
    assert contents(database, "t") == before
