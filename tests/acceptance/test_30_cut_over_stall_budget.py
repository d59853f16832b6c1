"""Scenario 30: long SELECTs and idle transactions are in the way of many attempts to swap, among many writers.

No writer is held up for much longer than the budget; who is in the way is named; the pauses between attempts grow; and
where it is wanted those in the way are killed, but never one of ours. With 50 attempts and 200 writers it is
`python benchmarks/cutover.py --server … --disturbed --swaps 50 --writers 200`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pymysql
import pytest

from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.mysql import blockers, sample
from fsm_ghost.mysql.blockers import Blocker
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services.bouncer import Bouncer
from fsm_ghost.services.dataplane import DataPlane
from fsm_ghost.settings import CutOverSettings, Kill
from tests.conftest import ServerFactory
from tests.crash.stage import until
from tests.integration.driving import Driver, Running, old_table, reached, table_of, tables
from tests.servers import Database

ROWS = 500
BUDGET = 1.0
ATTEMPTS = 5
LONGEST = 5 * BUDGET  # for a writer: what the budget does not end goes on for as long as the others stay
PATIENT = 30.0  # seconds that a swap may take where it must not be given up
LONG_SELECT = "SELECT SLEEP(600) FROM orders LIMIT 1"
READ, LOCK_ROW = "SELECT id FROM orders LIMIT 1", "SELECT id FROM orders WHERE id = 1 FOR UPDATE"
LISTS_LOCKS = {"performance-schema": "ON", "performance-schema-instrument": "wait/lock/metadata/sql/mdl=ON"}


class Crowd:
    """The table `orders`, sixteen writers, and others, of an account of their own, who get in the way."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.driver = Driver(database, folder)
        self.table = table_of(database, "orders")
        arguments = connect_arguments(reached(database.server))
        self.session = Session(arguments)
        sample.create(self.session, self.table, ROWS)
        self.writers = sample.Writers(arguments, self.table, ROWS, count=16, rate=300)
        self.session.execute("CREATE USER reports@localhost")
        self.session.execute(f"GRANT SELECT, UPDATE ON `{database.name}`.* TO reports@localhost")

    def close(self) -> None:
        """Everybody stops."""
        self.driver.close()
        if self.writers.commits:
            self.writers.stop()
        self.session.execute("DROP USER reports@localhost")
        self.session.close()

    def waiting(self, cut_over: CutOverSettings) -> Running:
        """A migration that only the flag file keeps from its swap."""
        running = self.driver.start(self.driver.postponed("orders", cut_over=cut_over))
        running.until_postponed()
        return running

    def policy(self, budget: float, **options: Kill | int | tuple[str, ...]) -> CutOverSettings:
        """Settings of a cut-over that waits for the flag file."""
        return CutOverSettings(budget, postpone_flag_file=str(self.driver.flag_file), **options)  # type: ignore[arg-type]

    def reasons(self, running: Running, outcome: Outcome) -> list[str]:
        """What the journal says about each attempt that ended so."""
        return [entry.reason for entry in self.driver.entries(running.id) if entry.outcome == outcome]

    @contextmanager
    def in_the_way(self, statement: str) -> Iterator[int]:
        """Somebody whose transaction runs a statement and then idles; his connection."""
        connection = pymysql.connect(
            unix_socket=self.database.server.socket, user="reports", database=self.database.name, autocommit=False
        )
        number = int(connection.thread_id())  # type: ignore[no-untyped-call]

        def use() -> None:
            with suppress(pymysql.MySQLError, OSError):
                connection.cursor().execute(statement)

        thread = threading.Thread(target=use, daemon=True)
        thread.start()
        if statement == READ:
            thread.join()
        elif statement == LONG_SELECT:
            until(lambda: self._sleeps(number), "the table to be in use")
        try:
            yield number
        finally:
            self.database.kill([number])  # unless he has been
            thread.join()
            with suppress(pymysql.MySQLError):
                connection.close()

    def _sleeps(self, connection: int) -> bool:
        """Whether a connection's statement has opened its tables, and sleeps."""
        return any(row[0] == connection and row[6] == "User sleep" for row in self.database.query("SHOW PROCESSLIST"))

    def assert_migrated(self, running: Running) -> None:
        """It ends well, nothing was lost, and no writer saw an error."""
        ending = running.ending()
        self.writers.stop()
        assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
        old = table_of(self.database, old_table(self.database, "orders"))
        assert sample.losses(self.session, self.table, self.writers, old) == []
        assert self.writers.errors == []
        assert tables(self.database).keys() == {"orders", old.name}


@pytest.fixture
def crowd(database: Database, tmp_path: Path) -> Iterator[Crowd]:
    with closing(Crowd(database, tmp_path)) as own:
        yield own


