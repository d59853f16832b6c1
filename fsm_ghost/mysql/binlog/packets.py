"""The bytes of a binlog dump, cut into events.

The server sends each event as a protocol packet: length (3 bytes) and sequence number (1), a zero byte, then the event.
An event of 16 MiB or more spans several packets. What nobody wants is passed over here, before it costs anything:
ignorable types, and row events of tables other than ours, whose giants are not even kept in memory.
Source: "Replication Protocol" and "MySQL Packets" in the MySQL source documentation.
"""

from __future__ import annotations

import zlib
from collections.abc import Container, Generator, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Protocol, TypeAlias

from fsm_ghost.mysql.binlog.events import HEADER, IGNORABLE, ROWS, Event, EventType
from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.payload import inner_events

FRAME = 4  # length and sequence number before every packet
BODY = FRAME + 1 + HEADER  # from the beginning of a packet to the body of its event
TABLE_ID = 6
_FULL = 0xFFFFFF  # the length of a packet that the next one continues
_PACKET = Struct("<IB4xB4xII2x").unpack_from  # length and sequence, zero, …, type, …, size, position, …
_SPECIAL = frozenset({EventType.FORMAT_DESCRIPTION, EventType.ROTATE, EventType.TRANSACTION_PAYLOAD})
_CRC32 = 1
CHECKSUM = 4

# Yields an event, or None when it needs more bytes to go on; returns the bytes it has not used.
_Cutter: TypeAlias = Generator[Event | None, None, bytes]


