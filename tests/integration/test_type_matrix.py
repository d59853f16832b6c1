"""Every type of column with its extreme, zero, empty and NULL values: copied, inserted and updated, exactly.

One table has a column of every type, another one columns of every character set; all of them are migrated at once, and
compared with what a native ALTER makes of the same rows, byte for byte. The zones and modes of the tool, the server and
the application that writes all differ.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest

from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.private import Flavour
from tests.integration.driving import Driver, unchanged
from tests.integration.native import alter_natively, carry_out, once_copied, picture
from tests.servers import Database

Values = Sequence[str]

TEXT: Values = ("''", "'a'", "'a '", "'  '", "'%s'", "'\\0'")
UNICODE: Values = (*TEXT, "'é€ß'", "'😀注文'", r"'\\ \' \" \n'")
BYTES: Values = ("''", "x'00'", "x'20'", "x'2000'", "x'FF'", "x'E9'", "x'0000'", "x'5C27'")
REAL: Values = ("0", "-0e0", "1.1", "-1.1", "0.1", "16777217", "1e-30", "1/3")
DOUBLE: Values = (
    *REAL,
    "1.7976931348623157e308",
    "-1.7976931348623157e308",
    "2.2250738585072014e-308",
    "5e-324",
    "1e25",
)
DAYS: Values = (
    "'0000-00-00'",
    "'1000-01-01'",
    "'9999-12-31'",
    "'2024-02-29'",
    "'2015-02-31'",
    "'2015-00-21'",
    "'0001-01-01'",
)
SPANS: Values = ("'0'", "'-838:59:59'", "'838:59:59'", "'-00:00:01'", "'12:34:56'", "'-00:00:00.5'")
JSONS: Values = (
    *("'null'", "'{}'", "'[]'", "'\"\"'", "'true'", "'1.0'", "'-0.0'", "'1e25'", "'18446744073709551615'"),
    *("'[0.30000000000000004, 1.7976931348623157e308]'", '\'{"b": 1, "a": "é😀 \\\\u0000 \\\\\\\\"}\''),
)
PLACES: Values = ("'POINT(0 0)'", "'POINT(-1.5 1e300)'")
LINE, AREA = "'LINESTRING(0 0, 1 1, -1e-300 5)'", "'POLYGON((0 0, 4 0, 4 4, 0 0))'"
ANY_PLACE: Values = (*PLACES, LINE, AREA, "'GEOMETRYCOLLECTION(POINT(0 0), LINESTRING(0 0, 1 1))'")


def integers(name: str, bits: int) -> dict[str, Values]:
    signed = ("0", "-1", str(-(2 ** (bits - 1))), str(2 ** (bits - 1) - 1))
    return {name: signed, f"{name} UNSIGNED": ("0", "1", str(2**bits - 1)), f"{name} ZEROFILL": ("0", "7")}


def bits(length: int) -> dict[str, Values]:
    return {f"BIT({length})": ("0", "1", str(2**length - 1), str(2 ** (length - 1)))}


def moments(fraction: int) -> dict[str, Values]:
    """Dates with a time, and times, with so many digits of a second."""
    tail = f".{'987654'[:fraction]}" if fraction else ""
    whole = f".{'999999'[:fraction]}" if fraction else ""
    return {
        f"DATETIME({fraction})": (*DAYS, f"'9999-12-31 23:59:59{whole}'", f"'2024-02-29 12:34:56{tail}'"),
        f"TIMESTAMP({fraction}) NULL": (
            *("'0000-00-00'", "'1970-01-02 00:00:01'", f"'2038-01-18 03:14:07{whole}'", f"'2024-07-01 10:00:00{tail}'"),
        ),
        f"TIME({fraction})": (*SPANS, f"'-12:34:56{tail}'", f"'100:00:00{whole}'"),
    }


def places(name: str, values: Values) -> dict[str, Values]:
    return {name: tuple(f"ST_GeomFromText({value})" for value in values)}


TYPES: dict[str, Values] = {
    **integers("TINYINT", 8),
    **integers("SMALLINT", 16),
    **integers("MEDIUMINT", 24),
    **integers("INT", 32),
    **integers("BIGINT", 64),
    "DECIMAL(1, 0)": ("0", "-9", "9"),
    "DECIMAL(10, 4)": ("0", "-0.0001", "999999.9999", "1.5"),
    "DECIMAL(65, 30)": ("0", f"-{'9' * 35}.{'9' * 30}", f"0.{'0' * 29}1"),
    "DECIMAL(20, 20) UNSIGNED": ("0", f"0.{'9' * 20}"),
    "FLOAT": (*REAL, "3.402823e38", "1.17549435e-38"),
    "FLOAT UNSIGNED": ("0", "0.1"),
    "FLOAT(7, 3)": ("0", "-0.001", "9999.999", "1.1"),
    "DOUBLE": DOUBLE,
    "DOUBLE(15, 5)": ("0", "-0.00001", "1.1"),
    **bits(1),
    **bits(7),
    **bits(8),
    **bits(63),
    **bits(64),
    "YEAR": ("'0000'", "1901", "2155", "1999", "2000"),
    "DATE": DAYS,
    **moments(0),
    **moments(1),
    **moments(3),
    **moments(6),
    "CHAR(0)": ("''",),
    "CHAR(9)": UNICODE,
    "VARCHAR(20)": UNICODE,
    "VARCHAR(300)": (*UNICODE, "REPEAT('ß', 300)"),
    "TINYTEXT": UNICODE,
    "TEXT": (*UNICODE, "REPEAT('é', 30000)"),
    "MEDIUMTEXT": (*UNICODE, "REPEAT('😀', 20000)"),
    "LONGTEXT": UNICODE,
    "VARCHAR(20) COLLATE utf8mb4_bin": UNICODE,
    "BINARY(1)": ("''", "x'00'", "x'20'", "x'FF'"),
    "BINARY(4)": BYTES,
    "BINARY(16)": (*BYTES, "x'FF00000000000000000000000000FF00'"),
    "VARBINARY(10)": BYTES,
    "VARBINARY(300)": (*BYTES, "REPEAT(x'00', 300)"),
    "TINYBLOB": BYTES,
    "BLOB": (*BYTES, "REPEAT(x'FF', 60000)"),
    "MEDIUMBLOB": BYTES,
    "LONGBLOB": BYTES,
    "ENUM('a', 'b,c', '', 'it''s')": ("'a'", "'b,c'", "''", "'it''s'", "'none of them'"),
    f"ENUM({', '.join(repr(f'l{n}') for n in range(300))})": ("'l0'", "'l254'", "'l255'", "'l299'"),
    "SET('x', 'y', 'é')": ("''", "'x'", "'é,x'", "'none of them'"),
    f"SET({', '.join(repr(f'm{n}') for n in range(64))})": ("''", "18446744073709551615", "'m63,m0'"),
    "JSON": JSONS,
    **places("POINT", PLACES),
    **places("LINESTRING", (LINE,)),
    **places("POLYGON", (AREA,)),
    **places("MULTIPOINT", ("'MULTIPOINT(0 0, 1 1)'",)),
    **places("GEOMETRYCOLLECTION", ANY_PLACE[-1:]),
    **places("GEOMETRY", ANY_PLACE),
}
OF_ONE_SERVER: Mapping[Flavour, dict[str, Values]] = {
    "mysql": {
        "VECTOR(3)": ("STRING_TO_VECTOR('[0, 0, 0]')", "STRING_TO_VECTOR('[1.1, -3e38, 1e-30]')"),
        "VARCHAR(9) COLLATE utf8mb4_0900_ai_ci": UNICODE,
    },
    "mariadb": {
        "UUID": ("'6ba7b810-9dad-11d1-80b4-000000000000'", f"'{'0' * 8}-0000-0000-0000-{'0' * 12}'"),
        "INET6": ("'::'", "'1::'", "'2001:db8::ff00'", "'::ffff:192.0.2.0'"),
        "INET4": ("'0.0.0.0'", "'255.255.255.255'", "'10.0.0.0'"),
        "VARCHAR(300) COMPRESSED": (*UNICODE, "REPEAT('ä', 300)"),
        "BLOB COMPRESSED": (*BYTES, "REPEAT(x'00', 50000)"),
    },
}
NO_CHARACTERS = {"binary", "filename"}
PERMISSIVE = "NO_AUTO_VALUE_ON_ZERO"
STRICT = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO"
ODD = "PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT"


class Matrix:
    """A table `t` of columns with values; each row has the next value of each column, and the last one NULLs."""

    def __init__(self, columns: Mapping[str, Values]) -> None:
        self.definitions = list(columns)
        self._values = [(*values, "NULL") for values in columns.values()]
        self.rows = max(map(len, self._values))

    def create(self, charset: str = "utf8mb4") -> str:
        columns = ", ".join(f"c{n} {definition}" for n, definition in enumerate(self.definitions))
        return f"CREATE TABLE t (id INT PRIMARY KEY, {columns}) CHARACTER SET {charset}"

    def insert(self, first: int) -> list[str]:
        """Rows with every value."""
        return [f"INSERT IGNORE INTO t VALUES ({first + row}, {', '.join(self._row(row))})" for row in range(self.rows)]

    def update(self, first: int) -> list[str]:
        """The rows that `insert` made, so that each value takes the place of the one before it."""
        return [
            f"UPDATE IGNORE t SET {', '.join(f'c{n} = {value}' for n, value in enumerate(self._row(row + 1)))}"
            f" WHERE id = {first + row}"
            for row in range(self.rows)
        ]

    def _row(self, row: int) -> list[str]:
        return [values[row % len(values)] for values in self._values]


@contextmanager
def globally(database: Database, mode: str, zone: str) -> Iterator[None]:
    """New sessions of the server have this mode and time zone, if they do not ask for others."""
    before = database.query("SELECT @@GLOBAL.sql_mode, @@GLOBAL.time_zone")[0]
    database.execute("SET GLOBAL sql_mode = %s, GLOBAL time_zone = %s", (mode, zone))
    try:
        yield
    finally:
        database.execute("SET GLOBAL sql_mode = %s, GLOBAL time_zone = %s", before)


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tool runs in another time zone than everybody else."""
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def migrated_as_natively(
    database: Database,
    twin: Database,
    driver: Driver,
    matrix: Matrix,
    setup: str,
    alter: str,
    zone: str = "@@GLOBAL.time_zone",
) -> None:
    """Copy, insert and update every value; then the table must be what a native ALTER makes of its twin."""
    first = [setup, matrix.create(), *matrix.insert(0), *matrix.insert(200)]
    late = [setup, *matrix.insert(400), *matrix.update(200), "DELETE FROM t WHERE id = 1"]
    for each in (database, twin):
        carry_out(each, first)
    carry_out(twin, late)
    alter_natively(twin, alter, zone)
    ending = driver.run(driver.settings(alter=alter), publish=once_copied(lambda: carry_out(database, late)))
    assert ending.phase is Phase.DONE, ending.snapshot.reason
    found, wanted = picture(database), picture(twin)
    columns = zip(
        ["id", *matrix.definitions], zip(*found.rows, strict=True), zip(*wanted.rows, strict=True), strict=False
    )
    assert [
        (name, *pair) for name, *column in columns for pair in zip(*column, strict=True) if pair[0] != pair[1]
    ] == []
    assert found == wanted
    assert len(found.rows) == 3 * matrix.rows - 1
    assert ending.snapshot.progress.rows == 2 * matrix.rows
    assert ending.snapshot.progress.changes > matrix.rows


