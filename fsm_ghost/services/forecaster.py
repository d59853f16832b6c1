"""Reckons what a migration will cost: copies a sample into the ghost table of a dry run, and measures.

The sample is taken from the beginning of the key, for as long as it may take: first by one worker, then by two, where
row copy would have two from the beginning. What is measured is this server, with this load, now.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from fsm_ghost.errors import LockConflictError, ServerError
from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.forecast import Forecast
from fsm_ghost.model.key import Key
from fsm_ghost.model.plan import Plan
from fsm_ghost.mysql import catalog, statements
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.activity import has_room
from fsm_ghost.services.chunker import Ruler, edges, is_dense, place_in_range
from fsm_ghost.services.crew import Crew
from fsm_ghost.services.governor import Most
from fsm_ghost.services.indexer import SORT_MEMORY
from fsm_ghost.services.tools import Tools

_CHUNK = 5000  # rows of the sample that are copied at a time
# What InnoDB's pages hold that the binary log does not: room that is left free, and for each row its header and which
# transaction wrote it, less what a row's event has of its own.
_FILLED = 15 / 16
_RECORD = 20  # bytes
_BESIDE = 0.85  # of the shorter one of two statements that go on at the same time; measured: 0.75 to 1, on two cores


@dataclass(frozen=True, slots=True)
class _Sample:
    """What was copied: up to which key, how many rows, in how many seconds."""

    upto: Key | None
    rows: int
    seconds: float

    @property
    def speed(self) -> float:
        """Rows a second."""
        return self.rows / max(self.seconds, 1e-6)


@dataclass(frozen=True, slots=True)
class _Measured:
    """A sample that was copied by one worker, and one by two; the seconds that indexing and comparing both took.

    Whether others wrote meanwhile; the bytes of `data` and of `indexes`. `packed` are those of the first sample's data:
    where several insert at the same time, InnoDB leaves up to an eighth of the pages free for later rows.
    """

    one: _Sample
    packed: int
    two: _Sample
    indexing: float
    comparing: float
    is_written: bool
    data: int
    indexes: int

    @property
    def rows(self) -> int:
        """Those of both samples."""
        return self.one.rows + self.two.rows

    @property
    def gain(self) -> float:
        """How many times as fast row copy is by those who will begin it: by two where nobody writes, else by one."""
        return 1.0 if self.is_written else max(1.0, self.two.speed / self.one.speed)

    @property
    def speed(self) -> float:
        """The rows a second of those."""
        return self.one.speed * self.gain


@dataclass(frozen=True, slots=True)
class Premises:
    """What a forecast is for: a migration with up to so many workers, on a server with so many cores (None: unknown).

    `rest` are the seconds of all that is not measured.
    """

    most: Most
    cores: int | None
    rest: float


class Forecaster:
    """Makes one migration's forecast, in a worker of its own, with a `second` connection or with none."""

    def __init__(
        self, crew: Crew[Forecast], second: Sequence[Session], tools: Tools, plan: Plan, premises: Premises
    ) -> None:
        self._crew = crew
        self._second = second
        self._plan = plan
        self._migration = tools.migration
        self._asking = tools.statements(plan)
        self._comparison = tools.comparison(plan) if tools.settings.verify else None
        self._first, self._last = edges(tools.session, self._asking, plan.key)
        self._seconds = tools.settings.copy.sample_seconds
        self._premises = premises
        # Those that row copy has to keep up: deferred ones have been taken out.
        self._is_indexed = any(index.name != plan.key.index for index in tools.definitions(plan)[1].indexes)
        crew.assign(self._forecast)

    def forecast(self) -> Forecast | None:
        """The forecast, once it is there."""
        return next(iter(self._crew.collect()), None)

    def close(self) -> None:
        """Stop measuring."""
        for session in self._second:
            session.interrupt()
        self._crew.close()

    def _forecast(self, session: Session) -> Forecast:
        original = self._plan.names.original
        before = catalog.last_write(session, original)
        both = (session, *self._second)
        one = self._copy(both[:1], None, self._seconds / len(both))
        if not one.rows:
            return Forecast(0, 0, one.seconds, 0, 0, 0, 0, 0, self._premises.most.shared, self._premises.rest)
        packed = self._size(session)[0]
        two = self._copy(both, one.upto, self._seconds / 2) if self._second else _Sample(one.upto, 0, 0.0)
        indexing = self._timed(lambda: self._build(session))
        comparison, whole = self._comparison, KeyRange(None, two.upto)
        comparing = 0.0 if comparison is None else self._timed(lambda: session.query(comparison.counts(whole)))
        is_written = catalog.last_write(session, original) != before
        return self._reckoned(_Measured(one, packed, two, indexing, comparing, is_written, *self._size(session)))

    def _reckoned(self, found: _Measured) -> Forecast:
        premises, sampled = self._premises, found.rows
        rows = max(self._rows(found.two.upto, sampled), sampled)
        times = rows / sampled
        # Sorting grows a little faster than what is sorted, and so does finding the places of rows in indexes.
        deeper = math.log2(max(rows, 2)) / math.log2(max(sampled, 2))
        building, verifying = found.indexing * times * deeper, found.comparing * times
        copying = rows / found.speed * (deeper if self._is_indexed else 1.0)
        # The comparison has what two copying workers leave of a second one's time, and goes on beside the build.
        beside_copy = 0.0 if found.is_written else (2.0 - found.gain) * copying
        beside_build = building if has_room(premises.cores, alone=not found.is_written) else 0.0
        return Forecast(
            rows=rows,
            sampled=sampled,
            sample_seconds=found.one.seconds + found.two.seconds,
            copy_seconds=copying,
            index_seconds=building,
            verify_seconds=verifying,
            disk=int((found.data + found.indexes) * times),
            binlog=logged(int(found.packed * rows / found.one.rows), rows),
            workers=premises.most.shared if found.is_written else premises.most.alone,
            rest_seconds=premises.rest,
            beside_seconds=_BESIDE * min(beside_copy + beside_build, verifying),
            copiers=2 if found.gain > 1.0 else 1,
        )

    def _copy(self, sessions: Sequence[Session], after: Key | None, seconds: float) -> _Sample:
        """Copy what comes after a key for so many seconds, on all these connections at the same time."""
        ruler = Ruler(sessions[0], self._asking, self._plan.key)
        rows, spent = 0, 0.0
        with ThreadPoolExecutor(len(sessions)) as pool:
            while spent < seconds and (ranges := list(islice(self._ranges(ruler, after), len(sessions)))):
                began = time.monotonic()
                try:
                    copied = list(pool.map(self._copy_range, sessions, ranges))
                except (ServerError, LockConflictError):  # rows that do not fit: those before them have to do
                    break
                spent += time.monotonic() - began
                after, rows = ranges[-1].upto, rows + sum(copied)
                ruler.learn(ranges[0], copied[0])
        return _Sample(after, rows, spent)

    def _ranges(self, ruler: Ruler, after: Key | None) -> Iterator[KeyRange]:
        while self._last is not None and after != self._last:
            upto = ruler.end(after, self._last, _CHUNK)
            yield KeyRange(after, upto)
            after = upto

    def _copy_range(self, session: Session, key_range: KeyRange) -> int:
        return session.execute_strictly(self._asking.copy(key_range))

    def _build(self, session: Session) -> None:
        if indexes := self._plan.deferral.indexes:
            session.sort_in(SORT_MEMORY)
            session.execute(statements.add_indexes(self._plan.names.ghost, indexes, self._migration))

    @staticmethod
    def _timed(work: Callable[[], object]) -> float:
        began = time.monotonic()
        work()
        return time.monotonic() - began

    def _rows(self, upto: Key | None, sampled: int) -> int:
        """How many rows there are: by their density where keys are close integers, else as the server estimates it."""
        if upto is None or self._first is None or self._last is None or upto == self._last:
            return sampled
        place = place_in_range(self._plan.key, self._first, self._last, upto)
        if place and is_dense(self._plan.key, KeyRange(self._first, upto), sampled):
            return int(sampled / place)
        return self._plan.rows

    def _size(self, session: Session) -> tuple[int, int]:
        """The bytes of the sample's data and of its indexes."""
        session.query(statements.analyze(self._plan.names.ghost))
        return catalog.size(session, self._plan.names.ghost)


def logged(data: int, rows: int) -> int:
    """The bytes that so many rows take in the binary log, whose pages take `data` bytes."""
    return max(rows, int(data * _FILLED) - _RECORD * rows)
