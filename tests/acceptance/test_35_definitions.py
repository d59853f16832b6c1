"""Scenario 35: what hangs on a table besides its columns is what a native ALTER TABLE leaves of it.

Triggers are refused: `tests/integration/test_refusals.py`.
"""

from __future__ import annotations

from fsm_ghost.mysql.private import Flavour
from tests.integration.driving import ADD_COLUMN, Driver, tables
from tests.servers import Database

INDEXES = {
    "mysql": "KEY `over` ((v + 1)), KEY hidden (v) INVISIBLE, KEY down (v DESC, id) COMMENT 'ours'",
    "mariadb": "KEY hidden (v) IGNORED, KEY down (v DESC, id) COMMENT 'ours'",
}
CHECKS = {
    "mysql": "CONSTRAINT positive CHECK (v > 0), CHECK (v < 1000), CONSTRAINT lax CHECK (v <> 5) NOT ENFORCED",
    "mariadb": "CONSTRAINT positive CHECK (v > 0), CHECK (v < 1000)",
}
PARTITIONS = (
    "PARTITION BY RANGE (id) SUBPARTITION BY HASH (id) SUBPARTITIONS 2"
    " (PARTITION low VALUES LESS THAN (100) COMMENT = 'low', PARTITION high VALUES LESS THAN MAXVALUE)"
)


def test_indexes_checks_comments_and_partitions_are_those_of_a_native_alter(
    database: Database, driver: Driver, flavour: Flavour
) -> None:
    """But for the names of CHECKs on MySQL, where the twin's are made up as well."""
    database.execute(
        f'CREATE TABLE t (id INT PRIMARY KEY, v INT COMMENT "it\'s", {INDEXES[flavour]}, {CHECKS[flavour]})'
        f" COMMENT = 'ours' ROW_FORMAT = DYNAMIC {PARTITIONS}"
    )
    database.execute(f"INSERT INTO t VALUES (1, {5 if flavour == 'mysql' else 4}), (150, 6)")
    database.execute("CREATE TABLE twin LIKE t")
    database.execute(f"ALTER TABLE twin {ADD_COLUMN}")
    assert driver.run(driver.settings()).exit_code == 0
    found = tables(database)
    assert found["t"] == found["twin"].replace("`twin`", "`t`").replace("`twin_chk_", "`t_chk_")
