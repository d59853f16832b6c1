"""Scenario 17, time-zones: instants of the hour that comes twice, on a server whose clocks go back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fsm_ghost.model.phase import Phase
from tests.integration.driving import Driver
from tests.integration.test_comparison import TWICE, make_zone
from tests.servers import Database

INSTANTS = (0, 1, TWICE + 7, TWICE + 3607, 2**31 - 1)  # seconds; 0 is '0000-00-00'


@pytest.fixture
def zoned(database: Database) -> Iterator[Database]:
    """A database on a server in the zone Test/Twice, with a table of INSTANTS."""
    make_zone(database)
    kept = database.query("SELECT @@GLOBAL.time_zone")[0][0]
    database.execute("SET GLOBAL time_zone = 'Test/Twice'")
    database.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, ts TIMESTAMP NULL, d DATETIME)")
    database.execute("SET SESSION time_zone = '+00:00', sql_mode = ''")
    for seconds in INSTANTS:
        moment = f"FROM_UNIXTIME({seconds})" if seconds else "'0000-00-00'"
        database.execute(f"INSERT INTO t VALUES ({seconds}, {moment}, '2024-10-27 02:30:00')")
    yield database
    database.execute(f"SET GLOBAL time_zone = '{kept}'")


@pytest.mark.parametrize(
    "alter",
    [
        "ADD COLUMN added DATETIME DEFAULT CURRENT_TIMESTAMP",
        "MODIFY d TIMESTAMP NULL",
        "MODIFY d TIMESTAMP NULL, MODIFY ts TIMESTAMP(3) NULL",
    ],
)
def test_an_instant_stays_what_it_is_also_where_others_are_converted(
    zoned: Database, driver: Driver, alter: str
) -> None:
    ending = driver.run(driver.settings(alter=alter))
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert zoned.query("SELECT COUNT(*) FROM t WHERE id = UNIX_TIMESTAMP(ts)") == [(len(INSTANTS),)]
