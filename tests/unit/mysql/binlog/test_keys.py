"""Raw keys to canonical ones: what servers of today no longer write, and examples that can be checked by hand."""

from __future__ import annotations

import pytest

from fsm_ghost.model.key import Component, KeyColumn, KeyKind
from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.keys import KeyReader
from fsm_ghost.mysql.binlog.tablemap import ColumnLayout, ColumnType


def canonical(
    kind: KeyKind, layout: ColumnLayout, raw: bytes, *, unsigned: bool = False, length: int | None = None
) -> Component:
    reader = KeyReader([KeyColumn("k", "k", kind, unsigned=unsigned, length=length)], [layout])
    ((component,),) = reader.canonical([raw])
    return component


@pytest.mark.parametrize(
    "kind, column_type, raw, expected",
    [
        (KeyKind.DATETIME, ColumnType.DATETIME, (20240229235959).to_bytes(8, "little"), "2024-02-29 23:59:59"),
        (KeyKind.DATETIME, ColumnType.DATETIME, bytes(8), "0000-00-00 00:00:00"),
        (KeyKind.TIMESTAMP, ColumnType.TIMESTAMP, (86399).to_bytes(4, "little"), "1970-01-01 23:59:59"),
        (KeyKind.TIMESTAMP, ColumnType.TIMESTAMP, bytes(4), "0000-00-00 00:00:00"),
        (KeyKind.TIME, ColumnType.TIME, (8385959).to_bytes(3, "little"), "838:59:59"),
        (KeyKind.TIME, ColumnType.TIME, (-8385959).to_bytes(3, "little", signed=True), "-838:59:59"),
        (KeyKind.TIME, ColumnType.TIME, (-1).to_bytes(3, "little", signed=True), "-00:00:01"),
        (KeyKind.DATE, ColumnType.DATE, (2024 << 9 | 2 << 5 | 29).to_bytes(3, "little"), "2024-02-29"),
        (KeyKind.YEAR, ColumnType.YEAR, b"\0", 0),
        (KeyKind.YEAR, ColumnType.YEAR, b"\1", 1901),
        (KeyKind.BIT, ColumnType.BIT, b"\1\2", 258),
        (KeyKind.INTEGER, ColumnType.SHORT, b"\xff\xff", -1),
        (KeyKind.TEXT, ColumnType.VARCHAR, b"a\0\xff", "6100ff"),
    ],
)
def test_values_without_metadata(kind: KeyKind, column_type: ColumnType, raw: bytes, expected: Component) -> None:
    assert canonical(kind, ColumnLayout(column_type, len(raw)), raw) == expected


def test_unsigned_numbers_have_no_sign() -> None:
    assert canonical(KeyKind.INTEGER, ColumnLayout(ColumnType.SHORT, 2), b"\xff\xff", unsigned=True) == 65535


def test_the_log_leaves_out_zeros_at_the_end_of_fixed_binaries() -> None:
    layout = ColumnLayout(ColumnType.STRING, 1, variable=True)
    assert canonical(KeyKind.BINARY, layout, b"\1", length=4) == "01000000"
    assert canonical(KeyKind.UUID, layout, b"\x12\x3e") == "123e0000-0000-0000-0000-000000000000"


def test_timestamps_reach_beyond_2038() -> None:
    layout = ColumnLayout(ColumnType.TIMESTAMP2, 4, meta=(0,))
    assert canonical(KeyKind.TIMESTAMP, layout, b"\xff\xff\xff\xff") == "2106-02-07 06:28:15"


def test_a_negative_decimal() -> None:
    layout = ColumnLayout(ColumnType.NEWDECIMAL, 6, meta=(14, 4))  # the manual's example: 1234567890.1234
    assert canonical(KeyKind.DECIMAL, layout, bytes.fromhex("810dfb38d204d2")) == "1234567890.1234"
    assert canonical(KeyKind.DECIMAL, layout, bytes.fromhex("7ef204c72dfb2d")) == "-1234567890.1234"


def test_parts_of_a_key_stand_in_its_order() -> None:
    columns = [KeyColumn("a", "a", KeyKind.INTEGER), KeyColumn("b", "b", KeyKind.TEXT, charset="latin1")]
    layouts = [ColumnLayout(ColumnType.TINY, 1), ColumnLayout(ColumnType.VARCHAR, 1, variable=True)]
    assert KeyReader(columns, layouts).canonical([(b"\1", b"x"), (b"\2", b"")]) == {(1, "78"), (2, "")}


def test_a_type_that_cannot_hold_the_kind_is_an_error() -> None:
    with pytest.raises(UnreadableError, match="key column k is no integer in the binlog, but VARCHAR"):
        KeyReader([KeyColumn("k", "k", KeyKind.INTEGER)], [ColumnLayout(ColumnType.VARCHAR, 1, variable=True)])
