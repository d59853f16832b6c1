"""Whole migrations, driven in this process: begun, watched, held at a state, and looked at afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql

from fsm_ghost import migration
from fsm_ghost.engine.store import Change, JournalEntry, Record, Store
from fsm_ghost.migration import Ending
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.mysql.faults import NO_SUCH_TABLE
from fsm_ghost.mysql.private import PrivateServer
from fsm_ghost.mysql.quoting import quote, table
from fsm_ghost.settings import CopySettings, CutOverSettings, ServerSettings, Settings, ThrottleSettings
from tests.servers import Database

PATIENCE = 120.0  # seconds for anything that is waited for: a busy machine is no reason to fail
ADD_COLUMN = "ADD COLUMN added INT NOT NULL DEFAULT 7, ADD INDEX added (added)"
IN_TURN = ThrottleSettings(nice_ratio=0.001)  # who is asked to be nice compares when all rows are copied
Condition = Callable[[Snapshot], bool]


def reached(server: PrivateServer) -> ServerSettings:
    """How a migration reaches a private server, as root."""
    return ServerSettings(host=server.host, port=server.port, user=server.user, socket=server.socket)


class Driver:
    """Drives migrations of one database's tables; the state file is `state_file`."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.state_file = folder / "state.db"
        self.flag_file = folder / "postpone"
        self.server = reached(database.server)
        self._running: list[Running] = []

    def settings(self, name: str = "t", alter: str = ADD_COLUMN, **options: Any) -> Settings:  # noqa: ANN401 - any field of the settings
        """Settings that execute; `options` go over them, `copy` and `cut_over` included."""
        return replace(Settings(self.server, self.database.name, name, alter, execute=True), **options)

    def postponed(self, name: str = "t", alter: str = ADD_COLUMN, **options: Any) -> Settings:  # noqa: ANN401
        """Settings whose cut-over waits until `flag_file` is removed; chunks of few rows."""
        self.flag_file.touch()
        cut_over = CutOverSettings(postpone_flag_file=str(self.flag_file))
        return self.settings(name, alter, **{"cut_over": cut_over, "copy": CopySettings(chunk_size=100), **options})

    def run(
        self, settings: Settings, order: str | None = None, publish: Callable[[Snapshot], None] | None = None
    ) -> Ending:
        """Begin a migration and drive it to its end, in this thread."""
        store = Store(self.state_file)
        try:
            number = migration.begin(settings, store)
            return self._drive(store, number, settings.server, order, publish)
        finally:
            store.close()

    def resume(
        self, number: str, order: str | None = None, publish: Callable[[Snapshot], None] | None = None
    ) -> Ending:
        """Go on with a migration."""
        store = Store(self.state_file)
        try:
            return self._drive(store, number, self.server, order, publish)
        finally:
            store.close()

    def start(
        self, settings: Settings, hold: Phase | Condition | None = None, state_file: Path | None = None
    ) -> Running:
        """Begin a migration and drive it in a thread of its own; its owner thread waits when it comes to `hold`."""
        store = Store(state_file or self.state_file)
        try:
            number = migration.begin(settings, store)
        finally:
            store.close()
        return self._started(Running(state_file or self.state_file, number, settings.server, hold))

    def restart(
        self,
        number: str,
        hold: Phase | Condition | None = None,
        order: str | None = None,
        change: Change | None = None,
    ) -> Running:
        """As `start`, for a migration that has been begun."""
        return self._started(Running(self.state_file, number, self.server, hold, order, change))

    def order(self, number: str, verb: str) -> None:
        """Leave a command in the state file, as another process would."""
        store = Store(self.state_file)
        try:
            store.order(number, verb)
        finally:
            store.close()

    def record(self, number: str | None = None) -> Record:
        """What the state file says; of the only migration in it when none is named."""
        store = Store.reading(self.state_file)
        try:
            return store.find(number) if number else store.migrations()[0]
        finally:
            store.close()

    def journal(self, number: str) -> list[tuple[Phase, str, Phase]]:
        """The transitions of a migration."""
        store = Store.reading(self.state_file)
        try:
            return [(entry.source, entry.outcome, entry.dest) for entry in store.journal(number)]
        finally:
            store.close()

    def entries(self, number: str) -> tuple[JournalEntry, ...]:
        """The journal of a migration."""
        store = Store.reading(self.state_file)
        try:
            return tuple(store.journal(number))
        finally:
            store.close()

    def close(self) -> None:
        """Stop what is still running."""
        for running in self._running:
            running.end()

    def _started(self, running: Running) -> Running:
        self._running.append(running)
        running.begin()
        return running

    @staticmethod
    def _drive(
        store: Store,
        number: str,
        server: ServerSettings,
        order: str | None,
        publish: Callable[[Snapshot], None] | None,
    ) -> Ending:
        return migration.drive(
            store, number, server, publish=publish or (lambda _: None), stop=threading.Event(), order=order
        )


