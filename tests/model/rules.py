"""What the model can switch: the rules of the data protocol, one demand each, and the size of the world."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from tests.model.state import ABSENT, Cell, Cells, Key

Keys: TypeAlias = tuple[Key, ...]


class Rule(StrEnum):
    """Switched off, each of them loses a row somewhere. `[+]`: found with this model, not on the page at that time."""

    R1_BARRIER = "MIN and MAX are read, and the copy starts, only after the marker's COMMIT has returned"
    R1_ORDER = "commits become visible in the order of the binlog (binlog_order_commits=ON)"
    R1_XA = "[+] and only after every XA transaction found prepared behind the barrier has ended"
    R2_FENCE = "a resumed run waits until the statements of earlier runs are gone"
    R2_LOST = "[+] a chunk that lost its connection is in flight, and not repeated, until its statement is gone"
    R6_LOCK = "a refresh locks its keys in O with its first read"
    R7 = "a refresh that overlaps a chunk is not final"
    R7_ANY_MOMENT = "it overlaps a chunk that was in flight at any moment of it, not only at its end"
    R8_NEWEST = "(i) a key is dropped only if its newest event lies before the marker"
    R8_RETURNED = "(i) and the marker's COMMIT has returned"
    R8_UNIQUE = "(iii) no key is dropped if the table has another unique key"
    R8_STARTED = "(iv) no key is dropped whose chunk this run has started"
    R8_STARTED_EARLIER = "(iv) nor one whose chunk an earlier run has started"
    R8_RANGE = "[+] no key is dropped that lies outside MIN and MAX: it has no chunk"
    R8_XA = "[+] no key is dropped that a prepared XA transaction has touched"
    R11_DIRTY = "the stored coordinates do not pass the first event of a dirty key"
    R11_TAKEN = "nor that of a key being refreshed"
    R11_HELD = "nor that of a key held by R7"
    R11_DONE = "a chunk is recorded as done only after its commit"
    R14_DRAIN = "the swap waits until the stream has been read up to a marker written under the lock"


ALL_RULES = frozenset(Rule)


@dataclass(frozen=True)
class Scope:
    """How large a world is explored, and which optional features are on in it."""

    tables: tuple[Cells, ...] = (("a",), (ABSENT,))  # O at the start
    values: Cells = ("a", "b")
    chunks: tuple[Keys, ...] = ((0,),)  # how the keys are divided
    batches: tuple[Keys, ...] = ((0,),)  # the sets of keys one refresh may take
    refreshers: int = 1
    writes: int = 2  # transactions of the application
    faults: int = 1  # crashes and lost connections
    discard: bool = False  # R8 is in use
    replace: bool = False  # a refresh is DELETE of the absent keys and REPLACE; otherwise DELETE and INSERT of all
    unique: bool = False  # the column is another unique key, in O and in G
    xa: bool = False  # the application uses XA transactions

    @property
    def keys(self) -> Keys:
        return tuple(range(len(self.tables[0])))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The chunks, by number."""
        return tuple(range(len(self.chunks)))

    def any_of(self) -> tuple[Cell, ...]:
        """What the application may write."""
        return (ABSENT, *self.values)
