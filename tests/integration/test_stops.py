"""What stops a migration: never silently, with the original as somebody else left it, and free to be given up."""

from __future__ import annotations

import re

import pytest

from fsm_ghost.errors import AbortedError, MismatchError, ServerError, StoppedError, StreamError
from fsm_ghost.model.phase import Phase
from fsm_ghost.services.pace import Pace
from fsm_ghost.settings import CopySettings
from tests.integration.driving import ADD_COLUMN, IN_TURN, Driver, contents, tables
from tests.servers import Database


@pytest.fixture
def plain(database: Database) -> Database:
    """A database with a table `t` of some rows."""
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT)")
    database.execute("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3), (4, 4)")
    return database


REDEFINED = {
    "a column is added": "ALTER TABLE t ADD COLUMN x INT",
    "an index is added": "CREATE INDEX by_n ON t (n)",
    "it is truncated": "TRUNCATE TABLE t",
    "it is renamed": "RENAME TABLE t TO elsewhere",
    "it is renamed by ALTER": "ALTER TABLE t RENAME TO elsewhere",
    "it is dropped": "DROP TABLE t",
    "it is replaced": "CREATE TABLE new LIKE t; RENAME TABLE t TO elsewhere, new TO t",
    "it gets a trigger": "CREATE TRIGGER counting BEFORE INSERT ON t FOR EACH ROW SET NEW.n = 0",
    "a statement is logged as such": "SET SESSION binlog_format = 'STATEMENT'; UPDATE t SET n = n + 1",
    "rows are loaded as a statement": "SET SESSION binlog_format = 'STATEMENT'; INSERT INTO t SELECT id + 10, n FROM t",
}


@pytest.mark.parametrize("statements", REDEFINED.values(), ids=REDEFINED.keys())
@pytest.mark.parametrize("phase", [Phase.COPY, Phase.SYNC])
def test_a_migration_stops_when_its_original_is_changed_behind_its_back(
    plain: Database, driver: Driver, phase: Phase, statements: str
) -> None:
    if phase is Phase.COPY:
        running = driver.start(driver.settings(), hold=Phase.COPY)
        running.until_held()
    else:
        running = driver.start(driver.postponed())
        running.until_postponed()
    with plain.connect() as connection, connection.cursor() as cursor:
        for statement in statements.split("; "):
            cursor.execute(statement)
    shown = {name: text for name, text in tables(plain).items() if not name.startswith("t_gh")}
    rows = {name: contents(plain, name) for name in shown}
    driver.flag_file.unlink(missing_ok=True)
    running.go()
    with pytest.raises((StoppedError, StreamError, ServerError)) as stopped:
        running.ending()
    # Where the table is gone, row copy may be told so by the server before the stream has come to the reason.
    assert stopped.value.remedy or (phase is Phase.COPY and f"{plain.name}.t' doesn't exist" in str(stopped.value))
    with pytest.raises((StoppedError, StreamError)):
        driver.resume(running.id)
    aborted = driver.resume(running.id, "abort")
    assert (aborted.phase, aborted.exit_code) == (Phase.ABORTED, AbortedError.exit_code)
    assert tables(plain) == shown
    assert {name: contents(plain, name) for name in shown} == rows


def test_what_happens_to_other_tables_is_no_reason_to_stop(plain: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    with plain.connect() as connection, connection.cursor() as cursor:
        for statement in (
            "CREATE TABLE other (id INT PRIMARY KEY, t INT)",
            "ALTER TABLE other ADD COLUMN x INT",
            "INSERT INTO other VALUES (1, 1, 1)",
            "TRUNCATE other",
            "CREATE VIEW seen AS SELECT * FROM t",
            "ANALYZE TABLE t",
            "FLUSH TABLES",
            "UPDATE t SET n = 9 WHERE id = 4",
            "DROP VIEW seen",
            "DROP TABLE other",
        ):
            cursor.execute(statement)
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    assert plain.query("SELECT * FROM t WHERE id = 4") == [(4, 9, 7)]


def test_the_ghost_table_is_not_trusted_once_somebody_has_changed_it(plain: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    running.stop()
    with pytest.raises(StoppedError):
        running.ending()
    plain.execute("ALTER TABLE t_gho ADD COLUMN smuggled INT")
    driver.flag_file.unlink()
    with pytest.raises(StoppedError, match="t_gho was changed"):
        driver.resume(running.id)
    assert ADD_COLUMN in driver.record().statement
    assert "smuggled" not in tables(plain)["t"]


@pytest.mark.parametrize(
    "damage",
    ["UPDATE t_gho SET n = n + 1 WHERE id = 2", "DELETE FROM t_gho WHERE id = 2", "INSERT INTO t_gho (id) VALUES (9)"],
)
def test_a_difference_that_no_event_explains_is_named_and_not_swapped_in(
    plain: Database, driver: Driver, damage: str
) -> None:
    running = driver.start(driver.settings(), hold=Phase.VERIFY)
    running.until_held()
    plain.execute(damage)
    running.go()
    ending = running.ending()
    assert (ending.phase, ending.exit_code) == (Phase.FAILED, MismatchError.exit_code)
    assert re.search(r"differs .* in 1 rows: \((2|9),\)", ending.snapshot.reason)
    assert "added" not in tables(plain)["t"]
    assert driver.resume(running.id, "abort").phase is Phase.ABORTED
    assert tables(plain).keys() == {"t"}


def test_what_differs_in_ranges_that_are_compared_side_by_side_is_named_once_each(
    database: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "workers", property(lambda pace: pace.most))
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT)")
    database.execute("INSERT INTO t VALUES " + ", ".join(f"({n}, 0)" for n in range(1, 1001)))
    copy = CopySettings(chunk_size=100, workers=4)
    running = driver.start(driver.settings(copy=copy, throttle=IN_TURN), hold=Phase.VERIFY)
    running.until_held()
    database.execute("UPDATE t_gho SET n = 1 WHERE id IN (450, 550, 750)")
    running.go()
    assert running.ending().phase is Phase.FAILED
    found = set(re.findall(r"\((\d+),\)", driver.record(running.id).reason))
    assert found == {"450", "550", "750"}
    database.execute("UPDATE t_gho SET n = 0")
    again = driver.restart(running.id, order="retry", hold=lambda seen: seen.progress.verified_rows > 0)
    again.until_held()
    database.execute("UPDATE t SET n = n + 1")
    again.go()
    assert again.ending().exit_code == 0
    assert database.query("SELECT COUNT(*), SUM(n) FROM t") == [(1000, 1000)]
