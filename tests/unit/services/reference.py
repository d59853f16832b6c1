"""A naive model of the ledger's rules: it remembers everything that ever happened, and decides from that alone.

It is written from the protocol, not from the ledger: every event of every key is kept with the moment at which it was
read; a refresh and a chunk are intervals of moments; and whether an event still counts is looked up each time.
"""

from dataclasses import dataclass, field

from fsm_ghost.model.changes import Changes
from fsm_ghost.model.chunk import Chunk
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key, MigrationKey
from fsm_ghost.model.progress import Progress


@dataclass
class Event:
    """A key was named at a moment, by a transaction that lies between these coordinates."""

    key: Key
    moment: int
    start: Coordinates
    end: Coordinates
    prepared: bool


@dataclass
class Refreshing:
    """A refresh of some keys, from the moment it was taken."""

    keys: tuple[Key, ...]
    began: int


@dataclass
class Sent:
    """A chunk, from the moment it was sent to the moment its reply came; None while there is none."""

    chunk: Chunk
    began: int
    ended: int | None = None


@dataclass
class Reference:
    """The rules R6b, R7, R8 and R11, by heart and without any cleverness."""

    key: MigrationKey
    end: Coordinates
    exclusive: bool
    moment: int = 0
    events: list[Event] = field(default_factory=list)  # those that no refresh has settled
    refreshes: dict[int, Refreshing] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    blocked: set[Key] = field(default_factory=set)
    restless: set[Key] | None = None
    discards: bool = False
    progress: Progress = field(default_factory=Progress)
    visible_upto: Coordinates | None = None
    carried: set[Key] = field(default_factory=set)

    def changed(self, changes: Changes) -> None:
        self.moment += 1
        self.end = changes.end
        self.events += [
            Event(key, self.moment, changes.start, changes.end, key in changes.prepared) for key in changes.keys
        ]
        self._look()
        self._drop_visible()

    def visible(self, upto: Coordinates) -> None:
        self.visible_upto = upto
        self._drop_visible()

    def _drop_visible(self) -> None:
        if self.visible_upto is None or not self.progress.range_known:
            return
        for key in [key for key in self.unclean if self.is_ahead(key)]:
            own = [event for event in self.events if event.key == key]
            if own[-1].end < self.visible_upto and not any(event.prepared for event in own):
                self.events = [event for event in self.events if event.key != key]

    def is_ahead(self, key: Key) -> bool:
        """No chunk handed out can contain it, by this run or one before; but one will, as far as is known."""
        progress, order = self.progress, self.key.order
        if not self.discards:
            return False
        if not progress.range_known:
            return True
        after = [end for end in (progress.handed_out, progress.started_upto) if end is not None]
        last = progress.last
        return last is not None and order(key) <= order(last) and all(order(end) < order(key) for end in after)

    def carry(self, keys: frozenset[Key]) -> None:
        self.moment += 1
        for key in keys:
            began = next((each.began for each in self.refreshes.values() if key in each.keys), 0)
            if not any(event.key == key and event.moment > began for event in self.events):
                self.events.append(Event(key, self.moment, self.end, self.end, prepared=False))
                self.carried.add(key)
        self._look()

    def watch(self) -> None:
        self.restless = set()
        self._look()

    def unwatch(self) -> None:
        self.restless = None

    def _look(self) -> None:
        if self.restless is not None:
            self.restless |= self.unclean

    @property
    def unclean(self) -> set[Key]:
        return {event.key for event in self.events}

    @property
    def safe(self) -> Coordinates:
        return min((event.start for event in self.events if event.key not in self.carried), default=self.end)

    @property
    def being_refreshed(self) -> set[Key]:
        return {key for refresh in self.refreshes.values() for key in refresh.keys}

    def may_be_taken(self, *, blocked: bool) -> set[Key]:
        in_flight = [sent.chunk for sent in self.sent if sent.ended is None]
        if in_flight and self.exclusive:
            return set()
        free = {key for key in self.unclean - self.being_refreshed if not self.is_ahead(key)}
        free = free & self.blocked if blocked else free - self.blocked
        return {key for key in free if not any(self.can_contain(chunk, key) for chunk in in_flight)}

    def taken(self, number: int, keys: tuple[Key, ...]) -> None:
        self.moment += 1
        self.blocked -= set(keys)
        self.refreshes[number] = Refreshing(keys, self.moment)

    def refreshed(self, number: int, locked: frozenset[Key]) -> int:
        self.moment += 1
        refresh = self.refreshes.pop(number)
        during = [sent for sent in self.sent if sent.ended is None or sent.ended > refresh.began]
        settled = {
            key
            for key in refresh.keys
            if key not in locked and not any(self.can_contain(sent.chunk, key) for sent in during)
        }
        self.events = [event for event in self.events if event.key not in settled or event.moment > refresh.began]
        self.blocked |= locked
        self.carried = (self.carried | locked) & self.unclean
        return len(settled - self.unclean)

    def chunk_started(self, chunk: Chunk) -> None:
        self.moment += 1
        self.sent.append(Sent(chunk, self.moment))

    def chunk_ended(self, chunk: Chunk) -> None:
        self.moment += 1
        next(sent for sent in self.sent if sent.chunk == chunk).ended = self.moment

    def can_contain(self, chunk: Chunk, key: Key) -> bool:
        if not self.key.is_ordered:
            return True
        order = self.key.order
        after, upto = chunk.range.after, chunk.range.upto
        return (after is None or order(after) < order(key)) and (upto is None or order(key) <= order(upto))
