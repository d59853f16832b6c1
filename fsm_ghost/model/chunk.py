"""Ranges of the migration key, and the chunks they are copied in."""

from __future__ import annotations

from dataclasses import dataclass

from fsm_ghost.model.key import Key


@dataclass(frozen=True, slots=True)
class KeyRange:
    """All keys after `after` (exclusive) up to `upto` (inclusive); None leaves that side open."""

    after: Key | None
    upto: Key | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """One unit of row copy: chunk `number` (from 1, without gaps) copies the rows of one range."""

    number: int
    range: KeyRange


@dataclass(frozen=True, slots=True)
class CopiedChunk:
    """A chunk whose transaction has been committed: `rows` were inserted in `seconds`."""

    chunk: Chunk
    rows: int
    seconds: float
