"""Many swaps in a row under a crowd of writers: what `benchmarks/cutover.py` does, for less long."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.cutover import Hammer, Load, Tally
from tests.integration.driving import reached, table_of, tables
from tests.servers import Database


def hammered(database: Database, folder: Path, load: Load, swaps: int) -> Tally:
    """What came of so many swaps of a table."""
    hammer = Hammer(reached(database.server), table_of(database, "orders"), folder, load)
    hammer.swap(swaps)
    assert hammer.tally.swaps == swaps
    assert hammer.tally.commits > 0
    assert hammer.tally.errors == []
    assert tables(database).keys() == {"orders"}
    return hammer.tally


@pytest.mark.slow
def test_no_write_is_lost_in_many_swaps_under_sixteen_writers(database: Database, tmp_path: Path) -> None:
    tally = hammered(database, tmp_path, Load(), swaps=12)
    assert tally.losses == []
    assert (tally.escaped, tally.endings) == (0, Counter({0: 12}))


@pytest.mark.slow
def test_no_write_is_lost_while_somebody_reads_the_ghost_table_in_a_transaction(
    database: Database, tmp_path: Path
) -> None:
    """He has read it before the lock, or reads it as soon as it is gone, and holds on to it beyond the budget or not.

    One session can swap although he waits behind its lock. The RENAME of two sessions has to wait for him, with the
    original in its hands, and is given up when the budget is spent.
    """
    tally = hammered(database, tmp_path, Load(budget=0.4, reader=True), swaps=6)
    assert tally.losses == []
    assert (tally.escaped, tally.endings) == (0, Counter({0: 6}))
    assert {"long, behind the lock", "short, behind the lock", "long, before the lock"} <= tally.reads.keys()
    assert tally.given_up


@pytest.mark.slow
def test_two_sessions_that_swap_lose_no_write_of_those_who_wait_for_the_lock(
    database: Database, tmp_path: Path
) -> None:
    """As below, but with the names as they are."""
    tally = hammered(database, tmp_path, Load(sentry=True), swaps=4)
    assert tally.losses == []
    assert (tally.escaped, tally.endings) == (0, Counter({0: 4}))


@pytest.mark.slow
def test_names_that_sort_before_the_original_let_writes_escape_and_the_audit_tells(
    database: Database, tmp_path: Path
) -> None:
    """What the order of the names is for: the same swaps as above, with names as gh-ost gives them.

    RENAME takes its locks in the order of the names. It is seen waiting, but for the lock of `_orders_…_del` or of
    `_orders_ghm`, not for the original's. UNLOCK TABLES lets go of all of them at once: the writers that wait for the
    original get it, for they stood there first, and write to a table that is drained and is renamed a moment later.
    Both servers do so, nearly every time. The audit finds these rows and brings over those that nobody has written
    again by then. The others are told: where a write is lost for good, at least one row is among those.
    """
    tally = hammered(database, tmp_path, Load(sentry=True, sorts_before=True), swaps=4)
    assert tally.escaped > 0
    assert tally.endings[8] > 0
    assert tally.healed + tally.unclear == tally.escaped
    assert tally.losses == [] or tally.unclear > 0
