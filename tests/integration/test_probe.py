"""Which rows the new definition would break is found before anything is copied, as the server judges them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import Lossy
from fsm_ghost.model.probe import NOT_PROBED
from fsm_ghost.settings import DefinitionSettings
from tests.integration.driving import Driver, tables
from tests.servers import Database


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a column: values that fit, and those that do not."""

    old: str
    new: str
    fits: tuple[Any, ...]
    misfits: tuple[Any, ...]


BINARY = b"\xff\xfe"
CHANGES = {
    "varchar": Change("VARCHAR(20)", "VARCHAR(5)", ("", "abcde", "äöüßé", None), ("abcdef", "äöüßéx", "abcde ")),
    "not null": Change("INT", "INT NOT NULL", (0, 1), (None,)),
    "tinyint": Change("INT", "TINYINT", (-128, 127, 0, None), (-129, 128, 2**31 - 1)),
    "unsigned": Change("BIGINT", "BIGINT UNSIGNED", (0, 2**63 - 1), (-1, -(2**63))),
    "signed": Change("BIGINT UNSIGNED", "BIGINT", (0, 2**63 - 1), (2**63, 2**64 - 1)),
    "decimal": Change("DECIMAL(10,3)", "DECIMAL(5,2)", ("999.990", "-1.1"), ("1000", "0.005", "-999.999")),
    "decimal to int": Change("DECIMAL(10,2)", "SMALLINT", ("32767.00", "-5"), ("32768", "0.5")),
    "double to int": Change("DOUBLE", "INT", (1.0, -2.0), (1.5, 1e12)),
    "bigint to double": Change("BIGINT", "DOUBLE", (2**53, -(2**53)), (2**53 + 1,)),
    "double to float": Change("DOUBLE", "FLOAT", (0.5, 1024.0), (0.1,)),
    "int to decimal": Change("INT", "DECIMAL(4,1)", (999, -999), (1000,)),
    "text to tinytext": Change("TEXT", "TINYTEXT", ("x" * 255,), ("x" * 256, "é" * 128)),
    "latin1": Change("VARCHAR(9)", "VARCHAR(9) CHARACTER SET latin1", ("é", "€", ""), ("日本", "😀")),
    "char": Change("VARCHAR(9)", "CHAR(9)", ("a b", ""), ("a ",)),
    "bytes to text": Change("VARBINARY(9)", "VARCHAR(9) CHARACTER SET utf8mb4", (b"abc", "é".encode()), (BINARY,)),
    "text to int": Change("VARCHAR(20)", "INT", ("12", "-7"), ("12a", "", "99999999999")),
    "text to date": Change("VARCHAR(20)", "DATE", ("2024-02-29",), ("2023-02-29", "x", "0000-00-00")),
    "text to enum": Change("VARCHAR(20)", "ENUM('a','b')", ("a", "b", None), ("c", "")),
    "enum loses a label": Change("ENUM('a','b','c''d')", "ENUM('b','a')", ("a", "b"), ("c'd",)),
    "set loses a label": Change("SET('a','b','c')", "SET('c','a')", ("a", "a,c", ""), ("b", "a,b")),
    "datetime to date": Change("DATETIME", "DATE", ("2024-01-01 00:00:00",), ("2024-01-01 00:00:01",)),
    "fraction": Change("DATETIME(6)", "DATETIME(2)", ("2024-01-01 00:00:00.12",), ("2024-01-01 00:00:00.123",)),
    "time fraction": Change("TIME(3)", "TIME", ("-10:00:00",), ("10:00:00.5",)),
    "datetime to timestamp": Change(
        "DATETIME", "TIMESTAMP NULL", ("2024-01-01 12:00:00",), ("1969-01-01 00:00:00", "2039-01-01 00:00:00")
    ),
    "blob": Change("BLOB", "VARBINARY(3)", (b"abc",), (b"abcd",)),
    "bit": Change("BIT(8)", "BIT(4)", (15,), (16,)),
    "int to year": Change("INT", "YEAR", (2024, 0), (3000, 17000)),
}


COLUMNS = {f"c{number}": change for number, change in enumerate(CHANGES.values())}
ALTER = ", ".join(f"MODIFY {name} {change.new}" for name, change in COLUMNS.items())


