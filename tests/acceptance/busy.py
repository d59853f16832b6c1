"""A table that writers are busy with, and a migration of it that waits for its swap."""

from __future__ import annotations

import gc
import threading
import warnings
from types import TracebackType
from typing import Self

from fsm_ghost.errors import ConnectionLostError
from fsm_ghost.migration import Ending
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.mysql import sample
from fsm_ghost.mysql.quoting import table
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.settings import CopySettings, CutOverSettings, ServerSettings
from tests.crash.stage import until
from tests.integration.driving import Driver, Running, columns, old_table, reached, table_of, tables
from tests.servers import Database
from tests.servers.proxy import Proxy

ROWS = 300
PATIENT = 30.0  # seconds that a swap may take: on a busy machine it must not be given up


def through(driver: Driver, network: Proxy) -> None:
    """Let migrations reach their server through a proxy."""
    driver.server = ServerSettings(host="127.0.0.1", port=network.port, user="root")


class Busy:
    """The table `orders` of a database, four writers, and what has to be true in the end."""

    def __init__(self, database: Database, driver: Driver) -> None:
        self.database = database
        self.driver = driver
        self.table = table_of(database, "orders")
        self._arguments = connect_arguments(reached(database.server))
        self.session = Session(self._arguments, "connecting as the test")
        sample.create(self.session, self.table, ROWS)
        self.writers = sample.Writers(self._arguments, self.table, ROWS, rate=200)

    def __enter__(self) -> Self:
        self.writers.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.driver.close()
        self.writers.stop()
        self.session.close()
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            gc.collect()  # a driver that could not connect has left its socket behind

    def waiting(self, *, budget: float = PATIENT, drop_old: bool = False) -> Running:
        """A migration that has come so far that only the flag file keeps it from its swap."""
        flag_file = self.driver.flag_file
        cut_over = CutOverSettings(budget, postpone_flag_file=str(flag_file), drop_old_table=drop_old)
        flag_file.touch()
        running = self.driver.start(
            self.driver.settings("orders", cut_over=cut_over, copy=CopySettings(chunk_size=100, workers=1))
        )
        running.until_postponed()
        return running

    def swap(self) -> None:
        """Nothing keeps the migration from its swap any more."""
        self.driver.flag_file.unlink()

    def goes_on(self) -> None:
        """Wait until the writers have got on."""
        wanted = self.writers.commits + 20
        until(lambda: self.writers.commits >= wanted, "the application to go on")

    def swapped(self, running: Running) -> list[str]:
        """What the journal says about swaps that happened: "found done", or nothing."""
        return [entry.reason for entry in self.driver.entries(running.id) if entry.outcome == Outcome.SWAPPED]

    def given_up(self, running: Running) -> list[str]:
        """Why attempts to swap were given up."""
        return [entry.reason for entry in self.driver.entries(running.id) if entry.outcome == Outcome.GIVEN_UP]

    def assert_migrated(self, running: Running) -> Ending:
        """It ends well; no write was lost, and nobody saw an error; nothing is left but the old table."""
        ending = running.ending()
        self.writers.stop()
        assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
        assert ending.snapshot.progress.swap is not None
        assert ending.snapshot.progress.swap.escaped == 0
        old = old_table(self.database, "orders")
        assert tables(self.database).keys() == {"orders", old}
        assert "added" in columns(self.database, "orders")
        assert "added" not in columns(self.database, old)
        assert sample.losses(self.session, self.table, self.writers, table_of(self.database, old)) == []
        assert self.writers.errors == []
        return ending

    def reader(self) -> Reader:
        """Somebody whose open transaction has read the table: it cannot be locked until he goes."""
        return Reader(self)


class Reader:
    """An open transaction that has read the table; begun by `begin`, in any thread."""

    def __init__(self, busy: Busy) -> None:
        self._session = Session(connect_arguments(reached(busy.database.server)), "connecting as a reader")
        self._question = f"SELECT COUNT(*) FROM {table(busy.table)}"
        self._reading = threading.Event()

    def begin(self) -> None:
        """Read the table, and keep the transaction open."""
        self._session.begin()
        self._session.query(self._question)
        self._reading.set()

    def end(self) -> None:
        """Go away."""
        try:
            self._session.rollback()
        except ConnectionLostError:
            return
        finally:
            self._session.close()
