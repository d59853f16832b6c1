"""Row copy: which ranges it cuts, on keys of every shape, and what it does when the server finds a chunk too large."""

import itertools
import sqlite3

import pytest

from fsm_ghost.model.phase import Phase
from fsm_ghost.settings import CopySettings
from tests.conftest import ServerFactory
from tests.integration.driving import Driver, contents, old_table
from tests.servers import Database

SHAPES = {
    "without gaps": range(1, 2_001),
    "with a gap of 2^62": [*range(-500, 500), *range(2**62, 2**62 + 1_000)],
    "unsigned, up to the last number": range(2**64 - 2_000, 2**64),
    "every thousandth number": range(0, 2_000_000, 1_000),
    "dense, sparse, and dense again": [
        *range(1_000),
        *range(10_000, 10_000_000, 20_000),
        *range(10_000_000, 10_001_000),
    ],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_integers_of_any_distribution_are_copied_in_chunks_of_the_right_size(
    database: Database, driver: Driver, shape: str
) -> None:
    numbers = list(SHAPES[shape])
    kind = "BIGINT UNSIGNED" if numbers[0] >= 0 else "BIGINT"
    database.execute(f"CREATE TABLE t (id {kind} PRIMARY KEY, v INT NOT NULL)")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({number}, 1)' for number in numbers)}")
    ending = driver.run(driver.settings(copy=CopySettings(chunk_size=100)))
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert contents(database, "t", ["id", "v"]) == contents(database, old_table(database, "t"))
    chunks = chunk_rows(driver)
    assert sum(chunks) == len(numbers)
    assert max(chunks) <= 100
    assert len(chunks) <= 2 * len(numbers) / 100 + 5, "no chunk for every gap"


def test_a_chunk_that_the_binlogs_cache_cannot_hold_is_cut_until_it_fits(
    fresh_server: ServerFactory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    small = Database(fresh_server({"max-binlog-cache-size": 64 << 10}))
    driver = Driver(small, tmp_path_factory.mktemp("small"))
    small.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(4000) NOT NULL)")
    for first in range(0, 200, 10):
        rows = ", ".join(f"({number}, REPEAT('x', 3000))" for number in range(first, first + 10))
        small.execute(f"INSERT INTO t VALUES {rows}")
    running = driver.start(driver.postponed(copy=CopySettings(chunk_size=100)))
    running.until_postponed()
    with small.connect(autocommit=False).cursor() as cursor:
        for first in range(0, 200, 10):
            cursor.execute("UPDATE t SET v = REPEAT('y', 3000) WHERE id BETWEEN %s AND %s", (first, first + 9))
            cursor.execute("COMMIT")
    driver.flag_file.unlink()
    ending = running.ending()
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert contents(small, "t", ["id", "v"]) == contents(small, old_table(small, "t"))
    driver.close()


def chunk_rows(driver: Driver) -> list[int]:
    """The rows of each chunk in the state file, once they are known to lie end to end."""
    connection = sqlite3.connect(driver.state_file)
    try:
        chunks = connection.execute("SELECT after, upto, rows FROM chunks ORDER BY number").fetchall()
    finally:
        connection.close()
    assert all(before[1] == behind[0] for before, behind in itertools.pairwise(chunks))
    return [rows for _, _, rows in chunks]
