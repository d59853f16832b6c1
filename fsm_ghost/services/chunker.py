"""Finds the next key range to copy, and how long the chunks should be."""

from __future__ import annotations

from dataclasses import replace

from fsm_ghost.model.chunk import CopiedChunk, KeyRange
from fsm_ghost.model.key import Key, KeyKind, MigrationKey
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import Statements
from fsm_ghost.services.activity import Activity
from fsm_ghost.settings import CopySettings

_FIRST_CHUNK = 1000  # rows
_LEAST, _MOST = 50, 100_000  # rows
_MOST_BYTES = 32 << 20  # of a chunk: what its transaction costs the binlog's cache, and a replica that applies it
# The same while the application writes: for as long as a chunk's transaction goes into the binlog, nobody else commits.
_GENTLE_BYTES = 1 << 20
_DENSE = 0.5  # rows for each number between two integer keys, from which on ranges need not be looked up


class ChunkSize:
    """How many rows a chunk should have, so that it takes the time that it should.

    `row_bytes` is the estimated length of a row, `most_bytes` what a chunk may have. `is_gentle` makes them short.
    """

    def __init__(self, settings: CopySettings, row_bytes: float, most_bytes: int) -> None:
        self._row_bytes = max(row_bytes, 1.0)
        self._most = max(1, min(_MOST, int(most_bytes / self._row_bytes)))
        self._rows = min(_FIRST_CHUNK, self._most)
        self.is_gentle = False
        self.retune(settings)

    def retune(self, settings: CopySettings) -> None:
        """Aim at something else from now on; what was learned stays."""
        self._fixed = settings.chunk_size
        self._target = settings.chunk_seconds
        self._rows = self._fixed or min(self._rows, self._most)

    @property
    def rows(self) -> int:
        """How many rows a chunk should have now."""
        if self._fixed or not self.is_gentle:
            return self._rows
        return min(self._rows, max(_LEAST, int(_GENTLE_BYTES / self._row_bytes)))

    def learn(self, copied: CopiedChunk) -> None:
        """Take a chunk as an example. One that has lost its rows to changes says nothing about time."""
        if self._fixed:
            return
        if copied.parts > 1:  # the server could not take it in one transaction
            self._most = max(1, self.rows // copied.parts)
        elif copied.rows >= self.rows // 2:
            wanted = copied.rows * self._target / max(copied.seconds, 0.001)
            self._rows = int(max(_LEAST, min(3.0 * self._rows, max(0.3 * self._rows, wanted))))
        self._rows = min(self._rows, self._most)


class Ruler:
    """Finds where ranges of about so many rows end, going through a table from its first key to its last.

    Where integer keys lie close, the end is reckoned: a range can have no more rows than there are numbers in it.
    Otherwise the index is asked, which steps over gaps of any width, and has to read the keys for it.
    """

    def __init__(self, session: Session, statements: Statements, key: MigrationKey) -> None:
        self._session = session
        self._statements = statements
        self._key = key
        self._is_dense = False

    def end(self, after: Key | None, last: Key, rows: int) -> Key:
        """Where a range of up to `rows` rows after `after` ends; `last` when few rows are left."""
        if self._is_dense and after is not None:
            return min((int(after[0]) + rows,), last)
        found = self._session.query(self._statements.boundary(after, last, rows))
        return key_sql.parse(self._key.columns, found[0]) if found else last

    def learn(self, key_range: KeyRange, rows: int) -> None:
        """So many rows were found in a range close before those to come."""
        self._is_dense = is_dense(self._key, key_range, rows)


class Chunker:
    """Cuts the key range of one table into chunks. Owner thread only."""

    def __init__(
        self, session: Session, statements: Statements, plan: Plan, settings: CopySettings, activity: Activity
    ) -> None:
        self._session = session
        self._statements = statements
        self._plan = plan
        cache = int(catalog.variable(session, "max_binlog_cache_size") or 2**63)
        self._size = ChunkSize(settings, plan.bytes / max(plan.rows, 1), min(_MOST_BYTES, cache // 2))
        self._ruler = Ruler(session, statements, plan.key)
        self.seconds: float | None = None  # that the last chunk took
        self._activity = activity

    @property
    def rows(self) -> int:
        """How many rows the next chunk should have."""
        return self._size.rows

    def retune(self, settings: CopySettings) -> None:
        """Make chunks of another length from now on."""
        self._size.retune(settings)

    def edges(self) -> tuple[Key | None, Key | None]:
        """The first and the last key of the original; None for an empty table."""
        return edges(self._session, self._statements, self._plan.key)

    def hand_out(self, progress: Progress) -> Progress:
        """Progress with one more chunk to be copied."""
        if progress.last is None:
            return progress
        self._size.is_gentle = self._activity.writes
        return progress.chunk_handed_out(self._ruler.end(progress.handed_out, progress.last, self.rows))

    def learn(self, copied: CopiedChunk) -> None:
        """Adjust to what a chunk has shown."""
        self.seconds = copied.seconds
        self._size.learn(copied)
        self._ruler.learn(copied.chunk.range, copied.rows)

    def measured(self, progress: Progress) -> Progress:
        """Progress with the share of the key range that is copied."""
        part = 1.0 if progress.is_copied else self._share(progress, progress.copied_upto)
        return replace(progress, copied_part=max(progress.copied_part, part))

    def _share(self, progress: Progress, done: Key | None) -> float:
        """How far `done` lies in the range: by its place for integers, by the estimated number of rows for others."""
        if done is None or progress.first is None or progress.last is None:
            return 0.0
        by_place = place_in_range(self._plan.key, progress.first, progress.last, done)
        by_rows = progress.rows / max(self._plan.rows, 1)
        return min(0.999, by_rows if by_place is None else by_place)


def edges(session: Session, statements: Statements, key: MigrationKey) -> tuple[Key | None, Key | None]:
    """The first and the last key of the original; None for an empty table."""
    found = [session.query(statements.edge(last=last)) for last in (False, True)]
    first, last = (key_sql.parse(key.columns, rows[0]) if rows else None for rows in found)
    return first, last


def is_dense(key: MigrationKey, key_range: KeyRange, rows: int) -> bool:
    """Whether a range of one integer column was found to have a row for every other number at least."""
    if len(key.columns) != 1 or key.columns[0].kind is not KeyKind.INTEGER:
        return False
    if key_range.after is None or key_range.upto is None:
        return False
    return rows >= _DENSE * (int(key_range.upto[0]) - int(key_range.after[0]))


def place_in_range(key: MigrationKey, first: Key, last: Key, at: Key) -> float | None:
    """Where `at` lies between `first` and `last`, 0..1, judged by a leading integer column; None without one."""
    if key.columns[0].kind is not KeyKind.INTEGER or first[0] == last[0]:
        return None
    low, high, here = int(first[0]), int(last[0]), int(at[0])
    return (here - low) / (high - low)
