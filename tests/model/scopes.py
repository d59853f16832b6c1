"""The worlds that are explored: where the protocol must hold, and where the lack of each rule must show."""

from dataclasses import replace

from tests.model.rules import Begin, Rule, Scope
from tests.model.state import ABSENT

ONE_KEY = Scope()
DISCARD = replace(ONE_KEY, discard=True)
TAKE_OVER = replace(DISCARD, writes=1, mirror=True)
TWO_KEYS = Scope(
    tables=(("a", "a"), ("a", ABSENT)),
    chunks=((0, 1),),
    batches=((0,), (1,), (0, 1)),
    writes=1,
    faults=0,
)
EACH_ITS_CHUNK = ((0,), (1,))
ONE_BY_ONE = ((0,), (1,))
UNIQUE = replace(  # the application can exchange the values of a unique key between two rows (R9)
    TWO_KEYS,
    tables=(("1", "2"), ("1", ABSENT)),
    values=("1", "2"),
    unique=True,
    replace=True,
)
NEW_UNIQUE = replace(  # and here it can write the same value to both, for only G has the key
    UNIQUE,
    tables=(("1", "1"), ("1", "2")),
    begin=Begin.COPY,
    unique=False,
    replace=False,
    demanded=True,
)
EXCHANGED = replace(
    NEW_UNIQUE, tables=(("1", "2"),), transactions=(("2", "1"),), batches=ONE_BY_ONE, begin=Begin.COPIED
)
PASSED_ROUND = replace(
    EXCHANGED,
    tables=(("1", "2", "3"),),
    transactions=(("2", "3", "1"),),
    chunks=((0, 1, 2),),
    batches=((0,), (1,), (2,)),
)
LOOK_ALIKES = Scope(  # 'a' and 'A': two keys for us, and one for the server
    tables=(("a", ABSENT),),
    values=("a",),
    chunks=((0, 1),),
    batches=ONE_BY_ONE,
    refreshers=2,
    faults=0,
    alike=True,
    replace=True,
    begin=Begin.COPY,
)

HOLDS = {
    "one key, refreshed by DELETE and INSERT": ONE_KEY,
    "one key, refreshed by REPLACE": replace(ONE_KEY, replace=True),
    "one key, discarding": DISCARD,
    "one key, discarding, XA, two faults": replace(DISCARD, xa=True, writes=1, faults=2),
    "one key, found locked": replace(ONE_KEY, carries=True, writes=1),
    "one key, taken over by another host": TAKE_OVER,
    "two keys in one chunk": replace(TWO_KEYS, begin=Begin.COPY, faults=1),
    "two keys in two chunks, discarding": replace(
        TWO_KEYS, tables=(("a", "a"),), chunks=EACH_ITS_CHUNK, batches=ONE_BY_ONE, discard=True
    ),
    "two keys that are alike": LOOK_ALIKES,
    "two unique rows in one chunk": replace(UNIQUE, begin=Begin.COPY, faults=1),
    "two unique rows in two chunks": replace(UNIQUE, begin=Begin.COPY, chunks=EACH_ITS_CHUNK),
    "a new unique key": NEW_UNIQUE,
    "a new unique key, two faults": replace(NEW_UNIQUE, writes=0, faults=2),
    "a new unique key after row copy, a fault": replace(NEW_UNIQUE, tables=(("1", "2"),), begin=Begin.COPIED, faults=1),
    "a new unique key, and two rows that exchange their values": EXCHANGED,
    "a new unique key, and three rows that pass their values round": PASSED_ROUND,
}

HOLDS_DEEP = {
    "one key, two refreshers": replace(DISCARD, refreshers=2),
    "one key, discarding, XA": replace(DISCARD, xa=True),
    "one key, discarding, two faults": replace(DISCARD, faults=2),
    "one key, discarding, three writes": replace(DISCARD, writes=3),
    "one key, discarding, found locked": replace(DISCARD, carries=True, begin=Begin.COPY),
    "one key, taken over by another host, two writes": replace(TAKE_OVER, writes=2),
    "one key, taken over by another host, two faults": replace(TAKE_OVER, faults=2),
    "one key, taken over by another host, found locked": replace(TAKE_OVER, carries=True),
    "two keys in one chunk, from the start": replace(TWO_KEYS, faults=1),
    "two keys in one chunk, discarding": replace(TWO_KEYS, faults=1, discard=True),
    "two keys in two chunks, discarding, a fault": replace(TWO_KEYS, chunks=EACH_ITS_CHUNK, faults=1, discard=True),
    "two keys in one chunk, two refreshers": replace(TWO_KEYS, faults=1, refreshers=2),
    "two keys in two chunks, taken over by another host": replace(
        TWO_KEYS, chunks=EACH_ITS_CHUNK, batches=ONE_BY_ONE, begin=Begin.COPY, faults=1, discard=True, mirror=True
    ),
    "two keys that are alike, a fault": replace(LOOK_ALIKES, faults=1),
    "two unique rows in one chunk, two writes": replace(UNIQUE, writes=2),
    "two unique rows in two chunks, a fault": replace(UNIQUE, chunks=EACH_ITS_CHUNK, faults=1),
    "two unique rows in one chunk, discarding, two refreshers": replace(UNIQUE, discard=True, refreshers=2),
    "a new unique key, a fault": replace(NEW_UNIQUE, faults=1),
    "a new unique key, two chunks": replace(NEW_UNIQUE, chunks=EACH_ITS_CHUNK),
    "a new unique key, two refreshers": replace(NEW_UNIQUE, tables=(("1", "1"),), batches=ONE_BY_ONE, refreshers=2),
    "a new unique key after row copy, two writes": replace(
        NEW_UNIQUE, tables=(("1", "2"),), begin=Begin.COPIED, writes=2
    ),
    "a new unique key, and three rows that pass their values round one by one": replace(
        PASSED_ROUND, transactions=(("2", ".", "."), (".", "3", "."), (".", ".", "1")), writes=3
    ),
}

