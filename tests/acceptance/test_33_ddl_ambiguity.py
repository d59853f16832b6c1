"""Scenario 33: the connection is lost around a statement that makes, changes or drops a table of ours.

What became of it is never guessed: what was being made is made anew, what was being dropped is looked for. There are no
attempts to change the original itself (ALGORITHM=INSTANT) in this version, so the original is altered by nobody.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fsm_ghost.model.phase import Phase
from fsm_ghost.settings import CutOverSettings
from tests.acceptance.busy import PATIENT, through
from tests.crash.stage import until
from tests.integration.driving import ADD_COLUMN, Driver, Running, contents, old_table, tables
from tests.servers import Database
from tests.servers.proxy import How, Proxy

ROWS = [(number, number * 10) for number in (1, 2, 3, 5, 8)]
MIGRATED = [(*row, 7) for row in ROWS]
ALTER = r"^ALTER .* TABLE .*`t_gho` (ALGORITHM = \w+, )?(LOCK = NONE, )?ADD COLUMN"
MAKES_GHOST = r"^CREATE .* TABLE .*`t_gho` LIKE"
MAKES = {
    "the changelog": r"^CREATE .* TABLE .*`t_ghc`",
    "what it lists": r"^INSERT INTO .*`t_ghc`",
    "the marker": r"^CREATE .* TABLE .*`t_ghm`",
    "the ghost table": MAKES_GHOST,
    "its definition": ALTER,
    "its counter": r"^ALTER .* TABLE .*`t_gho` AUTO_INCREMENT",
    "the probe of the swap": r"^RENAME .* TABLE .*`t_ghm` TO",
}
DROPS = {"the marker": r"^DROP .*`t_gh[ms]`", "the changelog": r"^DROP .*`t_ghc`"}


@pytest.fixture
def network(database: Database, driver: Driver) -> Iterator[Proxy]:
    """What lies between migrations and their server."""
    with Proxy(database.server) as own:
        through(driver, own)
        yield own
        driver.close()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # a driver that could not connect has left its socket behind


@pytest.fixture
def plain(database: Database) -> Database:
    """A database with a table `t` whose counter is ahead of its rows."""
    database.execute("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL) AUTO_INCREMENT = 1000")
    database.execute(f"INSERT INTO t VALUES {', '.join(map(str, ROWS))}")
    return database


@contextmanager
def read_by_somebody(database: Database, name: str) -> Iterator[None]:
    """Inside, a transaction has read a table: a statement that changes or drops it waits."""
    connection = database.connect(autocommit=False)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM `{name}`")
    yield
    connection.rollback()
    connection.close()


def statements_logged(database: Database, since: tuple[str, int], beginning: str, end: str) -> int:
    """How many statements like this the server has carried out."""
    events = database.query(f"SHOW BINLOG EVENTS IN '{since[0]}' FROM {since[1]}")
    texts = [str(event[5]) for event in events if event[2] == "Query"]
    return sum(beginning in text and end in text for text in texts)


def binlog_end(database: Database) -> tuple[str, int]:
    shown = "SHOW MASTER STATUS" if database.server.flavour == "mariadb" else "SHOW BINARY LOG STATUS"
    row = database.query(shown)[0]
    return str(row[0]), int(row[1])


def assert_migrated(database: Database, running: Running) -> None:
    """It ends well; the rows are there with the new column; nothing is left but the old table as it was."""
    assert running.ending().exit_code == 0
    old = old_table(database, "t")
    assert tables(database).keys() == {"t", old}
    assert database.query("SELECT * FROM t ORDER BY id") == MIGRATED
    assert database.query(f"SELECT * FROM `{old}` ORDER BY id") == ROWS
    database.execute("INSERT INTO t (n) VALUES (0)")
    assert database.query("SELECT MAX(id) FROM t") == [(1000,)]


@pytest.mark.parametrize(
    "statement, how",
    [*((statement, How.LOSE_REPLY) for statement in MAKES.values()), (ALTER, How.LOSE_STATEMENT)],
    ids=[*MAKES.keys(), "its definition, which never arrives"],
)
def test_what_was_being_made_is_made_anew_and_the_original_is_not_touched(
    plain: Database, driver: Driver, network: Proxy, statement: str, how: How
) -> None:
    before = tables(plain)["t"]
    lost = network.lay(statement, how)
    running = driver.start(driver.settings(cut_over=CutOverSettings(PATIENT)), hold=Phase.COPY)
    running.until_held()
    assert lost.sprung
    shown = tables(plain)
    assert shown["t"] == before
    assert shown.keys() == {"t", "t_gho", "t_ghc", "t_ghm"}
    assert shown["t_gho"].count("`added`") == 3  # the column, and an index of the same name on it
    running.go()
    assert_migrated(plain, running)


def test_an_alter_that_waits_when_its_connection_breaks_is_not_carried_out_later(
    plain: Database, driver: Driver, network: Proxy
) -> None:
    """A server may go on with a statement whose client has died: the ghost table would change under its successor."""
    since = binlog_end(plain)
    reader = read_by_somebody(plain, "t_gho")
    lost = network.lay(ALTER, How.CUT, reader.__enter__)
    running = driver.start(driver.settings(cut_over=CutOverSettings(PATIENT)))
    lost.await_sprung()
    until(lambda: network.seen(r"^DROP .*`t_gho`"), "the ghost table to be dropped")
    reader.__exit__(None, None, None)
    assert_migrated(plain, running)
    assert len(network.seen(ALTER)) > 1
    assert statements_logged(plain, since, "ALTER", "ADD COLUMN") == 1


def test_a_definition_whose_answer_is_lost_under_the_lock_does_not_matter(
    plain: Database, driver: Driver, network: Proxy
) -> None:
    """The counter of the ghost table is set under the lock of the swap, if the original's has moved on."""
    running = driver.start(driver.postponed(alter=ADD_COLUMN))
    running.until_postponed()
    plain.execute("INSERT INTO t VALUES (1500, 0)")
    plain.execute("DELETE FROM t WHERE id = 1500")
    lost = network.lay(MAKES["its counter"], How.LOSE_REPLY)
    driver.flag_file.unlink()
    lost.await_sprung()
    assert running.ending().exit_code == 0
    plain.execute("INSERT INTO t (n) VALUES (0)")
    assert plain.query("SELECT * FROM t ORDER BY id") == [*MIGRATED, (1501, 0, 7)]


