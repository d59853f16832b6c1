"""Whole migrations under writers: nothing is lost, nothing is left, and the table is what the ALTER says."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql import sample
from fsm_ghost.mysql.private import Flavour
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services import dropper
from fsm_ghost.settings import CutOverSettings
from tests.conftest import ServerFactory
from tests.integration.driving import (
    ADD_COLUMN,
    PATIENCE,
    Driver,
    columns,
    contents,
    old_table,
    table_of,
    tables,
)
from tests.servers import Database

WRITTEN = ["id", "customer", "status", "amount", "remark", "hits", "changed_at"]


LARGE: dict[Flavour, dict[str, str]] = {
    "mariadb": {"innodb-buffer-pool-size": "1G", "innodb-log-file-size": "512M"},
    "mysql": {"innodb-buffer-pool-size": "1G", "innodb-redo-log-capacity": "1G"},
}


@pytest.mark.slow
def test_a_million_rows_are_migrated_under_four_writers_without_losing_a_write(
    fresh_server: ServerFactory, flavour: Flavour, tmp_path: Path
) -> None:
    large = Database(fresh_server(LARGE[flavour]))
    migrated_under_writers(large, Driver(large, tmp_path), rows=1_000_000, rate=500)


@pytest.mark.parametrize("rows", [0, 1, 3_000])
def test_a_table_is_migrated_under_four_writers_without_losing_a_write(
    database: Database, driver: Driver, rows: int
) -> None:
    migrated_under_writers(database, driver, rows=rows, rate=None)


def migrated_under_writers(database: Database, driver: Driver, *, rows: int, rate: float | None) -> None:
    name = table_of(database, "orders")
    session = Session(connect_arguments(driver.server))
    sample.create(session, name, rows)
    writers = sample.Writers(connect_arguments(driver.server), name, rows, rate=rate).start()
    try:
        await_commits(writers, 1)
        ending = driver.run(driver.settings("orders"))
    finally:
        writers.stop()
    old = table_of(database, old_table(database, "orders"))
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert writers.errors == []
    assert sample.losses(session, name, writers, old) == []
    session.close()
    found = tables(database)
    assert found.keys() == {"orders", old.name}, "nothing else may be left"
    assert "`added` int" in found["orders"]
    assert "KEY `added` (`added`)" in found["orders"]
    assert "added" not in found[old.name]


def await_commits(writers: sample.Writers, count: int) -> None:
    """Wait until the application has committed so many transactions."""
    deadline = time.monotonic() + PATIENCE
    while writers.commits < count:
        assert time.monotonic() < deadline, writers.errors
        time.sleep(0.005)


def test_new_and_old_table_are_equal_row_by_row_when_the_writers_pause_at_the_swap(
    database: Database, driver: Driver
) -> None:
    name = table_of(database, "orders")
    session = Session(connect_arguments(driver.server))
    sample.create(session, name, 3_000)
    writers = sample.Writers(connect_arguments(driver.server), name, 3_000).start()
    running = driver.start(driver.postponed("orders"))
    running.until_postponed()
    await_commits(writers, 100)
    writers.stop()
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    assert contents(database, "orders", WRITTEN) == contents(database, old_table(database, "orders"))
    assert sample.losses(session, name, writers) == []
    session.close()


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_a_table_of_hardly_any_rows_is_migrated_with_nobody_writing(
    database: Database, driver: Driver, rows: int
) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))")
    for number in range(rows):
        database.execute("INSERT INTO t VALUES (%s, 'v')", (number,))
    assert driver.run(driver.settings()).exit_code == 0
    assert columns(database, "t") == ["id", "v", "added"]
    assert database.query("SELECT * FROM t ORDER BY id") == [(number, "v", 7) for number in range(rows)]
    assert len(database.query(f"SELECT * FROM `{old_table(database, 't')}`")) == rows


@pytest.mark.parametrize("counter", [2_979_716, 18_446_744_073_709_551_000])
def test_the_auto_increment_counter_is_kept_also_where_it_is_beyond_all_rows(
    database: Database, driver: Driver, counter: int
) -> None:
    database.execute(
        f"CREATE TABLE t (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT = {counter}"
    )
    database.execute("INSERT INTO t (v) VALUES (1), (2), (3)")
    database.execute("DELETE FROM t")
    assert driver.run(driver.settings()).exit_code == 0
    database.execute("INSERT INTO t (v) VALUES (4)")
    assert database.query("SELECT id FROM t") == [(counter + 3,)]


def test_the_auto_increment_counter_is_kept_when_it_moves_on_during_the_migration(
    database: Database, driver: Driver
) -> None:
    database.execute("CREATE TABLE t (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v INT)")
    database.execute("INSERT INTO t (v) VALUES (1), (2), (3)")
    running = driver.start(driver.postponed())
    running.until_postponed()
    database.execute("INSERT INTO t (id, v) VALUES (9000, 4)")
    database.execute("DELETE FROM t WHERE id = 9000")
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    database.execute("INSERT INTO t (v) VALUES (5)")
    assert database.query("SELECT id FROM t WHERE v = 5") == [(9001,)]


@pytest.mark.parametrize("partitions", ["", " PARTITION BY HASH (id) PARTITIONS 4"], ids=["whole", "partitioned"])
def test_a_large_old_table_is_emptied_in_pieces_before_it_is_dropped(
    database: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch, partitions: str
) -> None:
    monkeypatch.setattr(dropper, "LARGE", 0)
    monkeypatch.setattr(dropper, "_STEP", 0.001)
    database.execute(f"CREATE TABLE t (id INT PRIMARY KEY, v INT){partitions}")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({number}, 1)' for number in range(2_000))}")
    pieces: list[float | None] = []
    take = dropper.Dropper.step

    def noted(self: dropper.Dropper) -> float | None:
        pieces.append(take(self))
        return pieces[-1]

    monkeypatch.setattr(dropper.Dropper, "step", noted)
    settings = driver.settings(cut_over=CutOverSettings(drop_old_table=True))
    assert driver.run(settings).exit_code == 0
    assert tables(database).keys() == {"t"}
    assert len(pieces) >= 4
    assert database.query("SELECT COUNT(*), SUM(v) FROM t") == [(2_000, 2_000)]


def test_the_old_table_is_dropped_where_that_is_wanted(database: Database, driver: Driver) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY)")
    settings = driver.settings(cut_over=CutOverSettings(drop_old_table=True))
    assert driver.run(settings).exit_code == 0
    assert tables(database).keys() == {"t"}
    assert ADD_COLUMN in driver.record().statement


def test_tables_whose_names_differ_in_case_only_are_migrated_at_the_same_time(
    database: Database, driver: Driver
) -> None:
    for name in ("t", "T"):
        database.execute(f"CREATE TABLE {name} (id INT PRIMARY KEY, v VARCHAR(9) NOT NULL)")
        database.execute(f"INSERT INTO {name} VALUES (1, '{name}'), (2, 'other')")
    first, second = (driver.start(driver.postponed(name)) for name in ("t", "T"))
    for running in (first, second):
        running.until_postponed()
    database.execute("UPDATE t SET v = 'new' WHERE id = 2")
    database.execute("DELETE FROM T WHERE id = 2")
    driver.flag_file.unlink()
    assert first.ending().exit_code == second.ending().exit_code == 0
    assert database.query("SELECT id, v, added FROM t ORDER BY id") == [(1, "t", 7), (2, "new", 7)]
    assert database.query("SELECT id, v, added FROM T") == [(1, "T", 7)]


def test_a_stored_value_that_the_server_makes_otherwise_now_is_a_difference(database: Database, driver: Driver) -> None:
    """As a DATETIME of a TIME, which has the day on which its row was written. ADD COLUMN leaves such values alone."""
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, at TIME, moment DATETIME AS (at) STORED)")
    with closing(database.connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SET timestamp = 1577880000")
        cursor.execute("INSERT INTO t (id, at) VALUES (1, '10:00'), (2, NULL)")
    before = contents(database, "t")
    ending = driver.run(driver.settings())
    assert (ending.phase, ending.exit_code) == (Phase.FAILED, 8)
    assert "in 1 rows: (1,): moment" in driver.entries(ending.snapshot.id)[-1].reason
    assert contents(database, "t") == before
