"""Snapshots of a made-up migration, one for each thing that a display has to show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from fsm_ghost.engine.record import JournalEntry, Record
from fsm_ghost.model import document
from fsm_ghost.model.chunk import Chunk, KeyRange
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import KeyColumn, KeyKind, MigrationKey
from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.plan import Deferral, MappedColumn, Plan, SwapMethod
from fsm_ghost.model.progress import Progress, Swap
from fsm_ghost.model.readings import Readings
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.settings import ServerSettings, Settings

SETTINGS = Settings(
    ServerSettings("db1", 3307, "ghost"), "shop", "orders", "ADD COLUMN note TEXT, CHANGE customer client INT UNSIGNED"
)
STARTED = datetime(2026, 11, 20, 11, 0, 0, tzinfo=UTC).timestamp()
NOW = STARTED + 83
TABLE = TableName("shop", "orders")
PLAN = Plan(
    names=Names.for_table(TABLE, datetime.fromtimestamp(STARTED, UTC)),
    alter="ADD COLUMN note TEXT",
    key=MigrationKey("PRIMARY", (KeyColumn("id", "id", KeyKind.INTEGER),)),
    mapping=(MappedColumn("id", "id"), MappedColumn("customer", "client")),
    filled=(),
    original_create="0" * 64,
    ghost_create="1" * 64,
    rows=1_000_000,
    bytes=96_900_000,
    swap=SwapMethod.SAME_SESSION,
    exclusive=False,
)
_AT = Coordinates("mysql-bin.000123", 44_172)
_COPYING = Progress(
    plan=PLAN,
    prepared=True,
    start=_AT,
    safe=Coordinates("mysql-bin.000124", 9_120_455),
    changes=12_345,
    refreshed=9_876,
    range_known=True,
    first=(1,),
    last=(1_000_000,),
    handed_out=(525_000,),
    open_chunks=(Chunk(525, KeyRange((524_000,), (525_000,))),),
    chunks=525,
    rows=524_288,
    copied_part=0.5243,
)
_COPIED = replace(_COPYING, handed_out=(1_000_000,), open_chunks=(), chunks=1000, rows=1_000_000, copied_part=1.0)
_VERIFYING = replace(_COPIED, verifying=True, verify_last=(1_000_412,), verified_rows=371_004, verified_part=0.3709)
_VERIFIED = replace(_VERIFYING, verified_upto=(1_000_412,), verified_rows=1_000_412, verified_part=1.0, verified=True)
_SWAPPED = replace(_VERIFIED, attempts=1, swap=Swap(_AT, 0.143))
_READINGS = Readings(
    rows_per_second=85_813.0,
    backlog=236,
    changes_per_second=412.4,
    stream_delay=0.34,
    chunk_rows=1_000,
    chunk_seconds=0.037,
    eta=22.4,
    eta_spread=4.2,
)
_FOLLOWING = replace(_READINGS, rows_per_second=None, eta=None, eta_spread=None)


def snapshot(phase: Phase, progress: Progress, readings: Readings = _FOLLOWING) -> Snapshot:
    """A running migration in this state."""
    return Snapshot(
        id="3f2a91c4d0e84a3f9b51c2a7e6d80f11",
        table=TABLE,
        statement="ALTER TABLE shop.orders ADD COLUMN note TEXT,\n  CHANGE customer client INT UNSIGNED NOT NULL",
        phase=phase,
        progress=progress,
        readings=readings,
        alive=True,
        execute=True,
        created_at=STARTED,
        finished_at=None,
        checkpoint_at=NOW - 2,
        checkpoints=87,
        reason="",
    )


def _over(pictured: Snapshot, reason: str = "", *, finished: bool = True) -> Snapshot:
    return replace(pictured, alive=False, finished_at=NOW if finished else None, reason=reason)


_NEW = replace(snapshot(Phase.VALIDATE, Progress(), Readings()), checkpoint_at=None, checkpoints=0)
_DRY = replace(_NEW, execute=False)
COPYING = snapshot(Phase.COPY, _COPYING, _READINGS)
_DONE = _over(snapshot(Phase.DONE, _SWAPPED))

GALLERY: dict[str, Snapshot] = {
    "validate": _NEW,
    "prepare": replace(_NEW, phase=Phase.PREPARE, progress=Progress(plan=PLAN, prepared=True)),
    "prepare, waiting": replace(
        _NEW,
        phase=Phase.PREPARE,
        progress=Progress(plan=PLAN, prepared=True, start=_AT, safe=_AT),
        readings=Readings(waiting_for="the first marker to come back through the binlog"),
    ),
    "copy, just begun": replace(
        COPYING,
        progress=replace(_COPYING, handed_out=(1000,), chunks=1, rows=0, copied_part=0.0, changes=0, refreshed=0),
        readings=Readings(),
    ),
    "copy": COPYING,
    "copy, more rows than estimated": replace(
        COPYING,
        progress=replace(_COPYING, rows=1_873_221, copied_part=0.99999),
        readings=replace(_READINGS, eta=0.1, eta_spread=0.0),
    ),
    "index": snapshot(
        Phase.INDEX,
        replace(_COPIED, plan=replace(PLAN, deferral=Deferral("as asked", ("KEY `a` (`a`)", "KEY `b` (`b`)"), "bare"))),
        replace(_FOLLOWING, waiting_for="the server to build 2 indexes (35 %, 61 s so far)"),
    ),
    "sync": snapshot(Phase.SYNC, _COPIED, replace(_FOLLOWING, waiting_for="1203 changed keys to be refreshed")),
    "sync, falling behind": snapshot(
        Phase.SYNC,
        _COPIED,
        replace(
            _FOLLOWING,
            backlog=41_000,
            waiting_for="41000 changed keys to be refreshed",
            concern="changes pile up: 5,200 keys/s come, 3,900/s brought over, 41,000 wait",
        ),
    ),
    "verify": snapshot(Phase.VERIFY, _VERIFYING),
    "verify, by several": snapshot(
        Phase.VERIFY,
        _VERIFYING,
        replace(_FOLLOWING, workers="3 of 8: the comparison is faster with a third", reconnects=2),
    ),
    "sync, verified, postponed": snapshot(
        Phase.SYNC,
        _VERIFIED,
        replace(_FOLLOWING, waiting_for="the cut-over is postponed: /tmp/orders.postpone exists"),
    ),
    "cut over": snapshot(Phase.CUT_OVER, replace(_VERIFIED, attempts=2, swapping=True)),
    "cleanup": snapshot(Phase.CLEANUP, _SWAPPED),
    "done": _DONE,
    "done, not verified": _over(snapshot(Phase.DONE, replace(_COPIED, verified=True, attempts=1, swap=Swap(_AT, 0.0)))),
    "rollback": snapshot(Phase.ROLLBACK, _COPYING),
    "aborted": _over(snapshot(Phase.ABORTED, _COPYING), "aborted as asked"),
    "refused": _over(
        replace(_NEW, phase=Phase.FAILED),
        "shop.orders has no usable key: a primary or unique key of NOT NULL columns, without prefixes, of integers\n"
        "  Add one first",
    ),
    "failed in verify": _over(
        snapshot(Phase.FAILED, _VERIFYING),
        "3 rows differ after they were repaired, the first at id = 41",
        finished=False,
    ),
    "stopped": replace(_over(COPYING, "stopped as asked", finished=False), checkpoint_at=NOW - 7_500),
    "dry run": replace(_DRY, phase=Phase.PREPARE),
    "dry run, done": _over(replace(_DRY, phase=Phase.DONE, progress=Progress(plan=PLAN, prepared=True))),
}


def record(pictured: Snapshot, settings: Settings = SETTINGS) -> Record:
    """What the state file has of a migration."""
    return Record(
        id=pictured.id,
        server="6f1c0e1e-c6a5-11f0-9c1e-0242ac110002",
        host="db1:3307",
        table=pictured.table,
        statement=pictured.statement,
        settings=document.dump(replace(settings, execute=pictured.execute)),
        phase=pictured.phase,
        came_from=None,
        seq=0,
        epoch=2,
        token="",
        owner="host7 process 4711",
        reason=pictured.reason,
        created_at=pictured.created_at,
        finished_at=pictured.finished_at,
        taken_over="",
        progress=pictured.progress,
        readings=pictured.readings,
        checkpoints=pictured.checkpoints,
        checkpoint_at=pictured.checkpoint_at,
    )


def journal(*transitions: tuple[Phase, Outcome, Phase, float, str]) -> tuple[JournalEntry, ...]:
    """Transitions, each so many seconds after the start, with its reason."""
    return tuple(
        JournalEntry(number, source, outcome, dest, reason, 1, STARTED + after)
        for number, (source, outcome, dest, after, reason) in enumerate(transitions, start=1)
    )


BLOCKED = (
    "the lock was not granted within 1 s: held up by connection 88 (app@web3, running 'SELECT SLEEP(100)', 31 s);"
    " killed connection 88 (app@web3, running 'SELECT SLEEP(100)', 31 s)"
)
UP_TO_CUT_OVER = (
    (Phase.VALIDATE, Outcome.PASSED, Phase.PREPARE, 0.5, ""),
    (Phase.PREPARE, Outcome.PREPARED, Phase.COPY, 2.0, ""),
    (Phase.COPY, Outcome.COPIED, Phase.SYNC, 54.0, ""),
    (Phase.SYNC, Outcome.CAUGHT_UP, Phase.VERIFY, 55.0, ""),
    (Phase.VERIFY, Outcome.EQUAL, Phase.SYNC, 75.0, ""),
    (Phase.SYNC, Outcome.CAUGHT_UP, Phase.CUT_OVER, 75.5, ""),
)
OF_DONE = journal(
    *UP_TO_CUT_OVER,
    (Phase.CUT_OVER, Outcome.GIVEN_UP, Phase.SYNC, 76.75, BLOCKED),
    (Phase.SYNC, Outcome.CAUGHT_UP, Phase.CUT_OVER, 81.0, ""),
    (Phase.CUT_OVER, Outcome.SWAPPED, Phase.CLEANUP, 82.0, ""),
    (Phase.CLEANUP, Outcome.CLEANED, Phase.DONE, 83.0, ""),
)
