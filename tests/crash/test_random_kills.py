"""Killed again and again at moments that nobody chose, a migration finishes all the same."""

from __future__ import annotations

import time

import pytest

from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.quoting import table
from tests.crash.conftest import StageMaker
from tests.crash.stage import Chunk, Command, Stage, moments, until

KILLS = 5


@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_killed_five_times_in_copy_goes_on_where_it_was(make_stage: StageMaker, workers: int) -> None:
    stage = make_stage(rows=4000, chunk_size=40)
    stage.hold(Phase.COPY, 0.93)
    run = stage.start("--copy-workers", str(workers))
    before: list[Chunk] = []
    for part in moments(seed=workers, count=KILLS, least=0.02, most=0.9):
        stage.await_copied(run, part)
        run.kill()
        assert stage.record.phase is Phase.COPY
        stage.assert_nothing_copied_twice(before, workers)
        before = stage.chunks()
        run = stage.resume()
    stage.let_go()
    stage.assert_migrated(run)
    stage.assert_nothing_copied_twice(before, workers)


def test_a_run_killed_five_times_in_sync_brings_every_change_over(make_stage: StageMaker) -> None:
    stage = make_stage(rate=400)
    stage.flag_file.touch()
    run = stage.start()
    for pause in moments(seed=2, count=KILLS, least=0.0, most=0.5):
        await_changes(stage, run)
        time.sleep(pause)
        run.kill()
        assert stage.record.phase is Phase.SYNC
        run = stage.resume()
    stage.flag_file.unlink()
    stage.assert_migrated(run)


def await_changes(stage: Stage, run: Command) -> None:
    """Wait until the tables have been compared, and changes were brought over after that."""
    seen = stage.await_record(run, lambda record: record.progress.verified, "the comparison").progress.changes
    stage.await_record(run, lambda record: record.progress.changes > seen, "changes")


def test_a_run_killed_five_times_in_verify_still_compares_every_row(make_stage: StageMaker) -> None:
    stage = make_stage(rows=6000, chunk_size=20)
    stage.hold(Phase.VERIFY, 0.9)
    run = stage.start("--copy-workers", "4")
    for pause in moments(seed=3, count=KILLS, least=0.0, most=0.15):
        stage.await_phase(run, Phase.VERIFY)
        time.sleep(pause)
        run.kill()
        assert stage.record.phase is Phase.VERIFY
        run = stage.resume()
    stage.let_go()
    stage.assert_migrated(run)
    # Rows that were there from the beginning to the end were there when their range was compared.
    assert stage.record.progress.verified_rows >= stage.count_of_the_first_rows()


def test_a_run_killed_while_it_compares_beside_row_copy_compares_every_row_once(make_stage: StageMaker) -> None:
    stage = make_stage(rows=3000, chunk_size=50)
    until(lambda: stage.writers.commits, "the application's first commit")
    stage.writers.stop()
    stage.hold(Phase.COPY, 0.95)
    run = stage.start("--copy-workers", "2")
    stage.await_record(run, lambda seen: seen.progress.verified_rows >= 1500, "rows compared")
    run.kill()
    assert (stage.record.phase, stage.record.progress.is_copied) == (Phase.COPY, False)
    run = stage.resume()
    stage.let_go()
    stage.assert_migrated(run)
    assert stage.record.progress.verified_rows == stage.session.value(f"SELECT COUNT(*) FROM {table(stage.table)}")
