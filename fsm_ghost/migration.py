"""A migration from the outside: begun, driven, taken over, taken away.

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
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fsm_ghost import verdict
from fsm_ghost.engine import panic
from fsm_ghost.engine.machine import LISTEN_EVERY
from fsm_ghost.engine.record import Record
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import Step, Transition
from fsm_ghost.engine.store import Adoption, Change, Handover, Store
from fsm_ghost.errors import (
    ConnectionLostError,
    FsmGhostError,
    OwnedElsewhereError,
    RefusedError,
    ServerError,
    StoppedError,
    TakenOverError,
    UsageError,
)
from fsm_ghost.model import document
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.readings import Readings
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.alter import read_alter
from fsm_ghost.mysql.changelog import Changelog
from fsm_ghost.mysql.lease import Held, Lease
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services import mirror
from fsm_ghost.services.builder import Builder
from fsm_ghost.settings import ServerSettings, Settings
from fsm_ghost.wiring import House, Publish, check_server, lease_of, names_of

log = logging.getLogger(__name__)

_RECONNECT_FOR = 120.0  # seconds without progress, after which a lost connection ends the run (resumable)
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
    run = store.drive(migration, _myself(), change)
    try:
        while True:
            try:
                return _drive_once(store, run, server, publish, stop, order)
            except TakenOverError as error:
                run.taken_over(error.message)
                raise
            except (OwnedElsewhereError, RefusedError, ServerError) as error:
                _refuse(run, error)
                raise
            except ConnectionLostError as error:
                patience.lost(error, store.find(migration).checkpoints)
                log.warning("%s; trying again in %.1f s", error.message, patience.pause)
                run.waits_for(f"a connection to {server.address}: {error.message}")
                publish(run.reread().snapshot(alive=True))
                _pause(run, patience.pause, stop)
            run = store.drive(migration, _myself(), after=run)
    finally:
        run.release()


def take_over(
    store: Store,
    table: TableName,
    server: ServerSettings,
    *,
    force: bool,
    adapted: Callable[[Settings, tuple[str, ...]], Settings] = lambda settings, _: settings,
) -> str:
    """Bring the migration of a table into the state file, as its mirror on the server has it; its id.

    Nothing of the runs before can write any more after that. `adapted` makes the settings fit for this host; it is told
    which options are not among them, for their values are secrets. While its owner shows signs of life,
    OwnedElsewhereError; with `force` it is ended instead. UsageError when there is nothing to take over, or it is this
    state file's already.
    """
    session = Session(connect_arguments(server), f"connecting to {server.address}")
    try:
        left = mirror.find(session, table)
        handover = _handover(left.held)
        origin = handover.origin
        settings = adapted(replace(document.load(Settings, origin.settings), server=server), origin.withheld)
        check_server(session, server, origin.server)
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
        session.use(record.table.schema)
        names = names_of(record)
        lease = lease_of(replace(record, epoch=record.epoch + 1), names)
        lease.find(session)
        builder = Builder(session, names, record.id, Changelog(session, names.changelog, record.id, lease))
        dropped = builder.take_away()
    finally:
        session.close()
    return tuple(f"dropped {name}" for name in dropped) or ("nothing of it was left on the server",)


def _pause(run: Run, seconds: float, stop: threading.Event) -> None:
    """Let time pass while the server cannot be reached; StoppedError when the run is to stop meanwhile."""
    until = time.monotonic() + seconds
    try:
        while (left := until - time.monotonic()) > 0:
            panic.heed(run)
            if stop.wait(min(left, LISTEN_EVERY)):
                raise StoppedError(
                    "stopped while the server could not be reached", f"fsm-ghost resume {run.record.short_id}"
                )
    except StoppedError as error:
        run.stopped(error.message)
        raise


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


def _drive_once(
    store: Store, run: Run, server: ServerSettings, publish: Publish, stop: threading.Event, order: str | None
) -> Ending:
    """One run: everything is opened, and closed again however it ends."""
    settings = replace(run.record.asked, server=server)
    house = House(run, settings)
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


def _ending(store: Store, record: Record, phase: Phase) -> Ending:
    """What a final state means for whoever called."""
    code = verdict.exit_code(record, store.journal(record.id))
    return Ending(phase, code, record.snapshot(alive=False), verdict.closing(record))
