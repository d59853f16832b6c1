"""Who is connected and who is in the way is known whatever others are doing.

A statement with a character of four bytes makes MySQL's information_schema fail for everybody who asks about sessions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pymysql
import pytest

from fsm_ghost.errors import ServerError
from fsm_ghost.mysql import blockers, privileges, sessions
from fsm_ghost.mysql.pressure import PressureGauge
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.bouncer import Bouncer
from fsm_ghost.settings import CutOverSettings, Kill
from tests.integration.driving import table_of
from tests.integration.following import following
from tests.servers import Database

PATIENCE = 30.0  # seconds
EMOJI = "SELECT SLEEP(600), '😀' FROM t LIMIT 1"
UNREADABLE = "SELECT COUNT(*) FROM information_schema.INNODB_TRX"


def until(happened: Callable[[], object]) -> None:
    """Ask until it has happened, seldom enough for INNODB_TRX to be renewed in between."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.25)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)")
    database.execute("INSERT INTO t VALUES (1, 0), (2, 0), (3, 0)")
    with closing(Session({"unix_socket": database.server.socket, "user": "root", "charset": "utf8mb4"})) as own:
        yield own


@contextmanager
def running(database: Database, session: Session, statement: str) -> Iterator[int]:
    """Somebody runs a long statement; his connection."""
    connection = database.connect()
    number = int(connection.thread_id())  # type: ignore[no-untyped-call]

    def run() -> None:
        with suppress(pymysql.MySQLError, OSError):
            connection.cursor().execute(statement)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        until(lambda: [each for each in sessions.listed(session) if each.statement == statement])
        yield number
    finally:
        session.kill(number)
        thread.join()


@contextmanager
def emoji_running(database: Database, session: Session) -> Iterator[int]:
    """Somebody reads the table by a long statement with a character of four bytes; his connection."""
    with running(database, session, EMOJI) as number:
        if database.server.flavour == "mysql":
            until(lambda: fails_to_convert(session))
        yield number


def fails_to_convert(session: Session) -> bool:
    """Whether the server fails to show its transactions."""
    try:
        session.query(UNREADABLE)
    except ServerError as error:
        return error.code == 3854
    return False


@contextmanager
def idle_in_transaction(database: Database) -> Iterator[int]:
    """Somebody whose open transaction has changed one row; his connection. He may be killed."""
    connection = database.connect(autocommit=False)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE t SET n = n + 1 WHERE id = 3")
    try:
        yield int(connection.thread_id())  # type: ignore[no-untyped-call]
    finally:
        with suppress(pymysql.MySQLError):
            connection.close()


def in_the_way(database: Database, session: Session) -> tuple[blockers.Blocker, ...]:
    return blockers.of_table(session, table_of(database, "t"), ())


def test_every_session_is_listed_with_what_it_is_doing(database: Database, session: Session) -> None:
    with idle_in_transaction(database) as idle, emoji_running(database, session) as busy:
        until(lambda: [each for each in sessions.listed(session) if (each.connection, each.command) == (idle, "Sleep")])
        found = {each.connection: each for each in sessions.listed(session)}
        assert {session.id, idle, busy} <= found.keys()
        assert (found[busy].user, found[busy].host, found[busy].command) == ("root", "localhost", "Query")
        assert found[busy].statement == EMOJI
        assert (found[idle].command, found[idle].statement) == ("Sleep", "")
        assert not any(found[each].waits_for_table for each in (session.id, idle, busy))


def test_who_waits_for_a_table_is_seen_waiting_and_does_not_count_as_in_the_way(
    database: Database, session: Session
) -> None:
    with idle_in_transaction(database) as idle, running(database, session, "LOCK TABLES t WRITE") as waiter:
        until(lambda: [each for each in sessions.listed(session) if each.connection == waiter and each.waits_for_table])
        until(lambda: [blocker.connection for blocker in in_the_way(database, session)] == [idle])


def test_a_blocker_is_named_with_its_age_while_a_statement_has_a_character_of_four_bytes(
    database: Database, session: Session
) -> None:
    def found() -> dict[int, blockers.Blocker]:
        return {blocker.connection: blocker for blocker in in_the_way(database, session)}

    with idle_in_transaction(database) as idle, emoji_running(database, session) as busy:
        until(lambda: found().keys() == {idle, busy} and found()[idle].seconds >= 2)
        assert f"connection {idle} (root@localhost, idle in a transaction" in str(found()[idle])
        assert "😀" in found()[busy].statement
        unknown = database.server.flavour == "mysql"
        assert found()[idle].rows_modified == (None if unknown else 1)
    until(lambda: not found())


@pytest.mark.mysql_only  # elsewhere nobody is certain to be in the way, so nobody is killed
def test_nobody_is_killed_while_it_is_not_known_how_much_would_have_to_be_rolled_back(
    database: Database, session: Session
) -> None:
    table = table_of(database, "t")
    bouncer = Bouncer(table, CutOverSettings(kill=Kill.YES, kill_age=0), lambda: ())
    with idle_in_transaction(database) as idle:
        with emoji_running(database, session) as busy:
            assert {blocker.connection for blocker in bouncer.look(session)} == {idle, busy}
            assert bouncer.clear(session, bouncer.look(session)) == ()
        until(lambda: [blocker.rows_modified for blocker in bouncer.look(session)] == [1])
        assert [blocker.connection for blocker in bouncer.clear(session, bouncer.look(session))] == [idle]
        until(lambda: bouncer.look(session) == ())


def test_an_account_that_may_not_read_the_performance_schema_is_told_who_runs_a_statement(
    database: Database, session: Session
) -> None:
    everywhere = ", ".join(privileges.GLOBAL)
    session.execute("CREATE USER somebody@localhost")
    session.execute(f"GRANT {everywhere} ON *.* TO somebody@localhost")
    try:
        with (
            emoji_running(database, session) as busy,
            closing(Session({"unix_socket": database.server.socket, "user": "somebody"})) as limited,
        ):

            def found() -> list[tuple[int, bool]]:
                named = blockers.of_table(limited, table_of(database, "t"), ())
                return [(blocker.connection, blocker.is_certain) for blocker in named]

            until(lambda: found() == [(busy, False)])  # whoever has just gone may be listed still
    finally:
        session.execute("DROP USER somebody@localhost")


def test_what_always_runs_is_not_counted_as_load_while_a_statement_has_a_character_of_four_bytes(
    database: Database, session: Session
) -> None:
    with following(database, "id INT PRIMARY KEY"), emoji_running(database, session):
        until(lambda: [each for each in sessions.listed(session) if each.command.startswith("Binlog Dump")])
        gauge = PressureGauge(session)
        until(lambda: gauge.read().running == 1)
