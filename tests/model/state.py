"""The values of the model: what the server, the store and the client have in hand.

Everything is an immutable tuple. Keys are 0, 1, …; a table is a tuple of cells, one for each key. The schema change is
the identity, but for a unique key that it may add: convert(O) = O.
"""

from enum import StrEnum
from typing import NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")

Key: TypeAlias = int
Keys: TypeAlias = tuple[Key, ...]
Cell: TypeAlias = str  # the row of one key: its only column, or ABSENT; in a write set also UNTOUCHED
Cells: TypeAlias = tuple[Cell, ...]
Position: TypeAlias = int  # in the binlog, in transactions after the oldest coordinates stored: the rest is forgotten

ABSENT: Cell = "-"
UNTOUCHED: Cell = "."
BEFORE_ALL: Key = -1  # no key is as small as this


class Transaction(NamedTuple):
    """A transaction of the application. Its keys are locked in O until it is visible or rolled back."""

    writes: Cells
    xa: bool = False  # it was ended with XA PREPARE: its events are in the binlog, its outcome is open

    def touches(self, key: Key) -> bool:
        return bool(self.writes) and self.writes[key] != UNTOUCHED


MARKER = Transaction(writes=())  # the transaction that writes our marker row into the changelog table


class Event(NamedTuple):
    """The row events of one transaction in the binlog. All we take from them is which keys may differ."""

    keys: Keys
    xa: bool


class Stage(StrEnum):
    """How far a chunk has come on the server."""

    SENT = "sent"
    READ = "read"  # its snapshot has been taken
    COMMITTED = "committed"  # its connection has still to look for the rows that it left out (R9)
    LOOKED = "looked"


class Chunk(NamedTuple):
    """R3: `INSERT INTO G SELECT … FROM O WHERE <range> ON DUPLICATE KEY UPDATE <nothing>`, while the server runs it."""

    number: int
    writes: Cells
    stage: Stage = Stage.SENT
    rows: tuple[tuple[Key, Cell], ...] = ()  # read, not yet inserted; once it has LOOKED, those it left out
    ours: bool = True  # False: its client has died or lost the connection; the statement lives on

    @property
    def has_committed(self) -> bool:
        return self.stage in {Stage.COMMITTED, Stage.LOOKED}


class Refresh(NamedTuple):
    """R6: the transaction of a refresh, and the statements it still has to execute: lock, delete, insert, commit."""

    keys: Keys
    writes: Cells
    todo: tuple[tuple[str, Key], ...]  # empty: it is committed and the reply is on its way
    found: Keys = ()  # the keys that exist in O; only these are locked there
    ours: bool = True


class Server(NamedTuple):
    """What lives on when our client dies."""

    table: Cells  # O, as plain readers see it
    ghost: Cells  # G, as plain readers see it
    open: tuple[Transaction, ...] = ()
    committing: tuple[Transaction, ...] = ()  # in the binlog, in this order, and not visible yet
    prepared: tuple[Transaction, ...] = ()
    binlog: tuple[Event, ...] = ()
    chunks: tuple[Chunk, ...] = ()
    refreshes: tuple[Refresh, ...] = ()
    locked: bool = False  # the run holds LOCK TABLES O WRITE, G WRITE

    @property
    def in_flight(self) -> tuple[Transaction, ...]:
        """The application's transactions that hold locks."""
        return (*self.open, *(each for each in self.committing if each != MARKER), *self.prepared)


class Phase(StrEnum):
    """How far the store knows the run to be."""

    NEW = "new"
    BARRIER = "barrier"  # P0 is stored
    COPY = "copy"  # MIN and MAX are stored
    SWAPPED = "swapped"


class Store(NamedTuple):
    """What survives a crash: the state file, or its mirror on the server."""

    phase: Phase
    started: tuple[bool, ...]  # by chunk: stored before its statement is sent (R8 iv)
    done: tuple[bool, ...]  # by chunk
    in_range: tuple[bool, ...]  # by key: between MIN and MAX
    carried: tuple[bool, ...]  # by key: not clean, although the coordinates may have passed its events (R11)
    coordinates: Position = 0  # where a resumed run begins to read
    floor: Key | None = BEFORE_ALL  # chunks up to here may have been started unknown to it; None: to be asked (R12)

    def is_below_floor(self, key: Key) -> bool:
        return self.floor is not None and key <= self.floor


class Copying(StrEnum):
    """What the client knows of a chunk."""

    IDLE = "idle"
    RUNNING = "running"  # from before its statement was sent until its reply has come
    LOST = "lost"  # the connection broke before the reply
    ENDED = "ended"

    @property
    def is_in_flight(self) -> bool:
        return self is Copying.RUNNING or self is Copying.LOST


