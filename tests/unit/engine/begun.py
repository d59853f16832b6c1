"""Migrations in a state file, as the tests of the engine begin them."""

from fsm_ghost.engine.state import Step, Transition
from fsm_ghost.engine.store import Store
from fsm_ghost.model.chunk import Chunk, CopiedChunk, KeyRange
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Moment, Outcome, Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings

MIGRATION = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
ORDERS = TableName("shop", "orders")
NO_READINGS = Readings()
PASSED = Transition(Phase.VALIDATE, Outcome.PASSED, Phase.PREPARE, hooks=(Moment.STARTUP,))
REFUSED = Transition(Phase.VALIDATE, Outcome.REFUSED, Phase.FAILED, hooks=(Moment.FAILURE,))
BROKEN = Transition(Phase.COPY, Outcome.BROKEN, Phase.FAILED)


def begin(store: Store, migration: str = MIGRATION, table: TableName = ORDERS, server: str = "server-1") -> str:
    """A new migration in the state file."""
    store.create(migration, server=server, host="db1:3306", table=table, statement="ADD c INT", settings="{}")
    return migration


def chunks(*ends: int) -> tuple[Chunk, ...]:
    """A chain of chunks that end at these keys."""
    afters = (None, *((end,) for end in ends))
    return tuple(Chunk(n, KeyRange(after, (end,))) for n, (after, end) in enumerate(zip(afters, ends, strict=False), 1))


def copied(*done: Chunk) -> tuple[CopiedChunk, ...]:
    """These chunks, committed."""
    return tuple(CopiedChunk(chunk, 10, 0.5) for chunk in done)


def step(progress: Progress, *done: Chunk) -> Step:
    """A step that came to this progress, with these chunks committed."""
    return Step(progress, copied=copied(*done))
