"""The types of binlog events, by what they are to us.

What is in none of these lists stops the migration, for an unknown event may carry rows (protocol R10).
Sources: `libs/mysql/binlog/event/binlog_event.h` (MySQL 9.7), `sql/log_event.h` (MariaDB 10.11).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

HEADER = 19  # bytes of the header of every event: timestamp, type, server id, size, position of its end, flags


class EventType(IntEnum):
    """Types that mean something to us."""

    QUERY = 2
    ROTATE = 4
    FORMAT_DESCRIPTION = 15
    XID = 16
    EXECUTE_LOAD_QUERY = 18  # LOAD DATA that was logged as a statement
    TABLE_MAP = 19
    INCIDENT = 26  # the server says that its binlog has lost something
    GTID = 33
    ANONYMOUS_GTID = 34
    PARTIAL_UPDATE_ROWS = 39  # MySQL: JSON columns as differences
    XA_PREPARE = 38
    TRANSACTION_PAYLOAD = 40  # MySQL: a compressed transaction
    TAGGED_GTID = 42
    MARIADB_GTID = 162
    MARIADB_QUERY_COMPRESSED = 165


GTIDS = (EventType.GTID, EventType.ANONYMOUS_GTID, EventType.TAGGED_GTID)

# Framing and information: nothing in them changes a row.
IGNORABLE = frozenset(
    {
        3,  # STOP
        5,  # INTVAR: like RAND and USER_VAR it precedes a statement, and the statement is looked at
        9,  # APPEND_BLOCK: part of a file for LOAD DATA; its EXECUTE_LOAD_QUERY is looked at
        11,  # DELETE_FILE
        13,  # RAND
        14,  # USER_VAR
        17,  # BEGIN_LOAD_QUERY
        27,  # HEARTBEAT
        28,  # IGNORABLE
        29,  # ROWS_QUERY: the statement's text, as a comment on the row events
        35,  # PREVIOUS_GTIDS
        36,  # TRANSACTION_CONTEXT (group replication)
        37,  # VIEW_CHANGE (group replication)
        41,  # HEARTBEAT_V2
        160,  # MariaDB ANNOTATE_ROWS
        161,  # MariaDB BINLOG_CHECKPOINT
        163,  # MariaDB GTID_LIST
        164,  # MariaDB START_ENCRYPTION: concerns the file; what is sent has been decrypted
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class RowsForm:
    """How a type of rows event is written, one object for each type; an update carries two images of each row."""

    inserts: bool = False
    updates: bool = False
    extra: bool = False  # "version 2": extra data of variable length follows the table id
    partial: bool = False
    compressed: bool = False  # MariaDB's log_bin_compress


ROWS: dict[int, RowsForm] = {
    23: RowsForm(inserts=True),
    24: RowsForm(updates=True),
    25: RowsForm(),
    30: RowsForm(inserts=True, extra=True),
    31: RowsForm(updates=True, extra=True),
    32: RowsForm(extra=True),
    39: RowsForm(updates=True, extra=True, partial=True),
    166: RowsForm(inserts=True, compressed=True),
    167: RowsForm(updates=True, compressed=True),
    168: RowsForm(compressed=True),
    169: RowsForm(inserts=True, extra=True, compressed=True),
    170: RowsForm(updates=True, extra=True, compressed=True),
    171: RowsForm(extra=True, compressed=True),
}


# An event in a buffer: type, buffer, start, stop, position. `buffer[start:stop]` is its body: what follows the header,
# without the checksum. `position` is where the event ends in its file, or 0 when that is not known: for artificial
# events, inside a compressed transaction, and beyond 4 GiB in one file, which the 32 bits on the wire cannot tell.
# It is a plain tuple, for one is made for every event.
Event: TypeAlias = tuple[int, bytes, int, int, int]