@pytest.fixture
def known_crowd(database: Database, fresh_server: ServerFactory, tmp_path: Path) -> Iterator[Crowd]:
    """On a server that keeps a list of who uses which table: MariaDB has to be told to."""
    if database.server.flavour == "mariadb":
        database = Database(fresh_server(LISTS_LOCKS))
    with closing(Crowd(database, tmp_path)) as own:
        yield own


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Between which bounds each pause after an attempt that failed lies: they differ by how long it took to look.

    The pauses are left out; nor is it waited for long transactions to end.
    """
    noted: list[tuple[float, float]] = []
    back_off = DataPlane.back_off

    def hurried(plane: DataPlane, *, refused: bool) -> None:
        before = time.monotonic()
        back_off(plane, refused=refused)
        noted.append((plane._not_before - time.monotonic(), plane._not_before - before))
        plane._not_before = 0.0

    monkeypatch.setattr(DataPlane, "back_off", hurried)
    monkeypatch.setattr("fsm_ghost.services.dataplane._LONG", 10**9)
    return noted


def test_no_writer_is_held_up_for_much_longer_than_the_budget_and_those_in_the_way_are_named(
    crowd: Crowd, pauses: list[tuple[float, float]]
) -> None:
    crowd.writers.start()
    running = crowd.waiting(crowd.policy(BUDGET))
    with crowd.in_the_way(READ) as idle, crowd.in_the_way(LONG_SELECT) as busy:
        crowd.writers.forget_longest()
        crowd.driver.flag_file.unlink()
        running.until(lambda seen: seen.progress.attempts > ATTEMPTS)
        longest = crowd.writers.longest
    crowd.assert_migrated(running)
    reasons = crowd.reasons(running, Outcome.GIVEN_UP)[:ATTEMPTS]
    assert all(f"the lock was not granted within {BUDGET:g} s: held up by " in reason for reason in reasons)
    assert BUDGET / 2 < longest < LONGEST
    for reason in reasons[2:]:  # they are among the oldest by then
        assert f"connection {idle} (reports@localhost, idle in a transaction" in reason
        assert f"connection {busy} (reports@localhost, running {LONG_SELECT!r}" in reason
    for number, (least, most) in enumerate(pauses[:ATTEMPTS], start=1):
        base = 0.5 * 2**number
        assert 0.7 * base <= most
        assert least <= 1.3 * base


def test_those_in_the_way_are_killed_where_that_is_wanted_and_no_writer_is(
    known_crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fsm_ghost.services.swapper._PATIENCE", 0.01)
    crowd = known_crowd
    crowd.writers.start()
    policy = crowd.policy(PATIENT, kill=Kill.YES, kill_age=0, kill_users=("reports",))
    running = crowd.waiting(policy)
    with crowd.in_the_way(READ) as idle, crowd.in_the_way(LONG_SELECT) as busy:
        crowd.driver.flag_file.unlink()
        crowd.assert_migrated(running)
        (reason,) = crowd.reasons(running, Outcome.SWAPPED)
    assert reason.startswith("killed ")
    for number in (idle, busy):
        assert f"connection {number} (reports@localhost" in reason
    assert reason.count("connection ") == 2
    assert [journal.unknown for journal in crowd.writers.journals] == [set()] * 16  # every COMMIT got its answer


def test_our_own_connections_are_not_killed_although_they_are_in_the_way(
    known_crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh of ours waits for a row that somebody has locked, and uses the table meanwhile."""
    monkeypatch.setattr("fsm_ghost.services.swapper._PATIENCE", 0.01)
    monkeypatch.setattr("fsm_ghost.services.refresher.LOCK_WAIT", 3600)
    ours_in_the_way: set[int] = set()
    killed: list[int] = []
    look, kill = Bouncer.look, Session.kill

    def looked(bouncer: Bouncer, session: Session) -> tuple[Blocker, ...]:
        everybody = {blocker.connection for blocker in blockers.of_table(session, bouncer._table, ())}
        ours_in_the_way.update(everybody & set(bouncer._ours()))
        return look(bouncer, session)

    def killing(session: Session, connection: int) -> None:
        killed.append(connection)
        kill(session, connection)

    monkeypatch.setattr(Bouncer, "look", looked)
    crowd = known_crowd
    running = crowd.waiting(crowd.policy(PATIENT, kill=Kill.YES, kill_age=0))
    monkeypatch.setattr(Session, "kill", killing)
    crowd.session.begin()
    crowd.session.execute(f"UPDATE `{crowd.database.name}`.orders SET hits = 1 WHERE id = 1")
    with crowd.in_the_way(LOCK_ROW) as blocker:
        running.until(lambda _: one_waits(crowd.session))
        crowd.session.commit()  # the row is his now, before our refresh can have it
        running.until(lambda seen: seen.readings.backlog == 1 and one_waits(crowd.session))
        crowd.driver.flag_file.unlink()
        assert running.ending().exit_code == 0
    assert killed == [blocker]
    assert ours_in_the_way


def one_waits(session: Session) -> bool:
    """Whether a transaction waits for a row; the server renews that only when nobody has asked for 0.1 s."""
    time.sleep(0.25)
    return bool(session.value("SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"))
