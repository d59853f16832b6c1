"""The composition root: settings become services, services become states, states are driven by the engine.

There is one way to drive a migration, whether it was just begun, is resumed after a crash, or lost its connections a
moment ago: take it in hand, fence what earlier runs left on the server, and step the stored state.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from fsm_ghost.engine.machine import Engine, HookResult, Surroundings
from fsm_ghost.engine.record import PendingHook, Record
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import State, Step, Transition
from fsm_ghost.engine.store import Adoption, Change, Handover, Store
from fsm_ghost.errors import (
    AbortedError,
    ConnectionLostError,
    FsmGhostError,
    MismatchError,
    OwnedElsewhereError,
    RefusedError,
    StoppedError,
    TakenOverError,
    UsageError,
)
from fsm_ghost.model import document
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.plan import Plan, ServerIdentity
from fsm_ghost.model.progress import Progress, Swap
from fsm_ghost.model.readings import POSTPONED, Readings
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.model.table import Column
from fsm_ghost.mysql import catalog, statements
from fsm_ghost.mysql.alter import read_alter
from fsm_ghost.mysql.binlog.stream import KeyStream
from fsm_ghost.mysql.changelog import Changelog, owner_of
from fsm_ghost.mysql.connections import Connections, Ownership
from fsm_ghost.mysql.lease import Held, Lease
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services import inspector, mirror, planner, preflight
from fsm_ghost.services.builder import Builder
from fsm_ghost.services.dataplane import DataPlane, Tools
from fsm_ghost.services.dropper import Dropper
from fsm_ghost.services.hooks import Hooks, Occasion
from fsm_ghost.services.mirror import Mirror
from fsm_ghost.services.preflight import Refusal
from fsm_ghost.services.reporter import Reporter
from fsm_ghost.services.swapper import Found
from fsm_ghost.settings import ServerSettings, Settings, Window
from fsm_ghost.states.cleanup import Cleanup
from fsm_ghost.states.copy import Copy
from fsm_ghost.states.cut_over import CutOver
from fsm_ghost.states.guards import GUARDS
from fsm_ghost.states.prepare import Prepare
from fsm_ghost.states.rollback import Rollback
from fsm_ghost.states.sync import Sync
from fsm_ghost.states.table import TABLE
from fsm_ghost.states.validate import Validate
from fsm_ghost.states.verify import Verify

log = logging.getLogger(__name__)

Publish = Callable[[Snapshot], None]
_RECONNECT_FOR = 120.0  # seconds without progress, after which a lost connection ends the run (resumable)
_DROPS_CHANGELOG = frozenset({Phase.CLEANUP, Phase.ROLLBACK, Phase.DONE, Phase.ABORTED})
# Seconds: the connection of a run that has just ended, or was fenced a moment ago, may not have left the server yet.
_CHANGE_OF_OWNERS = 3
_LONGEST_PAUSE = 5.0  # seconds between attempts to reach the server again


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: the last picture of the migration, and lines for a person."""

    phase: Phase
    exit_code: int
    snapshot: Snapshot
    report: tuple[str, ...]


def begin(settings: Settings, store: Store) -> str:
    """Note a new migration in the state file; its id.

    RefusedError, ConnectionLostError or OwnedElsewhereError when it cannot even be begun; nothing is noted then.
    """
    if settings.hooks.path and not Path(settings.hooks.path).is_dir():
        raise UsageError(f"--hooks-path {settings.hooks.path} is not a directory")
    table = TableName(settings.schema, settings.table)
    read_alter(settings.alter, settings.schema, settings.table)
    session = Session(connect_arguments(settings.server), f"connecting to {settings.server.address}")
    try:
        server = catalog.identity(session)
    finally:
        session.close()
    earlier = store.unfinished(server.uuid, table)
    if earlier is not None:
        raise OwnedElsewhereError(
            f"{table} has an unfinished migration: {earlier.short_id}, in state {earlier.phase}"
            + (f", being run by {earlier.owner}" if store.is_running(earlier.id) else ""),
            f"fsm-ghost resume {earlier.short_id}{' --retry' if earlier.phase is Phase.FAILED else ''}"
            f"   or   fsm-ghost abort {earlier.short_id}",
        )
    migration = uuid.uuid4().hex
    store.create(
        migration,
        server=server.uuid,
        host=settings.server.address,
        table=table,
        statement=settings.alter,
        settings=document.dump(settings.without_secrets()),
    )
    return migration


