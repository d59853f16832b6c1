"""The express: usual events are passed through in one loop, without a call or an object for each.

A busy server's binlog is GTID, BEGIN, TABLE_MAP, rows and XID, over and over, most of it of other tables and of our own
ghost. What is unusual in any way is left alone: `packets` and `decoder` can do all that is done here, carefully, and
the tests compare the two on whatever servers write (`test_express.py`).
"""

from __future__ import annotations

from struct import Struct
from zlib import crc32

from fsm_ghost.mysql.binlog.decoder import BEGIN, MANY_KEYS, MARIADB_FLAGS_AT, PREPARED_XA, STANDALONE, Decoder
from fsm_ghost.mysql.binlog.events import GTIDS, IGNORABLE, ROWS, EventType
from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.packets import BODY, CHECKSUM, FRAME, TABLE_ID, Cursor

# As plain numbers: a comparison with a member of an IntEnum takes three times as long.
_TABLE_MAP, _XID, _QUERY, _MARIADB_GTID = map(
    int, (EventType.TABLE_MAP, EventType.XID, EventType.QUERY, EventType.MARIADB_GTID)
)
_GTIDS = frozenset(map(int, (*GTIDS, EventType.MARIADB_GTID)))
_UNUSUAL = PREPARED_XA | STANDALONE
# Length (2 bytes, and a third), sequence, zero, …, type, …, size, position, …
_PACKET = Struct("<HBBB4xB4xII2x").unpack_from
_CHECKSUM_AT = Struct("<I").unpack_from


class Express:
    """Passes usual events through a decoder."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    @property
    def is_full(self) -> bool:
        """Whether it is time to take what was found."""
        return self._decoder.is_full

    def ride(self, buffer: bytes, at: int, cursor: Cursor) -> int:  # noqa: C901, PLR0912, PLR0915 - one loop is the point
        """Pass the usual events through that lie in the buffer from `at` on; where the first begins that is unusual."""
        decoder, route = self._decoder, self._decoder.route
        if cursor.overflowed or cursor.position < route.position or decoder.original.is_apart:
            return at
        tables, mapped = decoder.tables, decoder.mapped
        checksum = CHECKSUM if cursor.has_checksums else 0
        sequence, position, events = cursor.sequence, cursor.position, cursor.events
        boundary, in_transaction = route.position, decoder.in_transaction
        size = len(buffer)
        last = size - BODY
        while at <= last:
            length, more, number, status, kind, event_size, ends_at = _PACKET(buffer, at)
            body, end = at + BODY, at + FRAME + length
            if number != sequence or status or more or event_size + 1 != length or end > size or ends_at <= position:
                break
            if kind == _TABLE_MAP:
                if buffer[body : end - checksum] not in mapped:
                    break
            elif (form := ROWS.get(kind)) is not None:
                table = tables.get(buffer[body : body + TABLE_ID])
                if table is not None:
                    stop = end - checksum
                    if checksum and crc32(buffer[at + FRAME + 1 : stop]) != _CHECKSUM_AT(buffer, stop)[0]:
                        break
                    if decoder.since is None:
                        route.position = boundary
                        decoder.since = route.boundary
                    try:
                        table.read(form, buffer, body, stop)
                    except UnreadableError:
                        break
                    if len(table.into) >= MANY_KEYS:
                        decoder.is_full, last = True, at
            elif kind == _XID:
                in_transaction = False
                boundary = ends_at
            elif kind in _GTIDS:
                begins_at = ends_at - event_size
                in_transaction = kind == _MARIADB_GTID
                if begins_at < position or end <= body + MARIADB_FLAGS_AT:
                    break
                if in_transaction and buffer[body + MARIADB_FLAGS_AT] & _UNUSUAL:
                    break
                boundary = begins_at
            elif kind == _QUERY:
                if not buffer.endswith(BEGIN, body, end - checksum):
                    break
                in_transaction = True
            elif kind not in IGNORABLE:
                break
            at, position, sequence = end, ends_at, (sequence + 1) & 0xFF
            events += 1
        cursor.sequence, cursor.position, cursor.events = sequence, position, events
        route.position, decoder.in_transaction = boundary, in_transaction
        return at
