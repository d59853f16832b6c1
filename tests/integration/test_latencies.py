"""What performance_schema tells of the application's statements on a table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fsm_ghost.model.naming import TableName
from fsm_ghost.model.plan import Flavour
from fsm_ghost.mysql.latencies import latencies
from fsm_ghost.mysql.private import Options
from fsm_ghost.mysql.session import Session, connect_arguments
from tests.conftest import ServerFactory
from tests.integration.driving import reached
from tests.servers import Database


@pytest.fixture
def watched(fresh_server: ServerFactory, flavour: str) -> Iterator[tuple[Database, Session]]:
    """A table on a server that counts statements, and a session that asks it."""
    options: Options = {"performance-schema": "ON"} if flavour == "mariadb" else {}
    server = fresh_server(options)
    database = Database(server)
    database.execute("CREATE TABLE `or_ders` (id INT PRIMARY KEY, n INT)")
    database.execute("CREATE TABLE `or_ders_gho` LIKE `or_ders`")
    session = Session(connect_arguments(reached(server)), "asking")
    yield database, session
    session.close()


def test_the_statements_of_the_application_count_and_no_others(watched: tuple[Database, Session], flavour: str) -> None:
    database, session = watched
    names = TableName(database.name, "or_ders"), TableName(database.name, "or_ders_gho")
    before = latencies(session, Flavour(flavour), *names)
    for number in range(30):
        database.execute(f"INSERT INTO or_ders VALUES ({number}, 1)")
        session.execute(f"UPDATE `{database.name}`.`or_ders` SET n = 2 WHERE id = {number}")
        database.execute(f"INSERT INTO or_ders_gho SELECT * FROM or_ders WHERE id = {number}")
        database.query("SELECT * FROM or_ders FORCE INDEX (PRIMARY)")
        database.query("SELECT 1")
    found = latencies(session, Flavour(flavour), *names).since(before)
    assert found.count == 60
    assert 0 < found.slowness < 60
    assert found.figure == ("p99" if flavour == "mysql" else "mean")


@pytest.mark.mariadb_only
def test_a_server_that_does_not_count_cannot_be_asked(database: Database) -> None:
    session = Session(connect_arguments(reached(database.server)), "asking")
    with pytest.raises(LookupError, match="performance_schema is off"):
        latencies(session, Flavour.MARIADB, TableName("a", "b"), TableName("a", "c"))
    session.close()
