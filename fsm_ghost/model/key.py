"""Values of the migration key, in one canonical form wherever they come from.

A key read from a row image of the binlog, one selected from the table, and one read back from a checkpoint are equal
exactly when the server's bytes are. So a component is never the client's idea of a value (a `datetime`, a decoded
string), but what identifies it: a number, a server-formatted text, or the hexadecimal bytes in the column's character
set. It survives JSON unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any

Component = int | str
Key = tuple[Component, ...]
Place = tuple[Any, ...]  # a key as it sorts in the index


class KeyKind(StrEnum):
    """How a key column's values are carried, written as literals, and compared."""

    INTEGER = "integer"  # int
    YEAR = "year"  # int; 0 is the year 0000
    BIT = "bit"  # int
    DECIMAL = "decimal"  # "-12.50", all digits of the scale
    DATE = "date"  # "2024-02-29", also zero and partial dates
    DATETIME = "datetime"  # "2024-02-29 23:59:59.120", as many digits as the column has
    TIMESTAMP = "timestamp"  # as DATETIME, in UTC
    TIME = "time"  # "-838:59:59.5"
    UUID = "uuid"  # "123e4567-e89b-12d3-a456-426655440000"
    TEXT = "text"  # hexadecimal bytes in the column's character set
    BINARY = "binary"  # hexadecimal bytes; BINARY(n) padded to n


# Kinds whose order the client knows exactly as the server's index has it (protocol R7, R8).
_ORDERED = frozenset(
    {
        KeyKind.INTEGER,
        KeyKind.YEAR,
        KeyKind.BIT,
        KeyKind.DECIMAL,
        KeyKind.DATE,
        KeyKind.DATETIME,
        KeyKind.TIMESTAMP,
        KeyKind.BINARY,
    }
)


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """One column of the migration key.

    `ghost_name` is its name in the ghost table (the ALTER may rename it); `charset` is set for TEXT, `length` (bytes)
    for fixed-length BINARY, `unsigned` for INTEGER.
    """

    name: str
    ghost_name: str
    kind: KeyKind
    charset: str | None = None
    length: int | None = None
    unsigned: bool = False

    def as_ghost(self) -> KeyColumn:
        """The same column of the ghost table."""
        return replace(self, name=self.ghost_name)


@dataclass(frozen=True)
class MigrationKey:
    """The unique NOT NULL key by which rows are copied and refreshed.

    `index` is its name in the original, `ghost_index` in the ghost table.
    """

    index: str
    columns: tuple[KeyColumn, ...]
    ghost_index: str = "PRIMARY"

    @cached_property
    def is_ordered(self) -> bool:
        """Whether the client can decide exactly which of two keys comes first."""
        return all(column.kind in _ORDERED for column in self.columns)

    def order(self, key: Key) -> Place:
        """A value that sorts as the index does; only where `is_ordered`. The key itself does, but for decimals."""
        if not self._has_decimals:
            return key
        return tuple(
            Decimal(part) if column.kind is KeyKind.DECIMAL else part
            for column, part in zip(self.columns, key, strict=True)
        )

    @cached_property
    def _has_decimals(self) -> bool:
        return any(column.kind is KeyKind.DECIMAL for column in self.columns)
