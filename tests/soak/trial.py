"""One random migration, killed now and then, and compared with a native ALTER TABLE of what it has left."""

from __future__ import annotations

import random
from pathlib import Path
from subprocess import TimeoutExpired
from types import TracebackType
from typing import Self

import pymysql

from fsm_ghost.errors import StoreError
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.private import PrivateServer
from tests.crash.stage import Command
from tests.integration.driving import Driver, old_table
from tests.integration.native import alter_natively, carry_out, picture
from tests.servers import Database
from tests.soak.alterations import any_clauses
from tests.soak.application import Application
from tests.soak.seed import say
from tests.soak.tables import Table, any_table
from tests.soak.writes import rows, write

_ROWS = 200, 1000, 3000
_WRITES = 0, 150, 400
_ATTEMPTS = 30  # at a table, or at clauses, that the server takes
_LIFE = 0.5, 2.0  # seconds until a kill; the start of the process takes 0.4
_SHOWN = 10  # rows in a message
_MAY_END = {Phase.ABORTED, Phase.FAILED}  # for the table, or a row that came, does not fit


class Trial:
    """A table `t`, its application, and the ALTER that is tried on it."""

    def __init__(self, server: PrivateServer, folder: Path, chance: random.Random) -> None:
        folder.mkdir()
        self._folder = folder
        self._chance = chance
        self._database, self._twin = Database(server), Database(server)
        self._driver = Driver(self._database, folder)
        self._runs: list[Command] = []
        self._table = self._any_table()
        self._clauses = self._any_clauses()
        statements = [write(chance, self._table) for _ in range(chance.choice(_WRITES))]
        self._application = Application(self._database, statements, random.Random(chance.random()))
        say(f"{self._table.create}\n  ALTER TABLE t {self._clauses}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for run in self._runs:
            if not run.ended:
                run.kill()
        self._application.stop()
        if error is not None:
            say("\n".join(f"--- {run}\n{run.output}" for run in self._runs))
        self._database.drop()
        self._twin.drop()

    def run(self) -> str:
        """Migrate the table; "equal", "refused", or "refused by both". AssertionError for what must not be."""
        self._driver.flag_file.touch()
        self._application.start()
        self._migrate()
        assert not self._application.errors
        phase, last = self._driver.record().phase, self._runs[-1]
        if phase is Phase.DONE:
            assert last.wait() == 0, last.output
            self._assert_as_native()
            return "equal"
        assert phase in _MAY_END, f"{last}\n{last.output}"
        assert "differs from" not in last.output
        return "refused" if self._native_takes_it("t") else "refused by both"

    @property
    def told(self) -> str:
        """How often it was killed, and what the last run objected to, in words."""
        objections = (line for line in self._runs[-1].output.splitlines() if line.startswith("fsm-ghost: "))
        return f"killed {len(self._runs) - 1} times; {next(objections, 'no objections')}"

    def _migrate(self) -> None:
        """Run to the end; the runs before the last one are killed."""
        run: Command | None = self._start()
        for _ in range(self._chance.choice((0, 0, 1, 2, 3))):
            if run is not None and not _has_ended(run, self._chance.uniform(*_LIFE)):
                run.kill()
                run = self._go_on()
        if run is None or run.ended:  # it was refused: the swap has been waiting for the application
            self._application.stop()
        self._application.join()
        self._driver.flag_file.unlink()
        if run is not None:
            run.wait()

    def _start(self) -> Command:
        flags = ["--chunk-size", self._chance.choice(("0", "3", "20", "100"))]
        flags += ["--index-build", self._chance.choice(("auto", "inline", "deferred"))]
        flags += self._chance.choice(([], ["--copy-workers", "2"], ["--copy-workers", "3"]))
        what = ["--database", self._database.name, "--table", "t", "--alter", self._clauses, "--execute"]
        return self._run(["start", *what, "--postpone-cut-over-flag-file", str(self._driver.flag_file), *flags])

    def _go_on(self) -> Command | None:
        """Another run after one that was killed; None when there is nothing left to be done."""
        try:
            record = self._driver.record()
        except (StoreError, IndexError):  # it was killed before it had noted anything
            return self._start()
        return None if record.is_finished else self._run(["resume", record.id])

    def _run(self, arguments: list[str]) -> Command:
        server = self._database.server
        how = ["--state-db", str(self._driver.state_file), "--socket", server.socket, "--user", server.user]
        output = self._folder / f"output-{len(self._runs)}"
        run = Command([*arguments, *how, "--verbose"], {}, output, self._application.stop)
        self._runs.append(run)
        return run

    def _assert_as_native(self) -> None:
        """The old table holds every write: altered natively, it has to be what the application has now."""
        assert self._native_takes_it(old_table(self._database, "t")), "done, although no server would do it"
        ours, native = picture(self._database), picture(self._twin)
        assert ours.create == native.create, f"{ours.create}\n{native.create}"
        different = sorted(set(ours.rows) ^ set(native.rows), key=repr)
        assert ours == native, f"{ours.facts}\n{native.facts}\nrows of one only: {different[:_SHOWN]}"

    def _native_takes_it(self, name: str) -> bool:
        """Move a table into the other schema, and alter it there."""
        self._twin.execute("DROP TABLE IF EXISTS t")
        self._twin.execute(f"RENAME TABLE `{self._database.name}`.`{name}` TO t")
        return self._altered(self._clauses)

    def _altered(self, clauses: str) -> bool:
        """Whether the twin could be altered natively."""
        try:
            alter_natively(self._twin, clauses)
        except pymysql.MySQLError:
            return False
        return True

    # --- what is made before ------------------------------------------------------------------------------------------

    def _any_table(self) -> Table:
        """A table that the server takes, with rows."""
        tables = (any_table(self._chance) for _ in range(_ATTEMPTS))
        table = next(table for table in tables if _takes(self._database, table.create))
        for statement in rows(self._chance, table, self._chance.choice(_ROWS)):
            _takes(self._database, "SET sql_mode = ''", statement)
        return table

    def _any_clauses(self) -> str:
        """Clauses that the server takes for these rows, mostly: others may come, which do not fit."""
        clauses = [any_clauses(self._chance, self._table) for _ in range(_ATTEMPTS)]
        return next((some for some in clauses if self._fit_the_rows(some)), clauses[0])

    def _fit_the_rows(self, clauses: str) -> bool:
        columns = ", ".join(column.quoted for column in self._table.columns)
        fill = f"INSERT INTO t ({columns}) SELECT {columns} FROM `{self._database.name}`.t"
        carry_out(self._twin, ["DROP TABLE IF EXISTS t", self._table.create])
        return _takes(self._twin, "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'", fill) and self._altered(clauses)


def _has_ended(run: Command, within: float) -> bool:
    """Whether a command ends by itself within so many seconds."""
    try:
        run.process.wait(within)
    except TimeoutExpired:
        return False
    return True


def _takes(database: Database, *statements: str) -> bool:
    """Whether a server carries statements out."""
    try:
        carry_out(database, statements)
    except pymysql.MySQLError:
        return False
    return True
