"""What an application notices of a migration: no deadlock, and no lock that it waits for in vain."""

from __future__ import annotations

import random
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import pymysql
import pytest
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql import privileges
from fsm_ghost.mysql.private import PrivateServer
from fsm_ghost.services.copier import Copier
from fsm_ghost.services.verifier import Verifier
from fsm_ghost.settings import CopySettings
from tests.integration.driving import PATIENCE, Driver
from tests.servers import Database

TOOL = "fsm_undisturbed"
ROWS = 200
CHUNK = 10  # rows
PACE = 5  # transactions of the application for each chunk that is copied, and for each range that is compared
LOCK_WAIT, DEADLOCK, NOWAIT_REFUSED = 1205, 1213, 3572  # MariaDB refuses with 1205
Rows = list[int]
Transaction = Callable[[Cursor, Rows], None]


def change_in_order(cursor: Cursor, rows: Rows) -> None:
    cursor.execute("CALL change4(%s, %s, %s, %s)", sorted(rows))


def change_in_any_order(cursor: Cursor, rows: Rows) -> None:
    cursor.execute("CALL change4(%s, %s, %s, %s)", rows)


def change_if_free(cursor: Cursor, rows: Rows) -> None:
    cursor.execute("BEGIN")
    cursor.execute("SELECT n FROM t WHERE id IN (%s, %s, %s, %s) FOR UPDATE NOWAIT", rows)
    cursor.execute("UPDATE t SET n = n + 1 WHERE id IN (%s, %s, %s, %s)", rows)
    cursor.execute("COMMIT")


class Application:
    """Threads that carry out transactions on four rows of `t` each, again and again until they are committed.

    The same threads choose the same rows every time. `errors` counts by number what they met.
    """

    def __init__(self, database: Database, transaction: Transaction, writers: int = 4) -> None:
        self._transaction = transaction
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self.commits = 0
        self.errors: Counter[int] = Counter()
        self._threads = [
            threading.Thread(target=self._run, args=(database.connect(), random.Random(seed)), daemon=True)
            for seed in range(writers)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def go_on(self, transactions: int, deadlocks: int = 0) -> None:
        """Wait until so many more have been committed, and so many deadlocks resolved."""
        commits, resolved = self.commits + transactions, self.errors[DEADLOCK] + deadlocks
        with self._changed:
            assert self._changed.wait_for(
                lambda: self.commits >= commits and self.errors[DEADLOCK] >= resolved, PATIENCE
            )

    def _run(self, connection: Connection[Cursor], choice: random.Random) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 3")  # a machine may stand still for a second
            while not self._stop.is_set():
                rows = choice.sample(range(1, ROWS + 1), 4)
                while not (self._is_committed(connection, cursor, rows) or self._stop.is_set()):
                    pass

    def _is_committed(self, connection: Connection[Cursor], cursor: Cursor, rows: Rows) -> bool:
        try:
            self._transaction(cursor, rows)
        except pymysql.MySQLError as error:
            connection.rollback()
            with self._changed:
                self.errors[error.args[0]] += 1
                self._changed.notify_all()
            return False
        with self._changed:
            self.commits += 1
            self._changed.notify_all()
        return True


@contextmanager
def paced(application: Application) -> Iterator[None]:
    """Rows are copied and compared no faster than the application goes on."""
    due = 0

    def is_due() -> bool:
        nonlocal due
        if application.commits < due:
            return False
        due = application.commits + PACE
        return True

    wants_more, step = Copier.wants_more, Verifier.step

    def wants(copier: Copier, progress: Progress) -> bool:
        return wants_more(copier, progress) and is_due()

    def compare(verifier: Verifier, progress: Progress, *, resting: bool = False) -> Progress:
        return step(verifier, progress, resting=resting) if is_due() else progress

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Copier, "wants_more", wants)
        patch.setattr(Verifier, "step", compare)
        yield


