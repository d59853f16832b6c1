"""Another host, which has no state file, goes on with what was left on the server."""

from __future__ import annotations

import signal
from contextlib import closing

import pytest

from fsm_ghost.engine.store import Store
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.quoting import table
from tests.crash.conftest import StageMaker
from tests.crash.stage import KILLED, Command, Stage, is_stopped, until

# Where the first run is killed; the numbers are those of the transitions of an undisturbed run.
IN_EACH_PHASE = {
    "prepare": "mirror.before-write:2",
    "copy": "copy.after-chunk:4",
    "sync": "store.transition.before-commit:4",
    "verify": "store.transition.before-commit:5",
    "cut over": "swap.after-drain",
    "cut over, done": "swap.after-rename",
    "clean up": "clean-up.after-drop",
}
UNDER_WAY = [
    pytest.param("swap.before-unlock", marks=pytest.mark.mariadb_only),
    pytest.param("swap.before-rename", marks=pytest.mark.mysql_only),
]


@pytest.mark.parametrize("point", IN_EACH_PHASE.values(), ids=list(IN_EACH_PHASE))
def test_a_run_that_was_killed_is_gone_on_with_from_another_host(stage: Stage, point: str) -> None:
    assert stage.start(FSM_GHOST_CRASH_AT=point).wait() == KILLED, "the point was never reached"
    stage.assert_migrated(stage.take_over())


def test_a_host_that_froze_in_row_copy_is_taken_over_and_stops_when_it_wakes_up(make_stage: StageMaker) -> None:
    stage = make_stage(rows=2000, chunk_size=20)
    run = stage.start("--copy-workers", "1")
    stage.await_copied(run, 0.3)
    run.send(signal.SIGSTOP)
    home = stage.state_db
    refused = stage.take_over()
    assert refused.wait() == 5, refused.output
    assert f"process {run.process.pid}" in refused.output
    let_time_pass(stage)
    stage.flag_file.touch()
    second = stage.take_over()
    stage.await_phase(second, Phase.SYNC)
    wake_up(run)
    assert f"was taken over by {stage.record.owner}" in run.output
    stage.flag_file.unlink()
    stage.assert_migrated(second)
    with closing(Store.reading(home)) as store:
        (left,) = store.migrations()
    assert (left.phase, left.is_finished) == (Phase.COPY, True)
    assert left.taken_over in run.output


def let_time_pass(stage: Stage) -> None:
    """What was written on the server was written a while ago."""
    changelog = stage.table.sibling(f"{stage.table.name}_ghc")
    stage.session.execute(f"UPDATE {table(changelog)} SET written_at = written_at - INTERVAL 1 MINUTE")


def wake_up(run: Command) -> None:
    run.send(signal.SIGCONT)
    assert run.wait() == 5, run.output


@pytest.mark.parametrize("point", UNDER_WAY)
def test_a_host_that_froze_while_its_rename_was_under_way_is_taken_over(stage: Stage, point: str) -> None:
    """The RENAME comes when the server ends the session that holds the locks, or not at all; who takes over looks."""
    run = stage.start(FSM_GHOST_CRASH_AT=point, FSM_GHOST_TEST_SEAMS="freeze,impatient")
    until(lambda: run.ended or is_stopped(run.process.pid), "the run to freeze")
    assert not run.ended, run.output
    second = stage.take_over("--take-over")
    assert second.wait() == 0, second.output
    wake_up(run)
    stage.assert_migrated(second)
