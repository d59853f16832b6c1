"""Events and packets made by hand."""

from __future__ import annotations

import struct
import zlib
from itertools import count

ORDERS, LOG, OTHER = b"\x05\0\0\0\0\0", b"\x06\0\0\0\0\0", b"\x07\0\0\0\0\0"
LONGLONG, VARCHAR = 8, 15
HEADER = 19  # bytes


def event(kind: int, body: bytes = b"", position: int = 0, *, checksum: bool = False) -> bytes:
    size = 19 + len(body) + 4 * checksum
    whole = struct.pack("<IBIIIH", 1, kind, 1, size, position, 0) + body
    return whole + struct.pack("<I", zlib.crc32(whole)) if checksum else whole


def packets(*events: bytes, first: int = 1) -> bytes:
    """The protocol packets of these events; an event of 16 MiB or more takes several."""
    sequence, made = count(first), []
    for whole in events:
        content, length = b"\0" + whole, 0xFFFFFF
        while length == 0xFFFFFF:
            piece, content = content[:0xFFFFFF], content[0xFFFFFF:]
            length = len(piece)
            made.append(length.to_bytes(3, "little") + bytes([next(sequence) & 0xFF]) + piece)
    return b"".join(made)


def format_description(*, checksum: bool = False) -> bytes:
    sizes = bytearray(41)
    for kind, size in {2: 13, 19: 8, 30: 10, 31: 10, 32: 10, 23: 8, 24: 8, 25: 8, 39: 10}.items():
        sizes[kind - 1] = size
    body = struct.pack("<H50sIB", 4, b"9.7.4", 0, 19) + bytes(sizes) + bytes([checksum])
    return event(15, body + b"" if checksum else body + bytes(4), checksum=checksum)


def rotate(file: str, position: int = 4) -> bytes:
    return event(4, struct.pack("<Q", position) + file.encode())


def table_map(
    table_id: bytes,
    name: str,
    types: bytes,
    metadata: bytes,
    nullable: int = 0,
    schema: str = "shop",
    optional: bytes = b"",
) -> bytes:
    """The body of a TABLE_MAP event; one byte of NULL bits, so up to eight columns."""
    names = b"".join(bytes([len(part)]) + part.encode() + b"\0" for part in (schema, name))
    return (
        table_id
        + b"\1\0"
        + names
        + bytes([len(types)])
        + types
        + bytes([len(metadata)])
        + metadata
        + bytes([nullable])
        + optional
    )


def rows(table_id: bytes, columns: int, images: bytes, present: bytes = b"\xff") -> bytes:
    """The body of a rows event of version 2."""
    return table_id + b"\1\0" + b"\2\0" + bytes([columns]) + present + images


def query(text: str, schema: str = "shop") -> bytes:
    return struct.pack("<IIBHH", 1, 0, len(schema), 0, 0) + schema.encode() + b"\0" + text.encode()


# A table of (id BIGINT, v VARCHAR(20) NULL): its map, and its rows.


def orders_map(table_id: bytes = ORDERS, name: str = "orders") -> bytes:
    return table_map(table_id, name, bytes([LONGLONG, VARCHAR]), b"\x14\0", nullable=2)


def order(key: int, text: str | None = "v") -> bytes:
    value = b"" if text is None else bytes([len(text)]) + text.encode()
    return bytes([0xFC | 2 * (text is None)]) + key.to_bytes(8, "little", signed=True) + value
