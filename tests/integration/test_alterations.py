"""What an ALTER makes of a table and of its rows: the same as a native ALTER TABLE on a copy of the data."""

from __future__ import annotations

from dataclasses import dataclass

import pymysql
import pytest

from fsm_ghost.errors import MismatchError
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.quoting import quote
from fsm_ghost.settings import CopySettings
from tests.integration.driving import ADD_COLUMN, Driver, contents, old_table, quoted, tables
from tests.servers import Database

PEOPLE = (
    "id INT AUTO_INCREMENT PRIMARY KEY, a INT NOT NULL, b INT, name VARCHAR(20) CHARACTER SET latin1 NOT NULL,"
    " note TEXT, kind ENUM('new', 'paid', '') NOT NULL, flags SET('x', 'y', 'z'), price DECIMAL(8, 2), at DATETIME(6),"
    " ts TIMESTAMP(3) NULL, raw VARBINARY(10), d DOUBLE, j JSON, day DATE, t TIME(2), KEY by_name (name), KEY ab (a, b)"
)


@dataclass(frozen=True, slots=True)
class Case:
    """An ALTER, on a table of this definition (PEOPLE when empty)."""

    alter: str
    definition: str = ""


CASES = {
    "CHANGE renames": Case("CHANGE a alpha INT NOT NULL"),
    "RENAME COLUMN": Case("RENAME COLUMN a TO alpha, RENAME COLUMN note TO `remark with space`"),
    "two names are swapped": Case("RENAME COLUMN a TO b, RENAME COLUMN b TO a"),
    "two names are swapped by CHANGE": Case("CHANGE a b INT, CHANGE b a INT"),
    "three names go round": Case("CHANGE a b INT, CHANGE b d DOUBLE, CHANGE d a DOUBLE"),
    "renamed, and the old name added": Case("CHANGE a alpha INT NOT NULL, ADD COLUMN a INT NOT NULL DEFAULT 77"),
    "renamed in another case": Case("CHANGE a A INT NOT NULL, RENAME COLUMN note TO NOTE"),
    "the key is renamed": Case("CHANGE id number INT AUTO_INCREMENT"),
    "reordered": Case("MODIFY name VARCHAR(20) CHARACTER SET latin1 NOT NULL FIRST, MODIFY b INT AFTER d"),
    "dropped": Case("DROP COLUMN b, DROP note, DROP KEY by_name"),
    "dropped and added again": Case("DROP COLUMN b, ADD COLUMN b INT DEFAULT 5"),
    "added in every way": Case(
        "ADD COLUMN c1 INT, ADD c2 INT NOT NULL, ADD COLUMN (c3 DECIMAL(5, 2) NOT NULL DEFAULT 1.5, c4 VARCHAR(5)"
        " DEFAULT 'a,b'), ADD COLUMN c5 INT DEFAULT 3 FIRST, ADD c6 ENUM('p,q', 'r') NOT NULL AFTER a, ADD c7 BLOB"
    ),
    "generated columns are added": Case(
        "ADD COLUMN total INT GENERATED ALWAYS AS (a + b) VIRTUAL, ADD kept INT AS (a * 2) STORED, ADD KEY kept (kept)"
    ),
    "generated columns stay": Case(
        "ADD COLUMN added INT",
        "id INT PRIMARY KEY, a INT NOT NULL, b INT AS (a + 1) VIRTUAL, c INT AS (a + 2) STORED, name VARCHAR(20),"
        " KEY c (c)",
    ),
    "INT to BIGINT": Case("MODIFY a BIGINT NOT NULL, MODIFY b BIGINT"),
    "wider": Case("MODIFY name VARCHAR(300) CHARACTER SET latin1 NOT NULL, MODIFY price DECIMAL(20, 5)"),
    "latin1 to utf8mb4": Case("MODIFY name VARCHAR(20) CHARACTER SET utf8mb4 NOT NULL"),
    "everything to utf8mb4": Case("CONVERT TO CHARACTER SET utf8mb4"),
    "another collation": Case("MODIFY name VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL"),
    "NULL becomes possible": Case("MODIFY a INT NULL, MODIFY name VARCHAR(20) CHARACTER SET latin1 NULL"),
    "a label is appended": Case("MODIFY kind ENUM('new', 'paid', '', 'void') NOT NULL"),
    "labels change places": Case("MODIFY kind ENUM('', 'paid', 'new') NOT NULL"),
    "labels of a set change places": Case("MODIFY flags SET('z', 'y', 'x')"),
    "labels become text": Case("MODIFY kind VARCHAR(10) NOT NULL, MODIFY flags VARCHAR(20)"),
    "text becomes longer": Case("MODIFY note LONGTEXT, MODIFY raw BLOB"),
    "a date becomes a time": Case("MODIFY day DATETIME, MODIFY at DATETIME(6) NULL DEFAULT '2001-01-01'"),
    "TIMESTAMP becomes DATETIME": Case("MODIFY ts DATETIME(3)"),
    "numbers become text": Case("MODIFY a VARCHAR(20) NOT NULL, MODIFY price VARCHAR(20)"),
    "indexes": Case("ADD INDEX (price), DROP KEY ab, ADD KEY note (note(5)), ADD FULLTEXT KEY words (note)"),
    "an index gets another name": Case("RENAME INDEX ab TO ba"),
    "options of the table": Case("COMMENT = 'people, and their `things`; 100 %', ROW_FORMAT = DYNAMIC"),
    "partitions": Case("PARTITION BY HASH (id) PARTITIONS 3"),
    "rebuilt": Case("ENGINE = InnoDB"),
    "a whole statement": Case("ALTER TABLE t /* why not */ ADD COLUMN x INT -- at the end"),
    "a new primary key beside the old one as unique": Case(
        "DROP PRIMARY KEY, ADD PRIMARY KEY (a, id), ADD UNIQUE KEY id (id)"
    ),
    "a default that is computed": Case("ADD COLUMN c VARCHAR(40) DEFAULT (CONCAT('x', 1 + 1))"),
}
START = [
    (1, 10, 100, "é", "früh", "new", "x,z", "1.10", "2024-02-29 12:00:00.123456", "2024-03-01 00:00:00.5", b"\0a\0"),
    (2, -5, None, "", "", "", "", "-999999.99", "1000-01-01 00:00:00", None, b""),
    (3, 1073741823, -1073741823, "ÿ€x", None, "paid", None, None, None, "2038-01-19 03:14:07.999", None),
    (7, 0, 0, "%s `q` 'x'", "😀 % \\ \" ' \0 \n", "new", "y", "0.00", "9999-12-31 23:59:59.999999", None, b"%"),
]
EARLY = "INSERT INTO {} (id, a, b, name, note, kind, flags, price, at, ts, raw) VALUES ({})"
VALUES = ", ".join(["%s"] * 11)
CHANGES = (
    "INSERT INTO {} (id, a, name{more}) VALUES (50, 5, 'late é'{values}), (51, -6, ''{values})",
    "UPDATE {} SET a = a - 1, name = CONCAT('ü', LEFT(name, 5)) WHERE id IN (1, 3)",
    "UPDATE {} SET id = 60 WHERE id = 2",
    "DELETE FROM {} WHERE id = 7",
)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_the_table_becomes_what_a_native_alter_makes_of_a_copy(database: Database, driver: Driver, case: Case) -> None:
    for name in ("t", "model"):
        fill(database, name, case.definition)
    before = contents(database, "t")
    running = driver.start(driver.postponed(alter=case.alter))
    running.until_postponed()
    for name in ("t", "model"):
        change(database, name, full=not case.definition)
    native = case.alter.replace("ALTER TABLE t ", "")
    database.execute(f"ALTER TABLE model {native}")
    driver.flag_file.unlink()
    ending = running.ending()
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert contents(database, "t") == contents(database, "model")
    found = tables(database)
    assert found["t"].replace("`t`", "", 1) == found["model"].replace("`model`", "", 1)
    assert contents(database, "t") != before
    assert found.keys() == {"t", "model", old_table(database, "t")}


