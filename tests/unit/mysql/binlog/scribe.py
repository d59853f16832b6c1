"""Dumps as servers write them, made by hand: a scribe that writes transactions of all kinds, and spoils the result."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Callable
from random import Random

import zstandard

from tests.unit.mysql.binlog import made
from tests.unit.mysql.binlog.made import LONGLONG, ORDERS, VARCHAR, order

QUERY, ROTATE, XID, TABLE_MAP, HEARTBEAT, ROWS_QUERY, XA_PREPARE, PAYLOAD = 2, 4, 16, 19, 27, 29, 38, 40
FILE = "bin.000007"
START = 1000
LAST = (1 << 32) - 1


class Scribe:
    """Writes the dump of a server that logs at random, from `START` of `FILE` on."""

    def __init__(self, random: Random, *, mariadb: bool, checksums: float = 0.8) -> None:
        """`checksums` is how likely it is that a file has some."""
        self._random = random
        self._mariadb = mariadb
        self._checksums = checksums
        self._checksum = False
        self._number = 7
        self._position = START
        self._events: list[bytes] = []
        self._inner: list[bytes] | None = None  # of a compressed transaction
        self._ids = {"orders": ORDERS, "orders_ghc": made.LOG, "other": made.OTHER}
        self._wide_changelog = True
        self._optional = b""
        self._open_file(START, checksum=False)

    def dump(self) -> bytes:
        """The packets of everything written so far."""
        return made.packets(*self._events)

    def write(self, *, usual: bool = False) -> None:
        """Write something; only what a busy server writes all the time with `usual`."""
        if usual or self._random.random() < 0.6:
            return self._transaction(self._random.choice([self._own, self._own, self._other, self._marker]))
        action: Callable[[], None] = self._random.choice(
            [
                *[self._many_statements] * 2,
                *[self._two_changelogs] * 2,
                self._xa,
                self._definition,
                self._definition_elsewhere,
                self._without_transactions,
                self._heartbeat,
                self._new_ids,
                self._new_changelog,
                self._new_metadata,
                self._next_file,
                self._compressed,
                self._giant,
            ]
        )
        return action()

    def leap(self) -> None:
        """Go on near the end of what 32 bits hold."""
        self._position = LAST - self._random.randint(0, 3000)

    # --- Transactions -------------------------------------------------------------------------------------------------

    def _transaction(self, *statements: Callable[[], None]) -> None:
        self._begin()
        for statement in statements:
            if self._random.random() < 0.2:
                self._comment()
            statement()
        self._event(XID, self._random.randbytes(8))

    def _begin(self, mariadb_flags: int = 0x0C) -> None:
        if self._mariadb:
            tail = self._random.choice([bytes(6), self._random.randbytes(8)])
            return self._event(162, self._random.randbytes(12) + bytes([mariadb_flags | len(tail) // 8 * 2]) + tail)
        self._event(self._random.choice([33, 33, 34, 42]), self._random.randbytes(self._random.choice([50, 52])))
        return None

    def _own(self) -> None:
        self._map("orders")
        self._rows("orders", self._random.choice([1, 1, 1, 2, 30]))

    def _other(self) -> None:
        self._map("other")
        self._rows("other", self._random.choice([1, 2, 40]))

    def _marker(self) -> None:
        self._map("orders_ghc")
        self._rows("orders_ghc", 1)

    def _many_statements(self) -> None:
        statements = [self._own, self._other, self._marker, self._two_tables, self._savepoint]
        self._transaction(*self._random.choices(statements, k=self._random.randint(2, 6)))

    def _two_tables(self) -> None:
        """What one statement writes to two tables."""
        self._map("orders")
        self._map("other")
        self._rows("other", 2)
        self._rows("orders", 2)

    def _savepoint(self) -> None:
        self._event(QUERY, made.query("SAVEPOINT a"))

    def _xa(self) -> None:
        self._begin(0x4C)
        if not self._mariadb:
            self._event(QUERY, made.query("XA START X'61',X'',1"))
        for _ in range(self._random.randint(0, 2)):
            self._own()
        if self._random.random() < 0.9:  # the server may also crash
            self._event(QUERY, made.query("XA END X'61',X'',1"))
            self._event(XA_PREPARE, bytes([self._random.randint(0, 1)]) + b"xid")

    def _without_transactions(self) -> None:
        self._begin()
        self._own()
        self._event(QUERY, made.query("COMMIT"))

    def _definition(self) -> None:
        self._begin(0x0D)
        self._event(QUERY, made.query(f"CREATE TABLE x{self._random.randint(1, 9)} (id INT)"))

    def _definition_elsewhere(self) -> None:
        if self._random.random() < 0.5:  # servers of old have no GTID events
            self._begin(0x0D)
        self._event(QUERY, made.query("TRUNCATE orders", schema="elsewhere"))

    def _compressed(self) -> None:
        """As MySQL does it, or as MariaDB does."""
        if self._mariadb:
            self._transaction(self._own_compressed)
            return
        self._begin()
        self._inner = []
        self._own()
        self._other()
        self._event(XID, bytes(8))
        events, self._inner = b"".join(self._inner), None
        data = zstandard.compress(events)
        fields = b"\2\3\xfc\0\0" + b"\3\4\xfd" + len(events).to_bytes(3, "little") + b"\0"
        self._event(PAYLOAD, fields + data)

    def _own_compressed(self) -> None:
        self._map("orders")
        images = order(self._random.randint(1, 50))
        packed = b"\x01" + bytes([len(images)]) + zlib.compress(images)
        self._event(169, made.rows(self._ids["orders"], 2, packed))

    # --- Other events -------------------------------------------------------------------------------------------------

    def _comment(self) -> None:
        """The text of the statement: MariaDB does not send it, so that positions leap."""
        if self._mariadb:
            self._position += self._random.randint(30, 90)
        else:
            self._event(ROWS_QUERY, b"INSERT " + self._random.randbytes(self._random.randint(1, 40)))

    def _heartbeat(self) -> None:
        self._events.append(made.event(HEARTBEAT, FILE.encode(), self._position, checksum=self._checksum))

    def _new_ids(self) -> None:
        numbers = self._random.sample(range(1, 6), 3)
        self._ids = {name: number.to_bytes(6, "little") for name, number in zip(self._ids, numbers, strict=True)}

    def _new_changelog(self) -> None:
        self._wide_changelog = not self._wide_changelog

    def _new_metadata(self) -> None:
        self._optional = self._random.choice([b"", b"\1\1\x80", b"\1\1\0"])

    def _two_changelogs(self) -> None:
        """The same table by two ids, as after an ALTER TABLE, and with another layout."""
        before, layout = dict(self._ids), self._wide_changelog
        for number in self._random.choices([8, 9], k=4):
            self._ids["orders_ghc"] = number.to_bytes(6, "little")
            self._wide_changelog = self._random.choice([layout, number == 8])
            self._transaction(self._marker)
        self._ids, self._wide_changelog = before, layout

    def _giant(self) -> None:
        """More than 64 KiB of another table's rows, or of ours."""
        if self._random.random() < 0.3:
            name = self._random.choice(["orders", "other"])
            self._transaction(lambda: self._map(name), lambda: self._rows(name, 3000))

    def _next_file(self) -> None:
        self._number += 1
        self._event(ROTATE, struct.pack("<Q", 4) + self._file)
        self._open_file(4, checksum=self._checksum)

    def _open_file(self, position: int, *, checksum: bool) -> None:
        """The server says which file it reads, still with a checksum or without one, and how the file is written."""
        self._events.append(made.event(ROTATE, struct.pack("<Q", position) + self._file, checksum=checksum))
        self._position = position
        self._checksum = self._random.random() < self._checksums
        self._events.append(made.format_description(checksum=self._checksum))

    @property
    def _file(self) -> bytes:
        return f"bin.{self._number:06}".encode()

    # --- Bytes --------------------------------------------------------------------------------------------------------

    def _map(self, name: str) -> None:
        wide = name != "orders_ghc" or self._wide_changelog
        types, metadata = (bytes([LONGLONG, VARCHAR]), b"\x14\0") if wide else (bytes([LONGLONG]), b"")
        optional = self._optional if name == "orders" else b""
        body = made.table_map(self._ids[name], name, types, metadata, nullable=2 * wide, optional=optional)
        self._event(TABLE_MAP, body)

    def _rows(self, name: str, count: int) -> None:
        random = self._random
        form = random.choice([0, 1, 2])
        wide = name != "orders_ghc" or self._wide_changelog
        images = b"".join(self._image(wide=wide) for _ in range(count * (2 if form == 1 else 1)))
        present = b"\xff" * (2 if form == 1 else 1)
        columns = 2 if wide else 1
        head = self._ids[name] + random.choice([b"\1\0", b"\0\0"])
        if self._mariadb:
            return self._event(23 + form, head + bytes([columns]) + present + images)
        return self._event(30 + form, head + b"\2\0" + bytes([columns]) + present + images)

    def _image(self, *, wide: bool) -> bytes:
        key = self._random.randint(1, 50)
        if not wide:
            return b"\xfe" + key.to_bytes(8, "little")
        return order(key, self._random.choice([None, "", "v", "value" * 3]))

    def _event(self, kind: int, body: bytes) -> None:
        """Write an event, where BEGIN belongs before it on MySQL with that."""
        if not self._mariadb and kind in {TABLE_MAP, ROWS_QUERY} and self._is_outside():
            self._event(QUERY, made.query("BEGIN", schema=self._random.choice(["shop", "", "elsewhere"])))
        if self._inner is not None:
            self._inner.append(made.event(kind, body))
            return
        self._position = (self._position + made.HEADER + len(body) + 4 * self._checksum) & LAST
        self._events.append(made.event(kind, body, self._position, checksum=self._checksum))

    def _is_outside(self) -> bool:
        """Whether the last event was one with which a transaction begins."""
        written = self._inner if self._inner is not None else self._events
        return not written or written[-1][4] in {33, 34, 42}