def made(database: Database) -> dict[str, list[int]]:
    """A table with a column for every change, and a row for every value; the ids of the rows that do not fit."""
    columns = ", ".join(f"{name} {change.old}" for name, change in COLUMNS.items())
    database.execute(f"CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, {columns})")
    usual = [change.fits[0] for change in COLUMNS.values()]
    bad: dict[str, list[int]] = {name: [] for name in COLUMNS}
    number = 0
    for place, (name, change) in enumerate(COLUMNS.items()):
        for value in (*change.fits, *change.misfits):
            number += 1
            row = [number, *usual[:place], value, *usual[place + 1 :]]
            database.execute(f"INSERT INTO t VALUES ({', '.join(['%s'] * len(row))})", row)
            if value in change.misfits:
                bad[name].append(number)
    return bad


def test_exactly_the_rows_that_do_not_fit_are_counted_and_nothing_is_copied(driver: Driver) -> None:
    database = driver.database
    bad = made(database)
    ending = driver.run(driver.settings(alter=ALTER))
    progress = ending.snapshot.progress
    assert (ending.phase, ending.exit_code, progress.rows) == (Phase.ABORTED, 3, 0)
    found: dict[str, set[str]] = {name: set() for name in COLUMNS}
    for offence in progress.probe.offences:
        found[offence.subject].update(offence.examples)
    assert found == {name: {f"({number},)" for number in numbers} for name, numbers in bad.items()}
    assert list(tables(database)) == ["t"]
    # What was counted as fitting, fits: row copy is strict, and the comparison sees what a server changes in silence.
    database.execute(f"DELETE FROM t WHERE id IN ({', '.join(str(n) for numbers in bad.values() for n in numbers)})")
    ending = driver.run(driver.settings(alter=ALTER))
    progress = ending.snapshot.progress
    assert (ending.phase, progress.verified, progress.probe.offences) == (Phase.DONE, True, ())


def test_what_is_allowed_is_cut_rounded_clamped_or_replaced_also_in_changes(driver: Driver) -> None:
    database = driver.database
    database.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9), b INT, c DECIMAL(9, 3), d INT, e ENUM('x', 'y', 'z'))"
    )
    bad = "'abcdefg', 1000, 5.555, NULL, 'z'"
    database.execute(f"INSERT INTO t VALUES (1, {bad}), (2, 'abc', 5, 5.5, 7, 'x')")
    lossy = (
        ("a", Lossy.TRUNCATE),
        ("B", Lossy.CLAMP),
        ("c", Lossy.TRUNCATE),
        ("d", Lossy.DEFAULT),
        ("e", Lossy.DEFAULT),
    )
    alter = (
        "MODIFY a VARCHAR(3), MODIFY b TINYINT UNSIGNED, MODIFY c DECIMAL(9, 2), MODIFY d INT NOT NULL DEFAULT 42,"
        " MODIFY e ENUM('y', 'x') NOT NULL DEFAULT 'x'"
    )
    settings = driver.postponed(alter=alter, definition=DefinitionSettings(lossy=lossy))
    running = driver.start(settings)
    running.until_postponed()
    database.execute(f"INSERT INTO t VALUES (3, {bad})")
    database.execute("UPDATE t SET b = -3 WHERE id = 2")
    driver.flag_file.unlink()
    ending = running.ending()
    assert (ending.phase, ending.snapshot.progress.verified) == (Phase.DONE, True)
    kept = ("abc", 255, "5.56", 42, "x")
    rows = [
        (row[0], row[1], row[2], str(row[3]), row[4], row[5]) for row in database.query("SELECT * FROM t ORDER BY id")
    ]
    assert rows == [(1, *kept), (2, "abc", 0, "5.50", 7, "x"), (3, *kept)]
    told = {(offence.subject, offence.rows, offence.allowed) for offence in ending.snapshot.progress.probe.offences}
    assert told == {(name.lower(), 1, how) for name, how in lossy}


