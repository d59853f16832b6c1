"""What a column's type can hold, read from how the server writes it."""

from __future__ import annotations

import re

from fsm_ghost.model.table import Column

INTEGER_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
INTEGERS = frozenset(INTEGER_BITS)
APPROXIMATE = frozenset({"float", "double"})
NUMBERS = INTEGERS | APPROXIMATE | {"decimal", "bit", "year"}
TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
LABELS = frozenset({"enum", "set"})
BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
MOMENTS = frozenset({"date", "datetime", "timestamp"})
_LENGTH = {"tiny": 2**8 - 1, "": 2**16 - 1, "medium": 2**24 - 1, "long": 2**32 - 1}  # bytes of TEXT and BLOB
_LABEL = re.compile(r"'(?:[^'\\]|\\.|'')*'")


def is_unsigned(column: Column) -> bool:
    """Whether a number cannot be negative."""
    return "unsigned" in column.type.lower()


def numbers(column: Column) -> tuple[int, ...]:
    """The numbers in parentheses: (10, 2) of DECIMAL(10,2); none where there are no parentheses."""
    found = re.match(r"\w+\(([\d,]+)\)", column.type)
    return tuple(int(part) for part in found[1].split(",")) if found else ()


def integer_range(column: Column) -> tuple[int, int]:
    """The least and the greatest value of an integer column."""
    bits = INTEGER_BITS[column.data_type]
    return (0, 2**bits - 1) if is_unsigned(column) else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def precision(column: Column) -> tuple[int, int]:
    """All digits, and those after the point, of a DECIMAL column."""
    found = numbers(column)
    return (found[0] if found else 10, found[1] if len(found) > 1 else 0)


def fraction(column: Column) -> int:
    """How many digits of a second a temporal column keeps."""
    found = numbers(column)
    return found[0] if found else 0


def labels(column: Column) -> tuple[str, ...]:
    """The labels of an ENUM or SET column, as literals in SQL."""
    return tuple(_LABEL.findall(column.type))


def most_characters(column: Column) -> int | None:
    """How many characters a CHAR or VARCHAR, or bytes a BINARY or VARBINARY, can have; None for other types."""
    if column.data_type not in {"char", "varchar", "binary", "varbinary"}:
        return None
    return (numbers(column) or (1,))[0]


def most_bytes(column: Column) -> int | None:
    """How many bytes a TEXT or BLOB of any size can have; None for other types."""
    found = re.fullmatch("(tiny|medium|long|)(?:text|blob)", column.data_type)
    return _LENGTH[found[1]] if found else None


def implicit_default(column: Column) -> str | None:
    """What a native ALTER TABLE gives the rows in a new column without a default that must not be NULL, in SQL.

    None for types that have no such value.
    """
    if column.data_type in NUMBERS:
        return "0"
    if column.data_type == "enum":
        return "1"  # its first label
    return "''" if column.data_type in TEXTS | BYTES | {"set"} else None