class ServerPacket(Exception):  # noqa: N818 - only the content tells whether it is an error
    """The server sent something that is no event: an error, or the end of the dump."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.content = content


@dataclass(slots=True)
class Cursor:
    """Where in the dump we are.

    `events` counts all events, also those passed over. `has_checksums` says whether events end with a checksum: told by
    every file's FORMAT_DESCRIPTION, and by the caller for what comes before the first.
    """

    sequence: int = 1  # of the next packet
    position: int = 0  # of the last event's end
    overflowed: bool = False  # positions have become greater than what 32 bits hold
    has_checksums: bool = False
    events: int = 0


class Express(Protocol):
    """What passes usual events through without giving them, as fsm_ghost.mysql.binlog.express does."""

    @property
    def is_full(self) -> bool:
        """Whether it stopped because it is time to take what was found."""
        ...

    def ride(self, buffer: bytes, at: int, cursor: Cursor) -> int:
        """Pass the usual events through that lie in the buffer from `at` on; where the first begins that is unusual."""
        ...


class Packets:
    """Takes bytes as they arrive (`feed`) and gives events (`events`).

    `wanted` holds the ids of the tables whose row events are given; it is asked anew for each. What the `express` takes
    is not given.
    """

    def __init__(self, wanted: Container[bytes], express: Express | None = None) -> None:
        self._wanted = wanted
        self._express = express
        self._arrived = b""
        self.cursor = Cursor()

    def feed(self, data: bytes) -> None:
        """Take bytes that have arrived."""
        self._arrived += data

    def events(self) -> Iterator[Event | None]:
        """The events of the dump, without end; None when more bytes are needed to go on, or the express is full.

        Raises UnreadableError when the bytes make no sense, ServerPacket when the server says something else.
        """
        buffer = b""
        while True:
            buffer = yield from self._complete(buffer)
            buffer = yield from self._cut_off(buffer)

    def _complete(self, buffer: bytes) -> _Cutter:
        """The events that lie in the buffer as a whole."""
        at = yield from self._ride(buffer, 0)
        while (end := self._end(buffer, at)) is not None:
            _, _, kind, _, position = _PACKET(buffer, at)
            self.cursor.events += 1
            self._follow(buffer[at + FRAME - 1])
            self._move(position)
            if kind in _SPECIAL:
                yield from self._special(kind, buffer, at, end, position)
            elif self._is_wanted(kind, buffer, at):
                yield self._event(kind, buffer, at, end, position)
            at = yield from self._ride(buffer, end)
        return buffer[at:]

    def _ride(self, buffer: bytes, at: int) -> Generator[None, None, int]:
        """Let the express take what it can, from `at` on; returns how far it got."""
        if self._express is not None:
            at = self._express.ride(buffer, at, self.cursor)
            if self._express.is_full:
                yield None
        return at

    def _end(self, buffer: bytes, at: int) -> int | None:
        """Where the event ends that begins at `at`; None when it does not lie in the buffer, or is no event."""
        if at + BODY > len(buffer):
            return None
        frame, status, _, event_size, _ = _PACKET(buffer, at)
        length: int = frame & _FULL
        if at + FRAME + length > len(buffer) or status or length == _FULL:
            return None
        if frame >> 24 != self.cursor.sequence or event_size + 1 != length:
            raise self._nonsense(frame >> 24)
        return at + FRAME + length

    def _cut_off(self, buffer: bytes) -> _Cutter:
        """The event that begins in the buffer and ends beyond it; it may span several packets."""
        buffer = yield from self._head(buffer)
        frame, status = buffer[:FRAME], buffer[FRAME : FRAME + 1]
        if status != b"\0":
            raise ServerPacket((yield from self._at_least(buffer, FRAME + _length(buffer)))[FRAME:])
        if _length(buffer) < BODY - FRAME:
            raise UnreadableError("its packet is too short for an event")
        if len(buffer) >= FRAME + _length(buffer):
            return buffer  # it has become complete
        _, _, kind, event_size, position = _PACKET(buffer)
        kept: list[bytes] | None = [frame] if self._is_wanted(kind, buffer, 0) else None
        buffer = yield from self._contents(buffer, 1 + event_size, kept)
        self.cursor.events += 1
        self._move(position)
        if kept:
            event = b"".join(kept)
            yield from self._special(kind, event, 0, len(event), position)
        return buffer

    def _contents(self, buffer: bytes, size: int, kept: list[bytes] | None) -> _Cutter:
        """Pass over packets up to the first that is not continued; their contents are appended to `kept`."""
        length = _FULL
        while length == _FULL:
            buffer = yield from self._at_least(buffer, FRAME)
            length = missing = _length(buffer)
            self._follow(buffer[FRAME - 1])
            size -= length
            if size < 0 or (length < _FULL and size):
                raise self._nonsense(self.cursor.sequence)
            buffer = buffer[FRAME:]
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
        buffer = yield from self._at_least(buffer, FRAME + 1)
        return (yield from self._at_least(buffer, min(FRAME + _length(buffer), BODY + TABLE_ID)))

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
            return buffer[begin + BODY : begin + BODY + TABLE_ID] in self._wanted
        return kind not in IGNORABLE

    def _event(self, kind: int, buffer: bytes, begin: int, end: int, position: int) -> Event:
        if self.cursor.has_checksums:
            end -= CHECKSUM
            if kind in ROWS and zlib.crc32(memoryview(buffer)[begin + FRAME + 1 : end]) != _number(buffer, end):
                raise UnreadableError("its checksum is wrong")
        return kind, buffer, begin + BODY, end, 0 if self.cursor.overflowed else position

    def _special(self, kind: int, buffer: bytes, begin: int, end: int, position: int) -> Iterator[Event]:
        """An event that tells something to this class, too."""
        event = self._event(kind, buffer, begin, end, position)
        if kind == EventType.TRANSACTION_PAYLOAD:
            inner = inner_events(buffer[event[2] : event[3]])
            yield from (found for found in inner if self._is_wanted(found[0], found[1], found[2] - BODY))
        elif kind == EventType.ROTATE:
            self.cursor.position, self.cursor.overflowed = 0, False
        elif kind == EventType.FORMAT_DESCRIPTION:
            self.cursor.has_checksums = buffer[end - CHECKSUM - 1] == _CRC32
        yield event

    def _follow(self, sequence: int) -> None:
        """Packets are numbered, modulo 256."""
        if sequence != self.cursor.sequence:
            raise self._nonsense(sequence)
        self.cursor.sequence = (sequence + 1) & 0xFF

    def _nonsense(self, sequence: int) -> UnreadableError:
        if sequence != self.cursor.sequence:
            return UnreadableError(f"packet {sequence} came where {self.cursor.sequence} was expected")
        return UnreadableError("its size is not that of its packet")

    def _move(self, position: int) -> None:
        """Positions grow within a file, until they no longer fit into 32 bits; artificial events have none."""
        if position:
            self.cursor.overflowed = self.cursor.overflowed or position < self.cursor.position
            self.cursor.position = position


def _length(buffer: bytes) -> int:
    return int.from_bytes(buffer[:3], "little")


def _number(buffer: bytes, at: int) -> int:
    return int.from_bytes(buffer[at : at + 4], "little")
