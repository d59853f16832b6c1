"""What goes wrong while following the binlog, as our exceptions."""

from __future__ import annotations

import pymysql

from fsm_ghost.errors import ConnectionLostError, FsmGhostError, ServerError, StreamError

_BINLOG_UNREADABLE = 1236
_SAME_SERVER_ID = 4052  # MariaDB's own number for it; MySQL says it in the text of 1236
_DENIED = frozenset({1044, 1045, 1142, 1227, 1698})
_LOST = frozenset(
    {
        0,  # PyMySQL itself: a connection that is closed, or out of step
        1040,
        1203,  # too many connections
        1053,  # server shutdown in progress
        1152,  # aborted connection
        *range(1158, 1162),  # network errors
        1317,  # query interrupted: KILL
        1927,  # MariaDB: connection was killed
        2002,
        2003,  # cannot connect
        2006,
        2013,  # gone away, lost
        2055,
        4031,  # MySQL: disconnected by the server because of inactivity
    }
)


class UnreadableError(Exception):
    """An event cannot be read; the stream adds where it stands and raises StreamError."""


def from_server(code: int, message: str, where: object) -> FsmGhostError:
    """The exception for an error of the server while the dump is opened or running; `where` are the coordinates."""
    if code in _LOST:
        return ConnectionLostError(f"The binlog stream was lost at {where}: {message} ({code})")
    if code == _SAME_SERVER_ID or (code == _BINLOG_UNREADABLE and "same server" in message):
        # Whoever connects again takes another id.
        return ConnectionLostError(
            f"Another replica reads under our id; the stream ended at {where}: {message} ({code})"
        )
    if code == _BINLOG_UNREADABLE:
        return StreamError(
            f"The server cannot send its binlog from {where}: {message} ({code})",
            "If that binlog file has been purged, what changed since then cannot be read any more: abort this "
            "migration and start it again, with a longer binlog retention on the server.",
        )
    if code in _DENIED:
        return ServerError(
            f"The server refuses to send its binlog: {message} ({code})",
            "Grant REPLICATION SLAVE and REPLICATION CLIENT on *.* to the migration's user.",
            code,
        )
    return ServerError(f"The server ended the binlog stream at {where}: {message} ({code})", code=code)


def from_driver(error: pymysql.MySQLError, where: object) -> FsmGhostError:
    """The exception for an error that PyMySQL raised while the dump was opened."""
    code, message = (*error.args, 0, "")[:2] if isinstance(error.args[:1] and error.args[0], int) else (0, str(error))
    return from_server(code, message, where)


def from_packet(content: bytes, where: object) -> FsmGhostError:
    """The exception for a packet that is no event: an error (0xff, code, '#' and SQL state, text) or the end (0xfe)."""
    if content[:1] != b"\xff":
        return ConnectionLostError(f"The binlog stream was lost at {where}: the server ended it")
    code = int.from_bytes(content[1:3], "little")
    message = content[9:] if content[3:4] == b"#" else content[3:]
    return from_server(code, message.decode(errors="replace"), where)


def unreadable(reason: object, where: object) -> StreamError:
    """The exception for an event that cannot be followed."""
    return StreamError(
        f"The binlog event that ends at {where} cannot be followed: {reason}",
        "Nothing was lost; the migration cannot go on past this event. Abort it, remove the cause, and start again.",
    )
