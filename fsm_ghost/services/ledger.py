"""Which keys may differ between original and ghost table, and from where the binlog would have to be read again.

This is the bookkeeping of protocol rules R6b, R7 and R11, without any I/O: the owner thread tells it what was read,
handed out and finished, in the order in which that became known to it. The rules it keeps:

- a key named by an event is dirty until a refresh of it has been committed that began after the event was read (R6b);
- a refresh does not count for a key if a chunk that can contain the key was in flight at any moment of it (R7);
- the safe coordinates lie at or before the first event of every key that is not clean (R11), but for a few that are
  carried along in the checkpoint by name: one row that stays locked does not hold them up.

Keys that row copy has not reached yet are the frontier's business (R8); here they count as not clean.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from fsm_ghost.model.changes import Changes
from fsm_ghost.model.chunk import Chunk, Span
from fsm_ghost.model.clash import Clash
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key, MigrationKey
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.frontier import Frontier, Read

RefreshId = int
MOST_CARRIED = 1000  # locked keys named in a checkpoint
_CARRIED: Read = 0  # the read of keys that hold up no coordinates


@dataclass(slots=True)
class _Flight:
    """A chunk that is being copied, and the dirty keys of its range that wait for its end."""

    span: Span
    parked: dict[Key, Read] = field(default_factory=dict)


@dataclass(slots=True)
class _Refresh:
    """A refresh that is running: the keys it took with the read that made them dirty, and what overlapped it."""

    keys: dict[Key, int]
    flights: list[_Flight] = field(default_factory=list)


class Ledger:
    """The dirty keys of one migration. Owner thread only."""

    def __init__(self, key: MigrationKey, safe: Coordinates, *, exclusive: bool, discards: bool = False) -> None:
        self._key = key
        self._frontier = Frontier(key, discards=discards)
        self._unseen: deque[tuple[Read, Coordinates]] = deque()  # reads that may not be visible, and where they ended
        self._visible = safe
        self._seen: Read = 0  # the last read that is visible
        self.exclusive = exclusive or not key.is_ordered  # no chunk runs beside a refresh
        self._end = safe
        # Reads of the binlog since which keys are not clean: where each began, and how many keys that are.
        self._starts: OrderedDict[int, Coordinates] = OrderedDict()
        self._unclean: Counter[int] = Counter()
        self._read = 0
        # Ordered, for taking from its front stays cheap however many have been taken before.
        self._dirty: OrderedDict[Key, int] = OrderedDict()
        self._blocked: OrderedDict[Key, int] = OrderedDict()  # dirty, and last time its row was locked
        self._clashing: OrderedDict[Key, tuple[Read, Clash]] = OrderedDict()  # dirty, and do not fit
        self._refreshes: dict[RefreshId, _Refresh] = {}
        self._refreshing: dict[Key, RefreshId] = {}
        self._again: dict[Key, int] = {}  # named by an event while being refreshed
        self._in_flight: dict[int, _Flight] = {}
        self._carried: set[Key] = set()
        self._next_refresh = 0
        self.cleaned = 0  # keys that have become clean since the ledger was opened
        self._restless: set[Key] | None = None

    def __len__(self) -> int:
        """How many keys are not clean."""
        waiting = len(self._dirty) + self._parked + len(self._blocked) + len(self._clashing)
        return waiting + len(self._refreshing) + len(self._frontier)

    @property
    def carried(self) -> frozenset[Key]:
        """Keys that are not clean and have to be stored with the safe coordinates, which do not tell of them."""
        return frozenset(self._carried)

    @property
    def clashes(self) -> tuple[Clash, ...]:
        """The keys whose rows are like others under a unique key of the ghost table, or do not fit it (R9)."""
        return tuple(clash for _, clash in self._clashing.values())

    @property
    def held_back(self) -> int:
        """How many of them are ahead of row copy, and not to be refreshed."""
        return len(self._frontier)

    @property
    def waiting(self) -> int:
        """How many keys are dirty, not being refreshed, and not known to be locked."""
        return len(self._dirty) + self._parked

    @property
    def refreshing(self) -> int:
        """How many refreshes are running."""
        return len(self._refreshes)

    @property
    def copying(self) -> int:
        """How many chunks are in flight."""
        return len(self._in_flight)

    @property
    def safe(self) -> Coordinates:
        """From where reading again brings every change that the ghost table may lack."""
        return next(iter(self._starts.values()), self._end)

    def changed(self, changes: Changes) -> None:
        """Keys were read from the binlog."""
        self._end = changes.end
        if changes.keys:
            self._mark(changes)
            if self._restless is not None:
                self._restless |= changes.keys
        self._drop_visible()

    def carry(self, keys: Iterable[Key]) -> None:
        """Keys are not clean for another reason than an event: those that no event holds yet are carried."""
        for key in keys:
            if key in self._again or self._is_waiting(key):
                continue
            self._carried.add(key)
            if self._restless is not None:
                self._restless.add(key)
            self._unclean[_CARRIED] += 1
            if key in self._refreshing:
                taken = self._refreshes[self._refreshing[key]].keys
                taken[key] = self._moved(key, taken[key])
                self._again[key] = _CARRIED
            else:
                self._dirty[key] = _CARRIED

    def advanced(self, progress: Progress) -> None:
        """Row copy may have handed out more chunks, none of which has been sent yet."""
        self._dirty.update(self._frontier.advance(progress))

    def visible(self, upto: Coordinates) -> None:
        """Whatever lies before these coordinates in the binlog can be seen on the server (R8 (i)).

        That is proved by a COMMIT of ours that was begun when the server stood there, and has returned since.
        """
        self._visible = upto
        self._drop_visible()

    def watch(self) -> None:
        """From now on note which keys are not clean at any time."""
        self._restless = {*self._dirty, *self._blocked, *self._clashing, *self._refreshing, *self._frontier}
        self._restless.update(*(flight.parked for flight in self._in_flight.values()))

    def unwatch(self) -> None:
        """Note it no longer."""
        self._restless = None

    def restless(self, keys: Iterable[Key]) -> tuple[Key, ...]:
        """Those of these keys that have not been clean at some time since `watch`."""
        restless = self._restless or set()
        return tuple(key for key in keys if key in restless)

    def is_clean(self, keys: Iterable[Key]) -> bool:
        """Whether none of these keys is dirty or being refreshed."""
        return not any(key in self._refreshing or self._is_waiting(key) for key in keys)

    def _is_waiting(self, key: Key) -> bool:
        """Whether a key is dirty already, and not being refreshed."""
        if key in self._dirty or key in self._blocked or key in self._clashing or key in self._frontier:
            return True
        return any(key in flight.parked for flight in self._in_flight.values())

    @property
    def _parked(self) -> int:
        return sum(len(flight.parked) for flight in self._in_flight.values())

    def _mark(self, changes: Changes) -> None:
        self._read += 1
        self._starts[self._read] = changes.start
        for key in changes.keys:
            if key in self._refreshing:
                if key not in self._again:
                    self._again[key] = read = _CARRIED if key in self._carried else self._read
                    self._unclean[read] += 1
            elif self._frontier.is_ahead(key):
                self._unclean[self._read] += key not in self._frontier
                self._frontier.hold(key, self._read, for_good=key in changes.prepared)
            elif not self._is_waiting(key):
                self._dirty[key] = self._read
                self._unclean[self._read] += 1
        if len(self._frontier):
            self._unseen.append((self._read, changes.end))
        self._forget_if_clean(self._read)

    def _drop_visible(self) -> None:
        while self._unseen and self._unseen[0][1] < self._visible:
            self._seen = self._unseen.popleft()[0]
        for read in self._frontier.visible(self._seen):
            self._settled(read)
            self.cleaned += 1

    def _settled(self, read: int) -> None:
        """One key less is unclean since this read."""
        self._unclean[read] -= 1
        self._forget_if_clean(read)

    def _forget_if_clean(self, read: int) -> None:
        if not self._unclean[read] and read != _CARRIED:
            del self._unclean[read], self._starts[read]

    def take(self, most: int) -> tuple[RefreshId, tuple[Key, ...]] | None:
        """Up to `most` keys to be refreshed now, the longest dirty first; None when there are none.

        They are the caller's until `refreshed` is told what came of it. Keys in the range of a chunk in flight are
        left alone: their refresh would not count, and would make the application wait for the chunk.
        """
        return None if self._is_shut else self._begin(self._free(most))

    def take_blocked(self, most: int = 1) -> tuple[RefreshId, tuple[Key, ...]] | None:
        """As `take`, of the keys whose rows were locked the last time."""
        if self._is_shut:
            return None
        free = (key for key in self._blocked if self._flight_of(key) is None)
        return self._begin({key: self._blocked.pop(key) for key in list(islice(free, most))})

    def clash(self, clash: Clash) -> None:
        """A key that was given back as locked is to be refreshed together with the rows that it is like."""
        self._clashing[clash.key] = (self._blocked.pop(clash.key), clash)

    def take_clash(self) -> tuple[RefreshId, tuple[Key, ...]] | None:
        """As `take`: a key that clashed, the longest ago first, and the keys it clashed with."""
        for key in self._clashing:
            together = self._together(key)
            if self._is_shut or any(one in self._refreshing or self._flight_of(one) for one in together):
                continue
            self.carry(together)
            return self._begin({one: self._pull(one) for one in together})
        return None

    def _together(self, key: Key) -> list[Key]:
        """A key that clashed, those it clashed with, and so on: rows may have passed their values round."""
        together = [key]
        for one in together:
            if one in self._clashing:
                together += [other for other in self._clashing[one][1].others if other not in together]
        return together

    def _pull(self, key: Key) -> Read:
        """Take a waiting key out of wherever it waits."""
        if key in self._clashing:
            return self._clashing.pop(key)[0]
        return self._blocked.pop(key) if key in self._blocked else self._dirty.pop(key)

    @property
    def _is_shut(self) -> bool:
        """Whether no refresh may begin."""
        return self.exclusive and bool(self._in_flight)

    def _begin(self, taken: dict[Key, int]) -> tuple[RefreshId, tuple[Key, ...]] | None:
        if not taken:
            return None
        self._next_refresh += 1
        self._refreshing.update(dict.fromkeys(taken, self._next_refresh))
        self._refreshes[self._next_refresh] = _Refresh(taken, list(self._in_flight.values()))
        return self._next_refresh, tuple(taken)

    def _free(self, most: int) -> dict[Key, int]:
        """The first dirty keys that no chunk in flight can contain; those before them are parked with their chunk."""
        taken: dict[Key, int] = {}
        while self._dirty and len(taken) < most:
            key, read = self._dirty.popitem(last=False)
            flight = self._flight_of(key)
            (taken if flight is None else flight.parked)[key] = read
        return taken

    def refreshed(self, refresh: RefreshId, locked: Iterable[Key] = ()) -> int:
        """A refresh has been committed for all its keys but the `locked` ones; how many of them are clean now."""
        running = self._refreshes.pop(refresh)
        left_out = set(locked)
        clean = 0
        for key, read in running.keys.items():
            del self._refreshing[key]
            again = self._again.pop(key, None)
            counts = key not in left_out and not self._any_contains(running.flights, key)
            if counts and again is None:
                self._settled(read)
                self._carried.discard(key)
                clean += 1
            else:
                if key in left_out and len(self._carried) < MOST_CARRIED:
                    self._carried.add(key)
                waiting = self._blocked if key in left_out else self._dirty
                waiting[key] = self._moved(key, self._dirty_since(read, again, counts=counts))
        self.cleaned += clean
        return clean

    def _moved(self, key: Key, since: Read) -> Read:
        """A key that is carried lets the coordinates go on without it."""
        if key not in self._carried:
            return since
        self._unclean[_CARRIED] += 1
        self._settled(since)
        return _CARRIED

    def _dirty_since(self, read: int, again: int | None, *, counts: bool) -> int:
        """The first read of the key that has not been dealt with."""
        if again is None:
            return read
        self._settled(read if counts else again)
        return again if counts else read

    def chunk_started(self, chunk: Chunk) -> None:
        """A chunk is about to be sent (R7: before the statement is)."""
        flight = _Flight(Span.of(self._key, chunk.range))
        self._in_flight[chunk.number] = flight
        for refresh in self._refreshes.values():
            refresh.flights.append(flight)

    def chunk_ended(self, chunk: Chunk) -> None:
        """A chunk's reply has come, or its connection is known to be gone from the server."""
        flight = self._in_flight.pop(chunk.number, None)
        if flight is not None:
            self._dirty.update(flight.parked)

    def _flight_of(self, key: Key) -> _Flight | None:
        """A chunk in flight that can contain the key."""
        if not self._in_flight:
            return None
        place = self._key.order(key) if self._key.is_ordered else ()
        return next((flight for flight in self._in_flight.values() if flight.span.contains(place)), None)

    def _any_contains(self, flights: list[_Flight], key: Key) -> bool:
        if not flights:
            return False
        place = self._key.order(key) if self._key.is_ordered else ()
        return any(flight.span.contains(place) for flight in flights)
