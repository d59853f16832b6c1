"""The connection: mysql-replication asks the server for its binlog, then we take the socket.

`BinLogStreamReader` negotiates checksums, heartbeats and capabilities and sends the dump request. It is asked for one
event, and the connection that it was given (through its `pymysql_wrapper`) answers with the exception that hands over
the socket. So its decoder never sees an event, and its reconnecting, which goes on for ever and from the middle of a
transaction, never happens.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.protocol import MysqlPacket
from pymysqlreplication import BinLogStreamReader

from fsm_ghost.errors import ConnectionLostError, StoppedError
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.binlog import failures
from fsm_ghost.mysql.session import Session

_RECEIVED_AT_ONCE = 1 << 18  # bytes
# Seconds that are let pass when a server that was quiet begins to send: event by event it would cost a hundred times as
# much as what comes in that time at once.
_GATHER = 0.01
_DUMP = b"\x00\x12"  # the first packet of a command, COM_BINLOG_DUMP
# A reader that pauses must not be thrown out: by default the server waits 60 seconds for it. And it can take checksums,
# whether the server has them now (all the library looks at) or will be told to have them while the dump goes on.
_SESSION = "SET SESSION net_write_timeout = 3600, @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32'"
_NOT_READY = (BlockingIOError, ssl.SSLWantReadError)
_POSITIONS = 1 << 32  # that a dump can be asked for


class _DumpStarted(Exception):  # noqa: N818 - it is how the connection is handed over
    pass


class _DumpConnection(Connection):
    """A connection that stops answering when the dump has been asked for."""

    dumping = False
    ignores_case = False  # in the names of tables

    def _write_bytes(self, data: bytes) -> None:
        super()._write_bytes(data)  # type: ignore[misc] # not in the stubs
        self.dumping = self.dumping or data[3:5] == _DUMP

    def _read_packet(self, packet_type: type[MysqlPacket] = MysqlPacket) -> MysqlPacket:
        if self.dumping:
            raise _DumpStarted
        return super()._read_packet(packet_type)  # type: ignore[no-untyped-call,no-any-return]


class _Setup(Session):
    """The connection for the dump as long as it still takes statements."""

    def __init__(self, connection: _DumpConnection) -> None:
        self._connection = connection


class _NoControl:
    """In place of the library's second connection, which would look up what only its decoder needs."""

    charset = "utf8mb4"

    def cursor(self) -> _NoControl:
        return self

    def execute(self, statement: str) -> None:
        pass

    def fetchone(self) -> dict[str, str]:
        return {"Value": "FULL"}

    def close(self) -> None:
        pass


