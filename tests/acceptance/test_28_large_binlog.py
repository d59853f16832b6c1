"""Scenario 28, binlog-4GiB-and-999999: the binlog's files get a seventh digit, and it holds what is large.

While a migration follows it, and while it is stopped, file 999999 is followed by 1000000. A transaction of many rows,
compressed or not, and rows of 40 MB come through a whole migration. A dump cannot begin beyond 4 GiB of a file: that
such a run is stopped with what to do is tests/integration/test_key_stream.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymysql.cursors import Cursor

from fsm_ghost.model.phase import Phase
from tests.integration.driving import Driver, old_table
from tests.servers import Database

LAST = 999_999
DOUBLED = 15  # times: the large transaction inserts 32,768 rows, and changes many of them again
LARGE = 40 << 20  # bytes


def reset(database: Database, to: int) -> None:
    """Begin the binlog anew with the file of this number."""
    how = "RESET MASTER" if database.server.flavour == "mariadb" else "RESET BINARY LOGS AND GTIDS"
    database.server.execute(f"{how} TO {to}")


@pytest.fixture
def plain(database: Database) -> Iterator[Database]:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT)")
    database.execute("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
    reset(database, LAST)
    yield database
    reset(database, 1)


def test_a_file_number_of_seven_digits_is_followed_and_resumed_from(plain: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    assert file_of(driver, running.id).endswith(f".{LAST}")
    plain.execute("UPDATE t SET n = 9 WHERE id = 1")
    plain.execute("FLUSH BINARY LOGS")
    plain.execute("UPDATE t SET n = 8 WHERE id = 2")
    running.until(lambda _: file_of(driver, running.id).endswith(f".{LAST + 1}"))
    running.end()
    plain.execute("UPDATE t SET n = 7 WHERE id = 3")
    driver.flag_file.unlink()
    assert driver.resume(running.id).phase is Phase.DONE
    assert plain.query("SELECT id, n FROM t ORDER BY id") == [(1, 9), (2, 8), (3, 7)]


def test_a_run_that_was_stopped_before_it_is_resumed_after_the_seventh_digit(plain: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    running.end()
    assert file_of(driver, running.id).endswith(f".{LAST}")
    plain.execute("UPDATE t SET n = 9 WHERE id = 1")
    plain.execute("FLUSH BINARY LOGS")
    plain.execute("DELETE FROM t WHERE id = 2")
    driver.flag_file.unlink()
    assert driver.resume(running.id).phase is Phase.DONE
    assert plain.query("SELECT id, n FROM t ORDER BY id") == [(1, 9), (3, 3)]


def file_of(driver: Driver, number: str) -> str:
    """The binlog file of the stored coordinates."""
    safe = driver.record(number).progress.safe
    return safe.file if safe else ""


# --- What is large ----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["plain", "compressed"])
def writer(database: Database, request: pytest.FixtureRequest) -> Iterator[Cursor]:
    """Somebody whose transactions stand in the binlog as they are, or compressed."""
    on_mysql = database.server.flavour == "mysql"
    where, name = ("SESSION", "binlog_transaction_compression") if on_mysql else ("GLOBAL", "log_bin_compress")
    with database.connect().cursor() as cursor:
        cursor.execute(f"SET {where} {name} = {'ON' if request.param == 'compressed' else 'OFF'}")
        yield cursor
        cursor.execute(f"SET {where} {name} = OFF")


def test_a_transaction_of_many_rows_is_followed(database: Database, driver: Driver, writer: Cursor) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL, pad CHAR(200) CHARACTER SET ascii NOT NULL)")
    database.execute("INSERT INTO t VALUES (-2, 0, 'old'), (-1, 0, 'old'), (0, 0, 'old')")
    running = driver.start(driver.postponed())
    running.until_postponed()
    writer.execute("START TRANSACTION")
    writer.execute("INSERT INTO t VALUES (1, 0, REPEAT('p', 200))")
    for power in range(DOUBLED):
        writer.execute(f"INSERT INTO t SELECT id + {2**power}, n, pad FROM t WHERE id > 0")
    writer.execute("UPDATE t SET n = 1, pad = id WHERE id % 3 = 0")
    writer.execute("DELETE FROM t WHERE id % 5 = 4 OR id = -1")
    writer.execute("COMMIT")
    running.until(lambda seen: seen.progress.refreshed >= 2**DOUBLED and seen.readings.backlog == 0)
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    digest = "SELECT COUNT(*), SUM(n), SUM(CRC32(CONCAT_WS(',', id, n, pad))) FROM `{}`"
    found = database.query(digest.format("t"))
    assert found == database.query(digest.format(old_table(database, "t")))
    assert found[0][0] == 2 + 2**DOUBLED - len(range(4, 2**DOUBLED + 1, 5))


def test_rows_of_forty_megabytes_are_copied_and_followed(database: Database, driver: Driver) -> None:
    database.execute("SET GLOBAL max_allowed_packet = 1073741824")  # for connections to come
    with database.connect().cursor() as cursor:
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY, b LONGBLOB)")
        cursor.execute(f"INSERT INTO t VALUES (1, REPEAT('a', {LARGE})), (2, 'small')")
        running = driver.start(driver.postponed())
        running.until_postponed()
        cursor.execute(f"UPDATE t SET b = REPEAT('b', {LARGE}) WHERE id = 2")
        running.until(lambda seen: seen.progress.refreshed >= 1)
        driver.flag_file.unlink()
        assert running.ending().exit_code == 0
    rows = "SELECT id, LENGTH(b), CRC32(b), LEFT(b, 1) FROM `{}` ORDER BY id"
    found = database.query(rows.format("t"))
    assert found == database.query(rows.format(old_table(database, "t")))
    assert [(number, length, first) for number, length, _, first in found] == [(1, LARGE, b"a"), (2, LARGE, b"b")]
