"""The two tables whose row events are read: the original, for its keys, and the changelog, for its markers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from fsm_ghost.model.key import Key, KeyColumn, KeyKind, MigrationKey
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.table import Column
from fsm_ghost.mysql.binlog.events import RowsForm
from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.keys import KeyReader
from fsm_ghost.mysql.binlog.payload import uncompressed
from fsm_ghost.mysql.binlog.rows import Image, PartialRowsWalker, RawKey, RowsWalker, Walk
from fsm_ghost.mysql.binlog.tablemap import ColumnType, Layout, packed_integer, read_layout, table_prefix

NAMES_AT = 8  # a table id (6 bytes) and flags (2) precede everything else in TABLE_MAP and rows events
_TABLE_ID = 6
_Walker: TypeAlias = RowsWalker | PartialRowsWalker
_OLD_TEMPORALS = frozenset({ColumnType.TIMESTAMP, ColumnType.TIME, ColumnType.DATETIME})


class WatchedTable:
    """Collects the keys in the row events of one table, each once.

    `key` are the columns of the key and `indexes` their places among the table's columns.
    """

    def __init__(self, name: TableName, key: Sequence[KeyColumn], indexes: Sequence[int]) -> None:
        self.name = name
        self.prefix = table_prefix(name.schema, name.name)
        self._key = key
        self._indexes = tuple(indexes)
        self._mapped = b""
        self._layout: Layout = ()
        self._raw: set[RawKey] = set()
        self._events = 0
        self.into = self._raw  # where keys that are found are put
        self._reader = KeyReader((), ())
        self._walkers: dict[tuple[bool, bool, bytes], _Walker] = {}
        self._latest: dict[RowsForm, tuple[bytes, Walk]] = {}

    def is_named(self, buffer: bytes, at: int, *, ignoring_case: bool) -> bool:
        """Whether the names at this place of a TABLE_MAP event are those of this table."""
        if buffer.startswith(self.prefix, at) or not ignoring_case:
            return buffer.startswith(self.prefix, at)
        return _folded(buffer[at : at + len(self.prefix)]) == _folded(self.prefix)

    def take(self) -> frozenset[Key]:
        """The keys found since this was last called."""
        keys = self._reader.canonical(self._raw)
        self._raw.clear()
        return keys

    def map(self, buffer: bytes, start: int, stop: int) -> bool:
        """Take the body of a TABLE_MAP event of this table; whether it says anything new. Raises UnreadableError."""
        start += _TABLE_ID  # it changes without a change of the table
        if buffer.startswith(self._mapped, start) and len(self._mapped) == stop - start:
            return False
        mapped = buffer[start:stop]
        layout = read_layout(mapped[NAMES_AT - _TABLE_ID + len(self.prefix) :])
        if layout != self._layout:
            self._check(layout)
            self._walkers.clear()
            self._latest.clear()
        self._mapped, self._layout = mapped, layout
        return True

    def _check(self, layout: Layout) -> None:
        """Raise UnreadableError when the table's rows cannot be followed in this layout."""
        key = [layout[index] for index in self._indexes]
        if not self._layout:
            self._reader = KeyReader(self._key, key)
        elif key != [self._layout[index] for index in self._indexes]:
            raise UnreadableError(f"the key of {self.name} has changed")

    def read(self, form: RowsForm, buffer: bytes, start: int, stop: int) -> None:
        """Find the keys in the body of a rows event. Raises UnreadableError."""
        at = start + NAMES_AT
        latest = self._latest.get(form)
        if latest is None or not buffer.startswith(latest[0], at):
            latest = self._latest[form] = self._prepare(form, buffer, at, stop)
        head, keys = latest
        at += len(head)
        if form.compressed:
            buffer = uncompressed(buffer[at:stop])
            at, stop = 0, len(buffer)
        keys(buffer, at, stop, self.into.add)
        self._events += 1

    def _prepare(self, form: RowsForm, buffer: bytes, start: int, stop: int) -> tuple[bytes, Walk]:
        """What stands between flags and rows (extra data, and which columns are present), and how to walk the rows."""
        at = start + (int.from_bytes(buffer[start : start + 2], "little") if form.extra else 0)
        try:
            columns, at = packed_integer(buffer, at)
        except (IndexError, KeyError) as error:
            raise UnreadableError("the head of its rows is not understood") from error
        if columns != len(self._layout):
            raise UnreadableError(f"it has {columns} columns where its table map has {len(self._layout)}")
        rows = at + (columns + 7) // 8 * (2 if form.updates else 1)
        if rows > stop:
            raise UnreadableError("the head of its rows is cut off")
        kind = (form.updates, form.partial, buffer[at:rows])
        if kind not in self._walkers:
            self._walkers[kind] = self._new_walker(form, buffer[at:rows])
        return buffer[start:rows], self._walkers[kind].keys

    def _new_walker(self, form: RowsForm, present: bytes) -> _Walker:
        if not form.updates:
            return RowsWalker(self._image(present), None, len(self._indexes))
        half = len(present) // 2
        before, after = self._image(present[:half]), self._image(present[half:])
        if form.partial:
            return PartialRowsWalker(before, after, self._layout, len(self._indexes))
        return RowsWalker(before, after, len(self._indexes))

    def _image(self, present: bytes) -> Image:
        return Image.read(self._layout, present, self._indexes)


