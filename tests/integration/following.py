"""A table, and a KeyStream that follows it: what the tests of the change stream work with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

from fsm_ghost.model.changes import Changes
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key, KeyColumn, KeyKind, MigrationKey
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.table import Column
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.binlog.stream import KeyStream
from fsm_ghost.mysql.quoting import quote, table
from fsm_ghost.mysql.session import Session
from tests.servers import Database

OWN_TAG = "fsm-ghost 01234567-test"
_PATIENCE = 20.0  # seconds
_server_ids = count(7000)


class Followed:
    """The table `name` with a stream on it, from the moment this was made."""

    def __init__(self, database: Database, columns: str, key: str = "id", name: str = "orders") -> None:
        self.database = database
        self.arguments: dict[str, Any] = {"unix_socket": database.server.socket, "user": "root", "charset": "utf8mb4"}
        self.session = Session(self.arguments)
        self.session.execute(f"USE {quote(database.name)}")
        self.original = TableName(database.name, name)
        self.changelog = TableName(database.name, f"{name}_ghc")
        self.session.execute(f"CREATE TABLE {table(self.original)} ({columns})")
        self.session.execute(f"CREATE TABLE {table(self.changelog)} (id BIGINT UNSIGNED PRIMARY KEY, said TEXT)")
        self.columns = self._catalogue()
        self.key = MigrationKey("PRIMARY", tuple(_key_column(self._column(part)) for part in key.split(",")))
        self._opened: list[KeyStream] = []
        self.start = self.position()
        self.stream = self.open(self.start)
        self._markers = count(1)

    def open(
        self,
        start: Coordinates,
        *,
        server: str | None = None,
        server_id: int = 0,
        heartbeat: float = 1.0,
        dead_after: float = 10.0,
        connect: Mapping[str, object] | None = None,
    ) -> KeyStream:
        """Another stream on the table; `connect` stands over the arguments of the connection."""
        stream = KeyStream(
            {**self.arguments, **(connect or {})},
            server=server,
            server_id=server_id or next(_server_ids),
            start=start,
            original=self.original,
            columns=self.columns,
            key=self.key,
            changelog=self.changelog,
            own_tag=OWN_TAG,
            heartbeat=heartbeat,
            dead_after=dead_after,
        )
        self._opened.append(stream)
        return stream

    def reopen(self, start: Coordinates) -> None:
        """Follow with a new stream from `start` on."""
        self.stream.close()
        self.stream = self.open(start)

    def close(self) -> None:
        for stream in self._opened:
            stream.close()
        self.session.close()

    def run(self, *statements: str) -> None:
        """Carry out the statements on a session of fsm-ghost's kind."""
        for statement in statements:
            self.session.execute(statement)

    def position(self) -> Coordinates:
        return catalog.coordinates(self.session)

    def read(self) -> Changes:
        """Everything up to now, as one."""
        marker = next(self._markers)
        self.session.execute(f"INSERT INTO {table(self.changelog)} VALUES ({marker}, 'marker')")
        found = self.next()
        while marker not in found.markers:
            found = merged(found, self.next())
        return found

    def keys_after(self, *statements: str) -> frozenset[Key]:
        """The keys that these statements bring."""
        self.run(*statements)
        return self.read().keys

    def next(self) -> Changes:
        """The next reading; a failure when the server has sent nothing for long."""
        changes = self.stream.read(_PATIENCE)
        assert changes is not None, "nothing came"
        return changes

    def selected(self, where: str = "TRUE") -> list[Key]:
        """The keys in the table, as a SELECT gives them."""
        columns = self.key.columns
        rows = self.session.query(f"SELECT {key_sql.select_list(columns)} FROM {table(self.original)} WHERE {where}")
        return [key_sql.parse(columns, row) for row in rows]

    def _catalogue(self) -> tuple[Column, ...]:
        definition = catalog.definition(self.session, self.original)
        assert definition is not None
        return definition.columns

    def _column(self, name: str) -> Column:
        return next(column for column in self.columns if column.folded == name.casefold())


@contextmanager
def following(
    database: Database, columns: str = "id INT PRIMARY KEY, v VARCHAR(20)", key: str = "id", name: str = "orders"
) -> Iterator[Followed]:
    """A table of these columns, followed."""
    followed = Followed(database, columns, key, name)
    try:
        yield followed
    finally:
        followed.close()


def merged(first: Changes, second: Changes) -> Changes:
    """Two readings in a row as one."""
    return Changes(
        start=first.start,
        end=second.end,
        keys=first.keys | second.keys,
        prepared=first.prepared | second.prepared,
        markers=first.markers | second.markers,
        row_events=first.row_events + second.row_events,
        swapped=first.swapped or second.swapped,
    )


def keys(*values: int) -> frozenset[Key]:
    """Keys of one integer each."""
    return frozenset((value,) for value in values)


def read_on(stream: KeyStream) -> list[Changes]:
    """Read on; for tests that expect an exception, or the end."""
    found = []
    while (changes := stream.read(_PATIENCE)) is not None:
        found.append(changes)
    return found


def _key_column(column: Column) -> KeyColumn:
    kind = catalog.key_kind(column)
    assert kind is not None
    return KeyColumn(
        name=column.name,
        ghost_name=column.name,
        kind=kind,
        charset=column.charset if kind is KeyKind.TEXT else None,
        length=column.octet_length if column.data_type == "binary" else None,
        unsigned="unsigned" in column.type,
    )
