"""The bytes of a binlog dump, cut into events.

The server sends each event as a protocol packet: length (3 bytes) and sequence number (1), a zero byte, then the event.
An event of 16 MiB or more spans several packets. What nobody wants is passed over here, before it costs anything:
ignorable types, and row events of tables other than ours, whose giants are not even kept in memory.
Source: "Replication Protocol" and "MySQL Packets" in the MySQL source documentation.
"""

from __future__ import annotations

import zlib
from collections.abc import Container, Generator, Iterator
from struct import Struct
from typing import TypeAlias

from fsm_ghost.mysql.binlog.events import HEADER, IGNORABLE, ROWS, Event, EventType
from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.payload import inner_events

_FRAME = 4  # length and sequence number before every packet
_BODY = _FRAME + 1 + HEADER  # from the beginning of a packet to the body of its event
_TABLE_ID = 6
_FULL = 0xFFFFFF  # the length of a packet that the next one continues
_PACKET = Struct("<IB4xB4xII2x").unpack_from  # length and sequence, zero, …, type, …, size, position, …
_SPECIAL = frozenset({EventType.FORMAT_DESCRIPTION, EventType.ROTATE, EventType.TRANSACTION_PAYLOAD})
_CRC32 = 1
_CHECKSUM = 4

# Yields an event, or None when it needs more bytes to go on; returns the bytes it has not used.
_Cutter: TypeAlias = Generator[Event | None, None, bytes]