def test_what_would_be_no_longer_unique_is_refused_with_the_values_that_several_rows_share(driver: Driver) -> None:
    database = driver.database
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20) COLLATE utf8mb4_bin NOT NULL, n INT)")
    database.execute("INSERT INTO t VALUES (1, 'google', 1), (2, 'Google', NULL), (3, 'x', NULL), (4, 'y', 1)")
    alter = "MODIFY name VARCHAR(20) COLLATE utf8mb4_general_ci NOT NULL, ADD UNIQUE KEY by_name (name), ADD UNIQUE (n)"
    ending = driver.run(driver.settings(alter=alter))
    assert ending.exit_code == 3
    assert {(offence.subject, offence.rows) for offence in ending.snapshot.progress.probe.offences} == {
        ("by_name", 2),
        ("n", 2),
    }
    reason = driver.entries(driver.record().id)[-2].reason
    assert "oogle' (2 rows)" in reason
    assert "--quarantine" in reason


def test_a_check_that_does_not_hold_is_told_with_its_rows(driver: Driver) -> None:
    database = driver.database
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT, c INT, CONSTRAINT old_one CHECK (c < 100))")
    database.execute("INSERT INTO t VALUES (1, 5, 1), (2, -5, 1), (3, NULL, 1)")
    ending = driver.run(driver.settings(alter="CHANGE a b INT, ADD CONSTRAINT `is``positive` CHECK (b > 0)"))
    (offence,) = ending.snapshot.progress.probe.offences
    assert (offence.subject, offence.rows, offence.examples) == ("is`positive", 1, ("(2,)",))


def test_a_table_that_nothing_can_break_is_not_read(driver: Driver) -> None:
    driver.database.execute("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(5))")
    driver.database.execute("INSERT INTO t VALUES (1, 'a')")
    ending = driver.run(driver.settings(alter="MODIFY a VARCHAR(50), ADD COLUMN b INT, ADD KEY (a)"))
    assert (ending.phase, ending.snapshot.progress.probe) == (Phase.DONE, replace(NOT_PROBED, done=True))


def test_rows_that_do_not_fit_are_set_aside_in_quarantine_and_hold_up_nothing_but_the_swap(driver: Driver) -> None:
    database = driver.database
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9))")
    database.execute(
        f"INSERT INTO t VALUES {', '.join(f'({number}, {chr(39)}ok{chr(39)})' for number in range(1, 300))}"
    )
    database.execute("UPDATE t SET a = 'too long' WHERE id IN (7, 120, 121)")
    settings = driver.settings(alter="MODIFY a VARCHAR(3)", definition=DefinitionSettings(quarantine=True))
    running = driver.start(settings)
    running.until(lambda seen: all(f"({number},)" in seen.readings.concern for number in (7, 120, 121)))
    assert database.query("SELECT COUNT(*) FROM t_gho") == [(296,)]
    running.end()
    running = driver.restart(driver.record().id)
    database.execute("UPDATE t SET a = 'far too' WHERE id = 200")  # comes late, through the changes
    database.execute("UPDATE t SET a = 'ok' WHERE id = 7")
    database.execute("DELETE FROM t WHERE id = 120")
    running.until(lambda seen: "(200,)" in seen.readings.concern and "(7,)" not in seen.readings.concern)
    assert "varchar(9)" in tables(database)["t"], "not swapped"
    database.execute("UPDATE t SET a = 'end' WHERE id IN (121, 200)")
    ending = running.ending()
    assert (ending.phase, ending.snapshot.progress.verified) == (Phase.DONE, True)
    assert database.query("SELECT COUNT(*) FROM t WHERE a = 'end'") == [(2,)]


@pytest.mark.parametrize("late", ["d = '2024-01-01 00:00:00.5'", "n = 1.5", "a = 'x '", "b = NULL"])
def test_what_a_server_would_change_in_silence_stops_the_run_also_when_it_comes_late(driver: Driver, late: str) -> None:
    database = driver.database
    database.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, d DATETIME(1), n DOUBLE, a VARCHAR(9),"
        " b TIMESTAMP NULL DEFAULT '2001-01-01')"
    )
    database.execute("INSERT INTO t (id, d, n, a) VALUES (1, '2024-01-01', 1, 'x')")
    alter = "MODIFY d DATETIME, MODIFY n INT, MODIFY a CHAR(9), MODIFY b TIMESTAMP NOT NULL DEFAULT '2001-01-01'"
    running = driver.start(driver.postponed(alter=alter))
    running.until_postponed()
    database.execute(f"UPDATE t SET {late}")
    ending = running.ending()
    assert (ending.phase, ending.exit_code) == (Phase.FAILED, 8)
    assert f"the row (1,) does not fit the new definition: {late[0]} " in ending.snapshot.reason