ONE_WRITE = replace(ONE_KEY, writes=1, faults=0)
ONE_WRITE_DISCARD = replace(ONE_WRITE, discard=True)
ONE_FAULT = replace(ONE_WRITE, faults=1)
ONE_FAULT_LOCKED = replace(ONE_FAULT, carries=True)
ONE_FAULT_TAKE_OVER = replace(TAKE_OVER, tables=(("a",),), begin=Begin.COPY)
TWO_WRITES_DISCARD = replace(ONE_WRITE_DISCARD, tables=(("a",),), begin=Begin.COPY, writes=2)
REAL_DUPLICATE = replace(NEW_UNIQUE, tables=(("1", "1"),), writes=0)

SHOWS = {
    Rule.R1_BARRIER: ONE_WRITE,
    Rule.R1_ORDER: ONE_WRITE,
    Rule.R1_XA: replace(ONE_WRITE, xa=True),
    Rule.R2_FENCE: ONE_FAULT,
    Rule.R2_LOST: ONE_FAULT,
    Rule.R6_LOCK: ONE_WRITE,
    Rule.R6_SPELLING: replace(LOOK_ALIKES, begin=Begin.COPIED),
    Rule.R7: ONE_WRITE,
    Rule.R7_ANY_MOMENT: ONE_WRITE,
    Rule.R8_NEWEST: TWO_WRITES_DISCARD,
    Rule.R8_RETURNED: ONE_WRITE_DISCARD,
    Rule.R8_ASKED: ONE_WRITE_DISCARD,
    Rule.R8_UNIQUE: replace(
        UNIQUE,
        tables=(("1", "2"),),
        transactions=(("2", "1"), ("1", "2"), (ABSENT, "1"), ("2", ABSENT)),
        chunks=EACH_ITS_CHUNK,
        batches=ONE_BY_ONE,
        begin=Begin.COPY,
        discard=True,
    ),
    Rule.R8_STARTED: ONE_WRITE_DISCARD,
    Rule.R8_STARTED_EARLIER: replace(ONE_WRITE_DISCARD, faults=1),
    Rule.R8_RANGE: replace(TWO_KEYS, tables=(("a", ABSENT),), discard=True),
    Rule.R8_XA: replace(ONE_WRITE_DISCARD, xa=True),
    Rule.R8_AHEAD: TWO_WRITES_DISCARD,
    Rule.R9_INSERT: REAL_DUPLICATE,
    Rule.R9_MISSING: REAL_DUPLICATE,
    Rule.R9_STORED: replace(REAL_DUPLICATE, faults=1),
    Rule.R9_TOGETHER: EXCHANGED,
    Rule.R9_CYCLE: PASSED_ROUND,
    Rule.R9_CLASH: REAL_DUPLICATE,
    Rule.R11_DIRTY: ONE_FAULT,
    Rule.R11_TAKEN: ONE_FAULT,
    Rule.R11_HELD: ONE_FAULT,
    Rule.R11_NAMED: ONE_FAULT_LOCKED,
    Rule.R11_AT_ONCE: ONE_FAULT_LOCKED,
    Rule.R11_DONE: ONE_FAULT,
    Rule.R12_FENCE: ONE_FAULT_TAKE_OVER,
    Rule.R12_LEASE: ONE_FAULT_TAKE_OVER,
    Rule.R12_FLOOR: ONE_FAULT_TAKE_OVER,
    Rule.R12_FLOOR_LAST: ONE_FAULT_TAKE_OVER,
    Rule.R14_DRAIN: ONE_WRITE,
}
HALTS = frozenset({Rule.R9_TOGETHER, Rule.R9_CYCLE})  # without these no row is lost, but the end