# --- Clearing up ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", [*DROPS.values(), r"^DROP .*_del`"], ids=[*DROPS.keys(), "the old table"])
def test_what_was_being_dropped_after_the_swap_is_dropped_once(
    plain: Database, driver: Driver, network: Proxy, statement: str
) -> None:
    cut_over = CutOverSettings(PATIENT, drop_old_table=True)
    running = driver.start(driver.settings(cut_over=cut_over), hold=Phase.CLEANUP)
    running.until_held()
    lost = network.lay(statement, How.LOSE_REPLY)
    running.go()
    assert running.ending().exit_code == 0
    assert lost.sprung
    assert tables(plain).keys() == {"t"}
    assert plain.query("SELECT * FROM t ORDER BY id") == MIGRATED


def test_a_drop_that_waits_when_its_connection_breaks_takes_nothing_else_with_it(
    plain: Database, driver: Driver, network: Proxy
) -> None:
    """Whoever takes the name of the old table once it is free keeps his."""
    since = binlog_end(plain)
    cut_over = CutOverSettings(PATIENT, drop_old_table=True)
    running = driver.start(driver.settings(cut_over=cut_over), hold=Phase.CLEANUP)
    running.until_held()
    old = old_table(plain, "t")
    drop = rf"^DROP .*`{old}`"
    lost = network.lay(drop, How.CUT)
    with read_by_somebody(plain, old):
        running.go()
        lost.await_sprung()
        until(lambda: len(network.seen(drop)) == 2, "the old table to be dropped once more")
    assert running.ending().exit_code == 0
    assert statements_logged(plain, since, "DROP", old) == (2 if plain.server.flavour == "mariadb" else 1)
    assert tables(plain).keys() == {"t"}


@pytest.mark.parametrize("statement", [r"^DROP .*`t_gho`", *DROPS.values()], ids=["the ghost table", *DROPS.keys()])
def test_what_was_being_dropped_by_an_abort_is_dropped_once_and_the_original_kept(
    plain: Database, driver: Driver, network: Proxy, statement: str
) -> None:
    before, rows = tables(plain), contents(plain, "t")
    running = driver.start(driver.postponed())
    running.until_postponed()
    lost = network.lay(statement, How.LOSE_REPLY)
    driver.order(running.id, "abort")
    assert running.ending().phase is Phase.ABORTED
    assert lost.sprung
    assert (tables(plain), contents(plain, "t")) == (before, rows)
