"""Compressed events: MySQL's compressed transactions, MariaDB's compressed rows and statements.

Sources: `libs/mysql/binlog/event/codecs/binary.cpp` (TRANSACTION_PAYLOAD), `binlog_buf_uncompress` in MariaDB's
`sql/log_event.cc`.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Generator, Iterator
from struct import Struct

import zstandard

from fsm_ghost.mysql.binlog.events import HEADER, Event
from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.tablemap import packed_integer

_ZSTD, _NONE = 0, 255
_END, _SIZE, _COMPRESSION, _UNCOMPRESSED_SIZE = range(4)
_TYPE_AND_SIZE = Struct("<4xB4xI").unpack_from
_WINDOW = 1 << 18  # bytes decompressed at a time


def inner_events(body: bytes) -> Iterator[Event]:
    """The events of a transaction in the body of a TRANSACTION_PAYLOAD event, decompressed piece by piece.

    They have no checksums, and positions that mean nothing outside. Raises UnreadableError.
    """
    fields, at = _fields(body)
    source = _source(fields.get(_COMPRESSION, _NONE), body[at:])
    buffer, whole = b"", 0
    while piece := _read(source, _missing(buffer)):
        whole += len(piece)
        buffer = yield from _events(buffer + piece)
    if buffer or whole != fields.get(_UNCOMPRESSED_SIZE, whole):
        raise UnreadableError("its compressed transaction is incomplete")


def _fields(body: bytes) -> tuple[dict[int, int], int]:
    """The numbers before the data (type, length, value each), and where the data begins."""
    fields: dict[int, int] = {}
    try:
        kind, at = packed_integer(body, 0)
        while kind != _END:
            length, at = packed_integer(body, at)
            fields[kind], _ = packed_integer(body, at)
            kind, at = packed_integer(body, at + length)
    except (IndexError, KeyError) as error:
        raise UnreadableError("the head of its compressed transaction is not understood") from error
    return fields, at


def _source(compression: int, data: bytes) -> io.BytesIO | zstandard.ZstdDecompressionReader:
    if compression == _ZSTD:
        return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True)
    if compression == _NONE:
        return io.BytesIO(data)
    raise UnreadableError(f"its transaction is compressed by method {compression}, which is unknown")


def _read(source: io.BytesIO | zstandard.ZstdDecompressionReader, size: int) -> bytes:
    try:
        return source.read(size)
    except zstandard.ZstdError as error:
        raise UnreadableError(f"its transaction cannot be decompressed ({error})") from error


def _missing(buffer: bytes) -> int:
    """How many bytes to read: a window, or as many as a larger event still needs."""
    size = _TYPE_AND_SIZE(buffer)[1] if len(buffer) >= HEADER else 0
    return max(_WINDOW, size - len(buffer))


def _events(buffer: bytes) -> Generator[Event, None, bytes]:
    """Yields the complete events in the buffer; returns what is left of it."""
    at = 0
    while len(buffer) - at >= HEADER:
        kind, size = _TYPE_AND_SIZE(buffer, at)
        if size < HEADER:
            raise UnreadableError("its compressed transaction holds an event without a size")
        if at + size > len(buffer):
            break
        yield kind, buffer, at + HEADER, at + size, 0
        at += size
    return buffer[at:]


def uncompressed(data: bytes) -> bytes:
    """What MariaDB compressed: a byte with method and size of the length, the length (big-endian), and zlib's data.

    Raises UnreadableError.
    """
    try:
        length_size, method = data[0] & 0x07, data[0] >> 4 & 0x07
        plain = zlib.decompress(data[1 + length_size :])
    except (IndexError, zlib.error) as error:
        raise UnreadableError(f"it cannot be decompressed ({error})") from error
    if method or len(plain) != int.from_bytes(data[1 : 1 + length_size], "big"):
        raise UnreadableError("its decompressed data is not what it says")
    return plain
