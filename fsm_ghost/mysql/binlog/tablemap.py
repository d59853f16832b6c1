"""TABLE_MAP events: how the columns of a table are laid out in its row images.

Sources: "Table_map_event" and the `pack`, `save_field_metadata` methods of `sql/field.cc` of both servers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from fsm_ghost.mysql.binlog.failures import UnreadableError


class ColumnType(IntEnum):
    """Column types as the binlog numbers them."""

    TINY = 1
    SHORT = 2
    LONG = 3
    FLOAT = 4
    DOUBLE = 5
    TIMESTAMP = 7  # 7, 11 and 12: the formats before MySQL 5.6 and MariaDB 10.1, still found in old tables
    LONGLONG = 8
    INT24 = 9
    DATE = 10
    TIME = 11
    DATETIME = 12
    YEAR = 13
    NEWDATE = 14
    VARCHAR = 15
    BIT = 16
    TIMESTAMP2 = 17
    DATETIME2 = 18
    TIME2 = 19
    BLOB_COMPRESSED = 140  # MariaDB
    VARCHAR_COMPRESSED = 141  # MariaDB
    VECTOR = 242  # MySQL
    JSON = 245
    NEWDECIMAL = 246
    ENUM = 247
    SET = 248
    BLOB = 252
    STRING = 254
    GEOMETRY = 255


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """How a column lies in a row image.

    `size` is its length in bytes or, for a `variable` one, the length of the little-endian number before the value
    that says how many bytes follow. `meta` is the type's metadata: fractional digits, precision and scale, ….
    """

    type: ColumnType
    size: int
    variable: bool = False
    meta: tuple[int, ...] = ()
    nullable: bool = False


Layout: TypeAlias = tuple[ColumnLayout, ...]

_Sized: TypeAlias = tuple[int, bool]
_WITHOUT_METADATA = {
    ColumnType.TINY: 1,
    ColumnType.SHORT: 2,
    ColumnType.INT24: 3,
    ColumnType.LONG: 4,
    ColumnType.LONGLONG: 8,
    ColumnType.YEAR: 1,
    ColumnType.DATE: 3,
    ColumnType.NEWDATE: 3,
    ColumnType.TIME: 3,
    ColumnType.DATETIME: 8,
    ColumnType.TIMESTAMP: 4,
}
_WHOLE_SECONDS = {ColumnType.TIMESTAMP2: 4, ColumnType.DATETIME2: 5, ColumnType.TIME2: 3}
_ONE_BYTE_MOST = 0xFF
_BYTES_OF_DIGITS = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)


def decimal_size(digits: int) -> int:
    """Bytes that hold `digits` decimal digits of one side of the decimal point."""
    return digits // 9 * 4 + _BYTES_OF_DIGITS[digits % 9]


def _fraction(whole: int, digits: int) -> _Sized:
    return whole + (digits + 1) // 2, False


def _decimal(precision: int, scale: int) -> _Sized:
    return decimal_size(precision - scale) + decimal_size(scale), False


def _bit(bits: int, whole_bytes: int) -> _Sized:
    return whole_bytes + (bits > 0), False


def _up_to(most: int) -> _Sized:
    return 1 if most <= _ONE_BYTE_MOST else 2, True


def _string(real_type: int, length: int) -> _Sized:
    """CHAR and BINARY; a length above 255 has its two upper bits, inverted, in the type."""
    if real_type | 0x30 != ColumnType.STRING:
        raise ValueError(f"unknown kind of string {real_type}")
    return _up_to(length | ((real_type & 0x30) ^ 0x30) << 4)


_ONE_BYTE: dict[ColumnType, Callable[[ColumnType, int], _Sized]] = {
    ColumnType.FLOAT: lambda _, size: (size, False),
    ColumnType.DOUBLE: lambda _, size: (size, False),
    **dict.fromkeys(_WHOLE_SECONDS, lambda kind, digits: _fraction(_WHOLE_SECONDS[kind], digits)),
    **dict.fromkeys(
        (ColumnType.BLOB, ColumnType.BLOB_COMPRESSED, ColumnType.GEOMETRY, ColumnType.JSON, ColumnType.VECTOR),
        lambda _, size: (size, True),
    ),
}
_TWO_BYTES: dict[ColumnType, Callable[[int, int], _Sized]] = {
    ColumnType.VARCHAR: lambda low, high: _up_to(low | high << 8),
    ColumnType.VARCHAR_COMPRESSED: lambda low, high: _up_to(low | high << 8),
    ColumnType.NEWDECIMAL: _decimal,
    ColumnType.BIT: _bit,
    ColumnType.STRING: _string,
    ColumnType.ENUM: lambda _, size: (size, False),
    ColumnType.SET: lambda _, size: (size, False),
}


def packed_integer(data: bytes, at: int) -> tuple[int, int]:
    """A length-encoded integer at `at`, and where it ends."""
    first = data[at]
    if first < 251:  # noqa: PLR2004 - the protocol's numbers
        return first, at + 1
    end = at + 1 + {252: 2, 253: 3, 254: 8}[first]
    return int.from_bytes(data[at + 1 : end], "little"), end


def table_prefix(schema: str, name: str) -> bytes:
    """How the body of a TABLE_MAP event names the table, 8 bytes from its start."""
    names = (schema.encode(), name.encode())
    return b"".join(bytes([len(part)]) + part + b"\0" for part in names)


def read_layout(body: bytes) -> Layout:
    """The layout in a TABLE_MAP event that begins with the number of columns, after the names.

    Raises UnreadableError on an unknown type and when the metadata does not come out even. Optional metadata (names,
    character sets, …) is not looked at.
    """
    try:
        count, at = packed_integer(body, 0)
        types = body[at : at + count]
        size, at = packed_integer(body, at + count)
        metadata, nullable = body[at : at + size], body[at + size : at + size + (count + 7) // 8]
        return tuple(_columns(types, metadata, nullable))
    except (IndexError, KeyError, ValueError) as error:
        raise UnreadableError(f"its table map is not understood ({error!r})") from error


def _columns(types: bytes, metadata: bytes, nullable: bytes) -> list[ColumnLayout]:
    columns, at = [], 0
    for index, number in enumerate(types):
        kind, (size, variable), end = _column(ColumnType(number), metadata, at)
        can_be_null = bool(nullable[index >> 3] >> (index & 7) & 1)
        columns.append(ColumnLayout(kind, size, variable, tuple(metadata[at:end]), can_be_null))
        at = end
    if at != len(metadata):
        raise ValueError(f"{len(metadata) - at} bytes of metadata left over")
    return columns


def _column(kind: ColumnType, metadata: bytes, at: int) -> tuple[ColumnType, _Sized, int]:
    """A column's type, its size, and where its metadata ends."""
    if kind in _WITHOUT_METADATA:
        return kind, (_WITHOUT_METADATA[kind], False), at
    if kind in _ONE_BYTE:
        return kind, _ONE_BYTE[kind](kind, metadata[at]), at + 1
    first, second = metadata[at], metadata[at + 1]
    if kind is ColumnType.STRING and first in {ColumnType.ENUM, ColumnType.SET}:
        kind = ColumnType(first)
    return kind, _TWO_BYTES[kind](first, second), at + 2
