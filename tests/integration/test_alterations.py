"""Tables of strange names; and rows that do not fit the new definition, until they are mended.

What becomes of all others is shown by the cases of tests/cases.
"""

from __future__ import annotations

import pymysql
import pytest

from fsm_ghost.errors import MismatchError
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.quoting import quote
from fsm_ghost.settings import CopySettings
from tests.integration.driving import ADD_COLUMN, Driver, contents, old_table, quoted, tables
from tests.integration.native import carry_out, once_copied
from tests.servers import Database

# --- Names ------------------------------------------------------------------------------------------------------------

LONG = "n" * 64
NAMES = [
    "select",
    "with`backtick",
    "100% of %s",
    "with a space",
    "größe_注文",
    "ЗАКАЗЫ",
    LONG,
    "long_" + "é" * 45,
    "UPPER",
    "semi;colon'and\"quotes",
    "dot.in.name",
    "dash-and/slash",
    "~tilde",
    "1234",
    "t_gho",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_table_of_this_name_is_migrated(database: Database, driver: Driver, name: str) -> None:
    table = quoted(database, name)
    execute(database, f"CREATE TABLE {table} (id INT PRIMARY KEY, `col%s ``x` INT, KEY `key %d` (`col%s ``x`))")
    execute(database, f"INSERT INTO {table} VALUES (1, 1), (2, 2), (3, 3)")
    running = driver.start(driver.postponed(name, "ADD COLUMN `new ``%s é` INT NOT NULL DEFAULT 7"))
    running.until_postponed()
    execute(database, f"UPDATE {table} SET `col%s ``x` = 9 WHERE id = 2")
    execute(database, f"DELETE FROM {table} WHERE id = 1")
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    assert database.query(f"SELECT * FROM {table} ORDER BY id".replace("%", "%%"), ()) == [(2, 9, 7), (3, 3, 7)]
    old = old_table(database, name)
    assert set(tables(database)) == {name, old}
    assert old.encode() > name.encode()


def execute(database: Database, statement: str) -> None:
    """A statement with per cent signs in its names."""
    database.execute(statement)


def test_two_long_names_with_the_same_beginning_do_not_meet(database: Database, driver: Driver) -> None:
    names = [LONG[:-1] + "1", LONG[:-1] + "2"]
    for name in names:
        database.execute(f"CREATE TABLE {name} (id INT PRIMARY KEY)")
        database.execute(f"INSERT INTO {name} VALUES (1), (2)")
    both = [driver.start(driver.postponed(name)) for name in names]
    for running in both:
        running.until_postponed()
    driver.flag_file.unlink()
    assert [running.ending().exit_code for running in both] == [0, 0]
    assert [database.query(f"SELECT * FROM {name}") for name in names] == [[(1, 7), (2, 7)]] * 2


def test_a_database_of_a_strange_name_is_no_hindrance(database: Database, driver: Driver) -> None:
    schema = "größe `x` %s"
    database.execute(f"CREATE DATABASE {quote(schema)}")
    try:
        database.execute(f"CREATE TABLE {quote(schema)}.t (id INT PRIMARY KEY)")
        database.execute(f"INSERT INTO {quote(schema)}.t VALUES (1)")
        settings = driver.settings()
        object.__setattr__(settings, "schema", schema)
        assert driver.run(settings).exit_code == 0
        assert database.query(f"SELECT * FROM {quote(schema)}.t") == [(1, 7)]
    finally:
        database.execute(f"DROP DATABASE {quote(schema)}")


# --- Rows that do not fit ---------------------------------------------------------------------------------------------

NARROW = "MODIFY v VARCHAR(5) NOT NULL, ADD COLUMN added INT"


def with_values(database: Database, *values: object) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), n BIGINT NOT NULL DEFAULT 0)")
    for number, value in enumerate(values, start=1):
        database.execute("INSERT INTO t (id, v) VALUES (%s, %s)", (number, value))