class ServerPacket(Exception):  # noqa: N818 - only the content tells whether it is an error
    """The server sent something that is no event: an error, or the end of the dump."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.content = content


class Packets:
    """Takes bytes as they arrive (`feed`) and gives events (`events`).

    `wanted` holds the ids of the tables whose row events are given; it is asked anew for each. `events_seen` counts all
    events, also those passed over. `has_checksums` says whether events end with a checksum: told by every file's
    FORMAT_DESCRIPTION, and by the caller for what comes before the first.
    """

    def __init__(self, wanted: Container[bytes]) -> None:
        self._wanted = wanted
        self._arrived = b""
        self._sequence = 1
        self._position = 0
        self._overflowed = False
        self.has_checksums = False
        self.events_seen = 0

    def feed(self, data: bytes) -> None:
        """Take bytes that have arrived."""
        self._arrived += data

    def events(self) -> Iterator[Event | None]:
        """The events of the dump, without end; None when more bytes are needed to go on.

        Raises UnreadableError when the bytes make no sense, ServerPacket when the server says something else.
        """
        buffer = b""
        while True:
            buffer = yield from self._complete(buffer)
            buffer = yield from self._cut_off(buffer)

    def _complete(self, buffer: bytes) -> _Cutter:
        """The events that lie in the buffer as a whole. Nothing is called here for events that nobody wants."""
        at, size, wanted = 0, len(buffer), self._wanted
        while at + _BODY <= size:
            frame, status, kind, event_size, position = _PACKET(buffer, at)
            length = frame & _FULL
            if at + _FRAME + length > size or status or length == _FULL:
                break
            if frame >> 24 != self._sequence or event_size + 1 != length:
                raise self._nonsense(frame >> 24)
            begin, at = at, at + _FRAME + length
            self._sequence = (self._sequence + 1) & 0xFF
            self.events_seen += 1
            if position > self._position:
                self._position = position
            else:
                self._move(position)
            if kind in _SPECIAL:
                yield from self._special(kind, buffer, begin, at, position)
            elif kind in ROWS:
                if buffer[begin + _BODY : begin + _BODY + _TABLE_ID] in wanted:
                    yield self._event(kind, buffer, begin, at, position)
            elif kind not in IGNORABLE:
                end = at - _CHECKSUM if self.has_checksums else at
                yield kind, buffer, begin + _BODY, end, 0 if self._overflowed else position
        return buffer[at:]

    def _cut_off(self, buffer: bytes) -> _Cutter:
        """The event that begins in the buffer and ends beyond it; it may span several packets."""
        buffer = yield from self._head(buffer)
        frame, status = buffer[:_FRAME], buffer[_FRAME : _FRAME + 1]
        if status != b"\0":
            raise ServerPacket((yield from self._at_least(buffer, _FRAME + _length(buffer)))[_FRAME:])
        if _length(buffer) < _BODY - _FRAME:
            raise UnreadableError("its packet is too short for an event")
        if len(buffer) >= _FRAME + _length(buffer):
            return buffer  # it has become complete
        _, _, kind, _, position = _PACKET(buffer)
        kept: list[bytes] | None = [frame] if self._is_wanted(kind, buffer, 0) else None
        buffer = yield from self._contents(buffer, kept)
        self.events_seen += 1
        self._move(position)
        if kept:
            event = b"".join(kept)
            yield from self._special(kind, event, 0, len(event), position)
        return buffer

    def _contents(self, buffer: bytes, kept: list[bytes] | None) -> _Cutter:
        """Pass over packets up to the first that is not continued; their contents are appended to `kept`."""
        length = _FULL
        while length == _FULL:
            buffer = yield from self._at_least(buffer, _FRAME)
            length = missing = _length(buffer)
            self._follow(buffer[_FRAME - 1])
            buffer = buffer[_FRAME:]
            while missing > len(buffer):
                missing -= len(buffer)
                if kept is not None:
                    kept.append(buffer)
                buffer = yield from self._more()
            if kept is not None:
                kept.append(buffer[:missing])
            buffer = buffer[missing:]
        return buffer

    def _head(self, buffer: bytes) -> _Cutter:
        """At least as much of the first packet as tells what it is."""
        buffer = yield from self._at_least(buffer, _FRAME + 1)
        return (yield from self._at_least(buffer, min(_FRAME + _length(buffer), _BODY + _TABLE_ID)))

    def _at_least(self, buffer: bytes, size: int) -> _Cutter:
        while len(buffer) < size:
            buffer += yield from self._more()
        return buffer

    def _more(self) -> _Cutter:
        while not self._arrived:
            yield None
        arrived, self._arrived = self._arrived, b""
        return arrived

    # --- What is done with an event -----------------------------------------------------------------------------------

    def _is_wanted(self, kind: int, buffer: bytes, begin: int) -> bool:
        if kind in ROWS:
            return buffer[begin + _BODY : begin + _BODY + _TABLE_ID] in self._wanted
        return kind not in IGNORABLE

    def _event(self, kind: int, buffer: bytes, begin: int, end: int, position: int) -> Event:
        if self.has_checksums:
            end -= _CHECKSUM
            if kind in ROWS and zlib.crc32(memoryview(buffer)[begin + _FRAME + 1 : end]) != _number(buffer, end):
                raise UnreadableError("its checksum is wrong")
        return kind, buffer, begin + _BODY, end, 0 if self._overflowed else position

    def _special(self, kind: int, buffer: bytes, begin: int, end: int, position: int) -> Iterator[Event]:
        """An event that tells something to this class, too."""
        event = self._event(kind, buffer, begin, end, position)
        if kind == EventType.TRANSACTION_PAYLOAD:
            inner = inner_events(buffer[event[2] : event[3]])
            yield from (found for found in inner if self._is_wanted(found[0], found[1], found[2] - _BODY))
        elif kind == EventType.ROTATE:
            self._position, self._overflowed = 0, False
        elif kind == EventType.FORMAT_DESCRIPTION:
            self.has_checksums = buffer[end - _CHECKSUM - 1] == _CRC32
        yield event

    def _follow(self, sequence: int) -> None:
        """Packets are numbered, modulo 256."""
        if sequence != self._sequence:
            raise self._nonsense(sequence)
        self._sequence = (sequence + 1) & 0xFF

    def _nonsense(self, sequence: int) -> UnreadableError:
        if sequence != self._sequence:
            return UnreadableError(f"packet {sequence} came where {self._sequence} was expected")
        return UnreadableError("its size is not that of its packet")

    def _move(self, position: int) -> None:
        """Positions grow within a file, until they no longer fit into 32 bits; artificial events have none."""
        if position:
            self._overflowed = self._overflowed or position < self._position
            self._position = position


def _length(buffer: bytes) -> int:
    return int.from_bytes(buffer[:3], "little")


def _number(buffer: bytes, at: int) -> int:
    return int.from_bytes(buffer[at : at + 4], "little")
