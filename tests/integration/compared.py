"""Values that look alike, and must not be taken for each other: for each change of a column's type that is compared.

The values of a case are literals for a column of the old type. No two of them are the same value of the new type.
"""

from __future__ import annotations

from dataclasses import dataclass

from fsm_ghost.model.plan import Lossy


@dataclass(frozen=True, slots=True)
class Case:
    """Values of a column whose type changes from `old` to `new`; `lossy` says what becomes of those that do not fit."""

    old: str
    new: str
    values: tuple[str, ...]
    lossy: Lossy | None = None


def stays(kind: str, *values: str) -> Case:
    """A column that keeps its type."""
    return Case(kind, kind, values)


UTF8 = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"  # for which 'a', 'A', 'ä' and 'a ' are equal
TEXTS = ("'ab'", "'aB'", "'äb'", "''", "'b'", "'ab\\0'", "'0'", "'a b'", "'ａb'", "'a\u0308b'")
WIDE = (*TEXTS, "'ab '", "' '", "'ab\\t'")
DAYS = ("'2024-02-29'", "'2024-03-01'", "'0000-00-00'", "'2024-00-00'", "'2023-02-31'", "'1000-01-01'", "'9999-12-31'")
MOMENTS = (
    "'2024-02-29 23:59:59.999999'",
    "'2024-02-29 23:59:59.999998'",
    "'2024-02-29 23:59:59'",
    "'0000-00-00'",
    "'9999-12-31 23:59:59.999999'",
    "'2023-02-31 00:00:00'",
)
INSTANTS = (
    "'1970-01-01 00:00:01'",
    "'2024-10-27 02:30:00'",
    "'2024-10-27 02:30:01'",
    "'2038-01-19 03:14:07'",
    "'0000-00-00'",
)
SPANS = ("'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'", "'00:00:01'", "'24:00:00'")
FINE_SPANS = ("'00:00:00.000001'", "'-00:00:00.000001'", "'00:00:00'", "'-00:00:01.5'", "'01:00:00.5'")
BITS = "8765432112345678"
SIXTY_FOUR = ", ".join(f"'l{number}'" for number in range(64))
INTS = ("0", "1", "-1", "-2147483648", "2147483647")
BIGS = ("9223372036854775807", "9223372036854775806", "-9223372036854775808", "0", "9007199254740993")
UNSIGNED = ("18446744073709551615", "18446744073709551614", "9223372036854775808", "0", "9007199254740993")
DECIMALS = ("0", "0.01", "-0.01", "99999999.99", "-99999999.99", "99999999.98")
DOUBLES = (
    "0e0",
    "0.1e0",
    "0.3e0",
    "0.30000000000000004e0",
    "1.7976931348623157e308",
    "-1.7976931348623157e308",
    "2.2250738585072014e-308",
    "1e25",
    "9007199254740992e0",
)
FLOATS = ("0e0", "0.1e0", "0.10000001e0", "16777216e0", "16777214e0", "3.4028234e38", "1.1754944e-38")
BYTES = ("x''", "x'00'", "x'0000'", "x'20'", "x'61'", "x'41'", "x'6100'", "x'6120'", "x'ff'", "x'c3a4'")
POINTS = ("ST_GeomFromText('POINT(1 1)')", "ST_GeomFromText('POINT(1 1.0000000000000002)')")

