"""Reckons what a migration will cost: copies a sample into the ghost table of a dry run, and measures.

The sample is taken from the beginning of the key, by one worker, for as long as it may take. What is measured is this
server, with this load, now.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

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


class Forecaster:
    """Makes one migration's forecast, in a worker of its own, for a migration with up to so many `workers`.

    `cores` are the server's, `rest` the seconds of all that is not measured here.
    """

    def __init__(
        self, crew: Crew[Forecast], tools: Tools, plan: Plan, workers: int, cores: int | None, rest: float
    ) -> None:
        self._crew = crew
        self._plan = plan
        self._migration = tools.migration
        self._asking = tools.statements(plan)
        self._comparison = tools.comparison(plan) if tools.settings.verify else None
        self._first, self._last = edges(tools.session, self._asking, plan.key)
        self._seconds = tools.settings.copy.sample_seconds
        self._workers = workers
        self._cores = cores
        self._rest = rest
        # Those that row copy has to keep up: deferred ones have been taken out.
        self._is_indexed = any(index.name != plan.key.index for index in tools.definitions(plan)[1].indexes)
        crew.assign(self._forecast)

    def forecast(self) -> Forecast | None:
        """The forecast, once it is there."""
        return next(iter(self._crew.collect()), None)

    def close(self) -> None:
        """Stop measuring."""
        self._crew.close()

    def _forecast(self, session: Session) -> Forecast:
        sample = self._copy(session)
        if not sample.rows:
            return Forecast(0, 0, sample.seconds, 0, 0, 0, 0, 0, self._workers, self._rest)
        whole = KeyRange(None, sample.upto)
        indexing = self._timed(lambda: self._build(session))
        before, comparison = catalog.coordinates(session), self._comparison
        comparing = 0.0 if comparison is None else self._timed(lambda: session.query(comparison.counts(whole)))
        is_written = catalog.coordinates(session) != before  # by others: nothing of ours writes meanwhile
        rows = max(self._rows(sample), sample.rows)
        times = rows / sample.rows
        # Sorting grows a little faster than what is sorted, and so does finding the places of rows in indexes.
        deeper = math.log2(max(rows, 2)) / math.log2(max(sample.rows, 2))
        size = self._size(session)
        data = size[0] * times
        building, verifying = indexing * times * deeper, comparing * times
        room = self._plan.deferral.indexes and has_room(self._cores, written=is_written)
        return Forecast(
            rows=rows,
            sampled=sample.rows,
            sample_seconds=sample.seconds,
            copy_seconds=sample.seconds * times * (deeper if self._is_indexed else 1.0),
            index_seconds=building,
            verify_seconds=verifying,
            disk=int(data + size[1] * times),
            binlog=logged(int(data), rows),
            workers=self._workers,
            rest_seconds=self._rest,
            beside_seconds=_BESIDE * min(building, verifying) if room else 0.0,
        )

    def _copy(self, session: Session) -> _Sample:
        ruler = Ruler(session, self._asking, self._plan.key)
        upto: Key | None = None
        rows, spent = 0, 0.0
        while self._last is not None and upto != self._last and spent < self._seconds:
            after, upto = upto, ruler.end(upto, self._last, _CHUNK)
            began = time.monotonic()
            try:
                copied = session.execute_strictly(self._asking.copy(KeyRange(after, upto)))
            except (ServerError, LockConflictError):  # rows that do not fit: those before them have to do
                return _Sample(after, rows, max(spent, 1e-6))
            spent += time.monotonic() - began
            rows += copied
            ruler.learn(KeyRange(after, upto), copied)
        return _Sample(upto, rows, max(spent, 1e-6))

    def _build(self, session: Session) -> None:
        if indexes := self._plan.deferral.indexes:
            session.execute(statements.add_indexes(self._plan.names.ghost, indexes, self._migration))

    @staticmethod
    def _timed(work: Callable[[], object]) -> float:
        began = time.monotonic()
        work()
        return time.monotonic() - began

    def _rows(self, sample: _Sample) -> int:
        """How many rows there are: by their density where keys are close integers, else as the server estimates it."""
        if sample.upto is None or self._first is None or self._last is None or sample.upto == self._last:
            return sample.rows
        place = place_in_range(self._plan.key, self._first, self._last, sample.upto)
        if place and is_dense(self._plan.key, KeyRange(self._first, sample.upto), sample.rows):
            return int(sample.rows / place)
        return self._plan.rows

    def _size(self, session: Session) -> tuple[int, int]:
        """The bytes of the sample's data and of its indexes."""
        session.query(statements.analyze(self._plan.names.ghost))
        return catalog.size(session, self._plan.names.ghost)


def logged(data: int, rows: int) -> int:
    """The bytes that so many rows take in the binary log, whose pages take `data` bytes."""
    return max(rows, int(data * _FILLED) - _RECORD * rows)