class Entry(NamedTuple):
    """The ledger's line for one key; clean when none of the first three is set."""

    dirty: Position | None = None  # the first event that asks for a refresh
    taken: Position | None = None  # the same, for the refresh that is running
    held: Position | None = None  # the same, for refreshes that overlapped a chunk which has not ended yet (R7)
    newest: Position | None = None  # the last event of the key (R8 i)
    xa: bool = False  # one of the events is that of a prepared XA transaction (R8)
    overlapped: bool = False  # a chunk was in flight at some moment of the running refresh (R7)
    carried: bool = False  # stored by name: the coordinates go on without it (R11), and its positions mean nothing
    others: Keys | None = None  # to be refreshed together with these, which it is like (R9); with (): alone

    @property
    def is_clean(self) -> bool:
        return self.dirty is None and self.taken is None and self.held is None

    @property
    def is_clashing(self) -> bool:
        return bool(self.others)

    def named(self, at: Position) -> "Entry":
        """An event names the key."""
        return self if self.dirty is not None else self._replace(dirty=0 if self.carried else at)

    def begun(self, *, overlapped: bool) -> "Entry":
        """A refresh takes the key."""
        return self._replace(taken=self.dirty, dirty=None, overlapped=overlapped, others=None)

    def again(self) -> "Entry":
        """The refresh that ended was not final, or failed: dirty since the event it was for."""
        return self._replace(dirty=_earliest(self.dirty, self.taken), taken=None, overlapped=False)

    def left(self, others: Keys) -> "Entry":
        """The refresh that ended had to leave the key: its row is locked, or like that of others."""
        return self.again()._replace(others=others)._carry()

    def missing(self) -> "Entry":
        """The key is not clean for another reason than an event; where one asks for a refresh already, that will do."""
        is_waiting = self.dirty is not None or self.held is not None
        return self if is_waiting else self._replace(dirty=0)._carry()

    def kept_until_the_chunk_ends(self) -> "Entry":
        """The refresh that ended was not final, and repeating it makes sense only after the chunk."""
        return self._replace(held=_earliest(self.held, self.taken), taken=None, overlapped=False)

    def released(self) -> "Entry":
        """The chunk has ended."""
        return self._replace(dirty=_earliest(self.dirty, self.held), held=None)

    def refreshed(self) -> "Entry":
        """The refresh that ended was final; what came in the meantime stays."""
        rest = self._replace(taken=None, overlapped=False)
        return CLEAN if rest.is_clean else rest

    def counted_from(self, coordinates: Position) -> "Entry":
        return self._replace(
            dirty=moved(self.dirty, coordinates),
            taken=moved(self.taken, coordinates),
            held=moved(self.held, coordinates),
            newest=moved(self.newest, coordinates),
        )

    def _carry(self) -> "Entry":
        dirty, taken, held = (None if at is None else 0 for at in (self.dirty, self.taken, self.held))
        return self._replace(dirty=dirty, taken=taken, held=held, carried=True)


CLEAN = Entry()


class Client(NamedTuple):
    """What a crash loses."""

    ledger: tuple[Entry, ...]
    copying: tuple[Copying, ...]
    read: Position = 0  # the stream has handed over everything before
    marker: Position | None = None  # where the marker stands whose COMMIT has not returned yet
    proved: Position | None = None  # where the last one stands whose COMMIT has: all before it is visible


class State(NamedTuple):
    """The world at one moment."""

    server: Server
    store: Store
    client: Client | None  # None: it has crashed
    writes: int  # transactions the application may still begin
    faults: int  # crashes and lost connections still to come
    mirror: Store | None = None  # of the store, on the server (R12)
    ousted: tuple[int, ...] = ()  # chunks that a former owner may still send, who does not know that he is one


def written(cells: Cells, writes: Cells) -> Cells:
    """`cells` after the commit of `writes`."""
    return tuple(old if new == UNTOUCHED else new for old, new in zip(cells, writes, strict=True))


def replaced(items: tuple[T, ...], at: int, new: T) -> tuple[T, ...]:
    """`items` with the one at `at` replaced."""
    return (*items[:at], new, *items[at + 1 :])


def without(items: tuple[T, ...], one: T) -> tuple[T, ...]:
    """`items` without the first that equals `one`."""
    at = items.index(one)
    return (*items[:at], *items[at + 1 :])


def moved(at: Position | None, coordinates: Position) -> Position | None:
    """The same place, counted from other coordinates."""
    return None if at is None else max(at - coordinates, 0)


def _earliest(*positions: Position | None) -> Position | None:
    return min((at for at in positions if at is not None), default=None)