SAME = (
    stays("TINYINT", "-128", "127", "0", "1", "-1"),
    stays("TINYINT UNSIGNED", "255", "0", "128", "127"),
    stays("INT", *INTS),
    stays("INT(7) ZEROFILL", "0", "7", "4294967295"),
    stays("BIGINT", *BIGS),
    stays("BIGINT UNSIGNED", *UNSIGNED),
    stays("DECIMAL(10,2)", *DECIMALS),
    stays("DECIMAL(65,30)", "0", "1e-30", "-1e-30", f"{'9' * 35}.{'9' * 30}", f"{'9' * 35}.{'9' * 29}8"),
    stays("DOUBLE", *DOUBLES),
    stays("FLOAT", *FLOATS),
    stays("DOUBLE(10,3)", "0.001", "0", "1.5", "1.501"),
    stays("BIT(1)", "b'0'", "b'1'"),
    stays("BIT(64)", "18446744073709551615", "18446744073709551614", "9223372036854775808", "0", "1"),
    stays("YEAR", "0", "1901", "2155", "2000", "2024"),
    stays(f"VARCHAR(20) {UTF8}", *WIDE),
    stays(f"CHAR(10) {UTF8}", *TEXTS),
    stays(f"TEXT {UTF8}", *WIDE, "REPEAT('a', 9000)", "CONCAT(REPEAT('a', 8999), 'A')"),
    stays("LONGTEXT CHARACTER SET latin1", "'ab'", "'AB'", "'äb'", "'ab '", "REPEAT('ä', 9000)", "_latin1 x'81'"),
    stays("VARCHAR(20) CHARACTER SET utf8mb3", *WIDE),
    stays("VARCHAR(20) CHARACTER SET ucs2", *WIDE),
    stays("VARCHAR(20) CHARACTER SET utf16", *WIDE, "'😀'"),
    stays("VARCHAR(20) CHARACTER SET cp932", "_cp932 x'81e0'", "_cp932 x'8790'", "'a'", "'A'", "''"),
    stays("VARCHAR(20) CHARACTER SET gbk", "'日本'", "'日'", "'a'", "'A'", "''"),
    stays("VARCHAR(20) CHARACTER SET binary", *BYTES),
    stays("BINARY(4)", "x''", "x'20'", "x'61'", "x'41'", "x'00000001'", "x'ffffffff'"),
    stays("VARBINARY(20)", *BYTES),
    stays("BLOB", *BYTES, "REPEAT('a', 9000)", "CONCAT(REPEAT('a', 9000), x'00')"),
    stays("ENUM('a', 'A', 'b', 'a b') COLLATE utf8mb4_bin", "'a'", "'A'", "'b'", "'a b'"),
    stays("ENUM('', 'x', '1')", "1", "2", "3"),
    stays("SET('a', 'b', 'c')", "''", "'a'", "'a,b'", "'b'", "'a,b,c'"),
    stays(
        f"SET({SIXTY_FOUR})",
        "''",
        "'l63'",
        "'l0,l63'",
        "'l1,l63'",
        "'l0'",
        "18446744073709551615",
    ),
    stays("DATE", *DAYS),
    stays("DATETIME(6)", *MOMENTS),
    stays("DATETIME", "'0000-00-00'", "'2024-02-29 23:59:59'", "'2024-02-29 23:59:58'"),
    stays("TIMESTAMP NULL", *INSTANTS),
    stays("TIMESTAMP(6) NULL", *INSTANTS, "'2024-10-27 02:30:00.000001'"),
    stays("TIME(6)", *FINE_SPANS),
    stays("TIME", *SPANS),
    stays(
        "JSON",
        "'1'",
        "'1.0'",
        "'\"1\"'",
        "'\"a\"'",
        "'\"A\"'",
        "'\"ä\"'",
        "'null'",
        "'[]'",
        "'{}'",
        "'true'",
        "'{\"a\": 1e25}'",
        "'[1.7976931348623157e308]'",
        "'[0.30000000000000004]'",
        "'[0.3]'",
        "'[\"\"]'",
        "'[1, 2]'",
        "'[2, 1]'",
    ),
    stays("GEOMETRY", *POINTS, "ST_GeomFromText('POINT(1 1)', 4326)", "ST_GeomFromText('LINESTRING(1 1, 2 2)')"),
    stays("POINT", *POINTS),
)
CHANGED = (
    # Between exact numbers.
    Case("INT", "BIGINT", INTS),
    Case("INT", "DECIMAL(20,4)", INTS),
    Case("INT UNSIGNED", "BIGINT", ("0", "4294967295", "1")),
    Case("BIGINT UNSIGNED", "DECIMAL(20,0)", UNSIGNED),
    Case("BIGINT", "DECIMAL(30,5)", BIGS),
    Case("BIGINT", "INT", ("-2147483648", "2147483647", "0", "1")),
    Case("DECIMAL(10,2)", "DECIMAL(20,4)", DECIMALS),
    Case("DECIMAL(10,4)", "DECIMAL(10,2)", ("1.1000", "1.1100", "0", "-0.01")),
    Case("DECIMAL(10,2)", "INT", ("0", "1", "-1", "99999999")),
    Case("DECIMAL(20,0)", "BIGINT UNSIGNED", UNSIGNED),
    Case("DECIMAL(20,2)", "BIGINT UNSIGNED", ("0", "9007199254740993", "9007199254740992")),
    # Approximate ones.
    Case("FLOAT", "DOUBLE", FLOATS),
    Case("DOUBLE", "FLOAT", ("0e0", "0.5e0", "1024e0", "16777216e0")),
    Case("INT", "DOUBLE", INTS),
    Case("SMALLINT", "FLOAT", ("0", "-32768", "32767")),
    Case("DECIMAL(10,2)", "DOUBLE", DECIMALS),
    Case("DECIMAL(5,2)", "FLOAT", ("0", "0.25", "-0.25", "999.75")),
    # Bits and years.
    Case("BIT(64)", "BIGINT UNSIGNED", UNSIGNED),
    Case("BIT(8)", "BIT(64)", ("0", "255", "128", "1")),
    Case("BIGINT UNSIGNED", "BIT(64)", UNSIGNED),
    Case("YEAR", "INT", ("0", "1901", "2155", "2000")),
    Case("YEAR", "SMALLINT", ("0", "1901", "2155", "2000")),
    Case("INT", "YEAR", ("0", "1901", "2155", "2000")),
    # To texts.
    Case("INT", "VARCHAR(20)", INTS),
    Case("BIGINT UNSIGNED", "TEXT CHARACTER SET latin1", UNSIGNED),
    Case("DECIMAL(10,2)", f"VARCHAR(20) {UTF8}", DECIMALS),
    Case("DECIMAL(10,2)", "CHAR(20)", DECIMALS),
    Case("YEAR", "CHAR(4)", ("0", "1901", "2155", "2000")),
    Case("DATE", "VARCHAR(20)", DAYS),
    Case("DATETIME(6)", "VARCHAR(30) CHARACTER SET ucs2", MOMENTS),
    Case("TIMESTAMP(3) NULL", "TEXT", INSTANTS),
    Case("TIME(6)", "VARCHAR(30)", FINE_SPANS),
    Case("TIME", "CHAR(10)", SPANS),
    # Moments.
    Case("DATE", "DATETIME", DAYS),
    Case("DATE", "DATETIME(6)", DAYS),
    Case("DATETIME", "DATETIME(6)", ("'0000-00-00'", "'2024-02-29 23:59:59'", "'2024-02-29 23:59:58'")),
    Case("DATETIME(6)", "DATETIME(2)", ("'0000-00-00'", "'2024-02-29 23:59:59.99'", "'2024-02-29 23:59:59.98'")),
    Case("DATETIME(6)", "DATE", DAYS),
    Case("DATETIME(3)", "TIMESTAMP(3) NULL", ("'1970-01-02 00:00:01'", "'2024-02-29 23:59:59.99'", "'0000-00-00'")),
    Case("TIMESTAMP NULL", "DATETIME", INSTANTS),
    Case("TIMESTAMP(6) NULL", "DATETIME(6)", (*INSTANTS, "'2024-02-29 23:59:59.999999'")),
    Case("TIMESTAMP(6) NULL", "TIMESTAMP(2) NULL", (*INSTANTS, "'2024-02-29 23:59:59.99'")),
    Case("TIMESTAMP NULL", "TIMESTAMP(6) NULL", INSTANTS),
    Case("DATE", "TIMESTAMP NULL", ("'1970-01-02'", "'2024-02-29'", "'0000-00-00'")),
    Case("TIMESTAMP NULL", "DATE", ("'1970-01-02 00:00:00'", "'2024-02-29 00:00:00'", "'0000-00-00'")),
    Case("TIME", "TIME(6)", SPANS),
    Case("TIME(6)", "TIME(1)", ("'00:00:00.1'", "'-00:00:00.1'", "'00:00:00'", "'838:59:58.9'", "'-838:59:58.9'")),
    # What is read from a text.
    Case("VARCHAR(40)", "INT", ("'12'", "' 13'", "'+14'", "'-0015'", "'1e3'", "'2147483647'", "'0'")),
    Case("VARCHAR(40)", "BIGINT UNSIGNED", ("'18446744073709551615'", "'18446744073709551614'", "'9007199254740993'")),
    Case("TEXT CHARACTER SET ucs2", "DECIMAL(10,2)", ("'1.1'", "'1.11'", "'-99999999.99'", "'.5'", "'5e2'", "'0'")),
    Case("VARCHAR(40)", "DOUBLE", ("'0.3'", "'0.30000000000000004'", "'1e25'", "'1.7976931348623157e308'", "'0'")),
    Case("VARCHAR(40)", "FLOAT", ("'0.1'", "'0.10000001'", "'16777216'", "'0'")),
    Case("VARCHAR(40)", "DATE", ("'2024-02-29'", "'2024-3-1'", "'20240302'")),
    Case("VARCHAR(40)", "DATETIME(3)", ("'2024-02-29 10:00:00.123'", "'2024-02-29T10:00:00.124'", "'2024-02-29'")),
    Case(
        "VARCHAR(40)", "TIMESTAMP(3) NULL", ("'2024-02-29 10:00:00.123'", "'2024-02-29T10:00:00.124'", "'2024-02-29'")
    ),
    Case("VARCHAR(40)", "TIME(1)", ("'10:00:00.1'", "'-10:00:00.1'", "'10:00'", "'1 10:00:00'")),
    Case(f"VARCHAR(40) {UTF8}", f"ENUM('b', 'a b', 'c') {UTF8}", ("'B'", "'A b'", "'c'")),
    Case(f"VARCHAR(40) {UTF8}", "ENUM('b', 'ä', 'c') CHARACTER SET latin1", ("'B'", "'Ä'", "'c '")),
    Case(f"VARCHAR(40) {UTF8}", f"SET('b', 'a', 'c') {UTF8}", ("'A,b'", "'C'", "'b'", "'c,b,b'", "''")),
    Case("ENUM('a', 'b')", "SET('b', 'a')", ("'a'", "'b'")),
    Case("SET('a', 'b')", "ENUM('b', 'a,b', 'a')", ("'a'", "'b'", "'a,b'")),
    Case("DOUBLE", "INT", ("0e0", "1e0", "-1e0", "2147483647e0")),
    Case("DOUBLE", "BIGINT", ("0e0", "9007199254740992e0", "-9223372036854775808e0", "1e15")),
    Case("DOUBLE", "DECIMAL(20,2)", ("0e0", "0.1e0", "-0.25e0", "123456789012.34e0", "1e17")),
    Case("FLOAT", "DECIMAL(20,2)", ("0e0", "-0.25e0", "16777216e0")),
    Case("BIT(8)", "DECIMAL(5,1)", ("0", "255", "1")),
    Case("BIT(64)", "DOUBLE", ("0", "255", "1")),
    Case("YEAR", "DECIMAL(6,1)", ("0", "1901", "2155")),
    Case("YEAR", "DOUBLE", ("0", "1901", "2155")),
    # Texts, across lengths, character sets and collations.
    Case(f"VARCHAR(20) {UTF8}", f"VARCHAR(200) {UTF8}", WIDE),
    Case("VARCHAR(20) COLLATE utf8mb4_bin", f"TEXT {UTF8}", WIDE),
    Case(f"CHAR(10) {UTF8}", f"VARCHAR(10) {UTF8}", TEXTS),
    Case(f"VARCHAR(20) {UTF8}", f"CHAR(20) {UTF8}", TEXTS),
    Case(
        "VARCHAR(20) CHARACTER SET latin1",
        f"VARCHAR(20) {UTF8}",
        ("'ab'", "'AB'", "'äb'", "'ab '", "_latin1 x'81'", "'€'"),
    ),
    Case(f"VARCHAR(20) {UTF8}", "VARCHAR(20) CHARACTER SET latin1", ("'ab'", "'AB'", "'äb'", "'ab '", "''", "'€'")),
    Case("VARCHAR(20) CHARACTER SET utf16", "LONGTEXT", (*WIDE, "'😀'")),
    Case("VARCHAR(20) CHARACTER SET gbk", "VARCHAR(20)", ("'日本'", "'日'", "'a'", "'A'", "''")),
    Case("ENUM('a', 'A', 'b') COLLATE utf8mb4_bin", "VARCHAR(10)", ("'a'", "'A'", "'b'")),
    Case("VARCHAR(10) COLLATE utf8mb4_bin", "ENUM('b', 'A', 'a') COLLATE utf8mb4_bin", ("'a'", "'A'", "'b'")),
    Case("ENUM('a', 'b', 'c')", "ENUM('c', 'a', 'b', 'd')", ("'a'", "'b'", "'c'")),
    Case(
        "ENUM('a', 'ä') CHARACTER SET latin1 COLLATE latin1_bin", "ENUM('ä', 'a') COLLATE utf8mb4_bin", ("'a'", "'ä'")
    ),
    Case("SET('a', 'b', 'c')", "SET('c', 'a', 'b', 'd')", ("''", "'a'", "'a,b'", "'b'", "'a,b,c'")),
    Case("SET('a', 'A') COLLATE utf8mb4_bin", "SET('A', 'a', 'b') COLLATE utf8mb4_bin", ("''", "'a'", "'A'", "'a,A'")),
    Case("SET('a', 'b')", "VARCHAR(20)", ("''", "'a'", "'a,b'", "'b'")),
    Case(f"SET({SIXTY_FOUR})", f"SET({SIXTY_FOUR}) CHARACTER SET latin1", ("''", "'l63'", "'l0,l63'", "'l1,l63'")),
    # Bytes.
    Case("VARBINARY(20)", "BLOB", BYTES),
    Case("BLOB", "VARBINARY(20)", BYTES),
    Case("BINARY(4)", "BINARY(8)", ("x''", "x'20'", "x'61'", "x'41'", "x'00000001'")),
    Case("VARBINARY(20)", "BINARY(20)", ("x''", "x'20'", "x'61'", "x'41'", "x'6120'", "x'c3a4'")),
    Case("VARBINARY(20)", f"VARCHAR(20) {UTF8}", ("x''", "x'00'", "x'6120'", "x'61'", "x'41'", "x'c3a4'")),
    Case("VARBINARY(20)", "TEXT CHARACTER SET latin1", ("x''", "x'00'", "x'6120'", "x'61'", "x'41'", "x'c3a4'")),
    Case("VARCHAR(20) CHARACTER SET latin1", "VARBINARY(40)", ("'ab'", "'AB'", "'äb'", "'ab '")),
    Case("VARCHAR(9)", "BLOB", TEXTS),
    Case("VARCHAR(9)", "BINARY(40)", ("'ab'", "'AB'", "'äb'", "'ab '")),
    Case("INT", "VARBINARY(20)", INTS),
    Case("DOUBLE", "VARCHAR(40)", DOUBLES),
    Case("POINT", "GEOMETRY", POINTS),
    Case("BINARY(4)", "VARBINARY(9)", ("x''", "x'20'", "x'61'", "x'41'", "x'00000001'")),
)
LOSSY = (
    Case("CHAR(9)", "CHAR(3)", ("'abc'", "'ab c'", "'abd'", "'Ab c'"), Lossy.TRUNCATE),
    Case("VARCHAR(9)", f"VARCHAR(3) {UTF8}", ("'abcd'", "'ab c'", "'abde'", "'ABCD'"), Lossy.TRUNCATE),
    Case("VARCHAR(9)", "CHAR(3)", ("'abcd'", "'ab '", "'abde'"), Lossy.TRUNCATE),
    Case("BLOB", "VARBINARY(2)", ("x'616263'", "x'6100'", "x''"), Lossy.TRUNCATE),
    Case("INT", "TINYINT UNSIGNED", ("-5", "300", "254", "1"), Lossy.CLAMP),
    Case("DECIMAL(10,3)", "DECIMAL(5,2)", ("1.005", "1.019", "-1.016"), Lossy.TRUNCATE),
    Case("DOUBLE", "FLOAT", ("0.1e0", "0.3e0", "0.5e0"), Lossy.TRUNCATE),
    Case("DOUBLE", "FLOAT DEFAULT 0.1", ("0.3e0", "0.5e0"), Lossy.DEFAULT),
    Case("BIGINT", "DOUBLE", ("9007199254740993", "9007199254740995", "0"), Lossy.TRUNCATE),
    Case("DATETIME(6)", "DATETIME(2)", ("'2024-02-29 23:59:59.994'", "'2024-02-29 23:59:59.984'"), Lossy.TRUNCATE),
    Case(
        "TIMESTAMP(6) NULL",
        "TIMESTAMP(1) NULL",
        ("'2024-02-29 23:59:59.94'", "'2024-02-29 23:59:59.84'"),
        Lossy.TRUNCATE,
    ),
    Case("DATETIME", "DATE", ("'2024-02-29 23:59:59'", "'2024-02-28 23:59:59'"), Lossy.TRUNCATE),
    Case("ENUM('a', 'b', 'c')", "ENUM('b', 'a') DEFAULT 'b'", ("'a'", "'c'"), Lossy.DEFAULT),
    Case("SET('a', 'b', 'c')", "SET('b', 'a') DEFAULT 'b'", ("'a'", "'c,a'"), Lossy.DEFAULT),
    Case("INT", "YEAR DEFAULT '2001'", ("3000", "2000"), Lossy.DEFAULT),
    Case("VARCHAR(9)", "INT DEFAULT 7", ("'x'", "'8'"), Lossy.DEFAULT),
)
MARIADB = (
    stays("UUID", "'123e4567-e89b-12d3-a456-426655440000'", "'123e4567-e89b-12d3-a456-426655440001'"),
    Case(f"VARCHAR(9) {UTF8}", "ENUM('b', 'c') COLLATE utf8mb4_general_nopad_ci", ("'B'", "'c '")),
    stays("INET6", "'::'", "'::1'", "'ffff::'", "'::ffff:1.2.3.4'"),
    stays("INET4", "'0.0.0.0'", "'1.2.3.4'", "'255.255.255.255'"),
    Case("UUID", "CHAR(36)", ("'123e4567-e89b-12d3-a456-426655440000'", "'123e4567-e89b-12d3-a456-426655440001'")),
    Case("INET6", "VARCHAR(50)", ("'::'", "'::1'", "'ffff::'")),
    Case("CHAR(36)", "UUID", ("'123e4567-e89b-12d3-a456-426655440000'", "'123E4567-E89B-12D3-A456-426655440001'")),
    Case("VARCHAR(50)", "INET6", ("'::'", "'::0001'", "'FFFF::'")),
    Case("INET4", "VARCHAR(50)", ("'0.0.0.0'", "'1.2.3.4'")),
)
MYSQL = (
    stays("VARCHAR(20) COLLATE utf8mb4_0900_ai_ci", *WIDE),
    Case(f"VARCHAR(9) {UTF8}", "ENUM('b', 'c') COLLATE utf8mb4_0900_ai_ci", ("'B'", "'c '")),
    stays("JSON", "'\"2024-01-01\"'", "CAST(CAST('2024-01-01' AS DATE) AS JSON)"),
    Case("JSON", "LONGTEXT", ("'1'", "'1.0'", "'\"a\"'", "'\"A\"'", "'[1e25, 0.30000000000000004]'", "'\"ä\"'")),
    Case(
        "LONGTEXT",
        "JSON",
        (
            "'1'",
            "'1.0'",
            "'\"a\"'",
            "'\"A\"'",
            "'[1e25, 0.30000000000000004]'",
            "'\"ä\"'",
            '\'{"b":1,"a":1.7976931348623157e308}\'',
        ),
    ),
    Case("VECTOR(2)", "VECTOR(3)", ("STRING_TO_VECTOR('[1, 2]')", "STRING_TO_VECTOR('[1, 2.0000002]')")),
    stays("DOUBLE", "0e0", "-0e0"),
    stays("FLOAT", "0e0", "-0e0"),
    Case("DOUBLE", "FLOAT", ("0e0", "-0e0")),
    Case("FLOAT", "DOUBLE", ("0e0", "-0e0")),
    Case("DOUBLE", "VARCHAR(9)", ("0e0", "-0e0")),
    Case("VARCHAR(9)", "DOUBLE", ("'0'", "'-0'")),
    stays("VECTOR(2)", "STRING_TO_VECTOR('[1, 2]')", "STRING_TO_VECTOR('[1, 2.0000002]')"),
)
