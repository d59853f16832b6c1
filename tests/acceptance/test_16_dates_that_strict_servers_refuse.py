"""Scenario 16, zero-date-yr0-negtime: values that a strict server holds and would not take again arrive as they are.

'0000-00-00', '2015-00-21', YEAR 0, '-838:59:59.999999' (as far as a server stores it) and '-00:00:01.25' as plain
columns, under a strict global sql_mode; brought over by the copy and by the change stream. The new table holds the same
bytes, and what a native ALTER makes of them where their types change.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fsm_ghost.model.phase import Phase
from tests.integration.driving import ADD_COLUMN, Driver, contents, old_table
from tests.servers import Database

STRICT = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO"
COLUMNS = (
    "id INT PRIMARY KEY, day DATE NOT NULL DEFAULT '0000-00-00', at DATETIME(6) NOT NULL DEFAULT '0000-00-00',"
    " moment TIMESTAMP(3) NOT NULL DEFAULT '0000-00-00', year YEAR, span TIME(6), short TIME(2)"
)
VALUES = (
    ("0000-00-00", "0000-00-00 00:00:00", "0000-00-00 00:00:00", "0000", "-838:59:59.999999", "-00:00:01.25"),
    ("2015-00-21", "2015-00-21 12:34:56.654321", "1970-01-01 00:00:01", "1901", "-00:00:01.25", "-00:00:00.01"),
    ("2015-02-31", "2015-06-31 23:59:59.999999", "2038-01-19 03:14:07.999", "2155", "-00:00:00.000001", "-838:59:59"),
    ("2015-06-00", "0000-00-01 00:00:00.000001", "2024-02-29 12:00:00.5", "00", "838:59:59.999999", "-12:00:00"),
    ("0000-01-00", "9999-12-31 23:59:59.999999", "0000-00-00 00:00:00", None, None, None),
)
SHOWN = {  # the parts of them that both servers store as they are given
    ("day", "0000-00-00"),
    ("day", "2015-00-21"),
    ("day", "2015-02-31"),
    ("at", "0000-00-00 00:00:00.000000"),
    ("at", "2015-00-21 12:34:56.654321"),
    ("moment", "0000-00-00 00:00:00.000"),
    ("year", "0000"),
    ("span", "-00:00:01.250000"),
    ("span", "-00:00:00.000001"),
    ("short", "-00:00:01.25"),
    ("short", "-838:59:59.00"),
}
CONVERTING = "MODIFY day DATETIME(2) NULL, MODIFY at DATETIME(6) NULL, MODIFY year SMALLINT, MODIFY short TIME(6)"


@pytest.fixture
def strict(database: Database) -> Iterator[Database]:
    """A database on a server that takes no such values any more; only this connection may write them."""
    mode = database.query("SELECT @@GLOBAL.sql_mode")[0][0]
    database.execute("SET GLOBAL sql_mode = %s", (STRICT,))
    database.execute("SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'")
    yield database
    database.execute("SET GLOBAL sql_mode = %s", (mode,))


@pytest.mark.parametrize("way", ["copied", "inserted", "updated"])
@pytest.mark.parametrize("alter", [ADD_COLUMN, CONVERTING], ids=["as they are", "converted"])
def test_values_that_the_server_would_not_take_again_arrive_as_they_are(
    strict: Database, driver: Driver, alter: str, way: str
) -> None:
    strict.execute(f"CREATE TABLE t ({COLUMNS})")
    if way == "copied":
        write(strict)
    elif way == "updated":
        strict.execute("INSERT INTO t (id, day, at) VALUES (1, '2024-01-01', NOW()), (3, '2024-01-01', NOW())")
    running = driver.start(driver.postponed(alter=alter))
    running.until_postponed()
    if way != "copied":
        write(strict)
        running.until(lambda seen: seen.progress.changes >= len(VALUES))
    strict.execute("CREATE TABLE native LIKE t")
    strict.execute("INSERT INTO native SELECT * FROM t")
    strict.execute(f"ALTER TABLE native {alter}")
    driver.flag_file.unlink()
    ending = running.ending()
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert shown(strict, old_table(strict, "t")) >= SHOWN
    assert contents(strict, "t") == contents(strict, "native")
    if alter == ADD_COLUMN:
        assert shown(strict, "t") == shown(strict, old_table(strict, "t"))


def write(database: Database) -> None:
    """Rows of these values, some of them in place of others."""
    for number, row in enumerate(VALUES):
        database.execute("REPLACE INTO t VALUES (%s, %s, %s, %s, %s, %s, %s)", (number, *row))


def shown(database: Database, name: str) -> set[tuple[str, str]]:
    """Every value of a table as a text."""
    columns = ("day", "at", "moment", "year", "span", "short")
    rows = database.query(f"SELECT {', '.join(f'CAST({column} AS CHAR)' for column in columns)} FROM `{name}`")
    return {(column, value) for row in rows for column, value in zip(columns, row, strict=True)}
