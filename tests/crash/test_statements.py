"""Killed after any statement that makes, changes, moves, locks or drops a table, a run finishes when it is resumed."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from fsm_ghost.mysql.private import PrivateServer
from tests.crash.stage import KILLED, Stage


@pytest.mark.slow
def test_a_run_killed_after_any_statement_on_a_definition_finishes_when_resumed(
    server: PrivateServer, tmp_path: Path
) -> None:
    """Each statement of an undisturbed run in turn; the first number that is not reached ends the test."""
    failed = []
    for number in itertools.count(1):
        with Stage(server, tmp_path / f"after-{number}", rows=300, chunk_size=300, rate=100) as stage:
            run = stage.start(FSM_GHOST_TEST_SEAMS="kill-after-ddl", FSM_GHOST_TEST_DDL=str(number))
            if run.wait() != KILLED:
                stage.assert_migrated(run)
                break
            try:
                stage.assert_migrated(stage.resume())
            except AssertionError as error:
                failed.append(f"{run.output.splitlines()[-1]}:\n{error}")
    assert number > 10
    assert not failed, "\n\n".join(failed)