def drive(
    store: Store,
    migration: str,
    server: ServerSettings,
    *,
    publish: Publish,
    stop: threading.Event,
    order: str | None = None,
    change: Change | None = None,
) -> Ending:
    """Run a migration until it ends; `order` is "retry" to leave `failed`, "abort" to give the migration up.

    `change` makes what is asked of it from now on of what was asked before. Lost connections are made again, with
    growing pauses. Raises FsmGhostError for what ends a run without ending the migration: nothing is lost then, and
    the next run goes on.
    """
    patience = _Patience()
    while True:
        run = store.drive(migration, _myself(), change)
        change = None
        try:
            return _drive_once(store, run, server, publish, stop, order)
        except TakenOverError as error:
            run.taken_over(error.message)
            raise
        except (OwnedElsewhereError, RefusedError) as error:
            _refuse(run, error)
            raise
        except ConnectionLostError as error:
            patience.lost(error, store.find(migration).checkpoints)
            log.warning("%s; trying again in %.1f s", error.message, patience.pause)
            if stop.wait(patience.pause):
                raise StoppedError(
                    "stopped while the server could not be reached", f"fsm-ghost resume {migration[:8]}"
                ) from error
        finally:
            run.release()


def take_over(
    store: Store,
    table: TableName,
    server: ServerSettings,
    *,
    force: bool,
    adapted: Callable[[Settings], Settings] = lambda settings: settings,
) -> str:
    """Bring the migration of a table into the state file, as its mirror on the server has it; its id.

    Nothing of the runs before can write any more after that. `adapted` makes the settings fit for this host. While its
    owner shows signs of life, OwnedElsewhereError; with `force` it is ended instead. UsageError when there is nothing
    to take over, or it is this state file's already.
    """
    session = Session(connect_arguments(server), f"connecting to {server.address}")
    try:
        left = mirror.find(session, table)
        handover = _handover(left.held)
        settings = adapted(replace(document.load(Settings, handover.origin.settings), server=server))
        _check_server(session, server, handover.origin.server)
        epoch = store.epoch_to_adopt(handover, left.held.token, left.held.epoch)
        if not force:
            mirror.refuse_the_living(session, left)
        token = uuid.uuid4().hex
        held = mirror.take(session, left, Lease(left.changelog, left.migration, token, _myself(), epoch))
        handover = _handover(held)
        store.adopt(
            handover,
            mirror.with_reach(session, handover.progress),
            Adoption(
                host=server.address,
                settings=document.dump(settings.without_secrets()),
                epoch=epoch,
                token=token,
                owner=_myself(),
                connections=held.connections,
            ),
        )
    finally:
        session.close()
    log.warning("took migration %s of %s over from %s", left.short_id, table, left.held.name)
    return left.migration


def _myself() -> str:
    return f"{socket.gethostname()} process {os.getpid()}"


def _handover(held: Held) -> Handover:
    try:
        return Handover.load(held.migration, held.checkpoint)
    except ValueError as error:
        raise StoppedError(
            f"the checkpoint on the server cannot be read: {error}", "Use the version of fsm-ghost that wrote it."
        ) from error


def take_away(store: Store, migration: str, server: ServerSettings) -> tuple[str, ...]:
    """Drop what a stopped migration has left on the server, giving it up if it could go on; lines about what was done.

    OwnedElsewhereError while a process drives it; AmbiguousError for tables that cannot be proved to be its own.
    """
    record = store.find(migration)
    if not record.is_finished:
        ending = drive(store, record.id, server, publish=lambda _: None, stop=threading.Event(), order=Outcome.ABORT)
        return (f"migration {record.short_id} was given up; what it had made is dropped (state {ending.phase})",)
    if record.taken_over:
        raise OwnedElsewhereError(record.taken_over, "Give it up there.")
    session = Session(connect_arguments(server), f"connecting to {server.address}")
    try:
        names = _names(record)
        lease = _lease(replace(record, epoch=record.epoch + 1), names)
        lease.find(session)
        builder = Builder(session, names, record.id, Changelog(session, names.changelog, record.id, lease))
        dropped = builder.take_away()
    finally:
        session.close()
    return tuple(f"dropped {name}" for name in dropped) or ("nothing of it was left on the server",)


