"""The swap: done once, or not at all, and known to whoever comes next."""

from __future__ import annotations

from contextlib import closing

import pytest

from fsm_ghost.engine.store import Store
from fsm_ghost.model.phase import Outcome, Phase
from tests.crash.points import swap_points
from tests.crash.stage import KILLED, Stage, until


def reasons(stage: Stage, outcome: Outcome) -> list[str]:
    """Why the migration has left its states with this outcome, each time."""
    with closing(Store.reading(stage.state_db)) as store:
        return [entry.reason for entry in store.journal(stage.record.id) if entry.outcome == outcome]


@pytest.mark.parametrize("point", swap_points())
def test_a_run_killed_at_the_same_point_of_two_swaps_finishes(stage: Stage, point: str) -> None:
    """A swap that happened cannot be killed a second time: then the resume ends the migration."""
    assert stage.start(FSM_GHOST_CRASH_AT=point).wait() == KILLED
    again = stage.resume(FSM_GHOST_CRASH_AT=point)
    if again.wait() == KILLED:
        assert stage.record.progress.attempts >= 2
        again = stage.resume()
    stage.assert_migrated(again)


@pytest.mark.parametrize("second", ["store.connections-gone.after-commit", "store.transition.before-commit"])
def test_a_run_killed_in_the_swap_and_again_while_it_looks_finishes(stage: Stage, second: str) -> None:
    assert stage.start(FSM_GHOST_CRASH_AT="swap.after-rename").wait() == KILLED
    assert stage.resume(FSM_GHOST_CRASH_AT=second).wait() == KILLED
    stage.assert_migrated(stage.resume())


def test_a_swap_whose_run_died_before_it_could_say_so_is_found_done(stage: Stage) -> None:
    assert stage.start(FSM_GHOST_CRASH_AT="swap.after-rename").wait() == KILLED
    assert stage.record.phase is Phase.CUT_OVER
    assert stage.record.progress.swapping
    stage.assert_migrated(stage.resume())
    assert reasons(stage, Outcome.SWAPPED) == ["found done"]


def test_a_swap_whose_run_died_before_the_rename_is_found_not_done_and_tried_again(stage: Stage) -> None:
    assert stage.start(FSM_GHOST_CRASH_AT="swap.after-drain").wait() == KILLED
    stage.assert_migrated(stage.resume())
    assert "found not done" in reasons(stage, Outcome.GIVEN_UP)
    assert reasons(stage, Outcome.SWAPPED) == [""]


@pytest.mark.parametrize("point", ["swap.before-sentry-drop", "swap.before-unlock"])
def test_a_rename_that_outlives_its_client_swaps_once_or_never(stage: Stage, point: str) -> None:
    """On MySQL a waiting RENAME whose client died is carried out as soon as the lock goes; MariaDB removes it."""
    seams = {"FSM_GHOST_TEST_SEAMS": "sentry"}
    assert stage.start(FSM_GHOST_CRASH_AT=point, **seams).wait() == KILLED
    stage.assert_migrated(stage.resume(**seams))


def test_a_swap_is_given_up_only_when_its_rename_cannot_come_any_more(stage: Stage) -> None:
    """Otherwise it may come when the lock and the sentry have gone, and the migration goes on without its ghost."""
    run = stage.start(FSM_GHOST_TEST_SEAMS="sentry,blind")
    stage.await_record(run, lambda record: record.progress.attempts > 0, "a swap")
    stage.assert_migrated(run)
    assert reasons(stage, Outcome.GIVEN_UP) != []
    assert "although the RENAME" not in run.output


def test_an_abort_after_a_swap_that_nobody_saw_finishes_the_migration_instead(stage: Stage) -> None:
    assert stage.start(FSM_GHOST_CRASH_AT="swap.after-rename").wait() == KILLED
    abort = stage.abort()
    assert abort.wait() == 1, "it was not aborted"
    stage.assert_migrated(None)


def test_an_abort_after_a_swap_that_did_not_happen_gives_the_migration_up(stage: Stage) -> None:
    assert stage.start(FSM_GHOST_CRASH_AT="swap.after-drain").wait() == KILLED
    stage.assert_aborted(stage.abort())


@pytest.mark.parametrize("point", swap_points())
def test_a_run_frozen_under_the_lock_does_not_hold_the_application_up_and_loses_nothing(
    stage: Stage, point: str
) -> None:
    """Frozen for longer than the server waits for a silent client, which ends its session and the lock with it."""
    run = stage.start(FSM_GHOST_CRASH_AT=point, FSM_GHOST_TEST_SEAMS="freeze,impatient")
    run.await_frozen()
    epoch = stage.record.epoch
    until(lambda: stage.connection("cut-over lock", epoch) is None, "the server to end the locking session")
    written = stage.writers.commits
    until(lambda: stage.writers.commits > written + 20, "the application to go on")
    run.wake()
    stage.assert_migrated(run)


def test_a_frozen_run_keeps_its_migration_until_it_wakes_up(stage: Stage) -> None:
    stage.hold(Phase.COPY, 0.5)
    run = stage.start()
    stage.await_copied(run, 0.2)
    run.freeze()
    before = stage.chunks()
    second = stage.resume()
    assert second.wait() == 5
    assert f"process {run.process.pid}" in second.output
    assert stage.chunks() == before
    stage.let_go()
    run.wake()
    stage.assert_migrated(run)
    stage.assert_nothing_copied_twice(before)


def test_a_run_is_named_to_the_second_one_although_the_state_file_is_being_written(stage: Stage) -> None:
    """A process can be frozen in the middle of a write to the state file: readers still get through."""
    stage.flag_file.touch()
    run = stage.start()
    stage.await_phase(run, Phase.SYNC)
    with stage.writing():
        run.freeze()
        second = stage.resume()
        assert second.wait() == 5, second.output
        assert f"process {run.process.pid}" in second.output
    run.wake()
    stage.flag_file.unlink()
    stage.assert_migrated(run)


def test_a_run_that_was_taken_over_while_it_was_frozen_writes_nothing_any_more(stage: Stage) -> None:
    """Its lock file is gone, as on a file system that does not keep locks: then the epoch keeps it out."""
    stage.hold(Phase.COPY, 0.5)
    run = stage.start()
    stage.await_copied(run, 0.2)
    with stage.writing():  # so that it is not frozen inside a transaction of its own
        run.freeze()
    for lock in stage.folder.glob("*.lock"):
        lock.unlink()
    stage.let_go()
    second = stage.resume()
    assert second.wait() == 0, second.output
    ended = stage.record
    run.wake()
    assert run.wait() in {4, 5}, run.output
    assert stage.record == ended
    stage.assert_migrated(None)
