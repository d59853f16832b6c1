"""What the server may do to us, and what it may still be doing for a run that is dead."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing

import pytest

from fsm_ghost.errors import ServerError
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.quoting import table
from fsm_ghost.mysql.session import Session
from tests.conftest import ServerFactory
from tests.crash.conftest import StageMaker
from tests.crash.stage import Stage, until

_NO_PICTURE = 3854  # "Cannot convert string": see `waiting`


def writing(stage: Stage) -> set[int]:
    """The connections of the tool in which the server is writing rows to the ghost table."""
    return {
        number
        for number, text, _ in stage.statements()
        if text.startswith(("INSERT", "REPLACE", "DELETE")) and f"{stage.table.name}_gho" in text
    }


def waiting(stage: Stage) -> set[int]:
    """The connections whose transactions wait for a row; to be asked no more often than every 0.1 s.

    MySQL shows the same picture for as long as it is asked more often, and none while somebody's statement holds a
    character of four bytes.
    """
    try:
        rows = stage.session.query(
            "SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"
        )
    except ServerError as error:
        if error.code != _NO_PICTURE:
            raise
        return set()
    return {int(row[0]) for row in rows}


class Blocker:
    """Somebody who holds rows of the ghost table that a chunk wants to insert."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._session = Session(stage.application, "connecting as somebody who is in the way")

    def leave_zombie(self) -> int:
        """Kill a run whose chunk is waiting on the server; the connection in which it goes on waiting."""
        self.stage.hold(Phase.COPY, 0.5)
        run = self.stage.start(FSM_GHOST_TEST_SEAMS="patient")
        record = self.stage.await_copied(run, 0.2)
        self._session.begin()
        self._session.execute(
            f"INSERT IGNORE INTO {table(record.progress.the_plan.names.ghost)}"
            " (id, customer, status, amount, changed_at)"
            f" SELECT id, 0, '', 0, NOW() FROM {table(self.stage.table)} WHERE id BETWEEN 500 AND 900"
        )
        self.stage.let_go()
        zombie = until(lambda: next(iter(self._chunks() & waiting(self.stage)), 0), "a chunk that waits", every=0.25)
        run.kill()
        until(lambda: zombie in waiting(self.stage), "it to go on, although its client is dead", every=0.25)
        return zombie

    def _chunks(self) -> set[int]:
        return {
            number for number, text, _ in self.stage.statements() if text.startswith("INSERT") and " SELECT " in text
        }

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
    earlier, before = set(stage.connections()), stage.chunks()
    run = stage.resume()
    until(lambda: writing(stage) - earlier, "the new run to write to the ghost table")
    assert zombie not in {number for number, statement, _ in stage.statements() if statement}
    until(lambda: zombie not in stage.connections(), "its connection to be gone as well")
    blocker.step_aside()
    stage.assert_migrated(run)
    stage.assert_nothing_copied_twice(before)


def test_without_the_fence_the_statement_of_a_dead_run_would_meet_those_of_the_next(blocker: Blocker) -> None:
    stage, zombie = blocker.stage, blocker.leave_zombie()
    until(lambda: stage.connections() == [zombie], "the server to end the other connections")
    stage.resume(FSM_GHOST_TEST_SEAMS="no-fence")
    until(lambda: writing(stage) - {zombie}, "the new run to write to the ghost table")
    until(lambda: zombie in waiting(stage), "it to be there still", every=0.25)


def test_a_run_whose_connections_are_killed_one_after_the_other_reconnects_by_itself(make_stage: StageMaker) -> None:
    stage = make_stage(rows=3000, chunk_size=25)
    parts = iter(range(10, 95, 5))

    def copies_on() -> None:
        part = next(parts)
        stage.hold(Phase.COPY, part / 100)
        stage.await_copied(run, (part - 2) / 100)

    stage.hold(Phase.COPY, next(parts) / 100)
    run = stage.start()
    record = stage.await_copied(run, 0.05)
    purposes = stage.purposes(record.epoch)
    assert len(purposes) >= 4
    for purpose in purposes:
        victim = until(lambda now=record, what=purpose: stage.connection(what, now.epoch), purpose)  # type: ignore[misc]
        stage.session.execute(f"KILL {victim}")
        stage.hold(Phase.COPY, next(parts) / 100)  # so that it uses all its connections, and finds one missing
        record = stage.await_record(run, lambda now, before=record: now.epoch > before.epoch, "the next run")  # type: ignore[misc]
        copies_on()
    stream = until(stage.streams, "the binlog stream")[-1]
    stage.session.execute(f"KILL {stream}")
    until(lambda: [number for number in stage.streams() if number > stream], "the next stream")
    copies_on()
    assert stage.record.phase is Phase.COPY
    before = stage.chunks()
    stage.let_go()
    stage.assert_migrated(run)
    stage.assert_nothing_copied_twice(before)


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
    stage.hold(Phase.COPY, 0.5)
    run = stage.start()
    stage.await_copied(run, 0.2)
    before = stage.chunks()
    if crash:
        own.kill()
        own.start()
    else:
        own.restart()
    stage.let_go()
    stage.reconnect()
    stage.assert_migrated(run)
    stage.assert_nothing_copied_twice([chunk for chunk in before if chunk.rows is not None])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_run_told_to_stop_while_the_server_is_away_can_be_resumed(
    make_stage: StageMaker, fresh_server: ServerFactory
) -> None:
    own = fresh_server()
    stage = make_stage(rows=3000, chunk_size=30, on=own)
    stage.hold(Phase.COPY, 0.5)
    run = stage.start()
    stage.await_copied(run, 0.2)
    own.kill()
    until(lambda: "trying again" in run.output, "the run to notice")
    run.send(signal.SIGTERM)
    assert run.wait() == 4, run.output
    own.start()
    stage.let_go()
    stage.reconnect()
    stage.assert_migrated(stage.resume())
