"""Scenario 5: an error of row copy is not the end of the table.

While rows are copied, the copy's connection is killed, and its statements meet lock waits that time out, deadlocks and
NOWAIT conflicts, again and again. Everything is tried again; every row is copied, and counted, once; and nobody is told
"100 %" before that is true.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pymysql.cursors import Cursor

from fsm_ghost.errors import LockConflictError
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.mysql import session
from fsm_ghost.mysql.session import Session
from fsm_ghost.settings import CopySettings
from tests.crash.stage import until
from tests.integration.driving import Driver, Running, contents, old_table, tables
from tests.servers import Database

ROWS = 400
CHUNK = 100
LAST = 10 * ROWS
TIMED_OUT, DEADLOCK, NOT_AT_ONCE = {1205}, {1213}, {1205, 3572}


class Conflicts:
    """How often each statement of the tool met a lock, by the first word and the error's number."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._seen: Counter[tuple[str, int]] = Counter()
        for name in ("execute_strictly", "query"):
            patch.setattr(Session, name, self._noting(getattr(Session, name)))

    def of(self, verb: str, codes: set[int]) -> int:
        return sum(times for (word, code), times in list(self._seen.items()) if word == verb and code in codes)

    def _noting(self, real: Callable[[Session, str], Any]) -> Callable[[Session, str], Any]:
        def noting(to: Session, statement: str) -> Any:  # noqa: ANN401 - whatever a statement gives
            try:
                return real(to, statement)
            except LockConflictError as error:
                code = int(re.findall(r"\((\d+)\)$", error.message)[0])
                self._seen[statement.split(maxsplit=1)[0], code] += 1
                raise

        return noting


class Pictures:
    """Every picture of a migration that was published; the owner thread waits when row copy is about to begin."""

    def __init__(self) -> None:
        self.seen: list[Snapshot] = []

    def __call__(self, seen: Snapshot) -> bool:
        self.seen.append(seen)
        return seen.phase is Phase.COPY

    def assert_never_early(self) -> None:
        """As long as a row was missing it was not said that all were copied."""
        copying = [seen.progress for seen in self.seen if seen.phase is Phase.COPY]
        assert copying
        assert max(progress.copied_part for progress in copying) < 1.0
        assert all(progress.rows <= ROWS for progress in copying)
        after = [seen.progress for seen in self.seen if seen.phase is Phase.SYNC]
        assert {(progress.copied_part, progress.rows) for progress in after} == {(1.0, ROWS)}


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with a table `t` of `ROWS` rows: 10, 20, 30, …"""
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({10 * number}, 0)' for number in range(1, ROWS + 1))}")
    return database


@pytest.fixture
def conflicts(monkeypatch: pytest.MonkeyPatch) -> Conflicts:
    return Conflicts(monkeypatch)


def server_waits(patch: pytest.MonkeyPatch, seconds: int) -> None:
    """How long the server lets the tool's statements wait for a row."""
    patch.setattr(session, "_SETTINGS", (*session._SETTINGS, f"SET SESSION innodb_lock_wait_timeout = {seconds}"))


def begin(driver: Driver, pictures: Pictures) -> Running:
    running = driver.start(driver.settings(copy=CopySettings(chunk_size=CHUNK, workers=1)), hold=pictures)
    running.until_held()
    return running


@contextmanager
def in_the_way(database: Database, *statements: str) -> Iterator[Cursor]:
    """Somebody's transaction, open after these statements and rolled back in the end."""
    connection = database.connect(autocommit=False)
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            yield cursor
    finally:
        connection.rollback()
        connection.close()


def ghost_row(number: int) -> str:
    """A chunk that comes to this row of the ghost table waits there."""
    return f"INSERT INTO t_gho (id, n) VALUES ({number}, -1)"


def waiting_chunk(database: Database, upto: int, but: Collection[int] = ()) -> int:
    """Wait until the chunk up to this key waits for a row; its connection, which is none of these."""
    waiting = (
        "SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX"
        # Of this chunk: the list may still be that of a moment ago, for it is renewed ten times a second at most.
        f" WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE 'INSERT%`{database.name}`.%<= {upto} ON %'"
    )
    found: set[int] = set()

    def look() -> set[int]:
        found.update(int(number) for (number,) in database.query(waiting))
        return found.difference(but)

    until(look, "a chunk to wait", every=0.3)  # the server renews its picture only when nobody has asked for a while
    return found.difference(but).pop()


