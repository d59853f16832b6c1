"""Scenario 25, checkpoint-never-ahead: changes are read and cannot be brought over, while markers come and go.

Whoever holds the ghost table lets no refresh through; the binlog is read on, markers are committed and checkpoints
stored. A checkpoint stays before the first change that was not brought over, or names its key; so nothing is lost when
the run is killed (-9) and resumed.
"""

from __future__ import annotations

from contextlib import closing

import pytest

from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.quoting import table
from fsm_ghost.mysql.session import Session
from tests.crash.conftest import StageMaker
from tests.crash.stage import Command, Stage

MARKERS = 2  # that are proved by checkpoints while no change is brought over
NEW = 1_000_000_000
OLD = 50  # rows that are changed besides


@pytest.mark.parametrize("phase", [Phase.COPY, Phase.SYNC])
def test_a_run_killed_while_no_change_is_brought_over_loses_none(make_stage: StageMaker, phase: Phase) -> None:
    stage = make_stage(chunk_size=50)
    run = started(stage, phase)
    stage.writers.stop()
    bring_over(stage, run)
    with closing(Session(stage.application, "connecting as somebody who is in the way")) as holder:
        ghost = table(stage.record.progress.the_plan.names.ghost)
        holder.execute(f"LOCK TABLES {ghost} READ")
        begin = catalog.coordinates(stage.session)
        change(stage)
        changed = changed_rows(stage)
        follow(stage, run)
        run.kill()
        left = stage.record
        assert holder.query(f"SELECT id FROM {ghost} WHERE customer = -1") == [], "nothing was to be brought over"
    assert left.phase is phase
    assert knows(left.progress, begin, changed)
    if phase is Phase.COPY:
        stage.let_go()
    stage.flag_file.unlink()
    stage.assert_migrated(stage.resume())
    assert changed_rows(stage) == changed


def started(stage: Stage, phase: Phase) -> Command:
    """A run that stays in this phase, and follows the changes there."""
    stage.flag_file.touch()
    if phase is Phase.COPY:
        stage.hold(Phase.COPY, 0.5)
    run = stage.start()
    if phase is Phase.COPY:
        stage.await_copied(run, 0.4)
    else:
        stage.await_record(run, lambda now: now.progress.verified, "the comparison")
    return run


def bring_over(stage: Stage, run: Command) -> None:
    """Wait until all is brought over that was written so far: no refresh holds a row that is to be changed."""
    here = catalog.coordinates(stage.session)
    stage.await_record(
        run, lambda now: now.progress.safe is not None and now.progress.safe >= here, "the changes so far"
    )


def change(stage: Stage) -> None:
    """One transaction, so that a checkpoint is before all of it or after all of it."""
    name = table(stage.table)
    stage.session.begin()
    stage.session.execute(
        f"INSERT INTO {name} (id, customer, status, amount, changed_at) VALUES ({NEW}, -1, 'new', 1, NOW(6))"
    )
    stage.session.execute(f"UPDATE {name} SET customer = -1 WHERE id <= {OLD}")
    stage.session.commit()


def changed_rows(stage: Stage) -> set[int]:
    """The ids of the rows that were changed; of the old ones the application may have left fewer."""
    found = stage.session.query(f"SELECT id FROM {table(stage.table)} WHERE customer = -1")
    return {int(number) for (number,) in found}


def follow(stage: Stage, run: Command) -> None:
    """Wait until the changes were read, and then until some markers more have come and gone."""
    names = stage.record.progress.the_plan.names
    for _ in range(MARKERS):
        written = int(stage.session.value(f"SELECT MAX(id) FROM {table(names.changelog)}"))
        stage.await_record(run, lambda now, after=written: now.progress.marker > after, "another marker")  # type: ignore[misc]


def knows(progress: Progress, begin: Coordinates, changed: set[int]) -> bool:
    """Whether a run that goes on from this checkpoint meets the transaction that began at these coordinates.

    It may name all its keys instead: those of rows that stay locked.
    """
    assert progress.safe is not None
    return progress.safe <= begin or {(number,) for number in changed} <= set(progress.carried)