class Running:
    """A migration that is being driven by a thread of its own."""

    def __init__(
        self,
        state_file: Path,
        number: str,
        server: ServerSettings,
        hold: Phase | Condition | None,
        order: str | None = None,
        change: Change | None = None,
    ) -> None:
        self.id = number
        self._state_file = state_file
        self._server = server
        self._hold = (lambda seen: seen.phase is hold) if isinstance(hold, Phase) else hold
        self._order = order
        self._change = change
        self._changed = threading.Condition()
        self._last: Snapshot | None = None
        self._held = False
        self._released = threading.Event()
        self._stop = threading.Event()
        self._ending: Ending | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="migration", daemon=True)

    def begin(self) -> None:
        """Start the thread."""
        self._thread.start()

    def until(self, condition: Condition, timeout: float = PATIENCE) -> Snapshot:
        """Wait until a picture of the migration fulfils a condition; it. What ended the run before that is raised."""
        deadline = time.monotonic() + timeout
        seen: Snapshot | None = None
        while True:
            seen = self._next(seen, deadline)
            if condition(seen):
                return seen
            assert time.monotonic() < deadline, f"it did not come; the last picture is {seen}"

    def _next(self, seen: Snapshot | None, deadline: float) -> Snapshot:
        """The last picture, as soon as it is another one than `seen`."""
        with self._changed:
            while self._last is None or self._last is seen:
                if self._error is not None:
                    raise self._error
                assert self._ending is None, f"it ended before, in {self._ending}"
                left = deadline - time.monotonic()
                assert left > 0, f"it did not come; the last picture is {self._last}"
                self._changed.wait(left)
            return self._last

    def until_held(self) -> Snapshot:
        """Wait until the owner thread waits in the state that it is to be held at."""
        return self.until(lambda _: self._held)

    def until_postponed(self) -> Snapshot:
        """Wait until everything is copied and compared, and only the cut-over is postponed."""
        return self.until(lambda seen: "postponed" in seen.readings.waiting_for)

    @property
    def last(self) -> Snapshot:
        """The last picture."""
        return self.until(lambda _: True)

    def go(self) -> None:
        """Let the owner thread go on from where it is held."""
        self._released.set()

    def stop(self) -> None:
        """Ask the run to stop, as a signal would."""
        self._stop.set()
        self.go()

    def ending(self, timeout: float = PATIENCE) -> Ending:
        """Wait for the end; what was raised is raised again."""
        self._thread.join(timeout)
        assert not self._thread.is_alive(), f"it has not ended; the last picture is {self._last}"
        if self._error is not None:
            raise self._error
        assert self._ending is not None
        return self._ending

    def end(self) -> None:
        """Stop it, whatever it does."""
        self.stop()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        try:
            store = Store(self._state_file)
            try:
                self._ending = migration.drive(
                    store,
                    self.id,
                    self._server,
                    publish=self._publish,
                    stop=self._stop,
                    order=self._order,
                    change=self._change,
                )
            finally:
                store.close()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._error = error
        with self._changed:
            self._changed.notify_all()

    def _publish(self, seen: Snapshot) -> None:
        hold = self._hold is not None and self._hold(seen) and not self._released.is_set()
        with self._changed:
            self._last = seen
            self._held = self._held or hold
            self._changed.notify_all()
        if hold:
            self._released.wait()


# --- Looking at the server --------------------------------------------------------------------------------------------


def tables(database: Database) -> dict[str, str]:
    """Every table and view of the database with its definition, the counter left out."""
    while True:
        names = [name for (name,) in database.query("SHOW TABLES")]
        try:
            shown = {name: str(database.query(f"SHOW CREATE TABLE {quote(name)}")[0][1]) for name in names}
        except pymysql.err.ProgrammingError as error:
            if error.args[0] != NO_SUCH_TABLE:
                raise
            continue  # a table of a migration that is under way was dropped in the meantime
        return {name: "\n".join(_without_counter(line) for line in text.split("\n")) for name, text in shown.items()}


def _without_counter(line: str) -> str:
    if not line.startswith(")"):
        return line
    return " ".join(word for word in line.split(" ") if not word.startswith("AUTO_INCREMENT="))


def columns(database: Database, name: str) -> list[str]:
    """The names of a table's columns, in order."""
    return [
        str(row[0])
        for row in database.query(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
            " ORDER BY ORDINAL_POSITION",
            (database.name, name),
        )
    ]


def contents(database: Database, name: str, wanted: list[str] | None = None) -> list[tuple[Any, ...]]:
    """All rows, sorted, every value as the hexadecimal digits of its bytes."""
    shown = ", ".join(f"HEX(CAST({quote(column)} AS BINARY))" for column in wanted or columns(database, name))
    rows = database.query(f"SELECT {shown} FROM {quote(name)}")
    return sorted(rows, key=lambda row: tuple((value is not None, value) for value in row))


def old_table(database: Database, name: str) -> str:
    """The name under which the original was kept."""
    found = [str(other) for (other,) in database.query("SHOW TABLES") if str(other).endswith("_del")]
    assert len(found) == 1, f"there should be one old table of {name}: {found}"
    return found[0]


def table_of(database: Database, name: str) -> TableName:
    return TableName(database.name, name)


def quoted(database: Database, name: str) -> str:
    return table(table_of(database, name))


@contextmanager
def unchanged(database: Database) -> Iterator[None]:
    """Nothing of the database may have been changed, added or removed afterwards."""
    before = tables(database)
    rows = {name: contents(database, name) for name in before}
    yield
    assert tables(database) == before
    assert {name: contents(database, name) for name in before} == rows