def fill(database: Database, name: str, definition: str) -> None:
    """A table with rows for the copy."""
    database.execute(f"CREATE TABLE {name} ({definition or PEOPLE}) CHARACTER SET utf8mb4")
    if definition:
        database.execute(f"INSERT INTO {name} (id, a, name) VALUES (1, 10, 'x'), (2, 20, ''), (3, 30, 'y'), (7, 0, '')")
        return
    for row in START:
        database.execute(EARLY.format(name, VALUES), row)
    database.execute(
        f"UPDATE {name} SET d = 0.1 + id, j = '{{\"a\": [1.0, 1e25, \"ä\"]}}', day = '2024-02-29', t = '-838:59:59'"
    )


def change(database: Database, name: str, *, full: bool) -> None:
    """Changes for the stream."""
    more, values = (", kind, note, ts", ", 'paid', 'spät', '2024-07-01 10:00:00'") if full else ("", "")
    for statement in CHANGES:
        database.execute(statement.format(name, more=more, values=values))


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


@pytest.mark.parametrize("value", ["too long", "blank ", None])
def test_a_row_that_does_not_fit_fails_the_migration_until_it_is_mended(
    database: Database, driver: Driver, value: str | None
) -> None:
    with_values(database, "fits", value, "fine")
    before = tables(database)["t"]
    ending = driver.run(driver.settings(alter=NARROW))
    assert (ending.phase, ending.exit_code) == (Phase.FAILED, MismatchError.exit_code)
    assert "does not fit" in ending.snapshot.reason
    assert any("--retry" in line for line in ending.report)
    assert tables(database)["t"] == before
    database.execute("UPDATE t SET v = 'short' WHERE id = 2")
    ending = driver.resume(ending.snapshot.id, "retry")
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert database.query("SELECT id, v, added FROM t") == [(1, "fits", None), (2, "short", None), (3, "fine", None)]
    assert tables(database).keys() == {"t", old_table(database, "t")}


