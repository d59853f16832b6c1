"""What the server may do to us, and what it may still be doing for a run that is dead."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing

import pytest

from fsm_ghost.engine.store import Record
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.quoting import table
from fsm_ghost.mysql.session import Session
from tests.conftest import ServerFactory
from tests.crash.conftest import StageMaker
from tests.crash.stage import Command, Stage, until


def chunks_on_the_server(stage: Stage, least: int = 0) -> set[int]:
    """The connections in which the server is copying a chunk, for at least so many seconds."""
    return {number for number, text, seconds in stage.statements() if text.startswith("INSERT") and seconds >= least}


class Blocker:
    """Somebody who holds a row of the ghost table that a chunk wants to insert."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._session = Session(stage.application, "connecting as somebody who is in the way")

    def leave_zombie(self) -> int:
        """Kill a run whose chunk is waiting on the server; the connection in which it goes on waiting."""
        run = self.stage.start()
        record = self.stage.await_record(run, lambda _: len(self.stage.chunks()) >= 3, "the third chunk")
        self._session.begin()
        self._session.execute(
            f"INSERT INTO {table(record.progress.the_plan.names.ghost)} (id, customer, status, amount, changed_at)"
            f" SELECT MAX(id), 0, '', 0, NOW() FROM {table(self.stage.table)} WHERE id <= 900"
        )
        zombie = until(lambda: next(iter(chunks_on_the_server(self.stage, least=1)), 0), "a chunk that waits")
        run.kill()
        assert zombie in chunks_on_the_server(self.stage), "it goes on on the server, although its client is dead"
        return zombie

    def step_aside(self) -> None:
        self._session.rollback()

    def close(self) -> None:
        self._session.close()


@pytest.fixture
def blocker(make_stage: StageMaker) -> Iterator[Blocker]:
    with closing(Blocker(make_stage(chunk_size=50))) as made:
        yield made


def test_a_statement_of_a_dead_run_is_gone_before_the_next_run_copies_anything(blocker: Blocker) -> None:
    stage, zombie = blocker.stage, blocker.leave_zombie()
    before = stage.chunks()
    run = stage.resume()
    chunk = until(lambda: chunks_on_the_server(stage) - {zombie}, "the same chunk, sent by the new run")
    assert zombie not in stage.connections()
    assert len(chunk) == 1
    blocker.step_aside()
    stage.assert_migrated(run)
    stage.assert_nothing_copied_twice(before)


def test_without_the_fence_the_statement_of_a_dead_run_would_meet_those_of_the_next(blocker: Blocker) -> None:
    stage, zombie = blocker.stage, blocker.leave_zombie()
    stage.resume(FSM_GHOST_TEST_SEAMS="no-fence")
    until(lambda: chunks_on_the_server(stage) - {zombie}, "the same chunk, sent by the new run")
    assert zombie in chunks_on_the_server(stage)


def test_a_run_whose_connections_are_killed_one_after_the_other_reconnects_by_itself(make_stage: StageMaker) -> None:
    stage = make_stage(rows=6000, chunk_size=25)
    run = stage.start()
    stage.await_copied(run, 0.01)
    connections = stage.connections()
    assert len(connections) >= 5
    for number in range(len(connections)):
        record = stage.await_record(run, lambda record: record.phase is Phase.COPY, "copy")
        own = until(lambda: whole(stage, len(connections)), "a run with all its connections")
        stage.session.execute(f"KILL {own[number]}")
        await_next_run(stage, run, record)
    assert stage.record.phase is Phase.COPY, "the last connection was killed too late to show anything"
    before = stage.chunks()
    stage.assert_migrated(run)
    stage.assert_nothing_copied_twice(before)


def await_next_run(stage: Stage, run: Command, before: Record) -> None:
    """Wait until a process has begun a new run, and copied something in it."""
    stage.await_record(run, lambda now: now.epoch > before.epoch, "the next run")
    stage.await_record(run, lambda now: now.progress.rows > before.progress.rows, "copy to go on")


def whole(stage: Stage, count: int) -> list[int]:
    connections = stage.connections()
    return connections if len(connections) == count else []


# A driver that cannot connect leaves its socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("crash", [False, True], ids=["restarted", "crashed"])
def test_a_run_outlives_a_restart_of_the_server(
    make_stage: StageMaker,
    fresh_server: ServerFactory,
    crash: bool,  # noqa: FBT001
) -> None:
    own = fresh_server()
    stage = make_stage(rows=3000, chunk_size=30, on=own)
    run = stage.start()
    stage.await_copied(run, 0.2)
    before = stage.chunks()
    if crash:
        own.kill()
        own.start()
    else:
        own.restart()
    stage.reconnect()
    stage.assert_migrated(run)
    stage.assert_nothing_copied_twice([chunk for chunk in before if chunk.rows is not None])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_run_told_to_stop_while_the_server_is_away_can_be_resumed(
    make_stage: StageMaker, fresh_server: ServerFactory
) -> None:
    own = fresh_server()
    stage = make_stage(rows=3000, chunk_size=30, on=own)
    run = stage.start()
    stage.await_copied(run, 0.2)
    own.kill()
    until(lambda: "trying again" in run.output, "the run to notice")
    run.send(signal.SIGTERM)
    assert run.wait(10) == 4, run.output
    own.start()
    stage.reconnect()
    stage.assert_migrated(stage.resume())
