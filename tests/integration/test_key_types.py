"""Every type that a migration key may have, with rows brought over by the copy and rows brought over as changes."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from fsm_ghost.model.phase import Phase
from tests.integration.dml import Key, Scribblers
from tests.integration.driving import Driver, contents, old_table, tables
from tests.servers import Database

ROWS = 1500
SPAN = 2000  # different keys


@dataclass(frozen=True, slots=True)
class KeyType:
    """A key: its columns, its definition, and the key number `n` as literals; `variant` spells it another way."""

    columns: tuple[str, ...]
    definition: str
    literal: Callable[[int, random.Random], Key]

    def any(self, choice: random.Random) -> Key:
        return self.literal(choice.randint(0, SPAN), choice)

    def restless(self, choice: random.Random) -> Key:
        """A key for the writers, who leave every third key alone: only the copy can bring those."""
        return self.literal(choice.randrange(0, SPAN, 3) + choice.randint(1, 2), choice)


def one(definition: str, literal: Callable[[int], str]) -> KeyType:
    """A key of one column."""
    return KeyType(("k",), f"k {definition} NOT NULL, PRIMARY KEY (k)", lambda number, _: (literal(number),))


def spelled(definition: str, *spellings: str, prefix: str = "") -> KeyType:
    """A text key, equal keys of which are spelled in different ways."""

    def literal(number: int, choice: random.Random) -> Key:
        return (f"{prefix}'{choice.choice(spellings).format(number)}'",)

    return KeyType(("k",), f"k {definition} NOT NULL, PRIMARY KEY (k)", literal)


def digest(number: int, length: int) -> str:
    """Bytes, every third of which end in zeros."""
    raw = hashlib.sha256(str(number).encode()).digest()[:length]
    zeros = (0, 0, length // 2)[number % 3]
    return f"x'{(raw[: length - zeros] + bytes(zeros)).hex()}'"


def trailing_zeros(number: int) -> str:
    """Keys that differ in nothing but the zeros they end in."""
    return f"x'{(number // 4).to_bytes(3, 'big').hex() if number > 3 else ''}{'00' * (number % 4)}'"


def moment(number: int, fraction: str) -> str:
    return (
        f"'2024-{1 + number % 12:02d}-{1 + number % 28:02d} {number % 24:02d}:{number % 60:02d}:59.{number:0{6}d}'"[
            : 21 + len(fraction)
        ]
        + "'"
    )


TYPES = {
    "composite with a constant first column": KeyType(
        ("tenant", "id"),
        "tenant INT NOT NULL, id INT NOT NULL, PRIMARY KEY (tenant, id)",
        lambda number, _: ("42", str(number - 500)),
    ),
    "composite of three types": KeyType(
        ("day", "code", "id"),
        "day DATE NOT NULL, code VARCHAR(10) COLLATE utf8mb4_unicode_ci NOT NULL, id BIGINT UNSIGNED NOT NULL,"
        " PRIMARY KEY (day, code, id)",
        lambda number, choice: (
            f"'2024-02-{1 + number % 7:02d}'",
            choice.choice(("'abc'", "'ABC'", "'äbc '", "'x'")),
            str(2**64 - 1 - number // 7),
        ),
    ),
    "VARCHAR without regard to case": spelled(
        "VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "key {}", "KEY {}", "Key {} ", "këy {}  "
    ),
    "VARCHAR of unicode collation": spelled(
        "VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", "straße {}", "STRASSE {}", "Strasse {} ", "😀{}"
    ),
    "VARCHAR of binary collation": spelled(
        "VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "a{}", "A{}", "a{} ", "ä{}"
    ),
    "CHAR of latin1": spelled("CHAR(12) CHARACTER SET latin1", "é{}", "É{}", "ÿ{}", "e{} "),
    "BINARY(16)": one("BINARY(16)", lambda number: digest(number, 16)),
    "VARBINARY ending in zeros": one("VARBINARY(20)", trailing_zeros),
    "DECIMAL": one("DECIMAL(30, 10)", lambda number: f"{(number - 700) * 12345678901}.{number:04d}"),
    "DATE": one("DATE", lambda number: f"'{1000 + number * 4}-{1 + number % 12:02d}-{number % 32:02d}'"),
    "DATETIME(6)": one("DATETIME(6)", lambda number: moment(number, "123456")),
    "TIMESTAMP(3)": one(
        "TIMESTAMP(3)", lambda number: f"'2024-03-01 00:00:00' + INTERVAL {number * 1234567} MICROSECOND"
    ),
    "TIME(2)": one(
        "TIME(2)", lambda number: f"'{'-' if number % 2 else ''}{number % 838}:{number % 60:02d}:07.{number % 100:02d}'"
    ),
    "YEAR": one("YEAR", lambda number: str(1901 + number % 255)),
    "BIT(40)": one("BIT(40)", lambda number: str(number * 549_755_813)),
    "CHAR UUID": one("CHAR(36) CHARACTER SET ascii", lambda number: f"'{uuid.uuid5(uuid.NAMESPACE_OID, str(number))}'"),
    "BIGINT UNSIGNED beyond 2^63": one("BIGINT UNSIGNED", lambda number: str(2**64 - 1 - number**2)),
    "negative integers and 0": one("INT", lambda number: str(number - SPAN // 2)),
    "AUTO_INCREMENT with 0": one("INT AUTO_INCREMENT", lambda number: str(number - 3)),
    "MEDIUMINT": one("MEDIUMINT", lambda number: str(-(2**23) + number)),
    "UNIQUE without a primary key": KeyType(
        ("k",), "k INT NOT NULL, UNIQUE KEY by_k (k)", lambda number, _: (str(number),)
    ),
    "UNIQUE of two columns without a primary key": KeyType(
        ("a", "b"),
        "a SMALLINT UNSIGNED NOT NULL, b BINARY(4) NOT NULL, w INT NULL, UNIQUE KEY w (w), UNIQUE KEY ab (b, a)",
        lambda number, _: (str(number % 50), digest(number // 50, 4)),
    ),
}
OF_ONE_SERVER = {
    "UUID": ("mariadb_only", one("UUID", lambda number: f"'{uuid.uuid5(uuid.NAMESPACE_OID, str(number))}'")),
    "VARCHAR that minds spaces": (
        "mysql_only",
        spelled("VARCHAR(30) COLLATE utf8mb4_0900_ai_ci", "key {}", "KEY {}", "Key {} ", "këy {}  "),
    ),
}
EVERY = [pytest.param(kind, id=name) for name, kind in TYPES.items()] + [
    pytest.param(kind, id=name, marks=getattr(pytest.mark, mark)) for name, (mark, kind) in OF_ONE_SERVER.items()
]


@pytest.mark.parametrize("kind", EVERY)
def test_rows_of_this_key_are_copied_and_followed_exactly(database: Database, driver: Driver, kind: KeyType) -> None:
    fill(database, kind)
    scribblers = Scribblers(database, "t", kind.columns, kind.restless).start()
    running = driver.start(driver.postponed())
    running.until_postponed()
    scribblers.write_on(200)
    scribblers.stop()
    driver.flag_file.unlink()
    ending = running.ending()
    old = old_table(database, "t")
    wanted = [*kind.columns, "n", "v"]
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert contents(database, "t", wanted) == contents(database, old, wanted)
    assert ending.snapshot.progress.rows > 20, "rows should have come through the copy"
    assert ending.snapshot.progress.changes > 200, "and through the stream"
    assert tables(database).keys() == {"t", old}
    assert "`added` int" in tables(database)["t"]


def fill(database: Database, kind: KeyType) -> None:
    """The table `t`, with rows of many keys."""
    choice = random.Random(7)
    keys = {kind.any(choice) for _ in range(ROWS)}
    rows = ", ".join(f"({', '.join(key)}, 1, 'from the start')" for key in keys)
    database.execute("SET sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'")
    database.execute(f"CREATE TABLE t ({kind.definition}, n INT NOT NULL, v VARCHAR(40)) CHARACTER SET utf8mb4")
    database.execute(f"INSERT IGNORE INTO t ({', '.join(kind.columns)}, n, v) VALUES {rows}")