def spoilt(random: Random, data: bytes) -> bytes:
    """The same with a mistake in it, often in the head of an event."""
    at = random.choice([random.randrange(len(data)), random.choice(heads_of(data)) + random.randrange(24)])
    spoil: Callable[[], bytes] = random.choice(
        [
            lambda: data[:at] + random.randbytes(1) + data[at + 1 :],
            lambda: data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :],
            lambda: data[:at] + data[at + 1 :],
            lambda: data[:at],
            lambda: data[:at] + bytes(random.choice([1, 4])) + data[at:],
        ]
    )
    return spoil()


def disordered(random: Random, data: bytes) -> bytes:
    """The same events, renumbered, with one of them left out, doubled, moved, or changed in a place that counts."""
    events = events_of(data)
    at = random.randrange(2, len(events))
    event = events[at]
    match random.randrange(4):
        case 0:
            del events[at]
        case 1:
            events.insert(random.randrange(2, len(events)), event)
        case 2:
            events.insert(random.randrange(2, len(events) - 1), events.pop(at))
        case _:
            place = random.choice([4, 13, 14, 15, 16, *range(19, 45)])
            if place < len(event):
                events[at] = event[:place] + random.randbytes(1) + event[place + 1 :]
    return made.packets(*events)


def heads_of(data: bytes) -> list[int]:
    """Where these packets begin, of which none is continued."""
    heads, at = [], 0
    while at < len(data):
        heads.append(at)
        at += 4 + int.from_bytes(data[at : at + 3], "little")
    return heads


def events_of(data: bytes) -> list[bytes]:
    """The events in these packets."""
    heads = [*heads_of(data), len(data)]
    return [data[begin + 5 : end] for begin, end in itertools.pairwise(heads)]