class _Patience:
    """How long to try to reach a server that cannot be reached: as long as there is progress in between."""

    def __init__(self) -> None:
        self.pause = 0.0
        self._since = time.monotonic()
        self._checkpoints = -1

    def lost(self, error: ConnectionLostError, checkpoints: int) -> None:
        """A connection was lost once more; raises the error when it is time to give up."""
        if checkpoints != self._checkpoints:
            self._checkpoints, self._since, self.pause = checkpoints, time.monotonic(), 0.1
        if time.monotonic() - self._since > _RECONNECT_FOR:
            raise error
        self.pause = min(_LONGEST_PAUSE, self.pause * 2) * random.uniform(0.8, 1.2)


def _names(record: Record) -> Names:
    return Names.for_table(record.table, datetime.fromtimestamp(record.created_at, UTC))


def _lease(record: Record, names: Names) -> Lease:
    return Lease(names.changelog, record.id, record.token, record.owner, record.epoch)


def _check_server(session: Session, server: ServerSettings, wanted: str) -> ServerIdentity:
    """Which server a session has reached; StoppedError when it is another one than is wanted."""
    identity = catalog.identity(session)
    if identity.uuid != wanted:
        raise StoppedError(
            f"{server.address} is not the server on which this migration was begun",
            "Give the right one with --host and --port.",
        )
    return identity


def _drive_once(
    store: Store, run: Run, server: ServerSettings, publish: Publish, stop: threading.Event, order: str | None
) -> Ending:
    """One run: everything is opened, and closed again however it ends."""
    settings = replace(run.record.asked, server=server)
    house = _House(run, settings)
    try:
        engine = house.engine(publish, stop)
        if order == Outcome.RETRY and engine.phase is Phase.FAILED:
            engine.try_again()
        elif order == Outcome.ABORT:
            engine.give_up()
        phase = engine.drive()
    finally:
        house.close()
    return _ending(store, store.find(run.id), phase)


def _refuse(run: Run, error: FsmGhostError) -> None:
    """A migration that could not even begin is over: it must not stand in the way of the next one."""
    if run.record.phase is Phase.VALIDATE:
        step = Step(run.record.progress, Outcome.REFUSED, reason=error.message)
        run.enter(Transition(Phase.VALIDATE, Outcome.REFUSED, Phase.FAILED), step, Readings())


