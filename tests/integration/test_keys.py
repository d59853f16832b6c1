"""Every kind of key column with the values at its edges: the binlog, a SELECT and a WHERE agree about each key."""

from itertools import combinations

import pytest

from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.key import Key
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.quoting import table
from fsm_ghost.mysql.session import Row
from tests.integration.following import Followed, following
from tests.servers import Database

NUMBERS = {
    "TINYINT": ["-128", "0", "127", "-1"],
    "TINYINT UNSIGNED": ["0", "255", "128"],
    "SMALLINT": ["-32768", "32767"],
    "SMALLINT UNSIGNED": ["65535", "40000"],
    "MEDIUMINT": ["-8388608", "8388607", "-1"],
    "MEDIUMINT UNSIGNED": ["16777215", "9000000"],
    "INT": ["-2147483648", "2147483647", "0"],
    "INT UNSIGNED": ["4294967295", "3000000000"],
    "INT(7) ZEROFILL": ["5", "42"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807"],
    "BIGINT UNSIGNED": ["18446744073709551615", "9223372036854775808", "9007199254740993"],
    "DECIMAL(10,2)": ["-99999999.99", "0", "0.01", "-0.01", "12345678.90"],
    "DECIMAL(10,2) ZEROFILL": ["5.10", "0", "12345678.90"],
    "DECIMAL(65,30)": [
        "-12345678901234567890123456789012345.123456789012345678901234567890",
        "1e-30",
        "99999999999999999999999999999999999.999999999999999999999999999999",
    ],
    "DECIMAL(5,5)": ["-0.12345", "0.99999", "0"],
    "DECIMAL(18,0)": ["-999999999999999999", "7", "0"],
    "DECIMAL(9,9)": ["-0.000000001", "0.123456789"],
    "DECIMAL(20,4) UNSIGNED": ["1234567890123456.7891", "0"],
    "BIT(1)": ["b'0'", "b'1'"],
    "BIT(8)": ["b'10000000'", "b'1'"],
    "BIT(17)": ["b'10000000000000001'", "b'101'"],
    "BIT(64)": ["18446744073709551615", "9223372036854775808", "1"],
    "YEAR": ["1901", "2155", "0", "2000", "2024", "1970"],
}
TIMES = {
    "DATE": ["'2024-02-29'", "'1000-01-01'", "'9999-12-31'", "'0000-00-00'", "'2024-00-00'", "'2023-02-31'"],
    "DATETIME": [
        "'2024-02-29 23:59:59'",
        "'0000-00-00 00:00:00'",
        "'9999-12-31 23:59:59'",
        "'2024-00-05 01:02:03'",
        "'2023-02-31 00:00:00'",
    ],
    "DATETIME(6)": [
        "'2024-02-29 23:59:59.999999'",
        "'2024-02-29 23:59:59.000001'",
        "'0000-00-00 00:00:00'",
        "'9999-12-31 23:59:59.999999'",
    ],
    "DATETIME(3)": ["'2024-02-29 23:59:59.123'", "'2024-02-29 23:59:59.120'"],
    "DATETIME(1)": ["'2024-02-29 23:59:59.1'", "'2024-02-29 23:59:59'"],
    "TIMESTAMP": [
        "'2024-03-31 02:30:00'",
        "'2038-01-19 03:14:07'",
        "'1970-01-01 00:00:01'",
        "'0000-00-00 00:00:00'",
    ],
    "TIMESTAMP(6)": ["'2024-10-27 02:30:00.000001'", "'2024-10-27 02:30:00.999999'", "'0000-00-00 00:00:00'"],
    "TIMESTAMP(2)": ["'2024-10-27 02:30:00.99'", "'2024-10-27 01:30:00.90'"],
    "TIME": ["'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'", "'100:00:00'"],
    "TIME(6)": [
        "'-838:59:58.999999'",
        "'00:00:00.000001'",
        "'-00:00:00.000001'",
        "'-00:00:01.500000'",
        "'12:34:56.789012'",
    ],
    "TIME(3)": ["'-01:02:03.450'", "'01:02:03.450'", "'-00:00:00.001'"],
    "TIME(2)": ["'-01:02:03.45'", "'-01:02:03'"],
    "TIME(1)": ["'-01:02:03.4'", "'838:59:58.9'"],
}
TEXTS = {
    "CHAR(10)": ["'abc'", "'abc  x '", "'ÄÖ€😀'", "''", "'a\\'b'", "'a\\\\'"],
    "CHAR(200)": ["'abc'", "REPEAT('€', 200)"],
    "CHAR(10) CHARACTER SET latin1": ["'Äabc€'", "'xyz '"],
    "CHAR(10) CHARACTER SET ucs2": ["'Äabc€'", "'xyz '", "''"],
    "VARCHAR(20)": ["'abc'", "'abc \\0'", "'ÄÖ€😀'", "''", "'a\\'b\\\\'", "'abc`\"'"],
    "VARCHAR(700)": ["'abc'", "REPEAT('€', 250)", "REPEAT('x', 700)"],
    "VARCHAR(20) CHARACTER SET latin1": ["'Äabc€'", "'xyz'"],
    "VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin": ["'A'", "'a'"],
    "VARCHAR(20) CHARACTER SET utf8mb3": ["'Äabc€'"],
    "VARCHAR(20) CHARACTER SET ucs2": ["'Äabc€'", "'xyz'"],
    "VARCHAR(20) CHARACTER SET utf16": ["'Äabc😀'"],
    "VARCHAR(20) CHARACTER SET utf32": ["'Äabc😀'"],
    "VARCHAR(20) CHARACTER SET sjis": ["'日本'", "'表'"],
    "VARCHAR(20) CHARACTER SET gbk": ["'日本'"],
    "VARCHAR(20) CHARACTER SET cp1251": ["'Привет'"],
    "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin": ["'A'", "'a'", "'ab'", "'é'"],
    "BINARY(16)": [
        "x'11ffffffffffffffffffffffffffff00'",
        "x'00'",
        "x'00112233445566778899aabbccddee20'",
        "x'ff'",
    ],
    "BINARY(255)": ["'a'", "REPEAT('b', 255)"],
    "VARBINARY(20)": ["x'1100'", "x'11'", "x''", "x'20'", "x'1120'"],
    "VARBINARY(700)": ["REPEAT('b', 700)", "x'00'"],
}
EVERYWHERE = {**NUMBERS, **TIMES, **TEXTS}
MARIADB = {
    "UUID": [
        "'123e4567-e89b-12d3-a456-426655440000'",
        "'00000000-0000-0000-0000-000000000000'",
        "'ffffffff-ffff-4fff-bfff-ffffffffff00'",
        "'6ccd780c-baba-1026-9564-5b8c65602420'",
    ],
    "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE uca1400_as_cs": ["'Äa'", "'äa'", "'a'"],
}
MYSQL = {
    "VARCHAR(20) CHARACTER SET gb18030": ["'日本'"],
    "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs": ["'Äa'", "'äa'", "'a'", "'a '"],
}


@pytest.mark.parametrize("definition", EVERYWHERE)
def test_binlog_select_and_where_agree_about_a_key(database: Database, definition: str) -> None:
    check(database, definition, EVERYWHERE[definition])


@pytest.mark.mariadb_only
@pytest.mark.parametrize("definition", MARIADB)
def test_they_agree_about_what_only_mariadb_has(database: Database, definition: str) -> None:
    check(database, definition, MARIADB[definition])


@pytest.mark.mysql_only
@pytest.mark.parametrize("definition", MYSQL)
def test_they_agree_about_what_only_mysql_has(database: Database, definition: str) -> None:
    check(database, definition, MYSQL[definition])


def check(database: Database, definition: str, values: list[str]) -> None:
    columns = f"pad VARCHAR(9), k {definition} NOT NULL, v INT DEFAULT 0, UNIQUE KEY uk (k)"
    with following(database, columns, key="k") as followed:
        rows = ", ".join(f"({value})" for value in values)
        inserted = followed.keys_after(f"INSERT INTO orders (k) VALUES {rows}")
        assert sorted(followed.selected()) == sorted(inserted)
        assert through_a_temporary_table(followed) == inserted
        assert len(inserted) == len(values)
        assert followed.keys_after("UPDATE orders SET v = v + 1") == inserted
        check_predicates(followed, inserted)
        deprecated = "ucs2" in definition  # MySQL says so whenever it is mentioned
        assert deprecated or not warnings(followed, key_sql.equals(followed.key.columns, inserted))
        deleted = f"DELETE FROM {table(followed.original)} WHERE {key_sql.equals(followed.key.columns, inserted)}"
        assert followed.keys_after(deleted) == inserted


def through_a_temporary_table(followed: Followed) -> frozenset[Key]:
    """The keys as they come from a statement for which the server keeps its results a while, such as a UNION."""
    columns = followed.key.columns
    rows = followed.session.query(f"SELECT DISTINCT {key_sql.select_list(columns)} FROM {table(followed.original)}")
    return frozenset(key_sql.parse(columns, row) for row in rows)


def check_predicates(followed: Followed, everything: frozenset[Key]) -> None:
    columns = followed.key.columns
    for key in everything:
        assert followed.selected(key_sql.equals(columns, [key])) == [key]
    assert sorted(followed.selected(key_sql.equals(columns, everything))) == sorted(everything)
    ordered = followed.selected(f"TRUE ORDER BY {key_sql.ordered(columns)}")
    for first, last in combinations(range(len(ordered)), 2):
        within = key_sql.within(columns, KeyRange(ordered[first], ordered[last]))
        assert sorted(followed.selected(within)) == sorted(ordered[first + 1 : last + 1])
        followed.run(
            "CREATE TEMPORARY TABLE copied LIKE orders", f"INSERT INTO copied SELECT * FROM orders WHERE {within}"
        )
        assert followed.session.value("SELECT COUNT(*) FROM copied") == last - first
        followed.run("DROP TEMPORARY TABLE copied")
    if followed.key.is_ordered:
        assert sorted(everything, key=followed.key.order) == ordered


def warnings(followed: Followed, where: str) -> list[Row]:
    """What a statement with this condition warns of: a warning stops the statements of a migration."""
    followed.run(f"INSERT INTO orders SELECT * FROM orders WHERE ({where}) AND pad = 'no such row'")
    return followed.session.query("SHOW WARNINGS")
