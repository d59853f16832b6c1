"""Scenario 27, failover and point-in-time recovery: the server is not what it was when the migration was begun.

It takes no writes any more: the run stops with the reason, and goes on when it is writable again. Another server
answers at the address, a promoted replica: the run stops, nothing there is touched, and neither `resume` nor
`resume --from-server` goes on there. A server that was put back to an earlier state: tests/crash/test_lost_commits and
tests/integration/test_binlog_history.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from fsm_ghost import migration
from fsm_ghost.engine.store import Store
from fsm_ghost.errors import StoppedError
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.private import PrivateServer
from fsm_ghost.settings import ServerSettings
from tests.conftest import ServerFactory
from tests.crash.conftest import StageMaker
from tests.integration.driving import Driver, contents, tables
from tests.servers import Database

REMEDY = "Has another server become the primary? Find out, then resume."


# --- It takes no writes -----------------------------------------------------------------------------------------------


@contextmanager
def read_only(server: PrivateServer, variable: str) -> Iterator[None]:
    server.execute(f"SET GLOBAL {variable} = ON")
    try:
        yield
    finally:
        server.execute("SET GLOBAL read_only = OFF")  # and with it super_read_only


@pytest.mark.parametrize("phase", [Phase.COPY, Phase.SYNC])
def test_a_run_stops_where_the_server_becomes_read_only_and_goes_on_when_it_is_writable(
    make_stage: StageMaker, phase: Phase
) -> None:
    """The application is root, and goes on writing: none of its writes may be lost."""
    stage = make_stage(chunk_size=50)
    stage.flag_file.touch()
    stage.hold(Phase.COPY, 0.5)
    run = stage.start()
    stage.await_copied(run, 0.4)
    if phase is Phase.SYNC:
        stage.let_go()
        stage.await_record(run, lambda now: now.progress.verified, "the comparison")
    with read_only(stage.server, "read_only"):
        assert run.wait() == StoppedError.exit_code, run.output
        assert REMEDY in run.output
        again = stage.resume()
        assert again.wait() == StoppedError.exit_code, again.output
        assert REMEDY in again.output
    assert stage.record.phase is phase
    assert stage.swaps() == 0
    if phase is Phase.COPY:
        stage.let_go()
    stage.flag_file.unlink()
    stage.assert_migrated(stage.resume())


@pytest.mark.mysql_only
def test_a_server_that_takes_no_writes_from_anybody_is_not_swapped_on(database: Database, driver: Driver) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT)")
    database.execute("INSERT INTO t VALUES (1, 1), (2, 2)")
    running = driver.start(driver.postponed())
    running.until_postponed()
    database.execute("UPDATE t SET n = 9 WHERE id = 1")
    before = contents(database, "t")
    with read_only(database.server, "super_read_only"):
        driver.flag_file.unlink()
        with pytest.raises(StoppedError, match="read-only") as caught:
            running.ending()
        assert caught.value.remedy == REMEDY
        assert contents(database, "t") == before
    assert driver.resume(running.id).exit_code == 0
    assert database.query("SELECT id, n, added FROM t ORDER BY id") == [(1, 9, 7), (2, 2, 7)]


# --- It is another one ------------------------------------------------------------------------------------------------


# A driver that cannot connect leaves its socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_promoted_replica_that_answers_in_its_place_is_not_gone_on_with(
    fresh_server: ServerFactory, tmp_path: Path
) -> None:
    primary = fresh_server()
    database = Database(primary)
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT)")
    database.execute("INSERT INTO t VALUES (1, 1), (2, 2)")
    replica = fresh_server(server_id=2, replica_of=primary)
    driver = Driver(database, tmp_path)
    driver.server = ServerSettings(host=primary.host, port=primary.port, user=primary.user)
    running = driver.start(driver.postponed())
    running.until_postponed()
    replica.catch_up(primary)
    database.execute("UPDATE t SET n = 9 WHERE id = 1")
    promote(replica, primary)
    there = Database(replica)
    there.execute(f"USE {database.name}")
    there.name = database.name
    there.execute("INSERT INTO t VALUES (3, 3)")
    before = {name: contents(there, name) for name in tables(there)}
    driver.flag_file.unlink()
    with pytest.raises(StoppedError, match=r"is not the server on which this migration was begun|answers in its place"):
        running.ending()
    with pytest.raises(StoppedError, match="is not the server on which this migration was begun"):
        driver.resume(running.id)
    with pytest.raises(StoppedError, match="is not the server on which this migration was begun"):
        take_over(driver, tmp_path / "elsewhere.db")
    assert {name: contents(there, name) for name in tables(there)} == before
    replica.stop()
    primary.start()
    assert driver.resume(running.id).phase is Phase.DONE
    assert primary.execute(f"SELECT id, n, added FROM {database.name}.t ORDER BY id") == [(1, 9, 7), (2, 2, 7)]


def promote(replica: PrivateServer, primary: PrivateServer) -> None:
    """The primary has crashed; the replica replicates no more, takes writes, and has the primary's address."""
    primary.kill()
    what = "REPLICA" if replica.flavour == "mysql" else "SLAVE"
    replica.execute(f"STOP {what}", f"RESET {what} ALL")
    replica.kill()
    replica.options["port"] = primary.port
    replica.start()


def take_over(driver: Driver, state_file: Path) -> None:
    """`resume --from-server` with another state file."""
    with closing(Store(state_file)) as store:
        migration.take_over(store, TableName(driver.database.name, "t"), driver.server, force=True)
