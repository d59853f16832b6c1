"""Scenario 29, verifier-is-lied-to: the ghost table is corrupted in every way that a row can be wrong.

What two values of one type can differ in is in `integration/test_comparison.py`: each by one bit, one character, one
microsecond. Here are the rows and the flow: which row differs and in which columns is told, and a comparison that
failed, was interrupted or broken off is not one that has passed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from fsm_ghost.errors import StoppedError
from fsm_ghost.migration import Ending
from fsm_ghost.model.phase import Phase
from fsm_ghost.settings import CopySettings, CutOverSettings
from tests.acceptance.busy import PATIENT, Busy
from tests.crash.stage import until
from tests.integration.driving import IN_TURN, Driver, Running, tables
from tests.servers import Database

ROWS = 60


@pytest.fixture
def plain(database: Database) -> Database:
    """A database with a table `t` whose key is a text that is compared regardless of case."""
    database.execute(
        "CREATE TABLE t (code VARCHAR(9) PRIMARY KEY, a VARCHAR(9), b VARCHAR(9), n INT)"
        " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
    )
    rows = (f"('k{number:02}', 'x{number}', 'y', {number})" for number in range(10, 10 + ROWS))
    database.execute(f"INSERT INTO t VALUES {', '.join(rows)}")
    return database


@dataclass(frozen=True, slots=True)
class Damage:
    """What is done to the ghost table, and what is to be said about each row that differs then."""

    statements: tuple[str, ...]
    told: dict[str, str]


DAMAGES = {
    "rows of every kind": Damage(
        (
            "UPDATE t_gho SET n = NULL WHERE code = 'k10'",
            "UPDATE t_gho SET a = 'x1', b = '2y' WHERE code = 'k12'",  # was 'x12', 'y'
            "DELETE FROM t_gho WHERE code = 'k15'",
            "UPDATE t_gho SET code = 'K20' WHERE code = 'k20'",
            "UPDATE t_gho SET a = 'x69', n = 69 WHERE code = 'k30'",  # these two have changed places
            "UPDATE t_gho SET a = 'x30', n = 30 WHERE code = 'k69'",
            "INSERT INTO t_gho (code) VALUES ('a'), ('k155'), ('z')",
        ),
        {
            "k10": "n",
            "k12": "a, b",
            "k15": "not in the ghost table",
            "k20": "code",
            "k30": "a, n",
            "k69": "a, n",
            "a": "only in the ghost table",
            "k155": "only in the ghost table",
            "z": "only in the ghost table",
        },
    ),
    "as many rows as before": Damage(
        ("UPDATE t_gho SET code = 'k155' WHERE code = 'k15'",),
        {"k15": "not in the ghost table", "k155": "only in the ghost table"},
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_each_row_that_differs_is_told_with_its_columns(plain: Database, driver: Driver, damage: Damage) -> None:
    running = driver.start(driver.settings(), hold=Phase.VERIFY)
    running.until_held()
    for statement in damage.statements:
        plain.execute(statement)
    running.go()
    assert told(refused(running.ending(), plain)) == damage.told


def refused(ending: Ending, database: Database) -> str:
    """What is said by a migration that was not to be swapped."""
    assert (ending.phase, ending.exit_code) == (Phase.FAILED, 8)
    assert "added" not in tables(database)["t"]
    return ending.snapshot.reason


def told(reason: str) -> dict[str, str]:
    """In what each row differs."""
    found = re.findall(r"\('([0-9a-f]*)',\): ([^;\n]*)", reason)
    return {bytes.fromhex(code).decode(): how for code, how in found}


# --- Comparisons that come to no good end -----------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["KILL", "KILL QUERY"])
def test_a_comparison_that_failed_has_not_passed(plain: Database, driver: Driver, how: str) -> None:
    running = driver.start(driver.settings(), hold=Phase.VERIFY)
    running.until_held()
    plain.execute("UPDATE t_gho SET n = -1 WHERE code = 'k33'")
    plain.execute("LOCK TABLES t_gho WRITE")
    running.go()
    until(lambda: comparing(plain) != [], "a comparison that waits for the ghost table")
    (connection,) = comparing(plain)
    plain.execute(f"{how} {connection}")
    until(lambda: connection not in comparing(plain), "it to be gone")
    plain.execute("UNLOCK TABLES")
    assert told(refused(running.ending(), plain)) == {"k33": "n"}


def comparing(database: Database) -> list[int]:
    """The connections that compare."""
    return [
        int(number)
        for (number,) in database.query(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT COUNT(*), COUNT(CASE%%'"
        )
    ]


def in_the_middle(driver: Driver) -> Running:
    """A migration that is held after it has compared a part of the rows."""
    settings = driver.settings(copy=CopySettings(chunk_size=10, workers=1), throttle=IN_TURN)
    running = driver.start(settings, hold=lambda seen: 0 < seen.progress.verified_rows < ROWS)
    running.until_held()
    return running


def test_a_comparison_that_was_broken_off_goes_on_where_it_was(plain: Database, driver: Driver) -> None:
    running = in_the_middle(driver)
    running.stop()
    with pytest.raises(StoppedError):
        running.ending()
    left = driver.record(running.id).progress
    assert 0 < left.verified_rows < ROWS
    assert not left.verified
    plain.execute("UPDATE t_gho SET b = 'y ' WHERE code = 'k69'")
    assert told(refused(driver.resume(running.id), plain)) == {"k69": "b"}


def test_a_comparison_that_pauses_for_longer_than_servers_keep_connections_goes_on(
    plain: Database, driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    kept = plain.query("SELECT @@GLOBAL.wait_timeout")[0][0]
    plain.execute("SET GLOBAL wait_timeout = 1")
    try:
        running = in_the_middle(driver)
        with plain.connect().cursor() as cursor:
            cursor.execute("SELECT CONNECTION_ID()")
            (other,) = cursor.fetchall()
        until(lambda: other not in plain.query("SELECT ID FROM information_schema.PROCESSLIST"), "its end")
        running.go()
        ending = running.ending()
    finally:
        plain.execute(f"SET GLOBAL wait_timeout = {kept}")
    assert (ending.phase, ending.snapshot.progress.verified_rows) == (Phase.DONE, ROWS)
    assert "trying again" not in caplog.text


# --- No false alarm ---------------------------------------------------------------------------------------------------


def test_what_is_only_behind_is_no_difference_also_where_types_change(database: Database, driver: Driver) -> None:
    alter = (
        "MODIFY customer VARCHAR(20), MODIFY amount VARCHAR(20), MODIFY remark LONGTEXT CHARACTER SET utf16,"
        " MODIFY hits DOUBLE, MODIFY changed_at TIMESTAMP(6) NULL"
    )
    with Busy(database, driver) as busy:
        settings = driver.settings(
            "orders", alter, copy=CopySettings(chunk_size=20, workers=1), cut_over=CutOverSettings(PATIENT)
        )
        running = driver.start(settings, hold=Phase.VERIFY)
        running.until_held()
        busy.goes_on()  # and the migration does not: the comparison begins with rows that are behind
        running.go()
        ending = running.ending()
        busy.writers.stop()
    assert (ending.phase, ending.exit_code, ending.snapshot.progress.verified) == (Phase.DONE, 0, True)
    assert busy.writers.errors == []
