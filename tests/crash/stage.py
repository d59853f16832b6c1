"""A table under load, the command that migrates it, and what has to be true when it is over."""

from __future__ import annotations

import gc
import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from fsm_ghost.engine.store import Record, Store
from fsm_ghost.errors import StoreError
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql import privileges, sample
from fsm_ghost.mysql.private import PrivateServer
from fsm_ghost.mysql.quoting import table
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.settings import ServerSettings
from fsm_ghost.states.table import TABLE
from tests.servers import Database

ALTER = "ADD COLUMN note VARCHAR(32) NOT NULL DEFAULT '', ADD INDEX status_changed (status, changed_at)"
KILLED = -signal.SIGKILL
PATIENCE = 120.0  # seconds for anything that is waited for: a busy machine is no reason to fail
_CHECKOUT = Path(__file__).resolve().parents[2]
_numbers = itertools.count(1)
T = TypeVar("T")


class Chunk(NamedTuple):
    """A row of the state file: `rows` is None until the chunk is known to be committed."""

    number: int
    after: str | None
    upto: str
    rows: int | None
    seconds: float | None


def until(wanted: Callable[[], T], what: str, *, every: float = 0.005) -> T:
    """Ask again and again until the answer is true, and return it."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := wanted()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {PATIENCE:g} s")
        time.sleep(every)
    return answer


def is_stopped(process: int) -> bool:
    """Whether a process stands still, after SIGSTOP."""
    status = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    return status.rpartition(")")[2].split()[0] == "T"


class Command:
    """A running command; its output is kept for the message of a test that fails.

    `relieve` is called when it takes very long: on a starved machine it never catches up with an application that goes
    on at its own rate.
    """

    def __init__(
        self, arguments: list[str], environment: dict[str, str], output: Path, relieve: Callable[[], None]
    ) -> None:
        self._output = output
        self._relieve = relieve
        self._arguments = " ".join(arguments)
        self.verb = arguments[0]
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.command", *arguments],
                cwd=_CHECKOUT,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def wait(self) -> int:
        """The exit code; negative for the signal that ended it."""
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(PATIENCE / 2)
        self._relieve()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self} did not end within {PATIENCE:g} s\n{self.output}") from None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def freeze(self) -> None:
        """Stop the process where it is, and return when it stands still."""
        self.send(signal.SIGSTOP)
        self.await_frozen()

    def await_frozen(self) -> None:
        """Wait until the process stands still; it must not end before."""
        until(lambda: self.ended or is_stopped(self.process.pid), "the process to freeze")
        assert not self.ended, self.output

    def wake(self) -> None:
        """Let a frozen process go on."""
        self.send(signal.SIGCONT)

    def __str__(self) -> str:
        return f"`{self._arguments}` (exit code {self.process.poll()})"


class Stage:
    """One table on a server, its application, and one state file.

    The tool has a database user of its own with exactly the privileges that it asks for, so that its connections can
    be told from the application's.
    """

    def __init__(
        self,
        server: PrivateServer,
        folder: Path,
        *,
        rows: int = 1000,
        chunk_size: int = 100,
        rate: float | None = 200,
    ) -> None:
        number = next(_numbers)
        self.server = server
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.state_db = folder / "state.db"
        self.flag_file = folder / "postpone"
        self._hold_file = folder / "hold"
        self.table = TableName(f"crash_{number}", "orders")
        self.user = f"fsm_{number}"
        self._rows = rows
        self._chunk_size = chunk_size
        self._commands: list[Command] = []
        self.application = connect_arguments(ServerSettings(user=server.user, socket=server.socket))
        self.session = Session(self.application, "connecting as the test")
        sample.create(self.session, self.table, rows)
        self._make_user()
        self._binlog_begins = self._binlog_end()
        self.writers = sample.Writers(self.application, self.table, rows, rate=rate, seed=number)

    def __enter__(self) -> Self:
        self.writers.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for command in self._commands:
            if not command.ended:
                command.kill()
        if error is not None:
            sys.stdout.write("\n".join(f"--- {command}\n{command.output}" for command in self._commands))
        self.writers.stop()
        if self.server.running:
            self.reconnect()
            schema = Database(self.server, self.table.schema)
            schema.kill(self.connections())
            schema.drop()
            self.session.execute(f"DROP USER IF EXISTS {self.user}@'%'")
        self.session.close()
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            gc.collect()  # a driver that could not connect has left its socket behind

    # --- what people do -----------------------------------------------------------------------------------------------

    def start(self, *flags: str, **environment: str) -> Command:
        """`fsm-ghost start --execute`; environment variables by their names."""
        what = ["--database", self.table.schema, "--table", self.table.name, "--alter", ALTER, "--execute"]
        how = [
            "--chunk-size",
            str(self._chunk_size),
            "--index-build",
            "deferred",
            "--postpone-cut-over-flag-file",
            str(self.flag_file),
        ]
        # By default the machine's cores decide about the workers, and a test would not be the same everywhere.
        workers = [] if "--copy-workers" in flags else ["--copy-workers", "1"]
        return self._run(["start", *what, *how, *workers, *flags], environment)

    def resume(self, **environment: str) -> Command:
        """`fsm-ghost resume`, of the only migration there is."""
        return self._run(["resume", self.record.id], environment)

    def take_over(self, *flags: str, **environment: str) -> Command:
        """`fsm-ghost resume --from-server`, on another host: one that does not have the state file."""
        self.state_db = self.folder / "elsewhere.db"
        what = ["--from-server", "--database", self.table.schema, "--table", self.table.name]
        return self._run(["resume", *what, "--postpone-cut-over-flag-file", str(self.flag_file), *flags], environment)

    def abort(self, **environment: str) -> Command:
        """`fsm-ghost abort`."""
        return self._run(["abort", self.record.id], environment)

    def hold(self, phase: Phase, part: float) -> None:
        """Let row copy, or the comparison, stand still at this part of the rows (0..1) until `let_go`.

        For the runs that are started while this is so: they are alive in that state for as long as a test wants.
        """
        written = self._hold_file.with_suffix(".new")
        written.write_text(f"{phase} {int(part * self._rows)}", encoding="ascii")
        written.replace(self._hold_file)

    def let_go(self) -> None:
        """End what `hold` began."""
        self._hold_file.unlink()

    def go_on(self) -> Command | None:
        """What somebody does who finds his command killed: start when nothing was begun, nothing when all is done."""
        record = self.find()
        if record is None:
            return self.start()
        return None if record.is_finished else self.resume()

    def _run(self, arguments: list[str], environment: dict[str, str]) -> Command:
        output = self.folder / f"output-{len(self._commands)}"
        address = ["--host", self.server.host, "--port", str(self.server.port), "--user", self.user]
        common = ["--state-db", str(self.state_db), *address, "--verbose"]
        held = {"FSM_GHOST_TEST_HOLD": str(self._hold_file)} if self._hold_file.exists() else {}
        command = Command([*arguments, *common], environment | held, output, self.writers.stop)
        self._commands.append(command)
        return command

    # --- what can be seen ---------------------------------------------------------------------------------------------

    def find(self) -> Record | None:
        """The migration as the state file shows it; None before it was noted there."""
        try:
            with closing(Store.reading(self.state_db)) as store:
                return next(iter(store.migrations()), None)
        except (StoreError, sqlite3.OperationalError):  # it is just being made
            return None

    @property
    def record(self) -> Record:
        record = self.find()
        assert record is not None, "no migration was begun"
        return record

    def chunks(self) -> list[Chunk]:
        """The chunks that the state file knows."""
        if self.find() is None:
            return []
        with self._looking() as db:
            return [
                Chunk(*row) for row in db.execute("SELECT number, after, upto, rows, seconds FROM chunks ORDER BY 1")
            ]

    def purposes(self, epoch: int) -> list[str]:
        """What a run has opened connections for, as the state file knows it."""
        with self._looking() as db:
            return [str(row[0]) for row in db.execute("SELECT purpose FROM connections WHERE epoch = ?", (epoch,))]

    def connection(self, purpose: str, epoch: int) -> int | None:
        """A run's connection for a purpose, by id; None when it is not there on the server."""
        with self._looking() as db:
            known = "SELECT MAX(number) FROM connections WHERE purpose = ? AND epoch = ?"
            number = db.execute(known, (purpose, epoch)).fetchone()[0]
        found = self.session.value(f"SELECT IS_USED_LOCK('fsm-ghost:{self.record.id[:16]}:{number}')")
        return None if found is None else int(found)

    def streams(self) -> list[int]:
        """The tool's connections that read the binlog, by id."""
        rows = self.session.query(
            f"SELECT id FROM {self._schema}.processlist WHERE user = '{self.user}' AND command LIKE 'Binlog Dump%'"
        )
        return sorted(int(row[0]) for row in rows)

    def _looking(self) -> closing[sqlite3.Connection]:
        """The state file, read-only."""
        return closing(sqlite3.connect(f"{self.state_db.as_uri()}?mode=ro", uri=True))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Nobody else writes to the state file inside."""
        with closing(sqlite3.connect(self.state_db, isolation_level=None, timeout=PATIENCE)) as held:
            held.execute("BEGIN IMMEDIATE")
            yield
            held.execute("ROLLBACK")

    def await_phase(self, command: Command, phase: Phase) -> Record:
        """Wait until the migration is seen in a phase."""
        return self.await_record(command, lambda record: record.phase is phase, f"state {phase}")

    def await_record(self, command: Command, wanted: Callable[[Record], bool], what: str) -> Record:
        """Wait until the state file shows something; the command must not end before."""

        def look() -> Record | None:
            ended = command.ended
            record = self.find()
            if record is not None and wanted(record):
                return record
            assert not ended, f"{command} ended before {what}\n{command.output}"
            return None

        found = until(look, what)
        assert found is not None
        return found

    def await_copied(self, command: Command, part: float) -> Record:
        """Wait until this part of the rows is copied, 0..1; those that are gone by then count as copied."""
        return self.await_record(
            command, lambda record: copied_upto(record) >= part * self._rows, f"{part:.0%} of the rows copied"
        )

    @property
    def _schema(self) -> str:
        """Where processes are listed: MySQL's older view fails while a statement holds a character of four bytes."""
        return "information_schema" if self.server.flavour == "mariadb" else "performance_schema"

    def connections(self) -> list[int]:
        """The tool's connections on the server, by id."""
        return [number for number, _, _ in self.statements()]

    def statements(self) -> list[tuple[int, str, int]]:
        """The tool's connections: id, statement that is running or "", and for how many seconds."""
        rows = self.session.query(
            f"SELECT id, COALESCE(info, ''), time FROM {self._schema}.processlist"
            f" WHERE user = '{self.user}' ORDER BY id"
        )
        return [(int(number), str(statement), int(seconds)) for number, statement, seconds in rows]

    def tables(self) -> set[str]:
        """The tables of the schema."""
        return {str(row[0]) for row in self.session.query(f"SHOW TABLES FROM {self.table.schema}")}

    def count_of_the_first_rows(self) -> int:
        """How many of the rows that the table was made with are left; none comes back that was deleted."""
        return int(self.session.value(f"SELECT COUNT(*) FROM {table(self.table)} WHERE id <= {self._rows}"))

    def swaps(self) -> int:
        """How many statements have renamed the original, as the binlog has it."""
        file, position = self._binlog_begins
        files = [str(row[0]) for row in self.session.query("SHOW BINARY LOGS")]
        found = 0
        for log in files[files.index(file) :]:
            start = f" FROM {position}" if log == file else ""
            events = self.session.query(f"SHOW BINLOG EVENTS IN '{log}'{start}")
            found += sum(
                1
                for event in events
                if event[2] == "Query" and "RENAME" in event[5] and f"{table(self.table)} TO" in event[5]
            )
        return found

    def reconnect(self) -> None:
        """Get a new connection, after the server was restarted."""
        self.session.close()
        self.session = Session(self.application, "connecting as the test")

    # --- what must be true --------------------------------------------------------------------------------------------

    def assert_migrated(self, command: Command | None) -> None:
        """The command ended well; no write was lost; nothing is left but the old table; the journal has no gap."""
        assert command is None or command.wait() == 0, command.output
        record = self.record
        assert record.phase is Phase.DONE
        assert record.progress.swap is not None
        assert not record.progress.swap.escaped
        self._assert_left({self.table.name, record.progress.the_plan.names.old.name})
        self._assert_lossless(record.progress.the_plan.names.old)
        columns = {str(row[0]) for row in self.session.query(f"SHOW COLUMNS FROM {table(self.table)}")}
        assert "note" in columns
        assert self.swaps() == 1
        self._assert_journal()
        self._assert_chunks_committed()

    def assert_aborted(self, command: Command | None) -> None:
        """The command gave the migration up; nothing of it is left, and the original is what it was."""
        assert command is None or command.wait() == (0 if command.verb == "abort" else 6), command.output
        assert self.record.phase is Phase.ABORTED
        self._assert_left({self.table.name})
        self._assert_lossless(None)
        assert self.swaps() == 0
        self._assert_journal()

    def assert_nothing_copied_twice(self, before: list[Chunk], workers: int = 1) -> None:
        """What was recorded as copied was not copied again; what was open was: a chunk per worker, and one in hand."""
        after = {chunk.number: chunk for chunk in self.chunks()}
        for chunk in before:
            now = after[chunk.number]
            assert (now.after, now.upto) == (chunk.after, chunk.upto)
            assert chunk.rows is None or now == chunk, "a chunk that was recorded as copied was copied again"
        assert sum(chunk.rows is None for chunk in before) <= workers + 1

    def _assert_lossless(self, old: TableName | None) -> None:
        self.writers.stop()
        assert sample.losses(self.session, self.table, self.writers, old) == []
        assert self.writers.errors == []
        assert self.writers.commits > 0

    def _assert_left(self, tables: set[str]) -> None:
        assert self.tables() == tables
        until(lambda: not self.connections(), "the end of all our connections")

    def _assert_journal(self) -> None:
        with closing(Store.reading(self.state_db)) as store:
            journal = store.journal(self.record.id)
        assert [entry.seq for entry in journal] == list(range(1, len(journal) + 1))
        assert journal[0].source is Phase.VALIDATE
        assert all(earlier.dest is later.source for earlier, later in itertools.pairwise(journal))
        allowed = {(row.source, row.outcome, row.dest) for row in TABLE}
        assert {(entry.source, entry.outcome, entry.dest) for entry in journal} <= allowed
        assert journal[-1].dest is self.record.phase

    def _assert_chunks_committed(self) -> None:
        assert all(chunk.rows is not None for chunk in self.chunks())

    def _make_user(self) -> None:
        account = f"{self.user}@'%'"
        self.session.execute(f"CREATE USER {account}")
        on_mariadb = self.server.flavour == "mariadb"
        needed = privileges.GLOBAL_ON_MARIADB if on_mariadb else privileges.GLOBAL_ON_MYSQL
        for grant in privileges.missing_grants((), self.table.schema, account, needed):
            self.session.execute(grant)

    def _binlog_end(self) -> tuple[str, int]:
        status = "SHOW MASTER STATUS" if self.server.flavour == "mariadb" else "SHOW BINARY LOG STATUS"
        row = self.session.query(status)[0]
        return str(row[0]), int(row[1])


def copied_upto(record: Record) -> int:
    """The key up to which all rows are known to be copied."""
    progress = record.progress
    reached = progress.open_chunks[0].range.after if progress.open_chunks else progress.handed_out
    return 0 if reached is None else int(reached[0])


def moments(seed: int, count: int, least: float, most: float) -> list[float]:
    """`count` random numbers between two, in order; the same ones each time."""
    chance = random.Random(seed)
    return sorted(chance.uniform(least, most) for _ in range(count))
