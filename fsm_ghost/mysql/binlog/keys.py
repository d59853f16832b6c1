"""Raw keys, as row images hold them, to canonical keys (`model.key`).

A canonical component is what the same row gives when it is selected by `mysql.keys.select_list`; the integration tests
compare the two for every kind of column. Sources: the `pack` methods of `sql/field.cc`; for the temporal types
`my_datetime_packed_to_binary` and its neighbours in `sql-common/my_time.cc`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, repeat
from struct import Struct
from typing import Any, TypeAlias

from fsm_ghost.model.key import Component, Key, KeyColumn, KeyKind
from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.rows import RawKey
from fsm_ghost.mysql.binlog.tablemap import ColumnLayout, ColumnType, decimal_size

# Takes all values of a column at once: what is usual is done without a call for each.
Converter: TypeAlias = Callable[[Iterable[bytes]], Iterable[Component]]
_Maker: TypeAlias = Callable[[KeyColumn, ColumnLayout], Converter]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UUID_BYTES = 16
_STRUCT_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}


class KeyReader:
    """Makes canonical keys of the raw keys of one table layout.

    `columns` are the key's columns in its order, `layouts` how each lies in the row image. Raises UnreadableError when
    a column's type in the binlog cannot hold its kind of key.
    """

    def __init__(self, columns: Sequence[KeyColumn], layouts: Sequence[ColumnLayout]) -> None:
        self._converters = tuple(map(_converter, columns, layouts))

    def canonical(self, raw: Collection[RawKey]) -> frozenset[Key]:
        """The canonical keys of these raw keys."""
        if not raw:
            return frozenset()
        columns: Iterable[Any] = (raw,) if len(self._converters) == 1 else zip(*raw, strict=True)
        converted = (convert(column) for convert, column in zip(self._converters, columns, strict=True))
        return frozenset(zip(*converted, strict=True))


def _converter(column: KeyColumn, layout: ColumnLayout) -> Converter:
    if layout.nullable:
        raise UnreadableError(f"the key column {column.name} can be NULL")
    make = _CONVERTERS.get((column.kind, layout.type))
    if make is None:
        raise UnreadableError(f"the key column {column.name} is no {column.kind} in the binlog, but {layout.type.name}")
    return make(column, layout)


def _integers(column: KeyColumn, layout: ColumnLayout) -> Converter:
    code = _STRUCT_CODES.get(layout.size)
    if code is None:  # MEDIUMINT
        return partial(map, partial(int.from_bytes, byteorder="little", signed=not column.unsigned))
    numbers = Struct("<" + (code.upper() if column.unsigned else code))
    return lambda column: chain.from_iterable(numbers.iter_unpack(b"".join(column)))


def _binaries(column: KeyColumn, _: ColumnLayout) -> Converter:
    """The log leaves out zeros at the end of a BINARY(n)."""
    length = column.length or 0
    return lambda column: map(bytes.hex, map(bytes.ljust, column, repeat(length), repeat(b"\0")))


def _each(make: Callable[[KeyColumn, ColumnLayout], Callable[[bytes], Component]]) -> _Maker:
    """Makes a converter that takes one value after the other."""
    return lambda column, layout: partial(map, make(column, layout))


def _year(_: KeyColumn, __: ColumnLayout) -> Callable[[bytes], Component]:
    return lambda raw: 1900 + raw[0] if raw[0] else 0


def _bit(_: KeyColumn, __: ColumnLayout) -> Callable[[bytes], Component]:
    return lambda raw: int.from_bytes(raw, "big")


def _hexadecimal(_: KeyColumn, __: ColumnLayout) -> Callable[[bytes], Component]:
    return bytes.hex


def _uuid(_: KeyColumn, __: ColumnLayout) -> Callable[[bytes], Component]:
    def convert(raw: bytes) -> str:
        digits = raw.ljust(_UUID_BYTES, b"\0").hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    return convert


# --- Decimals ---------------------------------------------------------------------------------------------------------


def _decimal(_: KeyColumn, layout: ColumnLayout) -> Callable[[bytes], Component]:
    """Groups of nine digits in four big-endian bytes, from the point outwards; the sign is the inverted first bit."""
    precision, scale = layout.meta
    whole, split = precision - scale, decimal_size(precision - scale)

    def convert(raw: bytes) -> str:
        negative = not raw[0] & 0x80
        first = raw[0] ^ 0x80
        magnitude = bytes((first, *raw[1:]))
        if negative:
            magnitude = bytes(byte ^ 0xFF for byte in magnitude)
        digits = _digits(magnitude[:split], whole % 9, leading=True).lstrip("0") or "0"
        fraction = _digits(magnitude[split:], scale % 9, leading=False)
        return f"{'-' if negative else ''}{digits}{'.' if scale else ''}{fraction}"

    return convert


def _digits(groups: bytes, odd: int, *, leading: bool) -> str:
    """The digits in one side of a decimal; the group of `odd` digits (fewer than nine) comes first or last."""
    odd_bytes = decimal_size(odd)
    if leading:
        rest, full = groups[:odd_bytes], groups[odd_bytes:]
    else:
        full, rest = groups[: len(groups) - odd_bytes], groups[len(groups) - odd_bytes :]
    nines = "".join(f"{int.from_bytes(full[at : at + 4], 'big'):09d}" for at in range(0, len(full), 4))
    few = f"{int.from_bytes(rest, 'big'):0{odd}d}" if odd else ""
    return few + nines if leading else nines + few


# --- Dates and times --------------------------------------------------------------------------------------------------


def _date(_: KeyColumn, __: ColumnLayout) -> Callable[[bytes], Component]:
    def convert(raw: bytes) -> str:
        packed = int.from_bytes(raw, "little")
        return f"{packed >> 9:04d}-{packed >> 5 & 15:02d}-{packed & 31:02d}"

    return convert


def _datetime(_: KeyColumn, layout: ColumnLayout) -> Callable[[bytes], Component]:
    digits = layout.meta[0]

    def convert(raw: bytes) -> str:
        packed = int.from_bytes(raw[:5], "big") - 0x8000000000
        day, time = packed >> 17, packed & 0x1FFFF
        year, month = divmod(day >> 5, 13)
        return f"{year:04d}-{month:02d}-{day & 31:02d} {_clock(time)}{_fraction(raw[5:], digits)}"

    return convert


def _old_datetime(_: KeyColumn, __: ColumnLayout) -> Callable[[bytes], Component]:
    def convert(raw: bytes) -> str:
        date, time = divmod(int.from_bytes(raw, "little"), 1_000_000)
        year, day = divmod(date, 10_000)
        hour, second = divmod(time, 10_000)
        return f"{year:04d}-{day // 100:02d}-{day % 100:02d} {hour:02d}:{second // 100:02d}:{second % 100:02d}"

    return convert


def _timestamp(_: KeyColumn, layout: ColumnLayout) -> Callable[[bytes], Component]:
    digits = layout.meta[0]
    return lambda raw: _moment(int.from_bytes(raw[:4], "big"), any(raw)) + _fraction(raw[4:], digits)


def _old_timestamp(_: KeyColumn, __: ColumnLayout) -> Callable[[bytes], Component]:
    return lambda raw: _moment(int.from_bytes(raw, "little"), any(raw))


def _moment(seconds: int, is_set: bool) -> str:  # noqa: FBT001
    """Seconds since 1970 (UTC), read without a sign: MariaDB 11.5 stores them up to 2106."""
    if not is_set:
        return "0000-00-00 00:00:00"
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}"


def _time(_: KeyColumn, layout: ColumnLayout) -> Callable[[bytes], Component]:
    """Seconds and fraction are one number, so that negative times sort; the first bit is the inverted sign."""
    digits, bits = layout.meta[0], 8 * (layout.size - 3)

    def convert(raw: bytes) -> str:
        packed = int.from_bytes(raw, "big") - (0x800000 << bits)
        sign, whole = ("-" if packed < 0 else ""), abs(packed) >> bits
        fraction = (abs(packed) & (1 << bits) - 1).to_bytes(bits // 8, "big")
        return f"{sign}{_clock(whole)}{_fraction(fraction, digits)}"

    return convert


def _old_time(_: KeyColumn, __: ColumnLayout) -> Callable[[bytes], Component]:
    def convert(raw: bytes) -> str:
        number = int.from_bytes(raw, "little", signed=True)
        hour, second = divmod(abs(number), 10_000)
        return f"{'-' if number < 0 else ''}{hour:02d}:{second // 100:02d}:{second % 100:02d}"

    return convert


def _clock(packed: int) -> str:
    """Hours, minutes and seconds: ten or five bits, six bits, six bits."""
    return f"{packed >> 12:02d}:{packed >> 6 & 63:02d}:{packed & 63:02d}"


def _fraction(raw: bytes, digits: int) -> str:
    """The fraction of a second, stored with an even number of digits."""
    return f".{int.from_bytes(raw, 'big'):0{2 * len(raw)}d}"[: digits + 1] if digits else ""


_CONVERTERS: dict[tuple[KeyKind, ColumnType], _Maker] = {
    **{
        (KeyKind.INTEGER, kind): _integers
        for kind in (ColumnType.TINY, ColumnType.SHORT, ColumnType.INT24, ColumnType.LONG, ColumnType.LONGLONG)
    },
    (KeyKind.YEAR, ColumnType.YEAR): _each(_year),
    (KeyKind.BIT, ColumnType.BIT): _each(_bit),
    (KeyKind.DECIMAL, ColumnType.NEWDECIMAL): _each(_decimal),
    (KeyKind.DATE, ColumnType.DATE): _each(_date),
    (KeyKind.DATE, ColumnType.NEWDATE): _each(_date),
    (KeyKind.DATETIME, ColumnType.DATETIME2): _each(_datetime),
    (KeyKind.DATETIME, ColumnType.DATETIME): _each(_old_datetime),
    (KeyKind.TIMESTAMP, ColumnType.TIMESTAMP2): _each(_timestamp),
    (KeyKind.TIMESTAMP, ColumnType.TIMESTAMP): _each(_old_timestamp),
    (KeyKind.TIME, ColumnType.TIME2): _each(_time),
    (KeyKind.TIME, ColumnType.TIME): _each(_old_time),
    (KeyKind.UUID, ColumnType.STRING): _each(_uuid),
    (KeyKind.TEXT, ColumnType.STRING): _each(_hexadecimal),
    (KeyKind.TEXT, ColumnType.VARCHAR): _each(_hexadecimal),
    (KeyKind.BINARY, ColumnType.STRING): _binaries,
    (KeyKind.BINARY, ColumnType.VARCHAR): _binaries,
}
