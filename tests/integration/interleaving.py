"""Interleavings made on purpose: a migration whose threads, and whose server, wait where a test wants them to."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from fsm_ghost.errors import StoppedError
from fsm_ghost.migration import Ending
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql import session
from fsm_ghost.mysql.binlog import tap
from fsm_ghost.mysql.connections import Ownership
from fsm_ghost.mysql.private import PrivateServer
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services import applier, streamer
from fsm_ghost.services.applier import Applier
from fsm_ghost.services.copier import Copier
from fsm_ghost.settings import CopySettings, DefinitionSettings
from tests.integration.driving import ADD_COLUMN, PATIENCE, Driver, Running
from tests.servers import Database

IDS = range(2, 201, 2)
CHUNK = 50  # rows
EVERY_CHUNK = 1_000_000


class Gate:
    """A place in the tool where the first thread that comes there waits until the test opens it."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._open = threading.Event()
        self.reached = False

    def enter(self) -> None:
        """Wait, if nobody has come here before."""
        with self._mutex:
            is_first, self.reached = not self.reached, True
        if is_first:
            self._open.wait()

    def open(self) -> None:
        self._open.set()


class Scene:
    """A table `t` of `IDS`, and one migration of it.

    Chunk 1 has the first half of the rows, chunk 2 the rest. Only chunks up to number `handed_out` are handed out, and
    up to number `sent` are sent: so that the migration stays in row copy, with changes being followed, for as long as
    a script wants.
    """

    def __init__(self, database: Database, driver: Driver, patch: pytest.MonkeyPatch) -> None:
        self.database = database
        self.patch = patch
        self.handed_out = EVERY_CHUNK
        self.sent = 1
        self.verify = True
        self._driver = driver
        self._running: Running | None = None
        self._busy = 0  # refreshes handed out whose end the owner thread has not seen
        self._looks = 0  # of the owner thread, at the changes
        self._pumping = threading.Lock()
        self._committers: list[threading.Thread] = []
        self._gates: list[Gate] = []
        self._uncommitted = database.connect()
        database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)")
        database.execute(f"INSERT INTO t VALUES {', '.join(f'({number}, {number})' for number in IDS)}")
        with self._uncommitted.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
        # A statement that a script parks has to stay parked, however slow the machine is.
        patch.setattr(session, "_SETTINGS", (*session._SETTINGS, "SET SESSION innodb_lock_wait_timeout = 600"))
        # What gathers before it is read or refreshed would be at hand later than the scripts say.
        patch.setattr(tap, "_GATHER", 0.0)
        patch.setattr(streamer, "_MUCH", 0)
        patch.setattr(applier, "_GATHER", 0.0)
        self._hold_chunks()
        self._watch_refreshes()

    def close(self) -> None:
        """Let go of everything that a thread may be waiting for."""
        self.handed_out = self.sent = EVERY_CHUNK
        for gate in self._gates:
            gate.open()

    # --- The migration ------------------------------------------------------------------------------------------------

    @property
    def running(self) -> Running:
        assert self._running is not None, "no migration was begun"
        return self._running

    def begin(self, hold: Phase | None = None, alter: str = ADD_COLUMN, *, quarantine: bool = False) -> None:
        """Begin the migration, and wait until it enters the state that it is to be held at."""
        copy, definition = CopySettings(chunk_size=CHUNK, workers=1), DefinitionSettings(quarantine=quarantine)
        settings = self._driver.settings(alter=alter, copy=copy, definition=definition, verify=self.verify)
        self._running = self._driver.start(settings, hold)
        if hold is not None:
            self.running.until_held()

    def begin_and_copy(self, alter: str = ADD_COLUMN) -> None:
        """Begin the migration, and wait until the first half of the rows is copied."""
        self.begin(alter=alter)
        self.running.until(lambda seen: seen.progress.rows == CHUNK)

    def stop(self) -> None:
        """End the run. What the server is doing for it goes on there."""
        self.running.stop()
        with pytest.raises(StoppedError):
            self.running.ending()

    def resume(self) -> None:
        """Go on in a new run, as soon as the server has noticed that the one before has left the table."""
        with closing(Session(connect_arguments(self._driver.server))) as waiting:
            Ownership(waiting, TableName(self.database.name, "t")).acquire(wait=int(PATIENCE))
            waiting.value("SELECT RELEASE_ALL_LOCKS()")
        self._running = self._driver.restart(self.running.id)

    def ending(self) -> Ending:
        """How the migration ends when nothing holds it up any more."""
        self.handed_out = self.sent = EVERY_CHUNK
        self.running.go()
        return self.running.ending()

    def retry(self) -> Ending:
        """Go on with a migration that has failed, to its end."""
        self._running = self._driver.restart(self.running.id, order="retry")
        return self.ending()

    def until_followed(self, changes: int, *, parked: int = 0) -> None:
        """Wait until so many changes were read and all has been done about them that the tool means to do by now.

        `parked` is the number of refreshes that stand at a gate.
        """
        self.running.until(lambda seen: seen.progress.changes >= changes and self._busy == parked)

    def until_proved_visible(self, changes: int, *, parked: int = 0) -> None:
        """As `until_followed`; and a marker, written when they had been read, has proved that they are visible."""
        self.until_followed(changes, parked=parked)
        self.until_looked_around()

    def until_looked_around(self) -> None:
        """Wait until the owner thread has taken in all that it can know by now."""
        wanted = self._looks + 2
        self.running.until(lambda _: self._looks >= wanted)

    # --- Its threads --------------------------------------------------------------------------------------------------

    def gate(self, owner: object, name: str) -> Gate:
        """A gate before a function of the tool."""
        made, real = Gate(), getattr(owner, name)
        self._gates.append(made)

        def gated(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever that function takes and gives
            made.enter()
            return real(*arguments, **options)

        self.patch.setattr(owner, name, gated)
        return made

    def bar(self, owner: object, name: str) -> threading.Event:
        """A question of the tool has no for an answer until this is set."""
        opened, real = threading.Event(), getattr(owner, name)
        self.patch.setattr(owner, name, lambda *arguments: real(*arguments) and opened.is_set())
        return opened

    def beat(self, every: float) -> None:
        """Prove so often (seconds), by a marker, how much of the binlog is visible; 0: with every look."""
        self.patch.setattr(applier, "HEARTBEAT_EVERY", every)

    def ends_of(self, owner: object, name: str) -> threading.Event:
        """Set as soon as a function of the tool has returned."""
        ended, real = threading.Event(), getattr(owner, name)

        def noted(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever that function takes and gives
            result = real(*arguments, **options)
            ended.set()
            return result

        self.patch.setattr(owner, name, noted)
        return ended

    def _hold_chunks(self) -> None:
        wants_more, send = Copier.wants_more, Copier.send

        def wants(copier: Copier, progress: Progress) -> bool:
            return progress.chunks < self.handed_out and wants_more(copier, progress)

        def held(copier: Copier, progress: Progress) -> None:
            sent = tuple(chunk for chunk in progress.open_chunks if chunk.number <= self.sent)
            send(copier, replace(progress, open_chunks=sent))

        self.patch.setattr(Copier, "wants_more", wants)
        self.patch.setattr(Copier, "send", held)

    def _watch_refreshes(self) -> None:
        pump = Applier.pump

        def watched(service: Applier, progress: Progress) -> Progress:
            with self._pumping:
                progress = pump(service, progress)
            self._busy = service._crew.busy
            self._looks += 1
            return progress

        self.patch.setattr(Applier, "pump", watched)

    # --- The server ---------------------------------------------------------------------------------------------------

    @staticmethod
    def until(wanted: Callable[[], Any], what: str, every: float = 0.002) -> Any:  # noqa: ANN401 - whatever is wanted
        """Ask until the answer is true; it."""
        deadline = time.monotonic() + PATIENCE
        while not (answer := wanted()):
            assert time.monotonic() < deadline, f"{what}: not within {PATIENCE:g} s"
            time.sleep(every)
        return answer

    @contextmanager
    def transaction(self, *statements: str) -> Iterator[None]:
        """A transaction of the application stays open after these statements; in the end it is rolled back."""
        connection = self.database.connect(autocommit=False)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            yield
        finally:
            connection.rollback()

    def parked(self, number: int) -> AbstractContextManager[None]:
        """A chunk that comes to this row waits there, with the picture of the table that it began with."""
        return self.transaction(f"INSERT INTO t_gho (id, n) VALUES ({number}, -1)")

    def parked_chunk(self) -> int:
        """Wait until a chunk is parked; its connection."""
        waiting = (
            "SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX"
            # Of this test: the list may still be that of the test before, for it is renewed ten times a second at most.
            f" WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE 'INSERT%`{self.database.name}`.%'"
        )
        # What the server shows there is renewed only when nobody has asked for a tenth of a second.
        return int(self.until(lambda: self.database.query(waiting), "a chunk that waits", every=0.12)[0][0])

    def is_running(self, connection: int) -> bool:
        """Whether the server is carrying out a statement for a connection."""
        return any(row[0] == connection and row[7] for row in self.database.query("SHOW PROCESSLIST"))

    @contextmanager
    def stalled(self, *statements: str) -> Iterator[None]:
        """A transaction is in the binlog, and nobody can see it: its COMMIT waits for a semi-synchronous replica.

        So does every later COMMIT; the owner thread writes no signs of life meanwhile, for which it would wait, too.
        In the end all of them become visible.
        """
        with pytest.MonkeyPatch.context() as patch:
            with self._pumping:
                patch.setattr(applier, "HEARTBEAT_EVERY", math.inf)
                patch.setattr(Session, "execute", _but_for_checkpoints(Session.execute))
            with waiting_for_replicas(self.database.server):
                connection = self.commit_behind(*statements)
                self.until(lambda: self._waits_for_replica(connection), "a COMMIT that stalls")
                yield
            for committer in self._committers:
                committer.join()

    def commit_behind(self, *statements: str) -> int:
        """Carry out a transaction whose COMMIT waits behind one that is stalled; its connection."""
        connection = self.database.connect(autocommit=False)
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        self._committers.append(threading.Thread(target=connection.commit, daemon=True))
        self._committers[-1].start()
        return int(connection.thread_id())  # type: ignore[no-untyped-call]

    @contextmanager
    def prepared(self, *statements: str) -> Iterator[None]:
        """An XA transaction is in the binlog, and holds its rows; in the end it is committed, without another event."""
        use = f"USE `{self.database.name}`"
        self.database.server.execute(use, "XA START 'x'", *statements, "XA END 'x'", "XA PREPARE 'x'")
        try:
            yield
        finally:
            self.database.server.execute("XA COMMIT 'x'")

    def _waits_for_replica(self, connection: int) -> bool:
        rows = self.database.query("SHOW PROCESSLIST")
        return any(row[0] == connection and "semi-sync ACK" in str(row[6]) for row in rows)

    def written(self, statement: str) -> Any:  # noqa: ANN401 - any value of a row
        """What a statement finds, one value, when it may look at what is not committed."""
        with self._uncommitted.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone()
        return row[0] if row else None

    def definition(self) -> str:
        """How `t` is defined."""
        return str(self.database.query("SHOW CREATE TABLE t")[0][1])

    def differing(self, other: str) -> set[int]:
        """The ids of the rows in which `t` and another table differ, or that only one of them has."""
        rows, others = (set(self.database.query(f"SELECT id, n FROM `{name}`")) for name in ("t", other))
        return {number for number, _ in rows ^ others}


@contextmanager
def waiting_for_replicas(server: PrivateServer) -> Iterator[None]:
    """Every COMMIT waits, once it is in the binlog, for a replica that does not exist."""
    name = "rpl_semi_sync_master"
    if server.flavour == "mysql":
        name = "rpl_semi_sync_source"
        _install_semi_sync(server)
    server.execute(
        f"SET GLOBAL {name}_wait_point = 'AFTER_SYNC'",
        f"SET GLOBAL {name}_timeout = 600000",
        f"SET GLOBAL {name}_enabled = ON",
    )
    try:
        yield
    finally:
        server.execute(f"SET GLOBAL {name}_enabled = OFF")


def _but_for_checkpoints(execute: Callable[[Session, str], int]) -> Callable[[Session, str], int]:
    """Carries out a statement, unless it keeps in the changelog what the state file has as well."""

    def filtered(to: Session, statement: str) -> int:
        is_checkpoint = statement.startswith("UPDATE") and "_ghc`" in statement and "'marker'" not in statement
        return 1 if is_checkpoint else execute(to, statement)

    return filtered


def _install_semi_sync(server: PrivateServer) -> None:
    """It stays, switched off: the server cannot remove a plugin that a binlog reader has met."""
    if not server.execute("SELECT 1 FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'rpl_semi_sync_source'"):
        server.execute("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'")