@pytest.mark.usefixtures("in_tokyo")
@pytest.mark.parametrize("mode", [STRICT, "", ODD], ids=["strict", "permissive", "odd"])
def test_every_value_of_every_type_arrives_as_it_is(
    database: Database, twin: Database, driver: Driver, flavour: Flavour, mode: str
) -> None:
    setup = f"SET sql_mode = '{PERMISSIVE},ALLOW_INVALID_DATES', time_zone = '+05:45'"
    with globally(database, mode, "-04:00"):
        migrated_as_natively(
            database, twin, driver, Matrix(TYPES | OF_ONE_SERVER[flavour]), setup, "ADD COLUMN added INT"
        )


def test_text_of_every_character_set_arrives_as_it_is_and_is_converted_as_natively(
    database: Database, twin: Database, driver: Driver
) -> None:
    columns: dict[str, Values] = {}
    for (charset,) in database.query("SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS ORDER BY 1"):
        if charset not in NO_CHARACTERS:
            texts = [
                f"CONVERT(_utf8mb4'{text}' USING {charset})" for text in ("é€ß", "注文你好", "Жя", "ｶﾅ", "😀", "~\\\\¥")
            ]
            for kind in ("CHAR(9)", "VARCHAR(9)", "VARCHAR(20)", "TEXT"):
                columns[f"{kind} CHARACTER SET {charset}"] = (*TEXT, *texts)
    matrix = Matrix(columns)
    alter = ", ".join(
        f"MODIFY c{n} VARCHAR(20) CHARACTER SET utf8mb4"
        for n, definition in enumerate(matrix.definitions)
        if definition.startswith("VARCHAR(20)")
    )
    migrated_as_natively(database, twin, driver, matrix, f"SET sql_mode = '{PERMISSIVE}'", alter)


