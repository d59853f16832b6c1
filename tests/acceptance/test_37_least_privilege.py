"""Scenario 37: an account with as little as possible, on a server that somebody else runs, perhaps behind a proxy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fsm_ghost.errors import RefusedError
from tests.conftest import ServerFactory
from tests.integration.accounts import account, all_grants
from tests.integration.driving import Driver, columns, unchanged
from tests.servers import Database
from tests.servers.proxy import Manner, Proxy

_BY_ITSELF = ("gtid_", "innodb_buffer_pool_")  # variables that the server sets


def create(database: Database) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, v INT, KEY v (v))")
    database.execute("INSERT INTO t VALUES (1, 1), (2, 2)")


def global_variables(database: Database) -> dict[str, str]:
    rows = database.query("SHOW GLOBAL VARIABLES")
    return {name: value for name, value in rows if not name.startswith(_BY_ITSELF)}


def test_no_global_variable_is_changed_nor_does_anybody_try(database: Database, driver: Driver) -> None:
    create(database)
    before = global_variables(database)
    with account(driver, all_grants(database)) as limited, Proxy(database.server) as network:
        database.execute(f"ALTER USER {limited.user} IDENTIFIED BY ''")  # passwords do not get through this network
        reach = replace(limited, host="127.0.0.1", port=network.port, socket="", password="")
        assert driver.run(driver.settings(server=reach)).exit_code == 0
        assert network.seen("^SET SESSION") != []
        assert network.seen(r"(?i)^\s*SET\s+(@@)?(GLOBAL|PERSIST)") == []
    assert global_variables(database) == before
    assert columns(database, "t") == ["id", "v", "added"]


@pytest.mark.parametrize(
    "manner, seen",
    [
        (Manner.SPLITS_READS, "the one before it in another"),
        (Manner.NUMBERS_ITSELF, "was greeted, and its statements run in"),
    ],
)
def test_a_proxy_that_shares_connections_out_is_refused(
    database: Database, driver: Driver, manner: Manner, seen: str
) -> None:
    create(database)
    with Proxy(database.server, manner) as proxy:
        reach = replace(driver.server, host="127.0.0.1", port=proxy.port, socket="")
        with unchanged(database):
            ending = driver.run(driver.settings(server=reach))
    assert ending.exit_code == RefusedError.exit_code
    assert "shares connections out" in ending.snapshot.reason
    assert seen in ending.snapshot.reason


@pytest.mark.mysql_only
def test_a_server_without_a_performance_schema_or_tls_is_no_hindrance(
    fresh_server: ServerFactory, driver: Driver
) -> None:
    """As small instances have it. The password is sent by MySQL's caching_sha2_password, encrypted by its RSA key."""
    server = fresh_server({"performance-schema": 0, "tls-version": ""})
    driver.database = Database(server)
    create(driver.database)
    with account(driver, all_grants(driver.database)) as limited:
        reach = replace(limited, host="127.0.0.1", port=server.port, socket="")
        assert driver.run(driver.settings(server=reach)).exit_code == 0
    assert columns(driver.database, "t") == ["id", "v", "added"]
