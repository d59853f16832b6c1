"""Scenario 11: somebody truncates, alters, renames the original, or drops, empties or exchanges one of its partitions.

In the middle of row copy, while the swap is postponed, and as the swap begins. The run stops and names the statement,
no row comes back, and giving up leaves the original as that statement has left it. More statements that stop a run are
in tests/integration/test_stops.py.
"""

from __future__ import annotations

import pytest

from fsm_ghost.errors import AbortedError, FsmGhostError, StoppedError, StreamError
from fsm_ghost.model.phase import Phase
from fsm_ghost.settings import CopySettings, CutOverSettings
from tests.integration.driving import Driver, contents, tables
from tests.servers import Database

ROWS = 400
MOMENTS = {
    "while rows are copied": lambda seen: seen.phase is Phase.COPY and seen.progress.rows >= 200,
    "while the swap is postponed": lambda seen: seen.readings.is_postponed,
    "as the swap begins": lambda seen: seen.phase is Phase.CUT_OVER,
}
STATEMENTS = {
    "it is truncated": "TRUNCATE TABLE t",
    "a column is added": "ALTER TABLE t ADD COLUMN more INT NOT NULL DEFAULT 1",
    "it is renamed": "RENAME TABLE t TO elsewhere",
    "it is dropped": "DROP TABLE t",
    "a partition is dropped": "ALTER TABLE t DROP PARTITION p2",
    "a partition is emptied": "ALTER TABLE t TRUNCATE PARTITION p2",
    "a partition is exchanged": "ALTER TABLE t EXCHANGE PARTITION p2 WITH TABLE other",
}


@pytest.fixture
def partitioned(database: Database) -> Database:
    """A database with a partitioned table `t`, and `other`, whose rows fit into one of its partitions."""
    columns = "(id INT PRIMARY KEY, n INT NOT NULL)"
    partitions = ", ".join(f"PARTITION p{place} VALUES LESS THAN ({100 * place + 1})" for place in range(1, 5))
    database.execute(f"CREATE TABLE t {columns} PARTITION BY RANGE (id) ({partitions})")
    database.execute(f"CREATE TABLE other {columns}")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({number}, 0)' for number in range(1, ROWS + 1))}")
    database.execute("INSERT INTO other VALUES (150, 99)")
    return database


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_run_stops_and_nothing_comes_back(
    partitioned: Database, driver: Driver, moment: str, statement: str
) -> None:
    if "postponed" in moment:
        driver.flag_file.touch()
    running = driver.start(
        driver.settings(
            copy=CopySettings(chunk_size=100, workers=1),
            cut_over=CutOverSettings(postpone_flag_file=str(driver.flag_file)),
        ),
        hold=MOMENTS[moment],
    )
    running.until_held()
    partitioned.execute("UPDATE t SET n = 1 WHERE id IN (1, 150, 400)")
    partitioned.execute(statement)
    for name in tables(partitioned).keys() & {"t", "elsewhere"}:
        partitioned.execute(f"INSERT INTO {name} (id, n) VALUES (160, 2) ON DUPLICATE KEY UPDATE n = 2")
    shown = {name: text for name, text in tables(partitioned).items() if name in {"t", "other", "elsewhere"}}
    rows = {name: contents(partitioned, name) for name in shown}
    driver.flag_file.unlink(missing_ok=True)
    running.go()
    with pytest.raises(FsmGhostError) as stopped:
        running.ending()
    # Where the table is gone, the server may say so before the stream has come to the reason.
    assert stopped.value.remedy or f"{partitioned.name}.t' doesn't exist" in stopped.value.message
    with pytest.raises((StoppedError, StreamError)):
        driver.resume(running.id)
    assert {name: contents(partitioned, name) for name in shown} == rows
    aborted = driver.resume(running.id, "abort")
    assert (aborted.phase, aborted.exit_code) == (Phase.ABORTED, AbortedError.exit_code)
    assert tables(partitioned) == shown
    assert {name: contents(partitioned, name) for name in shown} == rows
