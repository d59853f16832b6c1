"""Draining under the lock: whatever ends it, no key is left that nobody would refresh any more."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from fsm_ghost.errors import FsmGhostError, LockConflictError, MismatchError, ServerError
from fsm_ghost.model.changes import Changes
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.plan import Flavour
from fsm_ghost.mysql.changelog import Changelog
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import Statements
from fsm_ghost.services.applier import Applier
from fsm_ghost.services.crew import Crew
from fsm_ghost.services.refresher import Left, Refreshed, Refresher
from fsm_ghost.services.streamer import Streamer
from tests.states.fakes import READY
from tests.unit.model.examples import at, plan


class Quiet:
    """A stream that brings nothing until it is interrupted."""

    def __init__(self) -> None:
        self._interrupted = threading.Event()

    def read(self, timeout: float = 0.2) -> Changes | None:
        self._interrupted.wait(timeout)
        return None

    def hurry(self, *, hurried: bool) -> None: ...

    def interrupt(self) -> None:
        self._interrupted.set()

    def close(self) -> None:
        self._interrupted.set()


class Locker:
    """The session that holds the locks, on a server where one statement comes to an error."""

    def __init__(self, error: FsmGhostError | None) -> None:
        self._error = error

    def query(self, _: str) -> list[tuple[Any, ...]]:
        if self._error is not None:
            raise self._error
        return []

    def execute_strictly(self, _: str) -> int:
        return 0


def locker(error: FsmGhostError | None = None) -> Session:
    return cast("Session", Locker(error))


@pytest.fixture
def applier() -> Iterator[Applier]:
    bell, made = threading.Event(), plan()

    def opened(_: Coordinates) -> Quiet:
        return Quiet()

    applier = Applier(
        made,
        Streamer(opened, at(4), bell),
        Crew[Refreshed]("refresher", [], bell),
        Refresher(Statements(made, Flavour.MYSQL, "m"), made),
        cast("Changelog", None),
        lambda: at(4),
        replace(READY, handed_out=READY.last),
    )
    applier.ledger.changed(Changes(at(5), at(9), frozenset({(1,), (2,)})))
    yield applier
    applier.close()


def test_what_is_dirty_is_refreshed_through_the_locking_session(applier: Applier) -> None:
    assert applier.drain(locker(), 0, time.monotonic() + 60)
    assert (applier.backlog, applier.ledger.safe) == (0, at(9))


def test_when_the_time_is_over_every_key_is_still_there_to_be_refreshed(applier: Applier) -> None:
    assert not applier.drain(locker(), 0, time.monotonic() - 1)
    assert (applier.backlog, applier.ledger.refreshing, set(applier.ledger.carried)) == (2, 0, {(1,), (2,)})
    assert applier.drain(locker(), 0, time.monotonic() + 60)


@pytest.mark.parametrize("error", [LockConflictError("1205"), ServerError("does not fit", code=1406)], ids=str)
def test_when_a_refresh_under_the_lock_fails_every_key_is_still_there(applier: Applier, error: FsmGhostError) -> None:
    with pytest.raises((LockConflictError, MismatchError)):
        applier.drain(locker(error), 0, time.monotonic() + 60)
    assert (applier.backlog, applier.ledger.refreshing, set(applier.ledger.carried)) == (2, 0, {(1,), (2,)})
    assert applier.drain(locker(), 0, time.monotonic() + 60)


@pytest.mark.parametrize("seconds, small", [(0.001, 1000), (0.05, 200), (5.0, 20)])
def test_the_longer_refreshes_take_the_fewer_keys_may_be_left_for_the_lock(
    applier: Applier, seconds: float, small: int
) -> None:
    for _ in range(20):
        applier._adapt(Refreshed(1, 500, Left(), seconds))
    assert applier.small == small