# The nights of 2024 in which the clocks of Berlin are changed, in UTC, and what they are ahead of it from then on.
NIGHTS = ((1711846800, 7200), (1729990800, 3600))
BERLIN = "Test/Berlin"
AROUND_THE_NIGHTS = (
    "'2024-10-27 00:30:00.250'",
    "'2024-10-27 01:30:00.250'",
    "'2024-03-31 00:59:59'",
    "'2024-07-01 12:00'",
)
MOMENTS = dict.fromkeys(("TIMESTAMP(3) NULL", "TIMESTAMP NULL", "DATETIME(3)", "DATETIME"), AROUND_THE_NIGHTS)


def make_berlin(database: Database) -> None:
    """A time zone in which an hour of autumn comes twice; servers have none of their own, and read it once."""
    for table, values in (
        ("time_zone", "(77, 'N')"),
        ("time_zone_name", f"('{BERLIN}', 77)"),
        ("time_zone_transition_type", "(77, 0, 3600, 0, 'CET'), (77, 1, 7200, 1, 'CEST')"),
        ("time_zone_transition", ", ".join(f"(77, {at}, {ahead // 3600 - 1})" for at, ahead in NIGHTS)),
    ):
        database.execute(f"INSERT IGNORE INTO mysql.{table} VALUES {values}")


