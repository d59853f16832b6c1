"""Finds the next key range to copy, and how long the chunks should be."""

from __future__ import annotations

from dataclasses import replace

from fsm_ghost.model.chunk import CopiedChunk
from fsm_ghost.model.key import Key, KeyKind, MigrationKey
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import Statements
from fsm_ghost.settings import CopySettings

_FIRST_CHUNK = 1000  # rows
_LEAST, _MOST = 50, 100_000  # rows


class Chunker:
    """Cuts the key range of one table into chunks. Owner thread only."""

    def __init__(self, session: Session, statements: Statements, plan: Plan, settings: CopySettings) -> None:
        self._session = session
        self._statements = statements
        self._plan = plan
        self._settings = settings
        self.rows = settings.chunk_size or _FIRST_CHUNK
        self.seconds: float | None = None  # that the last chunk took

    def edges(self) -> tuple[Key | None, Key | None]:
        """The first and the last key of the original; None for an empty table."""
        return self._edge(last=False), self._edge(last=True)

    def hand_out(self, progress: Progress) -> Progress:
        """Progress with one more chunk to be copied."""
        if progress.last is None:
            return progress
        return progress.chunk_handed_out(self.boundary(progress.handed_out, progress.last))

    def boundary(self, after: Key | None, last: Key) -> Key:
        """Where a chunk that begins after `after` ends; `last` when few rows are left."""
        rows = self._session.query(self._statements.boundary(after, last, self.rows))
        return key_sql.parse(self._plan.key.columns, rows[0]) if rows else last

    def learn(self, copied: CopiedChunk) -> None:
        """Adjust the number of rows so that a chunk takes the time that it should."""
        self.seconds = copied.seconds
        if self._settings.chunk_size or copied.rows < self.rows // 2:
            return
        factor = self._settings.chunk_seconds / max(copied.seconds, 0.001)
        self.rows = int(min(_MOST, max(_LEAST, self.rows * min(3.0, max(0.3, factor)))))

    def measured(self, progress: Progress) -> Progress:
        """Progress with the share of the key range that is copied."""
        done = progress.open_chunks[0].range.after if progress.open_chunks else progress.handed_out
        part = 1.0 if progress.is_handed_out and not progress.open_chunks else self._share(progress, done)
        return replace(progress, copied_part=max(progress.copied_part, part))

    def _share(self, progress: Progress, done: Key | None) -> float:
        """How far `done` lies in the range: by its place for integers, by the estimated number of rows for others."""
        if done is None or progress.first is None or progress.last is None:
            return 0.0
        by_place = place_in_range(self._plan.key, progress.first, progress.last, done)
        by_rows = progress.rows / max(self._plan.rows, 1)
        return min(0.999, by_rows if by_place is None else by_place)

    def _edge(self, *, last: bool) -> Key | None:
        rows = self._session.query(self._statements.edge(last=last))
        return key_sql.parse(self._plan.key.columns, rows[0]) if rows else None


def place_in_range(key: MigrationKey, first: Key, last: Key, at: Key) -> float | None:
    """Where `at` lies between `first` and `last`, 0..1, judged by a leading integer column; None without one."""
    if key.columns[0].kind is not KeyKind.INTEGER or first[0] == last[0]:
        return None
    low, high, here = int(first[0]), int(last[0]), int(at[0])
    return (here - low) / (high - low)
