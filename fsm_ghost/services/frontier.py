"""Changed keys that row copy has not reached yet, and need not be refreshed if it brings them anyway (protocol R8).

A key ahead of the copy is held back. It is dropped as soon as its newest event is known to be visible on the server:
the chunk that will contain it has not been sent, so it will see the change. A key that the copy reaches before that
goes the way of all changed keys. Nothing ahead of the copy is ever refreshed: a row that was brought once, and then
changes, would not be overwritten by its chunk.

Never dropped are keys that a prepared XA transaction has touched, for they change without a later event; and as long
as the range of the copy is not known, nothing is: a key outside it has no chunk.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from fsm_ghost.model.chunk import KeyRange, Span
from fsm_ghost.model.key import Key, MigrationKey
from fsm_ghost.model.progress import Progress

Read = int  # the number of a read of the binlog


@dataclass(frozen=True, slots=True)
class _Held:
    """A key is held back: not clean `since` a read, last named by the read `newest`."""

    since: Read
    newest: Read


class Frontier:
    """The changed keys ahead of row copy. Without `discards` (where R8 must not be used) no key ever is ahead."""

    def __init__(self, key: MigrationKey, *, discards: bool) -> None:
        self._key = key
        self._discards = discards and key.is_ordered
        self._held: OrderedDict[Key, _Held] = OrderedDict()  # the one that was named last comes last
        self._kept: dict[Key, Read] = {}  # not to be dropped
        self._range: KeyRange | None = KeyRange(None, None) if self._discards else None
        self._ahead: Span | None = Span(None, None) if self._discards else None
        self._started: Span | None = None
        self._is_known = False

    def __len__(self) -> int:
        """How many keys are held back."""
        return len(self._held) + len(self._kept)

    def __contains__(self, key: Key) -> bool:
        """Whether a key is held back."""
        return key in self._held or key in self._kept

    def __iter__(self) -> Iterator[Key]:
        """The keys that are held back."""
        yield from self._held
        yield from self._kept

    def is_ahead(self, key: Key) -> bool:
        """Whether no chunk that was ever handed out can contain the key, but one is going to."""
        if self._ahead is None:
            return False
        place = self._key.order(key)
        return self._ahead.contains(place) and not (self._started and self._started.contains(place))

    def hold(self, key: Key, read: Read, *, for_good: bool = False) -> None:
        """Hold back a key ahead that a read has named; `for_good` when it may not be dropped."""
        held = self._held.pop(key, None)
        since = held.since if held else read
        if for_good or key in self._kept:
            self._kept.setdefault(key, since)
        else:
            self._held[key] = _Held(since, read)

    def advance(self, progress: Progress) -> dict[Key, Read]:
        """Row copy may have got further: the keys that it has reached, and since which read they are not clean."""
        if not self._discards or self._range == progress.ahead:
            return {}
        self._range = progress.ahead
        self._is_known = progress.range_known
        self._ahead = Span.of(self._key, self._range) if self._range else None
        if progress.started_upto is not None:
            self._started = Span.of(self._key, KeyRange(None, progress.started_upto))
        reached = {key: held.since for key, held in self._held.items() if not self.is_ahead(key)}
        reached |= {key: since for key, since in self._kept.items() if not self.is_ahead(key)}
        for key in reached:
            self._held.pop(key, None)
            self._kept.pop(key, None)
        return reached

    def visible(self, read: Read) -> list[Read]:
        """What was named up to a read can be seen on the server: drops the keys last named by then.

        Returns since which read each of them was not clean.
        """
        dropped: list[Read] = []
        while self._is_known and self._held:
            key, held = next(iter(self._held.items()))
            if held.newest > read:
                break
            del self._held[key]
            dropped.append(held.since)
        return dropped