class Tap:
    """The dump of a server's binlog from `start` on, as bytes.

    `connect` are keyword arguments of pymysql.connect, `server` is the uuid (`catalog.identity`) of the one server
    whose binlog is meant. `heartbeat` is how often (seconds) an idle server shows that it is there. Silence for
    `dead_after` seconds, waited for in `receive`, is a lost connection. Raises ConnectionLostError, StoppedError for
    another server, or StreamError and ServerError for what the server says. `ignores_case` tells how the server
    compares the names of tables.
    """

    def __init__(
        self,
        connect: Mapping[str, Any],
        *,
        server: str | None,
        server_id: int,
        start: Coordinates,
        heartbeat: float,
        dead_after: float,
    ) -> None:
        self.interrupted = False
        self.in_a_hurry = False  # then nothing is let gather; may be set from any thread
        self._start = start
        self._dead_after = dead_after
        self._silence = 0.0
        self._connection = self._open(connect, server, server_id, heartbeat)
        self.ignores_case = self._connection.ignores_case
        self._socket: socket.socket = self._connection._sock  # type: ignore[attr-defined]  # noqa: SLF001
        self._socket.settimeout(0)
        self._buffer = memoryview(bytearray(_RECEIVED_AT_ONCE))  # kept: a new one for each call costs more than reading
        self._bell, self._ear = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._interruption = selectors.DefaultSelector()
        self._interruption.register(self._ear, selectors.EVENT_READ)

    def receive(self, until: float) -> bytes:
        """What has arrived; nothing when that is so at `until` (seconds of time.monotonic), or after `interrupt`."""
        while not self.interrupted:
            if data := self._arrived():
                self._silence = 0.0
                return data
            if not self._wait(until):
                break
            if not self.in_a_hurry:
                self._interruption.select(_GATHER)
        return b""

    def interrupt(self) -> None:
        """Make `receive` return now, and from now on. May be called from any thread."""
        self.interrupted = True
        with suppress(OSError):  # closed meanwhile
            self._bell.send(b"!")

    def close(self) -> None:
        """Close the connection; the server notices when it sends the next time."""
        self._selector.close()
        self._interruption.close()
        self._bell.close()
        self._ear.close()
        self._connection._force_close()  # type: ignore[attr-defined]  # noqa: SLF001

    def _arrived(self) -> bytes:
        """What can be read at once without waiting."""
        try:
            size = self._socket.recv_into(self._buffer)
        except _NOT_READY:
            return b""
        except OSError as error:
            raise ConnectionLostError(f"The binlog stream was lost: {error}") from error
        if not size:
            raise ConnectionLostError("The binlog stream was lost: the server closed the connection")
        return bytes(self._buffer[:size])

    def _wait(self, until: float) -> bool:
        """Wait for bytes; False when `until` has come."""
        began = time.monotonic()
        if began >= until:
            return False
        if not self._selector.select(min(until - began, self._dead_after - self._silence)):
            self._silence += time.monotonic() - began
        if self._silence >= self._dead_after:
            raise ConnectionLostError(f"The binlog stream was lost: nothing came for {self._dead_after:g} seconds")
        return True

    def _open(
        self, connect: Mapping[str, Any], server: str | None, server_id: int, heartbeat: float
    ) -> _DumpConnection:
        if self._start.position >= _POSITIONS:
            raise StoppedError(
                f"The binlog cannot be read from {self._start}: a dump can begin within the first 4 GiB of a file only",
                "Start again when the server writes its next binlog file (FLUSH BINARY LOGS).",
            )
        made: list[_DumpConnection] = []
        settings = {
            "charset": "utf8mb4",
            "connect_timeout": self._dead_after,
            "read_timeout": self._dead_after,
            **connect,
        }
        reader = BinLogStreamReader(
            connection_settings={name: value for name, value in settings.items() if value is not None},
            server_id=server_id,
            log_file=self._start.file,
            log_pos=self._start.position,
            resume_stream=True,  # from the position given, not from the file's beginning
            blocking=True,
            slave_heartbeat=heartbeat,
            pymysql_wrapper=partial(_connected, made, server),
            enable_logging=False,
        )
        try:
            reader.fetchone()
        except _DumpStarted:
            return made[0]
        except BaseException as error:
            for connection in made:
                connection._force_close()  # type: ignore[attr-defined]  # noqa: SLF001
            if isinstance(error, pymysql.MySQLError):
                raise failures.from_driver(error, self._start) from error
            raise
        raise AssertionError("mysql-replication read the binlog itself")


def _connected(made: list[_DumpConnection], server: str | None, **settings: Any) -> _DumpConnection | _NoControl:
    """The connection for the dump, made first; or what stands for the second."""
    if made:
        return _NoControl()
    connection = _DumpConnection(**settings)
    made.append(connection)
    setup = _Setup(connection)
    if server is not None:
        _check_identity(setup, server)
    setup.execute(_SESSION)
    connection.ignores_case = not catalog.tells_case(setup)
    return connection


def _check_identity(session: Session, expected: str) -> None:
    """Another server's binlog is another story, even where a file and a position of ours exist in it."""
    found = catalog.identity(session)
    if found.uuid != expected:
        raise StoppedError(
            f"The binlog of server {expected} was being read, and server {found.uuid} answers in its place",
            "Give the right one with --host and --port, and resume.",
        )
