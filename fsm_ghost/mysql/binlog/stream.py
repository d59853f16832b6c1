"""The change stream of one table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from fsm_ghost.errors import FsmGhostError
from fsm_ghost.model.changes import Changes
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import MigrationKey
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.table import Column
from fsm_ghost.mysql.binlog.queries import QueryReader
from fsm_ghost.mysql.binlog.reader import Reader
from fsm_ghost.mysql.binlog.tables import Changelog, Original
from fsm_ghost.mysql.binlog.tap import Tap


class KeyStream:
    """Reads the binlog from `start` on and tells which keys of `original` it says have changed.

    `connect` are keyword arguments of pymysql.connect; `server_id` is a replica id that nobody else uses; `columns` are
    the original's as the catalogue lists them; rows written to `changelog` are reported by their ids; statements with
    the comment `own_tag` are our own. With `server`, only the server of this uuid (`catalog.identity`) is read from.
    It is asked for a sign of life every `heartbeat` seconds, and taken for dead when a read has waited `dead_after`
    seconds in vain.

    One thread reads; `interrupt`, `interrupted`, `boundary` and the counters may be used from any. A stream that has
    raised is finished: close it, and start another one at `boundary`.

    Raises ConnectionLostError, ServerError (privileges), StreamError (the binlog is not there) and StoppedError
    (another server answers) when it is made.
    """

    def __init__(  # noqa: PLR0913 - what a stream depends on, by name
        self,
        connect: Mapping[str, Any],
        *,
        server_id: int,
        start: Coordinates,
        original: TableName,
        columns: tuple[Column, ...],
        key: MigrationKey,
        changelog: TableName,
        own_tag: str,
        server: str | None = None,
        heartbeat: float = 1.0,
        dead_after: float = 8.0,
    ) -> None:
        self.bytes = 0
        self._boundary = start
        self._is_over = False
        self._failure: FsmGhostError | None = None
        tables = Original(original, columns, key), Changelog(changelog)
        self._tap = Tap(
            connect, server=server, server_id=server_id, start=start, heartbeat=heartbeat, dead_after=dead_after
        )
        ignoring_case = self._tap.ignores_case
        queries = QueryReader(original, own_tag, ignoring_case=ignoring_case)
        self._reader = Reader(start, *tables, queries, ignoring_case=ignoring_case)

    @property
    def boundary(self) -> Coordinates:
        """The last transaction boundary up to which everything has been returned by `read`."""
        return self._boundary

    @property
    def events(self) -> int:
        """How many events were read, of all tables."""
        return self._reader.events

    @property
    def interrupted(self) -> bool:
        """Whether `interrupt` was called."""
        return self._tap.interrupted

    def read(self, timeout: float = 0.2) -> Changes | None:
        """What came next; None when nothing did within `timeout` seconds, after `interrupt`, and after the swap.

        Raises ConnectionLostError when the link is lost or silent, StreamError when the binlog cannot be followed any
        further (protocol R10), and the same again from then on. What was found since the last return is not lost:
        `boundary` lies before it.
        """
        if self._failure:
            raise self._failure
        try:
            return self._next(time.monotonic() + timeout)
        except FsmGhostError as error:
            self._failure = error
            raise

    def hurry(self, *, hurried: bool) -> None:
        """Bring every event as soon as it comes, or let some gather for a hundredth of a second."""
        self._tap.in_a_hurry = hurried

    def interrupt(self) -> None:
        """Make a running `read` return None at once, and every later one."""
        self._tap.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._tap.close()

    def _next(self, until: float) -> Changes | None:
        while not (self._is_over or self.interrupted):
            if changes := self._reader.read():
                self._boundary = changes.end
                self._is_over = changes.swapped
                return changes
            data = self._tap.receive(until)
            if not data:
                break
            self.bytes += len(data)
            self._reader.feed(data)
        return None
