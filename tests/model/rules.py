"""What the model can switch: the rules of the data protocol, one demand each, and the size of the world."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from tests.model.state import ABSENT, UNTOUCHED, Cell, Cells, Keys


class Rule(StrEnum):
    """Switched off, each of them loses a row somewhere, or the end. `[+]`: found with this model, not on the page."""

    R1_BARRIER = "MIN and MAX are read, and the copy starts, only after the marker's COMMIT has returned"
    R1_ORDER = "commits become visible in the order of the binlog (binlog_order_commits=ON)"
    R1_XA = "[+] and only after every XA transaction found prepared behind the barrier has ended"
    R2_FENCE = "a resumed run waits until the statements of earlier runs are gone"
    R2_LOST = "[+] a chunk that lost its connection is in flight, and not repeated, until its statement is gone"
    R6_LOCK = "a refresh locks its keys in O with its first read"
    R6_SPELLING = "[+] a key that was found gone is deleted by its spelling: a look-alike may have come since"
    R7 = "a refresh that overlaps a chunk is not final"
    R7_ANY_MOMENT = "it overlaps a chunk that was in flight at any moment of it, not only at its end"
    R8_NEWEST = "(i) a key is dropped only if its newest event lies before the marker"
    R8_RETURNED = "(i) and the marker's COMMIT has returned"
    R8_ASKED = "(i) and not if it lies before coordinates that were asked for after the marker was written"
    R8_UNIQUE = "(iii) no key is dropped if the table has another unique key"
    R8_STARTED = "(iv) no key is dropped whose chunk this run has started"
    R8_STARTED_EARLIER = "(iv) nor one whose chunk an earlier run has started"
    R8_RANGE = "[+] no key is dropped that lies outside MIN and MAX: it has no chunk"
    R8_XA = "[+] no key is dropped that a prepared XA transaction has touched"
    R8_AHEAD = "no key is refreshed whose chunk has not been started: a later event of it may be dropped"
    R9_INSERT = "under a unique key that is new, a refresh writes with INSERT: no row displaces another"
    R9_MISSING = "the rows that a chunk left out are looked for after its commit"
    R9_STORED = "and stored by name together with the end of the chunk"
    R9_TOGETHER = "a row that is like others in G is refreshed together with them"
    R9_CYCLE = "[+] and with those that these are like: three rows may have passed their values round"
    R9_CLASH = "the swap waits for rows that are alike"
    R11_DIRTY = "the stored coordinates do not pass the first event of a dirty key"
    R11_TAKEN = "nor that of a key being refreshed"
    R11_HELD = "nor that of a key held by R7"
    R11_NAMED = "a key that the coordinates do pass is stored by name"
    R11_AT_ONCE = "in the same transaction as the coordinates, not after them"
    R11_DONE = "a chunk is recorded as done only after its commit"
    R12_FENCE = "who takes over waits until the statements of the former owner are gone"
    R12_LEASE = "the former owner cannot send any more after that"
    R12_FLOOR = "up to MAX(key in G) chunks may have been started after the mirror was written (R8 iv)"
    R12_FLOOR_LAST = "which is asked when nothing of the former owner is left"
    R14_DRAIN = "the swap waits until the stream has been read up to a marker written under the lock"


ALL_RULES = frozenset(Rule)


class Begin(StrEnum):
    """Where a run stands when the exploration begins."""

    START = "nothing has been done"
    COPY = "MIN and MAX are stored, and G is empty"
    COPIED = "every chunk is done, and the tables are equal"


@dataclass(frozen=True)
class Scope:
    """How large a world is explored, and which optional features are on in it."""

    tables: tuple[Cells, ...] = (("a",), (ABSENT,))  # O at the start
    values: Cells = ("a", "b")
    chunks: tuple[Keys, ...] = ((0,),)  # how the keys are divided
    batches: tuple[Keys, ...] = ((0,),)  # the sets of keys one refresh may take
    refreshers: int = 1
    writes: int = 2  # transactions of the application
    transactions: tuple[Cells, ...] = ()  # those it may make; if there are none: any
    faults: int = 1  # crashes, lost connections and take-overs
    begin: Begin = Begin.START
    discard: bool = False  # R8 is in use
    replace: bool = False  # a refresh is DELETE of the absent keys and REPLACE; otherwise DELETE and INSERT of all
    unique: bool = False  # the column is another unique key, in O and in G
    demanded: bool = False  # the column is a unique key of G only (R9)
    alike: bool = False  # the keys differ in their spelling only: for the server they are equal
    carries: bool = False  # a key whose row is found locked does not hold up the coordinates (R6a, R11)
    mirror: bool = False  # another host can take over (R12)
    xa: bool = False  # the application uses XA transactions

    @cached_property
    def keys(self) -> Keys:
        return tuple(range(len(self.tables[0])))

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The chunks, by number."""
        return tuple(range(len(self.chunks)))

    @cached_property
    def untouched(self) -> Cells:
        """What somebody has written who has written nothing."""
        return (UNTOUCHED,) * len(self.keys)

    @property
    def is_unique_in_ghost(self) -> bool:
        return self.unique or self.demanded

    def equal_to(self, key: int) -> Keys:
        """The keys that are this one for the server."""
        return self.keys if self.alike else (key,)

    def any_of(self) -> tuple[Cell, ...]:
        """What the application may write."""
        return (ABSENT, *self.values)
