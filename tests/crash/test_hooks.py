"""Hooks run at least once for every transition that was committed, and never for another."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from fsm_ghost.engine.store import Store
from fsm_ghost.model.phase import Moment
from fsm_ghost.states.table import TABLE
from tests.crash.stage import KILLED, Stage

POINTS = [
    "hook.before-run:1",
    "hook.after-run:1",
    "hook.before-run:4",
    "hook.after-run:4",
    "hook.after-run:6",
    "store.hook-begins.before-commit:2",
    "store.hook-begins.after-commit:3",
    "store.hook-ended.before-commit:5",
    "store.hook-ended.after-commit:5",
    "store.transition.after-commit:8",
]


def install_hooks(folder: Path) -> Path:
    """A hook for every moment, which writes down when and why it ran; returns where it does."""
    folder.mkdir()
    noted = folder.parent / "noted"
    for moment in Moment:
        hook = folder / f"{moment}-note"
        hook.write_text(
            f'#!/bin/sh\necho "{moment} $FSM_GHOST_HOOK_KEY $FSM_GHOST_HOOK_ATTEMPT $GH_OST_TABLE_NAME" >> {noted}\n'
        )
        hook.chmod(0o755)
    return noted


def due(stage: Stage) -> set[str]:
    """The occasions that the journal has hooks for, by their keys."""
    with closing(Store.reading(stage.state_db)) as store:
        journal = store.journal(stage.record.id)
    moments = {(row.source, str(row.outcome), row.dest): row.hooks for row in TABLE}
    return {
        f"{stage.record.id}:{entry.seq}:{moment}"
        for entry in journal
        for moment in moments[entry.source, entry.outcome, entry.dest]
    }


@pytest.mark.parametrize("point", POINTS)
def test_hooks_of_a_killed_run_are_run_by_the_next_one(stage: Stage, point: str) -> None:
    noted = install_hooks(stage.folder / "hooks")
    start = stage.start("--hooks-path", str(stage.folder / "hooks"), FSM_GHOST_CRASH_AT=point)
    assert start.wait() == KILLED, "the point was never reached"
    stage.assert_migrated(stage.resume())
    lines = [line.split() for line in noted.read_text(encoding="utf-8").splitlines()]
    runs = Counter(key for _, key, _, _ in lines)
    assert set(runs) == due(stage)
    assert runs.total() <= len(runs) + 1, "only the hook that was running when the run was killed is run again"
    assert all(count == 1 or ("2" in {line[2] for line in lines if line[1] == key}) for key, count in runs.items())
    assert {table for _, _, _, table in lines} == {stage.table.name}
