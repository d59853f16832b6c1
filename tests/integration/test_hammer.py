"""Many swaps in a row under a crowd of writers."""

from __future__ import annotations

import pytest

from fsm_ghost.mysql import sample
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.settings import CopySettings, CutOverSettings
from tests.integration.driving import Driver, columns, table_of, tables
from tests.servers import Database

SWAPS = 20
BUDGET = 1.0


@pytest.mark.slow
def test_no_write_is_lost_in_many_swaps_under_eight_writers(database: Database, driver: Driver) -> None:
    name = table_of(database, "orders")
    session = Session(connect_arguments(driver.server))
    sample.create(session, name, 500)
    writers = sample.Writers(connect_arguments(driver.server), name, 500, count=8, rate=400).start()
    try:
        for number in range(SWAPS):
            change = f"ADD COLUMN c{number} INT NOT NULL DEFAULT {number}"
            ending = driver.run(
                driver.settings(
                    "orders",
                    change if number % 3 else f"{change}, ADD KEY k{number} (c{number})",
                    cut_over=CutOverSettings(lock_timeout=BUDGET, drop_old_table=True),
                    copy=CopySettings(chunk_size=200),
                )
            )
            assert ending.exit_code == 0, ending
            assert ending.snapshot.progress.swap is not None
            assert ending.snapshot.progress.swap.escaped == 0
    finally:
        writers.stop()
    assert writers.errors == []
    assert sample.losses(session, name, writers) == []
    session.close()
    assert columns(database, "orders")[-SWAPS:] == [f"c{number}" for number in range(SWAPS)]
    assert tables(database).keys() == {"orders"}
