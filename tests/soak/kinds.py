"""Types of columns with literals for them, also such as another type or character set takes differently."""

from __future__ import annotations

import random
from dataclasses import dataclass

CHARACTER_SETS = {
    "utf8mb4": ("utf8mb4_bin", "utf8mb4_general_ci", "utf8mb4_unicode_ci"),
    "latin1": ("latin1_bin", "latin1_swedish_ci", "latin1_german2_ci"),
    "ascii": ("ascii_bin", "ascii_general_ci"),
    "utf16": ("utf16_bin", "utf16_unicode_ci"),
    "gbk": ("gbk_bin", "gbk_chinese_ci"),
    "cp1251": ("cp1251_bin", "cp1251_general_ci"),
}


@dataclass(frozen=True, slots=True)
class Family:
    """Types that take the same literals.

    `numbered` makes a literal of a number, in which no two are alike; "": the family is not for keys. `becomes` names
    the families that an ALTER may change it to. `indexed` is what an index takes of it: "", a length, or None: nothing.
    """

    types: tuple[str, ...]
    literals: tuple[str, ...]
    becomes: tuple[str, ...]
    numbered: str = ""
    indexed: str | None = ""
    defaults: tuple[str, ...] = ()


FAMILIES = {
    "integer": Family(
        ("TINYINT", "SMALLINT UNSIGNED", "MEDIUMINT", "INT", "BIGINT UNSIGNED", "INT(5) UNSIGNED ZEROFILL"),
        ("0", "1", "-1", "100", "127", "255", "2147483647", "-2147483648", "18446744073709551615"),
        ("integer", "decimal", "float", "text"),
        numbered="{0}",
        defaults=("1", "(1 + 1)"),
    ),
    "decimal": Family(
        ("DECIMAL(10,2)", "DECIMAL(30,10)", "DECIMAL(8,3) UNSIGNED", "DECIMAL(12,4) ZEROFILL"),
        ("0", "-1", "2.5", "0.25", "-0.0", "123456789.123456789", "9007199254740993"),
        ("decimal", "integer", "float", "text"),
        numbered="{0}.{0}",
        defaults=("0", "1.5"),
    ),
    "float": Family(
        ("FLOAT", "DOUBLE", "DOUBLE(10,2)", "DOUBLE UNSIGNED"),
        ("0", "-1", "2.5", "0.1", "-0e0", "3.4e38", "1e-300", "16777217"),
        ("float", "decimal", "text"),
        defaults=("0",),
    ),
    "text": Family(
        ("CHAR(10)", "VARCHAR(20)", "VARCHAR(255)", "CHAR(40)"),
        ("''", "'a'", "'A'", "'a '", "' a'", "'ä'", "'ß'", "'ss'", "'12'", "'1.5'", "'2024-02-29'", "'€'", "'b\\0'"),
        ("text", "text", "long text", "bytes", "integer", "label", "moment"),
        numbered="'k{0}'",
        defaults=("''", "'a'"),
    ),
    "long text": Family(
        ("TEXT", "MEDIUMTEXT", "TINYTEXT"),
        ("''", "'a'", "'x\\'y'", "'ä '", "'€'", "REPEAT('é', 60)", "'%s ;'"),
        ("long text", "text", "long bytes"),
        indexed="(10)",
    ),
    "bytes": Family(
        ("BINARY(4)", "VARBINARY(10)", "VARBINARY(300)"),
        ("''", "x'00'", "x'6100'", "x'61'", "x'6120'", "x'ff00'"),
        ("bytes", "long bytes", "text"),
        numbered="x'{0:06x}'",
    ),
    "long bytes": Family(
        ("BLOB", "TINYBLOB"),
        ("''", "x'00'", "'a '", "x'c328'", "REPEAT('z', 200)"),
        ("long bytes", "bytes"),
        indexed="(10)",
    ),
    "moment": Family(
        ("DATE", "DATETIME", "DATETIME(6)", "TIMESTAMP NULL", "TIMESTAMP(3) NULL", "TIME", "TIME(6)"),
        ("'2024-06-30 12:34:56'", "'2024-07-01 00:00:00.5'", "'0000-00-00'", "'2024-02-00'", "'2024-10-27 02:30:00'"),
        ("moment", "moment", "text"),
        numbered="'2024-01-01' + INTERVAL {0} * 37 MINUTE",
    ),
    "label": Family(
        ("ENUM('a','b','A b','')", "ENUM('d','c','b','a')", "SET('a','b','c')"),
        ("'a'", "'b'", "1", "'nope'", "''"),
        ("label", "text", "integer"),
        defaults=("'a'",),
    ),
    "bits": Family(
        ("BIT(1)", "BIT(8)", "BIT(64)"), ("0", "1", "b'101'"), ("bits", "integer"), numbered="{0}", defaults=("b'1'",)
    ),
    "document": Family(
        ("JSON",),
        ("'[]'", "'1.0'", "'null'", '\'{"b": 1, "a": [1, 2.50, null]}\'', '\'{"a": 1, "a": 2}\''),
        ("document", "long text"),
        indexed=None,
    ),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of a column, as it is written, and its family."""

    family: str
    sql: str

    @property
    def of(self) -> Family:
        return FAMILIES[self.family]

    def literal(self, chance: random.Random) -> str:
        return chance.choice(self.of.literals)

    def numbered(self, number: int) -> str:
        return self.of.numbered.format(number)


def any_kind(chance: random.Random, families: tuple[str, ...] = tuple(FAMILIES)) -> Kind:
    """A type of one of these families, of texts in any character set."""
    family = chance.choice(families)
    sql = chance.choice(FAMILIES[family].types)
    own_characters = family in {"text", "long text"} and chance.random() < 0.5
    return Kind(family, f"{sql} {any_characters(chance)}" if own_characters else sql)


def key_kind(chance: random.Random) -> Kind:
    """A type that a key may be made of. A TIMESTAMP that is never NULL has no default that every server takes."""
    kind = any_kind(chance, tuple(name for name, family in FAMILIES.items() if family.numbered))
    return Kind(kind.family, kind.sql.replace(" NULL", " DEFAULT '2020-01-01'"))


def any_characters(chance: random.Random) -> str:
    """A character set with one of its collations, as a definition has them."""
    name = chance.choice(tuple(CHARACTER_SETS))
    return f"CHARACTER SET {name} COLLATE {chance.choice(CHARACTER_SETS[name])}"
