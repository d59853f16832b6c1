"""Scenario 36: generated keys, invisible columns, versions, sequences, compression. Exactly migrated, or refused."""

from __future__ import annotations

import pytest

from fsm_ghost.errors import RefusedError
from fsm_ghost.model.phase import Phase
from tests.integration.driving import Driver, contents, tables, unchanged
from tests.servers import Database

INVISIBLE = (
    "CREATE TABLE t (id INT PRIMARY KEY, seen INT, hidden INT INVISIBLE, counted INT NOT NULL DEFAULT 3 INVISIBLE)",
    "INSERT INTO t (id, seen, hidden) VALUES (1, 1, 1), (2, 2, 2)",
)
GENERATED_KEY = (  # of MySQL's own making
    "SET sql_generate_invisible_primary_key = ON",
    "CREATE TABLE t (v INT)",
    "INSERT INTO t (my_row_id, v) VALUES (1, 1), (5, 2)",
)
OF_MARIADB = (
    "CREATE SEQUENCE numbers START WITH 10",
    """CREATE TABLE t (
        id INT PRIMARY KEY DEFAULT NEXT VALUE FOR numbers, v VARCHAR(500) COMPRESSED, w TEXT COMPRESSED,
        a DATE, b DATE, PERIOD FOR valid (a, b), half INT AS (id DIV 2) STORED, UNIQUE KEY (half, id)
    )""",
    "INSERT INTO t (v, w, a, b) VALUES (REPEAT('v', 400), REPEAT('w', 4000), '2026-01-01', '2026-02-01')",
    "INSERT INTO t (v, w, a, b) VALUES ('', NULL, '2026-01-01', '2027-01-01')",
)


def migrated_under_changes(database: Database, driver: Driver, *changes: str) -> None:
    """The table is as a native ALTER would make it, rows that were changed meanwhile included."""
    hold = driver.start(driver.postponed(alter="ADD COLUMN added INT NOT NULL DEFAULT 7"))
    hold.until_postponed()
    for change in changes:
        database.execute(change)
    database.execute("CREATE TABLE twin LIKE t")
    wanted = ", ".join(_stored(database))
    database.execute("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
    database.execute(f"INSERT INTO twin ({wanted}) SELECT {wanted} FROM t")
    database.execute("ALTER TABLE twin ADD COLUMN added INT NOT NULL DEFAULT 7")
    driver.flag_file.unlink()
    assert hold.ending().exit_code == 0
    assert contents(database, "t") == contents(database, "twin")
    assert tables(database)["t"] == tables(database)["twin"].replace("TABLE `twin`", "TABLE `t`")


def _stored(database: Database) -> list[str]:
    """The columns that have values of their own, hidden ones too."""
    return [
        str(name)
        for (name,) in database.query(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = 't'"
            " AND EXTRA NOT LIKE '%% GENERATED' ORDER BY ORDINAL_POSITION",
            (database.name,),
        )
    ]


def test_invisible_columns_are_migrated_with_what_they_hold(database: Database, driver: Driver) -> None:
    for statement in INVISIBLE:
        database.execute(statement)
    migrated_under_changes(
        database,
        driver,
        "UPDATE t SET hidden = 5 WHERE id = 2",
        "INSERT INTO t (id, seen, hidden, counted) VALUES (3, 3, 3, 9)",
    )
    assert database.query("SELECT id, seen, hidden, counted FROM t") == [(1, 1, 1, 3), (2, 2, 5, 3), (3, 3, 3, 9)]


@pytest.mark.mysql_only
def test_a_generated_invisible_key_is_what_rows_are_found_by(database: Database, driver: Driver) -> None:
    for statement in GENERATED_KEY:
        database.execute(statement)
    migrated_under_changes(
        database,
        driver,
        "UPDATE t SET v = 3 WHERE my_row_id = 5",
        "INSERT INTO t VALUES (4)",
        "DELETE FROM t WHERE v = 1",
    )
    assert database.query("SELECT my_row_id, v FROM t") == [(5, 3), (6, 4)]


@pytest.mark.mariadb_only
def test_sequences_periods_and_compressed_columns_are_migrated(database: Database, driver: Driver) -> None:
    for statement in OF_MARIADB:
        database.execute(statement)
    migrated_under_changes(
        database,
        driver,
        "UPDATE t SET v = REPEAT('x', 300) WHERE id = 11",
        "INSERT INTO t (v, a, b) VALUES ('new', '2026-01-01', '2026-03-01')",
        "DELETE FROM t FOR PORTION OF valid FROM '2026-02-01' TO '2026-03-01' WHERE v = 'new'",
    )
    assert database.query("SELECT id, a FROM t WHERE v = 'new'")[0][0] == 12, "the copy has drawn no number"


@pytest.mark.mariadb_only
@pytest.mark.parametrize(
    "definition, reason",
    [
        ("id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING", "t is a system versioned"),
        ("id INT PRIMARY KEY, v INT WITH SYSTEM VERSIONING)", "t is a system versioned"),
        ("id INT, a DATE, b DATE, PERIOD FOR p (a, b), PRIMARY KEY (id, p WITHOUT OVERLAPS))", "WITHOUT OVERLAPS"),
        ("id INT PRIMARY KEY, v TEXT, w VARCHAR(4000), UNIQUE KEY (v), UNIQUE KEY (w))", "hidden columns\n  v\n  w\n"),
        ("id INT AS (7) STORED, UNIQUE KEY (id))", "no usable key"),
    ],
)
def test_what_cannot_be_migrated_exactly_is_refused(
    database: Database, driver: Driver, definition: str, reason: str
) -> None:
    database.execute(f"CREATE TABLE t ({definition}")
    with unchanged(database):
        ending = driver.run(driver.settings())
    assert (ending.phase, ending.exit_code) == (Phase.FAILED, RefusedError.exit_code)
    assert reason in ending.snapshot.reason


@pytest.mark.mariadb_only
@pytest.mark.parametrize(
    "alter, reason",
    [("ADD SYSTEM VERSIONING", "system versioned"), ("ADD UNIQUE KEY (v, p WITHOUT OVERLAPS)", "WITHOUT OVERLAPS")],
)
def test_an_alter_to_what_cannot_be_migrated_is_refused(
    database: Database, driver: Driver, alter: str, reason: str
) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, v INT, a DATE, b DATE, PERIOD FOR p (a, b))")
    with unchanged(database):
        ending = driver.run(driver.settings(alter=alter))
    assert (ending.phase, ending.exit_code) == (Phase.ABORTED, RefusedError.exit_code)
    assert reason in ending.snapshot.reason