def test_a_retry_while_the_row_still_does_not_fit_fails_again_and_abort_removes_everything(
    database: Database, driver: Driver
) -> None:
    with_values(database, "fits")
    before = tables(database)
    late = once_copied(lambda: carry_out(database, ["INSERT INTO t (id, v) VALUES (2, 'too long')"]))
    first = driver.run(driver.postponed(alter=NARROW), publish=late)
    again = driver.resume(first.snapshot.id, "retry")
    assert (again.phase, again.exit_code) == (Phase.FAILED, MismatchError.exit_code)
    aborted = driver.resume(first.snapshot.id, "abort")
    assert aborted.phase is Phase.ABORTED
    assert tables(database) == before
    assert database.query("SELECT v FROM t") == [("fits",), ("too long",)]
    assert driver.record(first.snapshot.id).is_finished


@pytest.mark.parametrize(
    "change", ["UPDATE t SET v = 'much too long' WHERE id = 1", "INSERT INTO t (id, v) VALUES (9, NULL)"]
)
def test_a_change_that_does_not_fit_fails_the_migration_until_it_is_mended(
    database: Database, driver: Driver, change: str
) -> None:
    with_values(database, "1", "2")
    ending = driver.run(driver.postponed(alter=NARROW), publish=once_copied(lambda: carry_out(database, [change])))
    assert (ending.phase, ending.exit_code) == (Phase.FAILED, MismatchError.exit_code)
    assert "does not fit" in ending.snapshot.reason
    assert any("--retry" in line for line in ending.report)
    database.execute("DELETE FROM t WHERE v IS NULL")
    database.execute("UPDATE t SET v = 'ok' WHERE v = 'much too long'")
    driver.flag_file.unlink()
    done = driver.resume(ending.snapshot.id, "retry")
    assert (done.phase, done.exit_code) == (Phase.DONE, 0)
    wanted = ["id", "v", "n"]
    assert contents(database, "t", wanted) == contents(database, old_table(database, "t"), wanted)


def test_a_change_that_does_not_fit_is_found_also_beside_a_row_that_is_locked(
    database: Database, driver: Driver
) -> None:
    """The batch is split because of the locked row; its other half must fail the migration all the same."""
    with_values(database, "a", "b", "c", "d")
    running = driver.start(driver.postponed(alter=NARROW))
    running.until_postponed()
    holder = database.connect(autocommit=False)
    with holder.cursor() as cursor:
        cursor.execute("UPDATE t SET v = 'held' WHERE id = 1")
        other = database.connect(autocommit=False)
        with other.cursor() as writing:
            writing.execute("UPDATE t SET n = 1 WHERE id IN (2, 3)")
            writing.execute("UPDATE t SET v = 'does not fit' WHERE id = 4")
        # Row 1 is named by an event as well, and locked again before it can be refreshed.
        holder.commit()
        cursor.execute("SELECT * FROM t WHERE id = 1 FOR UPDATE")
        other.commit()
        ending = running.ending()
    holder.rollback()
    assert (ending.phase, ending.exit_code) == (Phase.FAILED, MismatchError.exit_code)
    assert "does not fit" in ending.snapshot.reason


def test_a_key_that_is_held_by_two_rows_of_the_new_definition_is_never_resolved_silently(
    database: Database, driver: Driver
) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, code VARCHAR(9) NOT NULL, UNIQUE KEY code (code))")
    database.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    running = driver.start(driver.postponed(alter=ADD_COLUMN, copy=CopySettings(chunk_size=1)))
    running.until_postponed()
    with database.connect(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE t SET code = 'x' WHERE id = 1")
        cursor.execute("UPDATE t SET code = 'a' WHERE id = 2")
        cursor.execute("UPDATE t SET code = 'b' WHERE id = 1")
        connection.commit()
    with pytest.raises(pymysql.err.IntegrityError):
        database.execute("UPDATE t SET code = 'c' WHERE id = 1")
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    assert database.query("SELECT id, code FROM t ORDER BY id") == [(1, "b"), (2, "a"), (3, "c")]