@contextmanager
def deadlocks(server: PrivateServer) -> Iterator[list[set[bool]]]:
    """Every deadlock that the server resolves, known at the end: whether each session in it was one of the tool's."""
    settings: dict[str, tuple[Any, Any]] = {"innodb_print_all_deadlocks": ("ON", "OFF")}
    if server.flavour == "mysql":
        settings["log_error_verbosity"] = (3, 2)
    was = len(server.log)
    server.execute(*(f"SET GLOBAL {name} = {on}" for name, (on, _) in settings.items()))
    found: list[set[bool]] = []
    try:
        yield found
    finally:
        server.execute(*(f"SET GLOBAL {name} = {off}" for name, (_, off) in settings.items()))
    reports = server.log[was:].split("ransactions deadlock detected")[1:]
    found += [{f" {TOOL}" in session for session in re.findall(r"thread id \d+, OS thread .*", it)} for it in reports]


def migrate(tool: Driver, application: Application) -> None:
    """A migration, in all of which the application goes on."""
    with paced(application):
        running = tool.start(tool.postponed(copy=CopySettings(chunk_size=CHUNK, workers=2)))
        running.until_postponed()
        application.go_on(100)
        tool.flag_file.unlink()
        assert running.ending().phase is Phase.DONE


def tell(when: str, application: Application) -> None:
    """The figures, for whoever runs this with `-rP`."""
    errors = ", ".join(f"{count} times {number}" for number, count in application.errors.items())
    sys.stdout.write(f"{when}: {application.commits} transactions, {errors or 'no error'}\n")


@pytest.fixture
def table(database: Database) -> Database:
    """A database with a table `t`, and a procedure that changes four rows of it one after the other.

    It is a procedure so that nobody holds a lock for as long as this process has to wait for its turn.
    """
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({number}, 0)' for number in range(1, ROWS + 1))}")
    changes = " DO SLEEP(0.001); ".join(f"UPDATE t SET n = n + 1 WHERE id = row{place};" for place in range(4))
    rows = ", ".join(f"row{place} INT" for place in range(4))
    database.execute(f"CREATE PROCEDURE change4({rows}) BEGIN START TRANSACTION; {changes} COMMIT; END")
    return database


@pytest.fixture
def tool(table: Database, driver: Driver) -> Iterator[Driver]:
    """Drives migrations as a user of their own, so that their sessions can be told from the application's."""
    on_mariadb = table.server.flavour == "mariadb"
    needed = privileges.GLOBAL_ON_MARIADB if on_mariadb else privileges.GLOBAL_ON_MYSQL
    account = f"{TOOL}@'%'"
    table.execute(f"CREATE USER {account}")
    for grant in privileges.missing_grants((), table.name, account, needed):
        table.execute(grant)
    driver.server = replace(driver.server, user=TOOL)
    yield driver
    driver.close()
    table.execute(f"DROP USER {account}")


def test_transactions_that_take_their_rows_in_order_meet_no_error(table: Database, tool: Driver) -> None:
    with Application(table, change_in_order) as application:
        application.go_on(100)
    assert application.errors == {}, "without a migration"
    with deadlocks(table.server) as resolved, Application(table, change_in_order) as application:
        migrate(tool, application)
    assert application.errors == {}
    assert all(sessions == {True} for sessions in resolved)


def test_no_deadlock_of_transactions_that_take_their_rows_in_any_order_is_one_with_the_tool(
    table: Database, tool: Driver
) -> None:
    with deadlocks(table.server) as resolved, Application(table, change_in_any_order) as application:
        application.go_on(100, deadlocks=1)
    tell("without a migration", application)
    assert application.errors.keys() == {DEADLOCK}
    assert resolved == [{False}] * application.errors[DEADLOCK]
    with deadlocks(table.server) as resolved, Application(table, change_in_any_order) as application:
        migrate(tool, application)
    tell("beside a migration", application)
    assert application.errors.keys() <= {DEADLOCK}
    assert [sessions for sessions in resolved if False in sessions] == [{False}] * application.errors[DEADLOCK]


def test_a_row_that_nowait_does_not_get_because_of_a_refresh_is_got_soon_after(table: Database, tool: Driver) -> None:
    with Application(table, change_if_free, writers=1) as application:
        migrate(tool, application)
    tell("beside a migration", application)
    assert application.errors.keys() <= {LOCK_WAIT, NOWAIT_REFUSED}
