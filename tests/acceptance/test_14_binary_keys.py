"""Scenario 14: keys of bytes that end in 00, which servers leave out of the binlog or fill in as it suits them.

BINARY(16), and on MariaDB UUID. Rows are inserted, updated, moved and deleted during the run, one by one and at random,
and a BINARY column beside the key becomes VARBINARY. The tables are equal, byte for byte, to what a native ALTER makes.
What cannot be a key is refused: an INET6 column, which is followed exactly where it is none, and a key that would
become another type itself.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from fsm_ghost.errors import RefusedError
from fsm_ghost.model.phase import Phase
from fsm_ghost.settings import CopySettings, Settings
from tests.integration.dml import Key, Scribblers
from tests.integration.driving import Driver, contents, old_table, tables, unchanged
from tests.servers import Database

ROWS = 300
ALTER = "MODIFY COLUMN b VARBINARY(16) NOT NULL, ADD COLUMN added INT NOT NULL DEFAULT 7"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of key, and the forms of its values, to be filled in with a number."""

    type: str
    forms: tuple[str, ...]

    def __getitem__(self, number: int) -> str:
        """The key of a row, as a literal."""
        return self.forms[number % len(self.forms)].format(number)

    def any(self, choice: random.Random) -> Key:
        return (self[choice.randrange(2 * ROWS)],)


BYTES = Kind(
    "BINARY(16)",
    (
        "x'{0:08x}000000000000000000000000'",
        "x'0000000000000000000000{0:08x}00'",
        "x'{0:024x}ffffff00'",
        "x'ff{0:030x}'",
    ),
)
UUID = Kind(
    "UUID",
    (
        "'{0:08x}-0000-4000-8000-000000000000'",
        "'00000000-{0:04x}-1000-8000-00000000ff00'",
        "'00000000-0000-1000-8000-{0:010x}00'",
        "'{0:08x}-0000-7000-8000-00000000ff00'",
    ),
)
CHANGES = (
    "UPDATE t SET n = n + 1, b = x'cc00dd0000' WHERE k IN ({k[4]}, {k[5]}, {k[6]}, {k[280]}, {k[281]}, {k[282]})",
    "DELETE FROM t WHERE k IN ({k[8]}, {k[9]}, {k[10]}, {k[11]}, {k[284]}, {k[285]}, {k[286]}, {k[287]})",
    "INSERT INTO t VALUES ({k[901]}, 1, 'new', x'00'), ({k[902]}, 1, 'new', x'0100'), ({k[903]}, 1, 'new', '')",
    "UPDATE t SET k = {k[912]} WHERE k = {k[12]}",
    "UPDATE t SET k = {k[913]} WHERE k = {k[289]}",
    "UPDATE t SET k = {k[285]} WHERE k = {k[902]}",
    "REPLACE INTO t VALUES ({k[16]}, 2, 'again', x'ff00'), ({k[291]}, 2, 'again', x'ff00')",
)


@pytest.mark.parametrize(
    "k", [pytest.param(BYTES, id=BYTES.type), pytest.param(UUID, id=UUID.type, marks=pytest.mark.mariadb_only)]
)
def test_keys_that_end_in_zeros_are_copied_and_followed_exactly(database: Database, driver: Driver, k: Kind) -> None:
    database.execute(
        f"CREATE TABLE t (k {k.type} PRIMARY KEY, n INT NOT NULL, v VARCHAR(40), b BINARY(16) NOT NULL DEFAULT 'aa')"
        " CHARACTER SET utf8mb4"
    )
    rows = ", ".join(f"({k[number]}, 0, 'old', x'{number:04x}00')" for number in range(ROWS))
    database.execute(f"INSERT INTO t VALUES {rows}")
    settings = driver.postponed(alter=ALTER, copy=CopySettings(chunk_size=50, workers=1))
    running = driver.start(settings, hold=lambda seen: seen.progress.rows >= ROWS / 2)
    running.until_held()
    for change in CHANGES:
        assert database.execute(change.format(k=k)) > 0
    running.go()
    running.until_postponed()
    scribblers = Scribblers(database, "t", ["k"], k.any).start()
    try:
        scribblers.write_on(100)
    finally:
        scribblers.stop()
    driver.flag_file.unlink()
    ending = running.ending()
    old = old_table(database, "t")
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert database.query(f"SELECT COUNT(*) FROM t WHERE k = {k[912]} OR k = {k[913]}") == [(2,)]
    assert ending.snapshot.progress.rows >= ROWS - 50, "rows should have come through the copy"
    assert ending.snapshot.progress.changes > 60, "and through the stream"
    assert tables(database).keys() == {"t", old}
    assert contents(database, "t") == altered_natively(database, old)


