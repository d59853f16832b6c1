"""Scenario 23: ids. The next row gets the id that it would have got; ids with a special meaning stay what they are."""

from __future__ import annotations

import re

import pytest

from fsm_ghost.services import swapper
from tests.integration.driving import ADD_COLUMN, Driver, contents, old_table, tables
from tests.servers import Database

DEFINITION = "id BIGINT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20) NOT NULL"


def create(database: Database, counter: int, comment: str = "") -> None:
    """A table `t` whose next row gets this id."""
    database.execute(f"CREATE TABLE t ({DEFINITION}) AUTO_INCREMENT = {counter} COMMENT = '{comment}'")


def counter(database: Database, name: str) -> int:
    """What SHOW CREATE TABLE says; it says nothing for 1."""
    shown = str(database.query(f"SHOW CREATE TABLE `{name}`")[0][1])
    found = re.search(r"^\) ENGINE=InnoDB AUTO_INCREMENT=(\d+)", shown, re.MULTILINE)
    return int(found[1]) if found else 1


def next_id(database: Database, name: str) -> int:
    """The id that a new row gets."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO `{name}` (v) VALUES ('next')")
        return int(cursor.lastrowid)


def come_and_go(database: Database, number: int) -> None:
    """A row of this id is written and deleted again, and another one after it only tried."""
    database.execute(f"INSERT INTO t VALUES ({number}, 'gone')")
    database.execute(f"DELETE FROM t WHERE id = {number}")
    database.execute("BEGIN")
    database.execute("INSERT INTO t (v) VALUES ('rolled back')")
    database.execute("ROLLBACK")


def assert_next(database: Database, wanted: int) -> None:
    """The next row gets this id, and would have got it in the old table."""
    old = old_table(database, "t")
    assert counter(database, "t") == counter(database, old) == wanted
    assert next_id(database, "t") == next_id(database, old) == wanted


@pytest.mark.parametrize("comment", ["", "was AUTO_INCREMENT=7 and  AUTO_INCREMENT=99999999 before"])
def test_a_table_without_rows_keeps_its_counter_whatever_its_comment_says(
    database: Database, driver: Driver, comment: str
) -> None:
    create(database, 2_979_716, comment)
    assert driver.run(driver.settings()).exit_code == 0
    assert_next(database, 2_979_716)


def test_the_counter_is_kept_that_rows_have_moved_on_which_came_and_went_right_before_the_lock(
    database: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(database, 10)
    database.execute("INSERT INTO t (v) VALUES ('a'), ('b'), ('c')")
    running = driver.start(driver.postponed())
    running.until_postponed()
    come_and_go(database, 5000)

    def passes(name: str) -> None:
        if name == "swap.before-lock":
            come_and_go(database, 700_000)

    monkeypatch.setattr(swapper, "fault_point", passes)
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    assert_next(database, 700_002)
    assert [row[0] for row in database.query("SELECT id FROM t ORDER BY id")] == [10, 11, 12, 700_002]


def test_the_row_of_id_zero_negative_ids_and_gaps_are_kept_however_they_are_brought_over(
    database: Database, driver: Driver
) -> None:
    create(database, 1)
    database.execute("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
    database.execute("INSERT INTO t VALUES (-7, 'copied'), (0, 'copied'), (3, 'copied'), (1000000, 'copied')")
    running = driver.start(driver.postponed())
    running.until_postponed()
    database.execute("UPDATE t SET v = 'refreshed' WHERE id IN (0, -7)")
    database.execute("DELETE FROM t WHERE id = 3")
    database.execute("INSERT INTO t VALUES (-1, 'refreshed'), (900000, 'refreshed')")
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    rows = [(-7, "refreshed", 7), (-1, "refreshed", 7), (0, "refreshed", 7)]
    rows += [(900_000, "refreshed", 7), (1_000_000, "copied", 7)]
    assert database.query("SELECT * FROM t ORDER BY id") == rows
    assert_next(database, 1_000_001)


def test_a_row_of_id_zero_that_is_written_during_the_run_keeps_its_id(database: Database, driver: Driver) -> None:
    create(database, 50)
    database.execute("INSERT INTO t (v) VALUES ('first')")
    running = driver.start(driver.postponed())
    running.until_postponed()
    database.execute("UPDATE t SET id = 0 WHERE id = 50")
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    assert database.query("SELECT * FROM t") == [(0, "first", 7)]
    assert_next(database, 51)


@pytest.mark.parametrize(
    "asked, wanted", [(400, 1000), (40_000, 40_000)], ids=["which is behind the original's", "which is ahead"]
)
def test_a_counter_that_the_alter_asks_for_is_set_unless_ids_would_be_given_again(
    database: Database, driver: Driver, asked: int, wanted: int
) -> None:
    """A native ALTER goes back as far as the rows allow. Here it does not: a row may be written at any time."""
    create(database, 1000)
    database.execute("INSERT INTO t VALUES (3, 'a')")
    assert driver.run(driver.settings(alter=f"AUTO_INCREMENT = {asked}")).exit_code == 0
    assert next_id(database, "t") == wanted


@pytest.mark.parametrize("kind, last", [("TINYINT UNSIGNED", 255), ("BIGINT UNSIGNED", 2**64 - 2)])
def test_a_counter_that_has_come_to_its_end_is_there_still(
    database: Database, driver: Driver, kind: str, last: int
) -> None:
    database.execute(f"CREATE TABLE t (id {kind} AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20) NOT NULL)")
    database.execute(f"INSERT INTO t VALUES (1, 'first'), ({last}, 'last')")
    database.execute(f"DELETE FROM t WHERE id = {last}")
    assert driver.run(driver.settings()).exit_code == 0
    old = old_table(database, "t")
    assert counter(database, "t") == counter(database, old)
    assert contents(database, "t", ["id", "v"]) == contents(database, old)


def test_the_counter_of_a_column_that_is_not_the_key_is_kept(database: Database, driver: Driver) -> None:
    database.execute("CREATE TABLE t (k CHAR(4) PRIMARY KEY, id INT UNSIGNED NOT NULL AUTO_INCREMENT, KEY (id))")
    database.execute("INSERT INTO t VALUES ('a', 17), ('b', 4000000000)")
    database.execute("DELETE FROM t WHERE k = 'b'")
    assert driver.run(driver.settings(alter=ADD_COLUMN)).exit_code == 0
    database.execute("INSERT INTO t (k) VALUES ('c')")
    assert database.query("SELECT * FROM t ORDER BY k") == [("a", 17, 7), ("c", 4_000_000_001, 7)]
    assert len(tables(database)) == 2