@pytest.mark.usefixtures("in_tokyo")
@pytest.mark.parametrize("zone", [BERLIN, "-04:00"])
def test_moments_become_what_they_are_in_the_zone_of_the_server(
    database: Database, twin: Database, driver: Driver, zone: str
) -> None:
    make_berlin(database)
    alter = (
        "MODIFY c0 DATETIME(3), MODIFY c1 DATETIME, MODIFY c2 TIMESTAMP(3) NULL, MODIFY c3 TIMESTAMP(6) NULL,"
        " ADD COLUMN added TIMESTAMP NULL DEFAULT '2024-07-01 12:00:00'"
    )
    with globally(database, STRICT, zone):
        migrated_as_natively(database, twin, driver, Matrix(MOMENTS), "SET time_zone = '+00:00'", alter)


@pytest.mark.usefixtures("in_tokyo")
def test_moments_that_stay_what_they_are_are_those_also_in_the_hour_that_comes_twice(
    database: Database, twin: Database, driver: Driver
) -> None:
    """MySQL's own ALTER TABLE loses that hour unless it is in UTC."""
    make_berlin(database)
    with globally(database, STRICT, BERLIN):
        alter = "ADD COLUMN added INT"
        migrated_as_natively(database, twin, driver, Matrix(MOMENTS), "SET time_zone = '+00:00'", alter, "'+00:00'")


@pytest.mark.parametrize("zone", ["+13:00", "-12:00"])  # in one of them it is another day than in UTC
def test_what_is_calculated_in_a_time_zone_is_calculated_in_that_of_the_server(
    database: Database, twin: Database, driver: Driver, zone: str
) -> None:
    create = (
        "CREATE TABLE t (id INT PRIMARY KEY, ts TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00',"
        " h INT AS (HOUR(ts)) STORED)"
    )
    rows = "INSERT INTO t (id, ts) VALUES (1, '2024-01-01 10:00:00'), (2, '2024-07-01 10:30:00')"
    alter = "ADD c INT DEFAULT (HOUR(ts)), ADD CONSTRAINT told CHECK (HOUR(ts) = 10)"
    with globally(database, STRICT, zone):
        for each in (database, twin):
            carry_out(each, [create, rows])
        alter_natively(twin, alter)
        assert driver.run(driver.settings(alter=alter)).exit_code == 0
    assert picture(database) == picture(twin)


def test_a_moment_that_the_zone_of_the_server_leaves_out_is_refused(database: Database, driver: Driver) -> None:
    make_berlin(database)
    with globally(database, STRICT, BERLIN):
        carry_out(
            database,
            ["CREATE TABLE t (id INT PRIMARY KEY, at DATETIME)", "INSERT INTO t VALUES (1, '2024-03-31 02:30:00')"],
        )
        with unchanged(database):
            ending = driver.run(driver.settings(alter="MODIFY at TIMESTAMP NULL"))
    assert ending.phase is Phase.ABORTED
    assert "at " in ending.snapshot.reason
    assert "(1,)" in ending.snapshot.reason
