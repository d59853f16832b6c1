"""A migration of a replica alone, and one that is only tried there; replication goes on all the time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.private import Options
from fsm_ghost.settings import Where
from tests.conftest import ServerFactory
from tests.integration.driving import Driver, tables
from tests.servers import Database


def test_a_replica_is_tried_on_and_then_changed_while_its_primary_is_written_to(
    fresh_server: ServerFactory, tmp_path: Path
) -> None:
    primary = fresh_server()
    options: Options = {"read-only": 1} | ({"log-slave-updates": 1} if primary.flavour == "mariadb" else {})
    replica = fresh_server(options, server_id=2, replica_of=primary)
    database = Database(primary)
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT)")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({number}, 0)' for number in range(1, 501))}")
    replica.catch_up(primary)
    there = Database(replica, database.name)
    driver = Driver(there, tmp_path)
    before = tables(there)

    running = driver.start(replace(driver.settings(), where=Where.TEST), hold=Phase.VERIFY)
    running.until_held()
    database.execute("UPDATE t SET a = a + 1 WHERE id % 2 = 0")
    running.go()
    ending = running.ending()
    assert (ending.phase, ending.exit_code, ending.snapshot.progress.swap) == (Phase.DONE, 0, None)
    assert ending.snapshot.progress.verified_rows == 500
    assert "It was a test" in ending.report[1]
    assert tables(there) == before

    running = driver.start(replace(driver.settings(), where=Where.REPLICA), hold=Phase.SYNC)
    running.until_held()
    database.execute("UPDATE t SET a = a + 10 WHERE id = 7")
    database.execute("DELETE FROM t WHERE id = 8")
    running.go()
    assert running.ending().exit_code == 0
    database.execute("INSERT INTO t VALUES (1000, 1)")
    replica.catch_up(primary)
    assert there.query("SELECT COUNT(*), SUM(added), MAX(id = 8) FROM t") == [(500, 3500, 0)]
    assert there.query("SELECT a FROM t WHERE id = 7") == [(10,)]
    assert "added" not in tables(database)["t"]
    driver.close()
