"""Scenario 7: whoever holds the locks of a swap dies. The tables are swapped or they are not, and writers go on.

The process lives on here: what comes after its own death, or when it is frozen, is shown in `tests/crash`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from fsm_ghost.engine.store import Store
from fsm_ghost.model.phase import Outcome
from fsm_ghost.mysql.connections import Connections
from fsm_ghost.mysql.session import Session
from fsm_ghost.services import swapper
from tests.acceptance.busy import Busy
from tests.conftest import ServerFactory
from tests.crash.conftest import StageMaker
from tests.crash.points import BY_TWO_SESSIONS, swap_points
from tests.crash.stage import until
from tests.integration.driving import Driver
from tests.servers import Database

At = Callable[[str, Callable[[], None]], threading.Event]


@pytest.fixture
def busy(database: Database, driver: Driver) -> Iterator[Busy]:
    with Busy(database, driver) as own:
        yield own


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Has something done when the swap comes to a point for the first time; an event that says when it is done."""

    def arranged(point: str, action: Callable[[], None]) -> threading.Event:
        done = threading.Event()

        def passes(name: str) -> None:
            if name == point and not done.is_set():
                action()
                done.set()

        monkeypatch.setattr(swapper, "fault_point", passes)
        return done

    return arranged


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What the server calls the last connection that was opened for each purpose."""
    opened: dict[str, int] = {}
    open_session = Connections.open

    def noted(self: Connections, purpose: str) -> Session:
        session = open_session(self, purpose)
        opened[purpose] = session.id
        return session

    monkeypatch.setattr(Connections, "open", noted)
    return opened


def kill(session: Session, connection: int) -> None:
    """End a connection, and wait until the server has given back what it held."""
    session.kill(connection)
    until(lambda: connection not in {row[0] for row in session.query("SHOW PROCESSLIST")}, "its end")


@pytest.mark.parametrize("point", swap_points())
def test_a_swap_whose_lock_is_killed_happens_once_and_writers_go_on(
    busy: Busy, at: At, connections: dict[str, int], point: str
) -> None:
    """They go on before the migration does anything about it."""
    running = busy.waiting()

    def kill_lock() -> None:
        kill(busy.session, connections["cut-over lock"])
        busy.goes_on()

    done = at(point, kill_lock)
    busy.swap()
    busy.assert_migrated(running)
    assert done.is_set()
    assert len(busy.swapped(running)) == 1


@pytest.mark.mariadb_only
@pytest.mark.parametrize("point", ["swap.before-lock", *BY_TWO_SESSIONS, "swap.after-rename"])
def test_a_swap_whose_rename_is_killed_happens_once(
    busy: Busy, at: At, connections: dict[str, int], point: str
) -> None:
    running = busy.waiting()
    done = at(point, lambda: kill(busy.session, connections["cut-over rename"]))
    busy.swap()
    busy.assert_migrated(running)
    assert done.is_set()
    assert len(busy.swapped(running)) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # drivers that could not connect
@pytest.mark.parametrize("point, outcome", [("swap.after-drain", ""), ("swap.after-rename", "found done")])
def test_a_server_that_crashes_in_the_swap_has_swapped_or_has_not(
    make_stage: StageMaker, fresh_server: ServerFactory, point: str, outcome: str
) -> None:
    """The tool stands still while the server is away, so that it finds another one than the one that it has left."""
    own = fresh_server()
    stage = make_stage(on=own)
    run = stage.start(FSM_GHOST_CRASH_AT=point, FSM_GHOST_TEST_SEAMS="freeze")
    run.await_frozen()
    own.kill()
    own.start()
    stage.reconnect()
    written = stage.writers.commits
    until(lambda: stage.writers.commits > written + 20, "the application to go on")
    run.wake()
    stage.assert_migrated(run)
    with closing(Store.reading(stage.state_db)) as store:
        journal = store.journal(stage.record.id)
    assert [entry.reason for entry in journal if entry.outcome == Outcome.SWAPPED] == [outcome]
