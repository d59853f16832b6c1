"""The worlds that are explored: where the protocol must hold, and where the lack of each rule must show."""

from dataclasses import replace

from tests.model.rules import Rule, Scope
from tests.model.state import ABSENT

ONE_KEY = Scope()
DISCARD = replace(ONE_KEY, discard=True)
TWO_KEYS = Scope(
    tables=(("a", "a"), ("a", ABSENT)),
    chunks=((0, 1),),
    batches=((0,), (1,), (0, 1)),
    writes=1,
    faults=0,
)
UNIQUE = replace(  # the application can exchange the values of a unique key between two rows (R9)
    TWO_KEYS,
    tables=(("1", "2"), ("1", ABSENT)),
    values=("1", "2"),
    unique=True,
    replace=True,
)
EACH_ITS_CHUNK = ((0,), (1,))
ONE_BY_ONE = ((0,), (1,))

HOLDS = {
    "one key, refreshed by DELETE and INSERT": ONE_KEY,
    "one key, refreshed by REPLACE": replace(ONE_KEY, replace=True),
    "one key, discarding": DISCARD,
    "one key, discarding, XA, two faults": replace(DISCARD, xa=True, writes=1, faults=2),
    "two keys in one chunk": replace(TWO_KEYS, faults=1),
    "two keys in two chunks, discarding": replace(
        TWO_KEYS, tables=(("a", "a"),), chunks=EACH_ITS_CHUNK, batches=ONE_BY_ONE, discard=True
    ),
    "two unique rows in one chunk": replace(UNIQUE, faults=1),
    "two unique rows in two chunks": replace(UNIQUE, chunks=EACH_ITS_CHUNK),
}

HOLDS_DEEP = {
    "one key, two refreshers": replace(DISCARD, refreshers=2),
    "one key, discarding, XA": replace(DISCARD, xa=True),
    "one key, discarding, two faults": replace(DISCARD, faults=2),
    "one key, discarding, three writes": replace(DISCARD, writes=3),
    "two keys in one chunk, discarding": replace(TWO_KEYS, faults=1, discard=True),
    "two keys in two chunks, discarding, a fault": replace(TWO_KEYS, chunks=EACH_ITS_CHUNK, faults=1, discard=True),
    "two keys in one chunk, two refreshers": replace(TWO_KEYS, faults=1, refreshers=2),
    "two unique rows in one chunk, two writes": replace(UNIQUE, writes=2),
    "two unique rows in two chunks, a fault": replace(UNIQUE, chunks=EACH_ITS_CHUNK, faults=1),
    "two unique rows in one chunk, discarding, two refreshers": replace(UNIQUE, discard=True, refreshers=2),
}

ONE_WRITE = replace(ONE_KEY, writes=1, faults=0)
ONE_WRITE_DISCARD = replace(ONE_WRITE, discard=True)
ONE_FAULT = replace(ONE_WRITE, faults=1)

SHOWS = {
    Rule.R1_BARRIER: ONE_WRITE,
    Rule.R1_ORDER: ONE_WRITE,
    Rule.R1_XA: replace(ONE_WRITE, xa=True),
    Rule.R2_FENCE: ONE_FAULT,
    Rule.R2_LOST: ONE_FAULT,
    Rule.R6_LOCK: ONE_WRITE,
    Rule.R7: ONE_WRITE,
    Rule.R7_ANY_MOMENT: ONE_WRITE,
    Rule.R8_NEWEST: replace(ONE_WRITE_DISCARD, writes=2),
    Rule.R8_RETURNED: ONE_WRITE_DISCARD,
    Rule.R8_UNIQUE: replace(UNIQUE, tables=(("1", "2"),), chunks=EACH_ITS_CHUNK, batches=ONE_BY_ONE, discard=True),
    Rule.R8_STARTED: ONE_WRITE_DISCARD,
    Rule.R8_STARTED_EARLIER: replace(ONE_WRITE_DISCARD, faults=1),
    Rule.R8_RANGE: replace(TWO_KEYS, tables=(("a", ABSENT),), discard=True),
    Rule.R8_XA: replace(ONE_WRITE_DISCARD, xa=True),
    Rule.R11_DIRTY: ONE_FAULT,
    Rule.R11_TAKEN: ONE_FAULT,
    Rule.R11_HELD: ONE_FAULT,
    Rule.R11_DONE: ONE_FAULT,
    Rule.R14_DRAIN: ONE_WRITE,
}
