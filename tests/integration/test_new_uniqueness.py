"""An ALTER that makes rows unique under new rules: rows that are alike are told, and none displaces another (R9)."""

from __future__ import annotations

import pytest

from fsm_ghost.model.key import Key
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import Lossy
from fsm_ghost.settings import DefinitionSettings
from tests.integration.driving import Driver, Running, contents, old_table, tables
from tests.servers import Database

QUARANTINE = DefinitionSettings(quarantine=True)
ADD_UNIQUE = "ADD UNIQUE KEY by_email (email)"
WANTED = ["id", "email", "n"]


@pytest.fixture
def users(database: Database) -> Database:
    """A table `t` of 300 users with addresses that differ."""
    database.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, email VARCHAR(40) COLLATE utf8mb4_bin, n INT NOT NULL) CHARSET utf8mb4"
    )
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({n}, {mail(n)}, 0)' for n in range(1, 301))}")
    return database


def mail(number: int) -> str:
    return f"'user{number}@example.org'"


def until_told(running: Running, *keys: Key) -> None:
    """The migration waits, and names these keys."""
    running.until(lambda snapshot: all(str(key) in snapshot.readings.concern for key in keys))


def finished(users: Database, driver: Driver, running: Running) -> None:
    driver.flag_file.unlink(missing_ok=True)
    ending = running.ending()
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert contents(users, "t", WANTED) == contents(users, old_table(users, "t"))
    assert "UNIQUE KEY `by_email`" in tables(users)["t"]


def test_a_table_without_duplicates_gets_its_unique_key(users: Database, driver: Driver) -> None:
    users.execute("UPDATE t SET email = NULL WHERE id > 290")
    finished(users, driver, driver.start(driver.settings(alter=ADD_UNIQUE)))


def test_rows_that_are_alike_from_the_start_are_both_named_and_nothing_is_swapped_until_one_is_mended(
    users: Database, driver: Driver
) -> None:
    users.execute(f"UPDATE t SET email = {mail(7)} WHERE id = 250")
    running = driver.start(driver.settings(alter=ADD_UNIQUE, definition=QUARANTINE))
    until_told(running, (7,), (250,))
    assert tables(users).keys() >= {"t", "t_gho"}, "not swapped"
    users.execute("UPDATE t SET email = 'mended' WHERE id = 250")
    finished(users, driver, running)


def test_a_duplicate_that_comes_while_the_swap_is_postponed_is_told_and_goes_away_when_it_is_deleted(
    users: Database, driver: Driver
) -> None:
    running = driver.start(driver.postponed(alter=ADD_UNIQUE))
    running.until_postponed()
    users.execute(f"INSERT INTO t VALUES (999, {mail(3)}, 1)")
    until_told(running, (3,), (999,))
    driver.flag_file.unlink()
    running.until(lambda snapshot: "to be mended" in snapshot.readings.waiting_for)
    users.execute("DELETE FROM t WHERE id = 3")
    finished(users, driver, running)


def test_the_other_row_may_be_the_one_that_is_mended(users: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed(alter=ADD_UNIQUE))
    running.until_postponed()
    users.execute(f"INSERT INTO t VALUES (999, {mail(3)}, 1)")
    until_told(running, (3,), (999,))
    users.execute("UPDATE t SET email = 'another' WHERE id = 3")
    running.until(lambda snapshot: not snapshot.readings.concern)
    finished(users, driver, running)


def test_rows_that_exchange_their_values_are_no_duplicates(users: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed(alter=ADD_UNIQUE))
    running.until_postponed()
    with users.connect(autocommit=False).cursor() as cursor:
        for first in range(1, 300, 3):  # three rows pass their values round
            a, b, c = first, first + 1, first + 2
            cursor.execute(
                f"UPDATE t SET n = n + 1, email = CASE id WHEN {a} THEN {mail(b)} WHEN {b} THEN {mail(c)}"
                f" ELSE {mail(a)} END WHERE id BETWEEN {a} AND {c}"
            )
            cursor.execute("COMMIT")
    finished(users, driver, running)


def test_a_collation_that_makes_rows_alike_is_told(users: Database, driver: Driver) -> None:
    users.execute("ALTER TABLE t ADD UNIQUE KEY by_email (email)")
    users.execute("UPDATE t SET email = 'Google' WHERE id = 4")
    users.execute("UPDATE t SET email = 'google ' WHERE id = 200")
    alter = "MODIFY email VARCHAR(40) COLLATE utf8mb4_general_ci"
    running = driver.start(driver.settings(alter=alter, definition=QUARANTINE))
    until_told(running, (4,), (200,))
    users.execute("DELETE FROM t WHERE id = 200")
    finished(users, driver, running)


def test_rows_that_become_alike_because_of_what_is_stored_instead_are_told(users: Database, driver: Driver) -> None:
    users.execute("ALTER TABLE t ADD UNIQUE KEY by_email (email)")
    users.execute("UPDATE t SET email = NULL WHERE id IN (4, 200)")
    asked = DefinitionSettings(quarantine=True, lossy=(("email", Lossy.DEFAULT),))
    running = driver.start(
        driver.settings(alter="MODIFY email VARCHAR(40) COLLATE utf8mb4_bin NOT NULL", definition=asked)
    )
    until_told(running, (4,), (200,))
    users.execute("DELETE FROM t WHERE id = 200")
    assert running.ending().exit_code == 0
    assert users.query("SELECT COUNT(*), SUM(email = '') FROM t") == [(299, 1)]


def test_a_unique_key_over_the_beginning_of_a_text_counts_no_more_than_that(users: Database, driver: Driver) -> None:
    users.execute("UPDATE t SET email = CONCAT(LPAD(id, 5, '0'), email)")
    users.execute("UPDATE t SET email = CONCAT('00017', 'something else') WHERE id = 40")
    running = driver.start(driver.settings(alter="ADD UNIQUE KEY by_email (email(5))", definition=QUARANTINE))
    until_told(running, (17,), (40,))
    users.execute("UPDATE t SET email = '00040' WHERE id = 40")
    finished(users, driver, running)


def test_what_clashes_is_remembered_when_the_run_ends(users: Database, driver: Driver) -> None:
    users.execute(f"UPDATE t SET email = {mail(7)} WHERE id = 250")
    running = driver.start(driver.settings(alter=ADD_UNIQUE, definition=QUARANTINE))
    until_told(running, (7,), (250,))
    running.end()
    running = driver.restart(driver.record().id)
    until_told(running, (7,), (250,))
    users.execute("UPDATE t SET email = NULL WHERE id = 7")
    finished(users, driver, running)


def test_a_table_full_of_duplicates_is_refused_with_examples(users: Database, driver: Driver) -> None:
    values = ", ".join(f"({number}, 'the same', 0)" for number in range(1_000, 3_500))
    users.execute(f"INSERT INTO t VALUES {values}")
    ending = driver.run(driver.settings(alter=ADD_UNIQUE))
    assert (ending.phase, ending.exit_code) == (Phase.ABORTED, 3)
    assert "2,500 rows, for example 'the same' (2500 rows)" in ending.snapshot.reason
    assert list(tables(users)) == ["t"]
    ending = driver.run(driver.settings(alter=ADD_UNIQUE, definition=QUARANTINE))
    assert ending.phase is Phase.FAILED
    assert "too many rows do not fit" in ending.snapshot.reason
    assert "t" in tables(users)
