"""The bytes of a dump → what they say has changed."""

from __future__ import annotations

from fsm_ghost.model.changes import Changes
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.mysql.binlog import failures
from fsm_ghost.mysql.binlog.decoder import Decoder
from fsm_ghost.mysql.binlog.express import Express
from fsm_ghost.mysql.binlog.packets import Packets, ServerPacket
from fsm_ghost.mysql.binlog.queries import QueryReader
from fsm_ghost.mysql.binlog.tables import Changelog, Original


class Reader:
    """Takes the bytes of a dump that begins at `start` (`feed`), and tells what they bring (`read`).

    `careful` is for the tests that compare: it leaves out the express, by which usual events are read faster.
    """

    def __init__(
        self,
        start: Coordinates,
        original: Original,
        changelog: Changelog,
        queries: QueryReader,
        *,
        ignoring_case: bool = False,
        careful: bool = False,
    ) -> None:
        self._decoder = Decoder(start, original, changelog, queries, ignoring_case=ignoring_case)
        self._packets = Packets(self._decoder.tables, None if careful else Express(self._decoder))
        self._events = self._packets.events()

    @property
    def events(self) -> int:
        """How many events were read, of all tables."""
        return self._packets.cursor.events

    def feed(self, data: bytes) -> None:
        """Take bytes that have arrived."""
        self._packets.feed(data)

    def read(self) -> Changes | None:
        """What the bytes bring, up to a bounded number of keys; None when there is nothing more in them.

        Raises StreamError for what cannot be followed, and what `failures` makes of an error that the server sends;
        after that there is nothing to be read any more.
        """
        try:
            for event in self._events:
                if event is None:
                    break
                self._decoder.handle(*event)
                if self._decoder.is_full:
                    break
        except failures.UnreadableError as error:
            raise failures.unreadable(error, self._place()) from error
        except ServerPacket as packet:
            raise failures.from_packet(packet.content, self._decoder.boundary) from packet
        return self._decoder.take()

    def _place(self) -> Coordinates:
        """Where the last event ends that was cut out of the bytes; the boundary before it when that is not known."""
        boundary, cursor = self._decoder.boundary, self._packets.cursor
        known = cursor.position and not cursor.overflowed
        return Coordinates(boundary.file, cursor.position) if known else boundary