def test_a_retry_while_the_row_still_does_not_fit_fails_again_and_abort_removes_everything(
    database: Database, driver: Driver
) -> None:
    with_values(database, "fits", "too long")
    before = tables(database)
    first = driver.run(driver.settings(alter=NARROW))
    again = driver.resume(first.snapshot.id, "retry")
    assert (again.phase, again.exit_code) == (Phase.FAILED, MismatchError.exit_code)
    aborted = driver.resume(first.snapshot.id, "abort")
    assert aborted.phase is Phase.ABORTED
    assert tables(database) == before
    assert database.query("SELECT v FROM t") == [("fits",), ("too long",)]
    assert driver.record(first.snapshot.id).is_finished


@pytest.mark.parametrize(
    "alter, change",
    [
        (NARROW, "UPDATE t SET v = 'much too long' WHERE id = 1"),
        (NARROW, "INSERT INTO t (id, v) VALUES (9, NULL)"),
        ("MODIFY n INT NOT NULL", "UPDATE t SET n = 3000000000 WHERE id = 1"),
        ("MODIFY n BIGINT UNSIGNED NOT NULL", "UPDATE t SET n = -1 WHERE id = 1"),
        ("MODIFY v INT", "UPDATE t SET v = '12x' WHERE id = 1"),
        ("MODIFY v VARCHAR(20) CHARACTER SET latin1", "UPDATE t SET v = '😀' WHERE id = 1"),
        ("MODIFY v ENUM('1', '2')", "UPDATE t SET v = '3' WHERE id = 1"),
        ("MODIFY v DATE", "UPDATE t SET v = 'someday' WHERE id = 1"),
        ("ADD CONSTRAINT small CHECK (n < 10)", "UPDATE t SET n = 11 WHERE id = 1"),
    ],
)
def test_a_change_that_does_not_fit_fails_the_migration_until_it_is_mended(
    database: Database, driver: Driver, alter: str, change: str
) -> None:
    with_values(database, None if "DATE" in alter else "1", "2" if "DATE" not in alter else "2024-01-01")
    if "NOT NULL" not in alter:
        database.execute("INSERT INTO t (id) VALUES (3)")
    running = driver.start(driver.postponed(alter=alter))
    running.until_postponed()
    database.execute(change)
    ending = running.ending()
    assert (ending.phase, ending.exit_code) == (Phase.FAILED, MismatchError.exit_code)
    assert "does not fit" in ending.snapshot.reason
    database.execute(
        "UPDATE t SET v = NULL, n = 1 WHERE id = 1" if alter != NARROW else "DELETE FROM t WHERE v IS NULL"
    )
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
