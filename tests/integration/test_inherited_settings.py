"""What the server gives to every new session is of no account to ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fsm_ghost.mysql.private import Flavour
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.settings import CopySettings
from tests.integration.driving import Driver, columns
from tests.servers import Database

BOTH = {
    "autocommit": 0,
    "completion_type": 2,
    "sql_safe_updates": 1,
    "sql_select_limit": 2,
    "max_error_count": 0,
    "sql_quote_show_create": 0,
    "unique_checks": 0,
    "foreign_key_checks": 0,
}
ONLY = {
    "mysql": {
        "transaction_read_only": 1,
        "max_execution_time": 5000,
        "show_gipk_in_create_table_and_information_schema": 0,
        "sql_generate_invisible_primary_key": 1,
    },
    "mariadb": {"tx_read_only": 1, "max_statement_time": 5},
}


@pytest.fixture
def _hostile(database: Database, flavour: Flavour) -> Iterator[None]:
    """All of them at once, for sessions that begin from now on."""
    wanted = BOTH | ONLY[flavour]
    values = database.query(f"SELECT {', '.join(f'@@GLOBAL.{name}' for name in wanted)}")[0]
    if flavour == "mysql":
        database.execute("SET SESSION sql_generate_invisible_primary_key = 1")
    database.execute(
        "CREATE TABLE t (v INT NOT NULL, w INT)" if flavour == "mysql" else "CREATE TABLE t (v INT PRIMARY KEY, w INT)"
    )
    database.execute(f"INSERT INTO t (v, w) VALUES {', '.join(f'({number}, 0)' for number in range(900))}")
    for name, value in wanted.items():
        database.execute(f"SET GLOBAL {name} = {value}")
    yield
    for name, value in zip(wanted, values, strict=True):
        database.execute(f"SET GLOBAL {name} = {value!r}")


@pytest.mark.usefixtures("_hostile")
def test_a_session_is_given_what_it_needs(driver: Driver, flavour: Flavour) -> None:
    limit, read_only = ("max_execution_time", "transaction_read_only")
    if flavour == "mariadb":
        limit, read_only = ("max_statement_time", "tx_read_only")
    session = Session(connect_arguments(driver.server))
    try:
        (found,) = session.query(
            f"SELECT @@autocommit, @@completion_type, @@sql_safe_updates, @@sql_big_selects, @@sql_select_limit,"
            f" @@{limit}, @@{read_only},"
            " @@max_error_count, @@sql_quote_show_create, @@unique_checks, @@foreign_key_checks"
        )
    finally:
        session.close()
    assert found == (1, "NO_CHAIN", 0, 1, 2**64 - 1, 0, 0, 64, 1, 1, 1)


@pytest.mark.usefixtures("_hostile")
def test_a_migration_does_not_mind_what_sessions_inherit(database: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed(copy=CopySettings(chunk_size=200)))
    running.until_postponed()
    database.execute("UPDATE t SET w = v")
    database.execute("DELETE FROM t WHERE v % 3 = 0")
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    assert database.query("SELECT COUNT(*), SUM(v), SUM(w) FROM t") == [(600, 270_000, 270_000)]
    assert "added" in columns(database, "t")