class _House:
    """The services of one run, wired."""

    def __init__(self, run: Run, settings: Settings) -> None:
        self._run = run
        self._settings = settings
        self._names = _names(run.record)
        self._bell = threading.Event()
        self._dropper: Dropper | None = None
        self._reporter = Reporter()
        self._lease = _lease(run.record, self._names)
        self._connections = Connections(connect_arguments(settings.server), run.id, run, self._lease)
        try:
            self._session = self._connections.connect("owner")
            self._server = _check_server(self._session, settings.server, run.record.server)
            self._check_lease()
            self._connections.let_in(self._session, "owner")
            self._fence()
            self._ownership = self._owned()
            self._lease.claim(self._session)
        except BaseException:
            self._connections.close()
            raise
        self._mirror = Mirror(self._lease, self._session, run.standing, run.origin)
        self._changelog = Changelog(self._session, self._names.changelog, run.id, self._lease)
        self._plane = DataPlane(
            Tools(
                settings=settings,
                migration=run.id,
                flavour=self._server.flavour,
                session=self._session,
                connections=self._connections,
                ownership=self._ownership,
                changelog=self._changelog,
                reporter=self._reporter,
                bell=self._bell,
                stream_opener=self._stream_opener,
            )
        )

    def engine(self, publish: Publish, stop: threading.Event) -> Engine:
        """The engine, ready to drive."""
        template = self._run.record.snapshot(alive=True)

        def published(phase: Phase, progress: Progress, readings: Readings) -> None:
            at, count = self._run.record.checkpoint_at, self._run.record.checkpoints
            now = replace(
                template, phase=phase, progress=progress, readings=readings, checkpoint_at=at, checkpoints=count
            )
            publish(now)

        around = Surroundings(
            hooks=_HookRunner(Hooks(self._settings, self._facts), self._excuse),
            readings=lambda: self._reporter.readings(self._engine.phase),
            mirror=lambda at_once: self._mirror.keep(at_once=at_once),
            publish=published,
            bell=self._bell,
            stop=stop,
        )
        self._engine = Engine(self._run, self._states(), TABLE, GUARDS, around)
        return self._engine

    def close(self) -> None:
        """End every thread and connection of the run."""
        self._plane.close()
        self._connections.close()

    def _check_lease(self) -> None:
        """Before anything is touched: nobody may have taken the migration over. TakenOverError if one has."""
        record = self._run.record
        is_there = self._lease.find(self._session) is not None
        if record.progress.prepared and record.phase not in _DROPS_CHANGELOG and not is_there:
            raise self._lease.ended_elsewhere()

    def _excuse(self, seconds: float) -> None:
        """Hooks may keep us from giving signs of life for so long."""
        if self._settings.hooks.path:
            self._lease.excuse(self._session, seconds)

    def _owned(self) -> Ownership:
        """The right to migrate this table; OwnedElsewhereError that says who has it."""
        ownership = Ownership(self._session, self._run.record.table)
        try:
            ownership.acquire(wait=_CHANGE_OF_OWNERS)
        except OwnedElsewhereError as error:
            holder = owner_of(self._session, self._names.changelog)
            raise OwnedElsewhereError(
                f"{error.message}; {holder or 'it has not said who it is'}", error.remedy
            ) from error
        return ownership

    def _fence(self) -> None:
        earlier = self._run.earlier_connections()
        self._connections.fence(earlier, self._session)
        if earlier:
            self._run.connections_gone(earlier)

    def _states(self) -> Mapping[Phase, State]:
        builder = Builder(self._session, self._names, self._run.id, self._changelog)
        drop_old = self._settings.cut_over.drop_old_table
        return {
            Phase.VALIDATE: Validate(self._refusals),
            Phase.PREPARE: Prepare(
                lambda: self._build(builder), self._coordinates, self._plane, self._settings.execute
            ),
            Phase.COPY: Copy(self._plane),
            Phase.SYNC: Sync(self._plane, self._held_up_by),
            Phase.VERIFY: Verify(self._plane, self._settings.verify),
            Phase.CUT_OVER: CutOver(self._plane),
            Phase.CLEANUP: Cleanup(
                self._plane.close,
                self._empty_old,
                lambda: builder.clean_up_after_swap(drop_old=drop_old),
                builder.take_away,
            ),
            Phase.ROLLBACK: Rollback(self._plane.close, self._was_swapped, builder.take_away),
        }

    def _empty_old(self, progress: Progress) -> float | None:
        if not self._settings.cut_over.drop_old_table:
            return None
        if self._dropper is None:
            self._dropper = Dropper(self._session, progress.the_plan, self._server.flavour, self._run.id)
        return self._dropper.step()

    def _refusals(self) -> tuple[Refusal, ...]:
        return preflight.refusals(inspector.survey(self._session, self._server, self._names))

    def _build(self, builder: Builder) -> Plan:
        alteration = read_alter(self._settings.alter, self._settings.schema, self._settings.table)
        original = catalog.definition(self._session, self._names.original)
        if original is None:
            raise RefusedError(f"{self._names.original} is gone")
        builder.build(alteration.clauses)
        ghost = catalog.definition(self._session, self._names.ghost)
        if ghost is None:
            raise RefusedError(f"{self._names.ghost} was dropped while it was being made")
        if refused := preflight.of_ghost(self._session, ghost):
            raise RefusedError(refused.reason, refused.remedy)
        autoinc_mode = catalog.variables(self._session).get("innodb_autoinc_lock_mode", "")
        return planner.make_plan(self._names, alteration, original, ghost, builder.swap_method(), autoinc_mode)

    def _coordinates(self) -> Coordinates:
        return catalog.coordinates(self._session)

    def _stream_opener(self, plan: Plan, like: TableName) -> Callable[[Coordinates], KeyStream]:
        """What opens the binlog, in any thread, for a table whose rows are like those of `like`."""
        original = catalog.definition(self._session, like)
        if original is None:
            raise StoppedError(f"{like} is gone")
        return partial(
            _open_stream,
            connect_arguments(self._settings.server),
            self._server.uuid,
            plan,
            original.columns,
            statements.own_tag(self._run.id),
        )

    def _held_up_by(self, progress: Progress) -> str:
        return self._postponed_by(progress) or self._plane.holds_back(progress)

    def _postponed_by(self, progress: Progress) -> str:
        """Why the tables are not to be swapped yet; empty when they are, or somebody has asked for it by now."""
        settings, number = self._settings.cut_over, self._run.id[:8]
        if progress.postponed is False:
            return ""
        if progress.postponed or settings.postpone:
            return f"{POSTPONED} until: fsm-ghost cut-over {number}"
        if settings.postpone_flag_file and Path(settings.postpone_flag_file).exists():
            return f"{POSTPONED}: {settings.postpone_flag_file} exists"
        window = Window.parse(settings.window) if settings.window else None
        if window is not None and not window.is_open(datetime.now().astimezone().time()):
            opens = f"{window.begins:%H:%M} (window {settings.window})"
            return f"{POSTPONED} until {opens}, or: fsm-ghost cut-over {number}"
        return ""

    def _was_swapped(self, progress: Progress) -> bool:
        return self._plane.witness(progress).look() is Found.SWAPPED

    def _facts(self) -> dict[str, str]:
        progress, names = self._run.reread().progress, self._names
        return {
            "GHOST_TABLE_NAME": names.ghost.name,
            "OLD_TABLE_NAME": names.old.name,
            "ELAPSED_SECONDS": f"{time.time() - self._run.record.created_at:.0f}",
            "COPIED_ROWS": str(progress.rows),
            "ESTIMATED_ROWS": str(progress.plan.rows if progress.plan else 0),
            "PROGRESS": f"{100 * progress.copied_part:.2f}",
        }


