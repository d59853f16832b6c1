"""The layout of row images."""

from __future__ import annotations

import pytest

from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.tablemap import ColumnLayout, ColumnType, decimal_size, packed_integer, read_layout


def one(kind: int, metadata: bytes = b"") -> tuple[ColumnType, int, bool]:
    (column,) = read_layout(bytes([1, kind, len(metadata)]) + metadata + b"\0")
    assert column.meta == tuple(metadata)
    return column.type, column.size, column.variable


@pytest.mark.parametrize(
    "kind, metadata, expected",
    [
        (1, b"", (ColumnType.TINY, 1, False)),
        (2, b"", (ColumnType.SHORT, 2, False)),
        (9, b"", (ColumnType.INT24, 3, False)),
        (3, b"", (ColumnType.LONG, 4, False)),
        (8, b"", (ColumnType.LONGLONG, 8, False)),
        (4, b"\4", (ColumnType.FLOAT, 4, False)),
        (5, b"\x08", (ColumnType.DOUBLE, 8, False)),
        (13, b"", (ColumnType.YEAR, 1, False)),
        (10, b"", (ColumnType.DATE, 3, False)),
        (12, b"", (ColumnType.DATETIME, 8, False)),
        (17, b"\0", (ColumnType.TIMESTAMP2, 4, False)),
        (18, b"\3", (ColumnType.DATETIME2, 7, False)),
        (19, b"\6", (ColumnType.TIME2, 6, False)),
        (246, b"\x0a\2", (ColumnType.NEWDECIMAL, 5, False)),
        (16, b"\1\2", (ColumnType.BIT, 3, False)),
        (16, b"\0\1", (ColumnType.BIT, 1, False)),
        (15, b"\xff\0", (ColumnType.VARCHAR, 1, True)),
        (15, b"\0\1", (ColumnType.VARCHAR, 2, True)),
        (254, b"\xfe\x28", (ColumnType.STRING, 1, True)),
        (254, b"\xde\x20", (ColumnType.STRING, 2, True)),  # CHAR(200) utf8mb4: 800 bytes
        (254, b"\xf7\1", (ColumnType.ENUM, 1, False)),
        (254, b"\xf8\2", (ColumnType.SET, 2, False)),
        (252, b"\4", (ColumnType.BLOB, 4, True)),
        (245, b"\4", (ColumnType.JSON, 4, True)),
        (255, b"\4", (ColumnType.GEOMETRY, 4, True)),
        (242, b"\4", (ColumnType.VECTOR, 4, True)),
        (140, b"\2", (ColumnType.BLOB_COMPRESSED, 2, True)),
        (141, b"\0\1", (ColumnType.VARCHAR_COMPRESSED, 2, True)),
    ],
)
def test_the_types_of_both_servers(kind: int, metadata: bytes, expected: tuple[object, ...]) -> None:
    assert one(kind, metadata) == expected


@pytest.mark.parametrize("kind", [0, 6, 20, 99, 243, 244, 253])
def test_an_unknown_type_is_an_error(kind: int) -> None:
    with pytest.raises(UnreadableError):
        one(kind, b"\4")


@pytest.mark.parametrize("metadata", [b"", b"\x14", b"\x14\0\0"])
def test_metadata_that_does_not_come_out_even_is_an_error(metadata: bytes) -> None:
    with pytest.raises(UnreadableError):
        one(15, metadata)


def test_an_unknown_kind_of_string_is_an_error() -> None:
    with pytest.raises(UnreadableError):
        one(254, b"\x01\x20")


def test_nullable_columns_are_told_from_others_and_optional_metadata_is_not_looked_at() -> None:
    assert read_layout(b"\3" + b"\1\1\1" + b"\0" + b"\5" + b"anything") == (
        ColumnLayout(ColumnType.TINY, 1, nullable=True),
        ColumnLayout(ColumnType.TINY, 1),
        ColumnLayout(ColumnType.TINY, 1, nullable=True),
    )


@pytest.mark.parametrize("digits, size", [(0, 0), (1, 1), (2, 1), (3, 2), (8, 4), (9, 4), (10, 5), (35, 16)])
def test_the_size_of_decimal_digits(digits: int, size: int) -> None:
    assert decimal_size(digits) == size


@pytest.mark.parametrize(
    "data, expected",
    [(b"\xfa", (250, 1)), (b"\xfc\1\2", (513, 3)), (b"\xfd\1\2\3", (197121, 4)), (b"\xfe" + b"\1" + bytes(7), (1, 9))],
)
def test_packed_integers(data: bytes, expected: tuple[int, int]) -> None:
    assert packed_integer(data, 0) == expected
