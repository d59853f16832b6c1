"""What the events say: keys of the original, markers of the changelog, transaction boundaries, and reasons to stop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from fsm_ghost.errors import StreamError
from fsm_ghost.model.changes import Changes
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.mysql.binlog.events import GTIDS, HEADER, ROWS, EventType, RowsForm
from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.queries import Meaning, Query, QueryReader, read_query
from fsm_ghost.mysql.binlog.route import Route
from fsm_ghost.mysql.binlog.tables import NAMES_AT, Changelog, Original, WatchedTable

Handler: TypeAlias = Callable[[bytes, int, int, int], None]

MANY_KEYS = 50_000
_MANY_MAPS = 10_000
_TABLE_ID = 6
_TYPES = 256  # an event's type is one byte
_SHOWN = 200  # characters of a statement in an error message
# MariaDB GTID: a single statement follows, not a transaction; or an XA transaction that ends prepared.
STANDALONE, PREPARED_XA = 0x01, 0x40
MARIADB_FLAGS_AT = 12
BEGIN = b"\0BEGIN"  # how a QUERY event ends that says so
_ONE_PHASE = b"\1"
_ROTATE_NAME_AT = 8
_EVENT_SIZE_AT = 9  # in the header, which begins with when the event was made
_TIME = 4  # bytes
_FLAGS, _ARTIFICIAL = 2, 0x20  # how far before the header's end; set for an event that is in no file
# FORMAT_DESCRIPTION: the size of an event's header, then for each type from 1 on the size of its fixed part.
_CREATED_AT = 52  # when the server was started; 0 in the files that it has begun later
_HEADER_SIZE_AT = 56
_CHECKSUM_TAIL = 5  # what may follow: how checksums are made, and one
_FIXED_PARTS = {
    EventType.QUERY: 13,
    EventType.TABLE_MAP: NAMES_AT,
    **{kind: NAMES_AT + 2 if form.extra else NAMES_AT for kind, form in ROWS.items()},
}


class Decoder:
    """Takes events one by one (`handle`); `take` tells what they brought.

    `tables` are the ids that the original and the changelog have at this point of the binlog; row events of other
    tables need not be handed over. `mapped` are the bodies of TABLE_MAP events, by table id, that would change nothing
    if they came again. `is_full` says that it is time to `take`. `ignoring_case` tells how the server compares the
    names of tables.
    """

    def __init__(
        self,
        start: Coordinates,
        original: Original,
        changelog: Changelog,
        queries: QueryReader,
        *,
        ignoring_case: bool = False,
    ) -> None:
        self.tables: dict[bytes, WatchedTable] = {}
        self.mapped: set[bytes] = set()
        self._maps: dict[bytes, bytes] = {}
        self.route = Route(start)
        self._taken = start
        self.original = original
        self._changelog = changelog
        self._queries = queries
        self._ignoring_case = ignoring_case
        self._watched = (original, changelog)
        self.in_transaction = False
        self.since: Coordinates | None = None  # the boundary before the first row event that was not taken yet
        self._swapped = False
        self.is_full = False
        self._handlers = self._all_handlers()

    def _all_handlers(self) -> dict[int, Handler]:
        return {
            **{kind: partial(self._unknown, kind) for kind in range(_TYPES)},
            **{kind: partial(self._rows, form) for kind, form in ROWS.items()},
            **dict.fromkeys(GTIDS, self._gtid),
            EventType.MARIADB_GTID: self._mariadb_gtid,
            EventType.XID: self._end,
            EventType.XA_PREPARE: self._xa_prepare,
            EventType.TRANSACTION_PAYLOAD: self._end,
            EventType.TABLE_MAP: self._table_map,
            EventType.QUERY: self._query,
            EventType.EXECUTE_LOAD_QUERY: partial(self._statement, load_data=True),
            EventType.MARIADB_QUERY_COMPRESSED: partial(self._statement, compressed=True),
            EventType.ROTATE: self._rotate,
            EventType.FORMAT_DESCRIPTION: self._format,
            EventType.INCIDENT: self._incident,
        }

    @property
    def boundary(self) -> Coordinates:
        """The last transaction boundary passed."""
        return self.route.boundary

    def take(self) -> Changes | None:
        """What was brought since this was last called; None when nothing was and no boundary was passed."""
        end = self.boundary
        if self.since is None and end == self._taken and not self._swapped:
            return None
        prepared = self.original.take_prepared()
        changes = Changes(
            start=self.since or end,
            end=end,
            keys=self.original.take(),
            prepared=prepared,
            markers=frozenset(int(marker) for (marker,) in self._changelog.take()),
            row_events=self.original.take_events(),
            swapped=self._swapped,
        )
        self._taken, self.since, self.is_full = end, None, False
        return changes

    def handle(self, kind: int, buffer: bytes, start: int, stop: int, position: int) -> None:
        """Take an event in. Raises UnreadableError, or StreamError for a statement that must stop the migration."""
        try:
            self._handlers[kind](buffer, start, stop, position)
        except IndexError as error:
            raise UnreadableError("it is shorter than events of its type are") from error

    # --- Rows ---------------------------------------------------------------------------------------------------------

    def _table_map(self, buffer: bytes, start: int, stop: int, _: int) -> None:
        table_id = buffer[start : start + _TABLE_ID]
        self.tables.pop(table_id, None)  # ids are given anew after a restart of the server
        for table in self._watched:
            if table.is_named(buffer, start + NAMES_AT, ignoring_case=self._ignoring_case):
                if table.map(buffer, start, stop):
                    self.mapped.clear()
                self.tables[table_id] = table
                break
        self._note(table_id, buffer[start:stop])

    def _note(self, table_id: bytes, body: bytes) -> None:
        """There is one meaning of a table id at a time."""
        if len(self._maps) >= _MANY_MAPS:
            self._maps.clear()
            self.mapped.clear()
        self.mapped.discard(self._maps.get(table_id, b""))
        self.mapped.add(body)
        self._maps[table_id] = body

    def _rows(self, form: RowsForm, buffer: bytes, start: int, stop: int, _: int) -> None:
        table = self.tables[buffer[start : start + _TABLE_ID]]
        if self.since is None:
            self.since = self.boundary
        table.read(form, buffer, start, stop)
        if len(table.into) >= MANY_KEYS:
            self.is_full = True

    # --- Transactions -------------------------------------------------------------------------------------------------

    def _gtid(self, buffer: bytes, start: int, _: int, position: int) -> None:
        """A transaction begins where this event does."""
        self.in_transaction = False
        self.original.settle(prepared=True)  # what has not ended may have been prepared
        size_at = start - HEADER + _EVENT_SIZE_AT
        self.route.passes(position - int.from_bytes(buffer[size_at : size_at + 4], "little"))

    def _mariadb_gtid(self, buffer: bytes, start: int, stop: int, position: int) -> None:
        self._gtid(buffer, start, stop, position)
        flags = buffer[start + MARIADB_FLAGS_AT]
        self.in_transaction = not flags & STANDALONE
        if flags & PREPARED_XA:
            self.original.set_apart()

    def _end(self, _: bytes, __: int, ___: int, position: int) -> None:
        self.in_transaction = False
        self.original.settle(prepared=False)
        self.route.passes(position)

    def _xa_prepare(self, buffer: bytes, start: int, stop: int, position: int) -> None:
        """An XA transaction was prepared, or committed in one phase."""
        if not buffer.startswith(_ONE_PHASE, start, stop):
            if not self.original.is_apart:
                raise UnreadableError("it prepares an XA transaction that did not begin as one")
            self.original.settle(prepared=True)
        self._end(buffer, start, stop, position)

    # --- Statements ---------------------------------------------------------------------------------------------------

    def _query(self, buffer: bytes, start: int, stop: int, position: int) -> None:
        if buffer.endswith(BEGIN, start, stop):
            self.in_transaction = True
        else:
            self._statement(buffer, start, stop, position)

    def _statement(
        self, buffer: bytes, start: int, stop: int, position: int, *, load_data: bool = False, compressed: bool = False
    ) -> None:
        query = read_query(buffer[start:stop], load_data=load_data, compressed=compressed)
        meaning = self._queries.meaning(query)
        if meaning in {Meaning.REDEFINES, Meaning.MAY_CHANGE_ROWS}:
            raise self._refusal(meaning, query, position)
        self._swapped = self.is_full = meaning is Meaning.SWAPS
        if meaning is Meaning.OPENS:
            self.in_transaction = True
            self.original.set_apart()
        elif meaning is Meaning.CLOSES or not self.in_transaction:
            self._end(buffer, start, stop, position)

    def _refusal(self, meaning: Meaning, query: Query, position: int) -> StreamError:
        place = Coordinates(self.boundary.file, position) if position else self.boundary
        text = query.text if len(query.text) <= _SHOWN else f"{query.text[:_SHOWN]}…"
        if meaning is Meaning.REDEFINES:
            return StreamError(
                f"A statement changed {self.original.name} at {place}: {text}",
                "The migration was planned for the table as it was. Abort it and start it again.",
            )
        return StreamError(
            f"A statement that may have changed rows of {self.original.name}, also through a view, a trigger or a "
            f"function, was logged as text, not as row events, at {place}, by session {query.session} in database "
            f"{query.schema or '(none)'}: {text}",
            "That session uses binlog_format=STATEMENT or MIXED. Have all sessions log rows (SET GLOBAL binlog_format "
            "= ROW, then reconnect them), abort this migration and start it again.",
        )

    # --- Files --------------------------------------------------------------------------------------------------------

    def _rotate(self, buffer: bytes, start: int, stop: int, _: int) -> None:
        self.in_transaction = False
        self.tables.clear()
        self.mapped.clear()
        self._maps.clear()
        self.route.rotates(buffer[start + _ROTATE_NAME_AT : stop], by_file=not buffer[start - _FLAGS] & _ARTIFICIAL)

    def _format(self, buffer: bytes, start: int, stop: int, _: int) -> None:
        """Check that the file is written as we read it; 0 stands for a type that this server does not write."""
        sizes = buffer[start + _HEADER_SIZE_AT : stop - _CHECKSUM_TAIL]
        expected = ((kind, size) for kind, size in _FIXED_PARTS.items() if kind < len(sizes))
        if sizes[0] != HEADER or any(sizes[kind] not in {0, size} for kind, size in expected):
            raise UnreadableError("the file is written in a format that is not known to this version of fsm-ghost")
        header, created = start - HEADER, start + _CREATED_AT
        self.route.opens(
            int.from_bytes(buffer[header : header + _TIME], "little"),
            server_started=any(buffer[created : created + _TIME]),
        )

    def _unknown(self, kind: int, *_: object) -> None:
        raise UnreadableError(f"events of type {kind} are not known to this version of fsm-ghost")

    def _incident(self, *_: object) -> None:
        raise UnreadableError("it is an INCIDENT: the server says that something is missing in its binlog")
