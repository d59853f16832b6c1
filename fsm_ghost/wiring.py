"""The services of one run: opened, put together, handed to the states, and closed again however it ends.

Before anything is touched it is made sure that this is the server, that nobody has taken the migration over, and that
nothing of earlier runs is left on the server (protocol R2, R13).
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from fsm_ghost.engine.machine import Engine, Surroundings
from fsm_ghost.engine.record import Record
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import State
from fsm_ghost.errors import (
    OwnedElsewhereError,
    RefusedError,
    ServerError,
    StoppedError,
)
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.finding import Finding
from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import Deferral, Flavour, Plan, ServerIdentity
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import POSTPONED, Readings
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.model.table import Column, Definition
from fsm_ghost.mysql import catalog, statements
from fsm_ghost.mysql.alter import read_alter
from fsm_ghost.mysql.binlog.stream import KeyStream
from fsm_ghost.mysql.changelog import Changelog, owner_of
from fsm_ghost.mysql.connections import Connections, Ownership
from fsm_ghost.mysql.lease import Lease
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services import indexer, inspector, planner, preflight
from fsm_ghost.services.alterer import Alterer
from fsm_ghost.services.builder import Builder
from fsm_ghost.services.dataplane import DataPlane
from fsm_ghost.services.dropper import Dropper
from fsm_ghost.services.hooks.hooks import Hooks, Sources
from fsm_ghost.services.mirror import Mirror
from fsm_ghost.services.reporter import Reporter
from fsm_ghost.services.scout import Scout
from fsm_ghost.services.swapper import Found
from fsm_ghost.services.tools import Tools
from fsm_ghost.settings import ServerSettings, Settings, Where, Window
from fsm_ghost.states.cleanup import Cleanup
from fsm_ghost.states.copy import Copy
from fsm_ghost.states.cut_over import CutOver
from fsm_ghost.states.guards import GUARDS
from fsm_ghost.states.index import Index
from fsm_ghost.states.prepare import Prepare
from fsm_ghost.states.rollback import Rollback
from fsm_ghost.states.sync import Sync
from fsm_ghost.states.table import TABLE
from fsm_ghost.states.validate import Validate
from fsm_ghost.states.verify import Verify

log = logging.getLogger(__name__)

Publish = Callable[[Snapshot], None]
_DROPS_CHANGELOG = frozenset({Phase.CLEANUP, Phase.ROLLBACK, Phase.DONE, Phase.ABORTED})
# Seconds: the connection of a run that has just ended, or was fenced a moment ago, may not have left the server yet.
_CHANGE_OF_OWNERS = 3


class House:
    """The services of one run, wired."""

    def __init__(self, run: Run, settings: Settings) -> None:
        self._run = run
        self._settings = settings
        self._names = names_of(run.record)
        self._bell = threading.Event()
        self._dropper: Dropper | None = None
        self._reporter = Reporter()
        self._lease = lease_of(run.record, self._names)
        reach = connect_arguments(settings.server)
        self._connections = Connections(reach, run.record.table.schema, run.id, run, self._lease)
        try:
            self._session = self._connections.connect("owner")
            self._server = check_server(self._session, settings.server, run.record.server)
            self._check_lease()
            self._connections.let_in(self._session, "owner")
            self._fence()
            self._ownership = self._owned()
            self._lease.claim(self._session)
        except BaseException:
            self._connections.close()
            raise
        self._mirror = Mirror(self._lease, self._session, run.standing, run.origin)
        sources = Sources(self._names, self._seen, self._copying, partial(self._lease.excuse, self._session))
        self._hooks = Hooks(settings, sources)
        self._changelog = Changelog(self._session, self._names.changelog, run.id, self._lease)
        tools = Tools(
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
        self._plane, self._scout = DataPlane(tools), Scout(tools, run.record.created_at)

    def engine(self, publish: Publish, stop: threading.Event) -> Engine:
        """The engine, ready to drive."""
        template = self._run.record.snapshot(alive=True)

        def published(phase: Phase, progress: Progress, readings: Readings) -> None:
            at, count = self._run.record.checkpoint_at, self._run.record.checkpoints
            now = replace(
                template, phase=phase, progress=progress, readings=readings, checkpoint_at=at, checkpoints=count
            )
            publish(now)
            self._hooks.tick(now)

        around = Surroundings(
            hooks=self._hooks,
            readings=lambda: self._reporter.readings(self._engine.phase),
            mirror=lambda at_once: self._mirror.keep(at_once=at_once),
            publish=published,
            bell=self._bell,
            stop=stop,
            retune=self._retune,
        )
        self._engine = Engine(self._run, self._states(), TABLE, GUARDS, around)
        return self._engine

    def _retune(self, settings: Settings) -> None:
        self._settings = replace(settings, server=self._settings.server)
        self._plane.retune(self._settings)

    def _rest(self) -> None:
        """End what works on the tables."""
        self._scout.close()
        self._plane.close()

    def close(self) -> None:
        """End every thread and connection of the run."""
        self._hooks.close()
        self._rest()
        self._connections.close()

    def _check_lease(self) -> None:
        """Before anything is touched: nobody may have taken the migration over. TakenOverError if one has."""
        record = self._run.record
        is_there = self._lease.find(self._session) is not None
        if record.progress.prepared and record.phase not in _DROPS_CHANGELOG and not is_there:
            raise self._lease.ended_elsewhere()

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
            Phase.VALIDATE: Validate(self._findings),
            Phase.PREPARE: Prepare(
                lambda: self._build(builder),
                self._coordinates,
                self._plane,
                self._scout,
                self._settings.execute,
                self._settings.definition.quarantine,
                self._alterer() if self._settings.definition.attempt_instant else None,
                self._settings.copy.sample_seconds > 0,
            ),
            Phase.COPY: Copy(self._plane, self._settings.verify),
            Phase.INDEX: Index(self._plane, self._settings.verify),
            Phase.SYNC: Sync(self._plane, self._held_up_by, self._settings.where is Where.TEST),
            Phase.VERIFY: Verify(self._plane, self._settings.verify),
            Phase.CUT_OVER: CutOver(self._plane),
            Phase.CLEANUP: Cleanup(
                self._rest,
                self._empty_old,
                lambda: builder.clean_up_after_swap(drop_old=drop_old),
                builder.take_away,
            ),
            Phase.ROLLBACK: Rollback(self._rest, self._was_swapped, builder.take_away),
        }

    def _empty_old(self, progress: Progress) -> float | None:
        if not self._settings.cut_over.drop_old_table:
            return None
        if self._dropper is None:
            self._dropper = Dropper(self._session, progress.the_plan, self._server.flavour, self._run.id)
        return self._dropper.step()

    def _alterer(self) -> Alterer:
        alteration = read_alter(self._settings.alter, self._settings.schema, self._settings.table)
        return Alterer(self._session, self._run.id, alteration.clauses, self._settings.cut_over.lock_timeout)

    def _findings(self) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        on_replica = self._settings.where is not Where.PRIMARY
        subject = inspector.survey(self._session, self._server, self._names, on_replica=on_replica)
        return preflight.refusals(subject), preflight.warnings(subject)

    def _build(self, builder: Builder) -> Plan:
        alteration = read_alter(self._settings.alter, self._settings.schema, self._settings.table)
        original = catalog.definition(self._session, self._names.original)
        if original is None:
            raise RefusedError(f"{self._names.original} is gone")
        native = builder.build(alteration.clauses)
        ghost = catalog.definition(self._session, self._names.ghost)
        if ghost is None:
            raise RefusedError(f"{self._names.ghost} was dropped while it was being made")
        if refused := preflight.of_ghost(self._session, ghost):
            raise RefusedError(refused.reason, refused.remedy)
        autoinc_mode = catalog.variable(self._session, "innodb_autoinc_lock_mode")
        swap, asked = builder.swap_method(), self._settings.definition
        plan = planner.make_plan(self._names, alteration, original, ghost, swap, autoinc_mode, asked)
        if self._server.flavour is Flavour.MYSQL:
            plan = planner.with_instants(plan, original, ghost)
        deferral = self._deferral(builder, alteration.clauses, original, ghost)
        return replace(plan, native=native, deferral=deferral, server=self._server)

    def _deferral(self, builder: Builder, clauses: str, original: Definition, ghost: Definition) -> Deferral:
        """Which indexes are built after row copy; where that does not work, all are there from the beginning."""
        wanted, why = indexer.wish(self._session, original, self._settings.copy.index_build)
        if not wanted:
            return Deferral(why)
        try:
            return indexer.defer(self._session, ghost, self._run.id, why)
        except (ServerError, StoppedError) as error:
            log.warning("all indexes are built at once: %s", error.message)
            builder.build(clauses)
            return Deferral(error.message)

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
        return self._postponed_by(progress) or self._plane.throttled(progress) or self._plane.holds_back(progress)

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

    def _seen(self) -> Snapshot:
        """What hooks are told: as it is stored, with the gauges as they stand."""
        stored = self._run.reread()
        return replace(stored.snapshot(alive=True), readings=self._reporter.readings(stored.phase))

    def _copying(self) -> float:
        """For how many seconds this migration has copied rows, or waited to, interruptions included."""
        journal = self._run.journal()
        ends = [entry.at for entry in journal[1:]] + [time.time()]
        return sum(end - entry.at for entry, end in zip(journal, ends, strict=False) if entry.dest is Phase.COPY)


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


def names_of(record: Record) -> Names:
    """The names of a migration's tables."""
    return Names.for_table(record.table, datetime.fromtimestamp(record.created_at, UTC))


def lease_of(record: Record, names: Names) -> Lease:
    """The lease that a run of this migration has, or claims."""
    return Lease(names.changelog, record.id, record.token, record.owner, record.epoch)


def check_server(session: Session, server: ServerSettings, wanted: str) -> ServerIdentity:
    """Which server a session has reached; StoppedError when it is another one than is wanted."""
    identity = catalog.identity(session)
    if identity.uuid != wanted:
        raise StoppedError(
            f"{server.address} is not the server on which this migration was begun",
            "Give the right one with --host and --port.",
        )
    return identity