class Original(WatchedTable):
    """The original: `columns` are the catalogue's, in order; one layout of them is followed and no other.

    The keys of a transaction that may be an XA transaction are set apart until it is known how it ends (`set_apart`,
    `settle`); those of which it is not known count as prepared.
    """

    def __init__(self, name: TableName, columns: Sequence[Column], key: MigrationKey) -> None:
        names = [column.folded for column in columns]
        super().__init__(name, key.columns, [names.index(column.name.lower()) for column in key.columns])
        self._columns = columns
        self._unsettled: set[RawKey] = set()
        self._prepared: set[RawKey] = set()

    @property
    def is_apart(self) -> bool:
        """Whether what is found now is set apart."""
        return self.into is self._unsettled

    def set_apart(self) -> None:
        """What is found from now on is a transaction's that may turn out to be prepared."""
        self.settle(prepared=True)  # what an earlier one has left that never ended
        self.into = self._unsettled

    def settle(self, *, prepared: bool) -> None:
        """The transaction that was set apart is known to be prepared, or not to be."""
        if self._unsettled:
            (self._prepared if prepared else self._raw).update(self._unsettled)
            self._unsettled.clear()
        self.into = self._raw

    def take_events(self) -> int:
        """How many rows events were read since this was last called."""
        events, self._events = self._events, 0
        return events

    def take_prepared(self) -> frozenset[Key]:
        """Those of the keys found that prepared transactions have touched; `take` gives them as well."""
        prepared = self._prepared | self._unsettled
        self._raw |= prepared
        self._prepared.clear()
        self._unsettled.clear()
        return self._reader.canonical(prepared) if prepared else frozenset()

    def _check(self, layout: Layout) -> None:
        if self._layout:
            raise UnreadableError(f"the definition of {self.name} has changed")
        if len(layout) != len(self._columns):
            counts = f"{len(layout)} columns in the binlog and {len(self._columns)} in the catalogue"
            raise UnreadableError(f"{self.name} has {counts}")
        for column, place in zip(self._columns, layout, strict=True):
            if place.type in _OLD_TEMPORALS and "(" in column.type:
                raise UnreadableError(
                    f"{self.name}.{column.name} is stored in the format of before MySQL 5.6 and MariaDB 10.1, whose "
                    "fractions of a second cannot be followed (ALTER TABLE … FORCE converts it)"
                )
        super()._check(layout)


class Changelog(WatchedTable):
    """The changelog: its first column is the BIGINT UNSIGNED id of what is written to it."""

    def __init__(self, name: TableName) -> None:
        super().__init__(name, [KeyColumn("id", "id", KeyKind.INTEGER, unsigned=True)], [0])

    def read(self, form: RowsForm, buffer: bytes, start: int, stop: int) -> None:
        """Find the ids in the body of a rows event; those of deleted rows are of no interest."""
        if form.inserts or form.updates:
            super().read(form, buffer, start, stop)


def _folded(names: bytes) -> str:
    return names.decode(errors="replace").lower()