def _open_stream(
    arguments: Mapping[str, Any], server: str, plan: Plan, columns: tuple[Column, ...], tag: str, start: Coordinates
) -> KeyStream:
    return KeyStream(
        arguments,
        server=server,
        server_id=random.randint(2**31, 2**32 - 2),  # only has to differ from other replicas'
        start=start,
        original=plan.names.original,
        columns=columns,
        key=plan.key,
        changelog=plan.names.changelog,
        own_tag=tag,
    )


class _HookRunner:
    """The hooks service as the engine knows it; `excuse` tells others how long a hook may keep us silent."""

    def __init__(self, hooks: Hooks, excuse: Callable[[float], None]) -> None:
        self._hooks = hooks
        self._excuse = excuse

    def run(self, hook: PendingHook, migration: str) -> HookResult:
        """Run the hooks of one moment."""
        self._excuse(self._hooks.settings.hooks.timeout)
        ok, output = self._hooks.run(Occasion(hook.moment, f"{migration}:{hook.seq}:{hook.moment}", hook.attempt))
        self._excuse(0)
        return HookResult(ok, output)


def _ending(store: Store, record: Record, phase: Phase) -> Ending:
    """What a final state means for whoever called."""
    return Ending(phase, _exit_code(store, record, phase), record.snapshot(alive=False), _report(record, phase))


def _exit_code(store: Store, record: Record, phase: Phase) -> int:
    outcomes = [entry.outcome for entry in store.journal(record.id)]
    kind: type[FsmGhostError] | None = None
    if phase is Phase.DONE and record.progress.swap is not None and record.progress.swap.escaped:
        kind = MismatchError
    elif Outcome.REFUSED in outcomes:
        kind = RefusedError
    elif phase is Phase.FAILED:
        kind = MismatchError
    elif phase is Phase.ABORTED:
        kind = AbortedError
    return kind.exit_code if kind else 0


def _audited(swap: Swap, names: Names) -> list[str]:
    """What the audit of a swap has found, for people."""
    if swap.escaped is None:
        return ["The binlog was not read up to the swap: nobody looked for writes between lock and RENAME."]
    if not swap.escaped:
        return []
    told = [
        f"{swap.escaped} rows were written to the old table after its lock; {swap.healed} of them were brought over."
    ]
    if swap.unclear:
        shown = ", ".join(str(key) for key in swap.unclear[:10])
        told.append(f"Written again since, so compare them in {names.old} and {names.original}: {shown}")
    return told


def _report(record: Record, phase: Phase) -> tuple[str, ...]:
    progress, short = record.progress, record.short_id
    if phase is Phase.FAILED and not record.is_finished:
        return (
            "The original table is untouched; the ghost table is kept for a look.",
            f"fsm-ghost resume {short} --retry   or   fsm-ghost abort {short}",
        )
    if progress.swap is None or progress.plan is None:
        return ()
    names = progress.plan.names
    lines = [
        f"{progress.rows} rows copied, {progress.changes} changes followed, {progress.verified_rows} rows found equal.",
        f"Writers were held up for {progress.swap.stall * 1000:.0f} ms by the swap.",
    ]
    lines += _audited(progress.swap, names)
    if progress.uncompared:
        lines.append(f"Not compared, because of how their types change: {', '.join(progress.uncompared)}.")
    if not record.asked.cut_over.drop_old_table:
        lines.append(f"The old table is kept. When it is not needed any more: {statements.drop_for_people(names.old)}")
    return tuple(lines)
