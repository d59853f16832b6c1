"""Scenario 32, two-runners: one table, two who want to migrate it, or to read as the same replica.

A second start is refused (tests/integration/test_runs). Here: whoever has lost the table's lock to somebody else stops,
and goes on when it is free again; another replica with the server id of our dump connection ends that connection,
and the next one has another id.
"""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

import pytest
from pymysqlreplication import BinLogStreamReader

from fsm_ghost.errors import OwnedElsewhereError
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.binlog.stream import KeyStream
from fsm_ghost.mysql.connections import Ownership
from fsm_ghost.mysql.session import Session, connect_arguments
from tests.crash.stage import until
from tests.integration.driving import PATIENCE, Driver, table_of, tables
from tests.servers import Database


@pytest.fixture
def plain(database: Database) -> Database:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT)")
    database.execute("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
    return database


# --- The lock ---------------------------------------------------------------------------------------------------------


def test_a_run_that_has_lost_its_lock_to_somebody_else_stops_and_goes_on_later(
    plain: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire = Ownership.acquire
    running = driver.start(driver.postponed())
    running.until_postponed()
    with closing(Session(connect_arguments(driver.server), "connecting to look on")) as looking:
        lock = Ownership(looking, table_of(plain, "t"))
        with closing(Session(connect_arguments(driver.server), "connecting as somebody else")) as other:
            becomes_the_next_holder(plain, lock, other)
            monkeypatch.setattr(Ownership, "acquire", lambda own, wait=0: acquire(own, 0 * wait))  # nobody leaves here
            driver.flag_file.unlink()
            with pytest.raises(OwnedElsewhereError, match=f"connection {other.id} of this server holds its lock"):
                running.ending()
            plain.execute("UPDATE t SET n = 9 WHERE id = 1")
            before = tables(plain)
            with pytest.raises(OwnedElsewhereError):
                driver.resume(running.id)
            assert tables(plain) == before
            assert "added" not in before["t"]
        assert lock.becomes_free(PATIENCE)
    assert driver.resume(running.id).phase is Phase.DONE
    assert plain.query("SELECT id, n, added FROM t ORDER BY id") == [(1, 9, 7), (2, 2, 7), (3, 3, 7)]


def becomes_the_next_holder(database: Database, lock: Ownership, other: Session) -> None:
    """The connection that holds the table's lock is killed, and somebody else is waiting for the lock."""
    queued = threading.Thread(target=Ownership(other, table_of(database, "t")).acquire, args=(int(PATIENCE),))
    queued.start()
    owner = lock.holder
    until(lambda: is_queued(database, other.id), "somebody who waits for the lock")
    database.execute(f"KILL {owner}")
    queued.join()
    assert lock.holder == other.id


def is_queued(database: Database, connection: int) -> bool:
    """Whether a connection waits for a named lock."""
    return any(row[0] == connection and row[6] == "User lock" for row in database.query("SHOW PROCESSLIST"))


# --- The server id ----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:'db' is deprecated")
def test_another_replica_with_our_server_id_is_left_alone_and_we_take_another_one(
    plain: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    real = KeyStream.__init__

    def opened(*arguments: Any, server_id: int, **options: Any) -> None:  # noqa: ANN401 - whatever it takes
        taken.append(server_id)
        real(*arguments, server_id=server_id, **options)

    monkeypatch.setattr(KeyStream, "__init__", opened)
    running = driver.start(driver.postponed())
    running.until_postponed()
    with closing(replica(plain, taken[-1])) as other:
        other.fetchone()
        running.until(lambda _: len(taken) == 2)
        plain.execute("UPDATE t SET n = 9 WHERE id = 1")
        driver.flag_file.unlink()
        assert running.ending().phase is Phase.DONE
    assert len(taken) == len(set(taken)) == 2
    assert plain.query("SELECT id, n, added FROM t ORDER BY id") == [(1, 9, 7), (2, 2, 7), (3, 3, 7)]


def replica(database: Database, server_id: int) -> BinLogStreamReader:
    """Somebody else who reads the binlog, under this server id."""
    return BinLogStreamReader(
        connection_settings={"unix_socket": database.server.socket, "user": "root"},
        server_id=server_id,
        blocking=True,
        enable_logging=False,
    )