def test_a_default_of_bytes_is_kept(database: Database, driver: Driver) -> None:
    """MariaDB shows it as it is, in the middle of a text: 0xaa is no character of UTF-8."""
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, b BINARY(4) NOT NULL DEFAULT x'aa00')")
    database.execute("INSERT INTO t (id) VALUES (1), (2)")
    running = driver.start(driver.postponed())
    running.until_postponed()
    database.execute("INSERT INTO t (id) VALUES (3)")
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    database.execute("INSERT INTO t (id) VALUES (4)")
    assert database.query("SELECT id, HEX(b), added FROM t") == [(number, "AA000000", 7) for number in (1, 2, 3, 4)]


def altered_natively(database: Database, old: str) -> list[tuple[object, ...]]:
    """What the server itself makes of the old table's rows."""
    for statement in ("CREATE TABLE native LIKE", "INSERT INTO native SELECT * FROM"):
        database.execute(f"{statement} `{old}`")
    database.execute(f"ALTER TABLE native {ALTER}")
    return contents(database, "native")


def test_a_key_of_bytes_that_would_get_another_type_is_refused(database: Database, driver: Driver) -> None:
    database.execute("CREATE TABLE t (k BINARY(16) PRIMARY KEY, n INT)")
    database.execute(f"INSERT INTO t VALUES ({BYTES[1]}, 1), ({BYTES[2]}, 2)")
    refused(driver, driver.settings(alter="MODIFY COLUMN k VARBINARY(16) NOT NULL"), "no unique key")


@pytest.mark.mariadb_only
def test_an_address_as_the_key_is_refused(database: Database, driver: Driver) -> None:
    database.execute("CREATE TABLE t (k INET6 PRIMARY KEY, n INT)")
    database.execute("INSERT INTO t VALUES ('::', 1), ('2001:db8::', 2), ('::ff00', 3)")
    refused(driver, driver.settings(), "no usable key")


def refused(driver: Driver, settings: Settings, reason: str) -> None:
    with unchanged(driver.database):
        ending = driver.run(settings)
    assert (ending.phase in {Phase.FAILED, Phase.ABORTED}, ending.exit_code) == (True, RefusedError.exit_code)
    assert reason in ending.snapshot.reason


@pytest.mark.mariadb_only
def test_addresses_that_end_in_zeros_are_followed_exactly_beside_a_key(database: Database, driver: Driver) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a INET6)")
    rows = ", ".join(f"({number}, '2001:db8:{number:x}::')" for number in range(ROWS))
    database.execute(f"INSERT INTO t VALUES {rows}")
    running = driver.start(driver.postponed())
    running.until_postponed()
    for change in (
        "UPDATE t SET a = '::' WHERE id < 10",
        "UPDATE t SET a = CONCAT('fe80::', HEX(id), ':ff00') WHERE id BETWEEN 10 AND 50",
        "UPDATE t SET a = NULL WHERE id BETWEEN 60 AND 70",
        "INSERT INTO t VALUES (900, '::ffff:192.0.2.0'), (901, '100::')",
        "DELETE FROM t WHERE a = '2001:db8:50::'",
    ):
        assert database.execute(change) > 0
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    assert contents(database, "t", ["id", "a"]) == contents(database, old_table(database, "t"))
