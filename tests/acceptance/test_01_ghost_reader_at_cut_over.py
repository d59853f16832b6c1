"""Scenario 1: somebody's open transaction has read the ghost table when the tables are to be swapped.

No acknowledged write is lost; the attempt is given up within its budget, or succeeds. MySQL swaps by one session,
MariaDB by two and a sentry table; MySQL is made to do it this second way too, as its older versions do.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from fsm_ghost.errors import ServerError
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.plan import SwapMethod
from fsm_ghost.mysql import sample, sessions
from fsm_ghost.mysql.quoting import table
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services.builder import Builder
from fsm_ghost.settings import CutOverSettings
from tests.crash.stage import until
from tests.integration.driving import PATIENCE, Driver, old_table, reached, table_of, tables
from tests.servers import Database

ROWS = 300
BUDGET = 0.7
FOREVER = 60.0  # seconds: a stall that no budget ended
NAMES = pytest.mark.parametrize("name", ["orders", "ORDERS"])
TWO_SESSIONS_CANNOT = "the RENAME waited too long for somebody who uses one of our tables"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts are made although somebody is in the way, one soon after the other."""
    monkeypatch.setattr("fsm_ghost.services.dataplane._LONG", 10**9)
    monkeypatch.setattr("fsm_ghost.services.dataplane._LONGEST_BACK_OFF", 0.2)


@pytest.fixture
def two_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables are swapped by two sessions, also where one could do it."""
    monkeypatch.setattr(Builder, "swap_method", lambda _: SwapMethod.SENTRY)


class Application:
    """Writers of a table, a migration that waits for its swap, and somebody who reads its ghost table."""

    def __init__(self, database: Database, driver: Driver, name: str) -> None:
        self.database = database
        self.driver = driver
        self.table = table_of(database, name)
        arguments = connect_arguments(reached(database.server))
        self.session = Session(arguments)
        sample.create(self.session, self.table, ROWS)
        self.writers = sample.Writers(arguments, self.table, ROWS, rate=200).start()
        cut_over = CutOverSettings(BUDGET, postpone_flag_file=str(driver.flag_file))
        self.running = driver.start(driver.postponed(name, cut_over=cut_over))
        self.running.until_postponed()
        self.reader = GhostReader(Session(arguments), self.table.sibling(f"{name}_gho"))

    def close(self) -> None:
        """Everybody stops."""
        self.driver.close()
        self.reader.close()
        self.writers.stop()
        self.session.close()

    def swap(self) -> None:
        """Nothing keeps the migration from its swap any more, but for who is in the way."""
        self.driver.flag_file.unlink()

    def given_up(self) -> list[str]:
        """Why attempts were given up so far."""
        return [entry.reason for entry in self.driver.entries(self.running.id) if entry.outcome == Outcome.GIVEN_UP]

    def goes_on(self) -> None:
        """Wait until the writers have got on."""
        wanted = self.writers.commits + 20
        until(lambda: self.writers.commits >= wanted, "the application to go on")

    def assert_migrated(self) -> None:
        """The migration ends well, no write was lost or has escaped, nobody saw an error or had to wait for ever."""
        ending = self.running.ending()
        self.writers.stop()
        assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
        assert ending.snapshot.progress.swap is not None
        assert ending.snapshot.progress.swap.escaped == 0
        old = table_of(self.database, old_table(self.database, self.table.name))
        assert sample.losses(self.session, self.table, self.writers, old) == []
        assert self.writers.errors == []
        assert self.writers.longest < FOREVER
        assert tables(self.database).keys() == {self.table.name, old.name}


class GhostReader:
    """Somebody who reads the ghost table in a transaction, and keeps it open."""

    def __init__(self, session: Session, ghost: TableName) -> None:
        self._session = session
        self._question = f"SELECT COUNT(*) FROM {table(ghost)}"
        self._thread: threading.Thread | None = None

    def read(self) -> None:
        """Read it now."""
        self._session.begin()
        with suppress(ServerError):  # the table is gone: it was swapped
            self._session.query(self._question)

    def queue(self, watcher: Session) -> None:
        """Read it as soon as its lock is gone; returns when he is seen waiting for that."""
        self._thread = threading.Thread(target=self.read, daemon=True)
        self._thread.start()
        while self._thread.is_alive() and not self._waits(watcher):
            self._thread.join(0.005)

    def _waits(self, watcher: Session) -> bool:
        listed = sessions.listed(watcher)
        return any(each.connection == self._session.id and each.waits_for_table for each in listed)

    def end(self) -> None:
        """End the transaction."""
        if self._thread is not None:
            self._thread.join(PATIENCE)
            assert not self._thread.is_alive()
        self._thread = None
        self._session.rollback()

    def close(self) -> None:
        """Go away."""
        self._session.close()


@pytest.fixture
def application(database: Database, driver: Driver, name: str) -> Iterator[Application]:
    with closing(Application(database, driver, name)) as own:
        yield own


@NAMES
def test_who_has_read_the_ghost_table_before_the_lock_makes_attempts_be_given_up(application: Application) -> None:
    before = tables(application.database)
    application.reader.read()
    application.swap()
    application.running.until(lambda seen: seen.progress.attempts >= 3)
    reasons = application.given_up()
    assert len(reasons) >= 2
    assert all(f"the lock was not granted within {BUDGET:g} s" in reason for reason in reasons[:2])
    application.goes_on()
    application.running.until(lambda _: tables(application.database) == before)
    application.reader.end()
    application.assert_migrated()


@NAMES
@pytest.mark.usefixtures("two_sessions")
def test_who_reads_the_ghost_table_between_lock_and_rename_holds_the_rename_up_until_it_is_given_up(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He waits behind the lock and gets the ghost table when it is gone; the RENAME, which holds the original by then,
    waits for him, and the writers for the RENAME."""
    queued: list[bool] = []

    def at(point: str) -> None:
        if point == "swap.before-lock" and queued:
            application.goes_on()  # although he still reads
            application.reader.end()
        elif point == "swap.after-lock" and not any(TWO_SESSIONS_CANNOT in why for why in application.given_up()):
            queued.append(True)
            application.reader.queue(application.session)

    monkeypatch.setattr("fsm_ghost.services.swapper.fault_point", at)
    application.swap()
    application.running.until(lambda _: any(TWO_SESSIONS_CANNOT in why for why in application.given_up()))
    application.assert_migrated()


@NAMES
@pytest.mark.usefixtures("two_sessions")
def test_a_rename_goes_through_when_who_reads_the_ghost_table_ends_in_time(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending: list[threading.Thread] = []

    def at(point: str) -> None:
        if point == "swap.before-lock":
            for thread in ending:
                thread.join()
            application.reader.end()
        elif point == "swap.after-lock":
            application.reader.queue(application.session)
        elif point == "swap.before-unlock":
            ending.append(threading.Thread(target=application.reader.end, daemon=True))
            ending[-1].start()

    monkeypatch.setattr("fsm_ghost.services.swapper.fault_point", at)
    application.swap()
    application.assert_migrated()
    assert ending


@NAMES
@pytest.mark.mysql_only  # where one session can do it
def test_one_session_swaps_before_whoever_waits_to_read_the_ghost_table(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at(point: str) -> None:
        if point == "swap.before-lock":
            application.reader.end()
        elif point == "swap.after-lock":
            application.reader.queue(application.session)

    monkeypatch.setattr("fsm_ghost.services.swapper.fault_point", at)
    application.swap()
    application.assert_migrated()
    application.reader.end()
