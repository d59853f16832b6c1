"""Scenario 10: the binlog is compressed, by single clients or by the whole server.

MySQL compresses whole transactions (binlog_transaction_compression, of a session or of all), MariaDB single events
(log_bin_compress). Rows are inserted, updated, moved and deleted all the time: old and new table are equal in the end.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest

from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.private import Flavour
from tests.integration.dml import Key, Scribblers
from tests.integration.driving import Driver, contents, old_table, tables
from tests.servers import Database

ROWS, SPAN = 1000, 1500
COMPRESSED = {
    "mysql": ({"binlog_transaction_compression": "ON"}, "Transaction_payload"),
    "mariadb": ({"log_bin_compress": "ON", "log_bin_compress_min_len": "10"}, "Update_rows_compressed_v1"),
}


@pytest.mark.parametrize("whose", [pytest.param("of the clients", marks=pytest.mark.mysql_only), "of the server"])
def test_rows_that_are_logged_compressed_are_followed_exactly(
    database: Database, driver: Driver, flavour: Flavour, whose: str
) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL, v VARCHAR(9000)) CHARACTER SET utf8mb4")
    rows = ", ".join(f"({number}, 0, REPEAT('old', 300))" for number in range(ROWS))
    database.execute(f"INSERT INTO t VALUES {rows}")
    settings, event = COMPRESSED[flavour]
    begins = end_of_binlog(database)
    with ExitStack() as compressing:
        compressing.enter_context(globally(database, settings))
        client = database.connect(autocommit=False)
        scribblers = Scribblers(database, "t", ["id"], any_key)
        if whose == "of the clients":  # of these, who have connected by now
            compressing.close()
        running = driver.start(driver.postponed(), hold=lambda seen: seen.progress.rows >= 200)
        running.until_held()
        with client.cursor() as cursor:
            for statement in (
                "UPDATE t SET v = REPEAT('new', 3000) WHERE id < 500",
                "DELETE FROM t WHERE id BETWEEN 490 AND 510",
                f"INSERT INTO t SELECT id + {SPAN}, n, v FROM t WHERE id % 10 = 0",
                f"UPDATE t SET id = id + {2 * SPAN} WHERE id % 10 = 1",
            ):
                cursor.execute(statement)
            client.commit()
        scribblers.start()
        compressing.callback(scribblers.stop)
        running.go()
        running.until_postponed()
        scribblers.write_on(200)
        scribblers.stop()
        driver.flag_file.unlink()
        ending = running.ending()
    old = old_table(database, "t")
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert contents(database, "t", ["id", "n", "v"]) == contents(database, old)
    assert database.query(f"SELECT COUNT(*) > 0 FROM t WHERE id >= {2 * SPAN} AND v LIKE 'newnew%%'") == [(1,)]
    assert ending.snapshot.progress.changes > 1000
    assert tables(database).keys() == {"t", old}
    assert event in events_since(database, begins)


def any_key(choice: random.Random) -> Key:
    return (str(choice.randrange(SPAN)),)


@contextmanager
def globally(database: Database, settings: Mapping[str, str]) -> Iterator[None]:
    """Global variables have other values for a while."""
    before = {name: database.query(f"SELECT @@GLOBAL.{name}")[0][0] for name in settings}
    database.server.execute(*(f"SET GLOBAL {name} = {value}" for name, value in settings.items()))
    try:
        yield
    finally:
        database.server.execute(*(f"SET GLOBAL {name} = {value}" for name, value in before.items()))


def end_of_binlog(database: Database) -> tuple[str, int]:
    file, size, *_ = database.query("SHOW BINARY LOGS")[-1]
    return str(file), int(size)


def events_since(database: Database, begins: tuple[str, int]) -> set[str]:
    """What kinds of events the server has logged since then."""
    return {str(event[2]) for event in database.query(f"SHOW BINLOG EVENTS IN '{begins[0]}' FROM {begins[1]}")}
