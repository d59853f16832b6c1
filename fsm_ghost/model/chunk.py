"""Ranges of the migration key, and the chunks they are copied in."""

from __future__ import annotations

from dataclasses import dataclass

from fsm_ghost.model.key import Key, MigrationKey, Place


@dataclass(frozen=True, slots=True)
class KeyRange:
    """All keys after `after` (exclusive) up to `upto` (inclusive); None leaves that side open."""

    after: Key | None
    upto: Key | None


@dataclass(frozen=True, slots=True)
class Span:
    """A key range as the client can judge it: by the places of its ends, None where it is open.

    Where the client does not know the order of keys, every span can contain every key (protocol R7).
    """

    above: Place | None
    upto: Place | None

    @classmethod
    def of(cls, key: MigrationKey, key_range: KeyRange) -> Span:
        """The span of a range of this key."""
        if not key.is_ordered:
            return cls(None, None)
        ends = (None if end is None else key.order(end) for end in (key_range.after, key_range.upto))
        return cls(*ends)

    def contains(self, place: Place) -> bool:
        """Whether a key of this place can lie in the range."""
        return (self.above is None or place > self.above) and (self.upto is None or place <= self.upto)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One unit of row copy: chunk `number` (from 1, without gaps) copies the rows of one range."""

    number: int
    range: KeyRange


@dataclass(frozen=True, slots=True)
class CopiedChunk:
    """A chunk that has been committed: `rows` were inserted in `seconds`, in `parts` transactions.

    `missing` are keys of its range that the ghost table did not have afterwards: their rows did not fit, or may be like
    others under a unique key that the original does not have (R9).
    """

    chunk: Chunk
    rows: int
    seconds: float
    parts: int = 1
    missing: tuple[Key, ...] = ()