def finished(database: Database, running: Running, pictures: Pictures) -> None:
    """The migration ends well, with every row; and every picture of it was true."""
    ending = running.ending()
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    old = old_table(database, "t")
    assert contents(database, "t", ["id", "n"]) == contents(database, old)
    assert database.query("SELECT COUNT(*), SUM(added = 7) FROM t") == [(ROWS, ROWS)]
    assert ending.snapshot.progress.rows == ROWS
    pictures.assert_never_early()
    assert tables(database).keys() == {"t", old}


@pytest.mark.parametrize("how", ["KILL", "KILL QUERY"])
def test_the_last_chunk_is_killed_again_and_again(
    filled: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    server_waits(monkeypatch, 600)
    pictures = Pictures()
    running = begin(driver, pictures)
    killed: list[int] = []
    with in_the_way(filled, ghost_row(LAST - 50)):
        running.go()
        for _ in range(3):
            killed.append(waiting_chunk(filled, LAST, but=killed))
            filled.execute(f"{how} {killed[-1]}")
        waiting_chunk(filled, LAST, but=killed)
        running.until(lambda seen: seen.progress.rows == ROWS - CHUNK)
    finished(filled, running, pictures)


def test_chunks_time_out_while_they_wait_for_ghost_rows(
    filled: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch, conflicts: Conflicts
) -> None:
    server_waits(monkeypatch, 1)
    pictures = Pictures()
    running = begin(driver, pictures)
    with in_the_way(filled, ghost_row(LAST)):
        with in_the_way(filled, ghost_row(500)):
            running.go()
            until(lambda: conflicts.of("INSERT", TIMED_OUT) >= 1, "the first chunk to give up waiting")
        before = conflicts.of("INSERT", TIMED_OUT)
        running.until(lambda seen: seen.progress.rows == ROWS - CHUNK)
        until(lambda: conflicts.of("INSERT", TIMED_OUT) > before, "the last chunk to give up waiting")
    finished(filled, running, pictures)


def test_chunks_are_the_victims_of_deadlocks(
    filled: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch, conflicts: Conflicts
) -> None:
    """A chunk waits for a row of somebody who then waits for its first one; he has written more, so it has to go."""
    server_waits(monkeypatch, 600)
    pictures = Pictures()
    running = begin(driver, pictures)
    with in_the_way(filled, heavy(-2000), ghost_row(LAST)) as last:
        with in_the_way(filled, heavy(-1000), ghost_row(1000)) as first:
            running.go()
            waiting_chunk(filled, 1000)
            first.execute(ghost_row(10))
            until(lambda: conflicts.of("INSERT", DEADLOCK) >= 1, "the first chunk to be rolled back")
        running.until(lambda seen: seen.progress.rows == ROWS - CHUNK)
        waiting_chunk(filled, LAST)
        last.execute(ghost_row(LAST - 990))
        until(lambda: conflicts.of("INSERT", DEADLOCK) >= 2, "the last chunk to be rolled back")
    finished(filled, running, pictures)


def test_refreshes_meet_locks_on_both_tables_while_rows_are_copied(
    filled: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch, conflicts: Conflicts
) -> None:
    server_waits(monkeypatch, 600)
    pictures = Pictures()
    running = begin(driver, pictures)
    with in_the_way(filled, ghost_row(LAST)):
        running.go()
        running.until(lambda seen: seen.progress.rows == ROWS - CHUNK)
        with in_the_way(filled) as application:
            while conflicts.of("SELECT", NOT_AT_ONCE) < 3:
                for statement in ("UPDATE t SET n = n + 1 WHERE id <= 2000", "COMMIT", "SELECT * FROM t FOR UPDATE"):
                    application.execute(statement)
                time.sleep(0.02)
                application.execute("ROLLBACK")
        with in_the_way(filled, "SELECT * FROM t_gho WHERE id IN (100, 200) FOR UPDATE"):
            filled.execute("UPDATE t SET n = -1 WHERE id <= 300")
            until(lambda: conflicts.of("REPLACE", TIMED_OUT) >= 1, "a refresh that gives up waiting")
        filled.execute("UPDATE t SET n = n - 1 WHERE id = 200")
    finished(filled, running, pictures)


def heavy(first: int) -> str:
    """Rows that no chunk has."""
    return f"INSERT INTO t_gho (id, n) VALUES {', '.join(f'({number}, -1)' for number in range(first, first + 1000))}"
